"""Settings, secrets, certificates and sealing: what lies in the state directory."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from outreach.runtime import config, sealing, tls
from outreach.runtime.sealing import Sealer, UnsealError
from outreach.runtime.secret_files import ensure_secret, write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSettings(config.Settings):
    carriers_file: Path
    attempts: int = 3
    simulated: bool = False
    proxies: tuple[str, ...] = ()


def test_settings_come_from_variables_and_go_to_child_processes() -> None:
    """What one process read, its child reads again from `variables`."""
    environ = {
        "OUTREACH_CARRIERS_FILE": "carriers.yaml",
        "OUTREACH_ATTEMPTS": "5",
        "OUTREACH_SIMULATED": "true",
        "OUTREACH_PROXIES": "10.0.0.0/8, 127.0.0.1/32",
        "OUTREACH_LOG_LEVEL": "",
    }
    settings = config.load(ExampleSettings, environ)
    assert settings.attempts == 5
    assert settings.simulated
    assert settings.proxies == ("10.0.0.0/8", "127.0.0.1/32")
    assert settings.log_level == "INFO"
    assert config.load(ExampleSettings, config.variables(settings)) == settings


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "OUTREACH_CARRIERS_FILE is not set"),
        ({"OUTREACH_CARRIERS_FILE": "x", "OUTREACH_ATTEMPTS": "many"}, "OUTREACH_ATTEMPTS='many' is no whole number"),
        ({"OUTREACH_CARRIERS_FILE": "x", "OUTREACH_SIMULATED": "maybe"}, "OUTREACH_SIMULATED='maybe' is no true or"),
    ],
)
def test_a_bad_setting_names_its_variable(environ: dict[str, str], words: str) -> None:
    """A missing or unreadable variable is named with what it should hold."""
    with pytest.raises(config.SettingError, match=words):
        config.load(ExampleSettings, environ)


@pytest.mark.parametrize("address", ["localhost", ":80", "host:port", "host:70000"])
def test_a_bad_address_is_told(address: str) -> None:
    """An address that is not host:port is refused with an example."""
    with pytest.raises(config.SettingError, match=r"127\.0\.0\.1:17443"):
        config.host_and_port(address)


def test_a_secret_is_one_for_all_that_race_for_it(tmp_path: Path) -> None:
    """Processes that need a secret at the same moment get the same one, in a file for its owner only."""
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: ensure_secret(tmp_path, "nats-gateway"), range(32)))
    assert len(secrets) == 1
    assert stat.S_IMODE((tmp_path / "secrets" / "nats-gateway").stat().st_mode) == 0o600


def test_certificates_stay_until_they_near_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A valid certificate is kept; one that is over soon, or of an authority that was replaced, is made anew."""
    tls.ensure_local_ca(tmp_path)
    tls.ensure_certificate(tmp_path, "gateway")
    first = (tmp_path / "tls/gateway.pem").read_bytes()
    tls.ensure_local_ca(tmp_path)
    tls.ensure_certificate(tmp_path, "gateway")
    assert (tmp_path / "tls/gateway.pem").read_bytes() == first
    assert stat.S_IMODE((tmp_path / "tls/gateway.key").stat().st_mode) == 0o600
    (tmp_path / "tls/ca.pem").unlink()
    tls.ensure_local_ca(tmp_path)
    tls.ensure_certificate(tmp_path, "gateway")
    second = (tmp_path / "tls/gateway.pem").read_bytes()
    assert second != first
    monkeypatch.setattr(tls, "RENEW_BEFORE", timedelta(days=366))
    tls.ensure_certificate(tmp_path, "gateway")
    assert (tmp_path / "tls/gateway.pem").read_bytes() != second


def test_what_was_sealed_opens_with_old_and_new_keys(tmp_path: Path) -> None:
    """After a rotation old seals open, new ones use the new key, and an installation's processes share the keys."""
    sealed = Sealer.load(tmp_path).seal("回执".encode(), b"aliyun")
    assert Sealer.load(tmp_path).open(sealed, b"aliyun").decode() == "回执"
    file = tmp_path / "secrets" / "sealing"
    file.write_text("00112233aabbccdd " + "ab" * 32 + "\n" + file.read_text())
    rotated = Sealer.load(tmp_path)
    assert rotated.open(sealed, b"aliyun").decode() == "回执"
    assert rotated.seal(b"x", b"c")[1:9].hex() == "00112233aabbccdd"


def test_a_running_process_takes_new_sealing_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process sealed with a key that is new opens at once; sealing with it follows. A file that somebody
    is spoiling changes nothing."""
    monkeypatch.setattr(sealing, "LOOK_S", 0.0)
    running, file = Sealer.load(tmp_path), tmp_path / "secrets" / "sealing"
    first = file.read_text()
    sealed = running.seal(b"old", b"c")
    write_private(file, f"00112233aabbccdd {'ab' * 32}\n{first}".encode())
    assert running.open(Sealer.load(tmp_path).seal(b"new", b"c"), b"c") == b"new"
    assert running.seal(b"x", b"c")[1:9].hex() == "00112233aabbccdd"
    write_private(file, b"no keys")
    assert running.open(sealed, b"c") == b"old"
    assert running.open(running.seal(b"more", b"c"), b"c") == b"more"


@pytest.mark.parametrize("change", [b"", b"\x02", b"short"])
def test_a_changed_seal_does_not_open(tmp_path: Path, change: bytes) -> None:
    """Altered, cut, or claimed for another context: UnsealError, never other bytes."""
    sealer = Sealer.load(tmp_path)
    sealed = sealer.seal(b"receipt", b"aliyun")
    with pytest.raises(UnsealError):
        sealer.open(sealed, b"tencent")
    with pytest.raises(UnsealError):
        sealer.open(change + sealed[len(change) : -1], b"aliyun")
