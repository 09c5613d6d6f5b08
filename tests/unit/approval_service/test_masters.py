"""Where master keys come from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from approval_service import masters
from approval_service.masters import LocalMaster, Master, MasterError
from outreach.runtime.config import SettingError
from outreach.runtime.secret_files import new_key_line

KEY = b"0123456789abcdef" * 2


def text(*ids: int) -> str:
    return "".join(f"{key_id:016x} {key_id:064x}\n" for key_id in ids)


def unwrapped(wrapping: Master, unwrapping: Master) -> bytes:
    return unwrapping.unwrap(wrapping.wrap(KEY))


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """The first line wraps, and what it wraps is unwrapped by that line alone."""
    path = tmp_path / "secrets" / "master-key"
    masters.ensure_file(path)
    source = masters.source(path, "", "")
    (first,) = source()
    path.write_text(text(7) + path.read_text())
    second, again = source()
    assert (second.key_id, again.key_id) == ("0000000000000007", first.key_id)
    assert unwrapped(first, again) == KEY
    with pytest.raises(MasterError, match="not the one that wrapped this"):
        unwrapped(first, second)
    masters.ensure_file(path)
    assert len(source()) == 2


def test_the_environment_holds_several(tmp_path: Path) -> None:
    line = new_key_line().decode().strip()
    source = masters.source(tmp_path / "none", f"{text(9).strip()},{line}", "")
    assert [master.key_id for master in source()] == [f"{9:016x}", line.split()[0]]


@pytest.mark.parametrize("spoilt", ["", "no key", "00 11", f"{1:016x} {1:062x}", f"{1:016x}", f"{1:016x} {'g' * 64}"])
def test_another_form_is_told(tmp_path: Path, spoilt: str) -> None:
    path = tmp_path / "master-key"
    path.write_text(spoilt)
    with pytest.raises(MasterError, match=r"16 hex id"):
        masters.source(path, "", "")()


def test_a_file_that_is_gone_or_unreadable_is_told(tmp_path: Path) -> None:
    source = masters.source(tmp_path / "master-key", "", "")
    with pytest.raises(MasterError, match="restore it from its backup"):
        source()
    (tmp_path / "master-key").write_bytes(b"\xff" * 32)
    with pytest.raises(MasterError, match="cannot be read"):
        source()
    (tmp_path / "sealed").write_text("")
    with pytest.raises(MasterError, match="cannot be made"):
        masters.ensure_file(tmp_path / "sealed" / "master-key")


def test_a_plug_in_is_a_factory_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """module:function gives the source; what is none is told with the variable's name."""
    module = ModuleType("bank_kms")
    held = [LocalMaster("kms/1", KEY)]

    def source() -> Sequence[Master]:
        return held

    module.connect = lambda: source  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "bank_kms", module)
    found = masters.source(tmp_path / "none", "", "bank_kms:connect")
    assert [one.key_id for one in found()] == ["kms/1"]
    for wrong in ("bank_kms", "bank_kms:other", "no_such_module:connect", ":"):
        with pytest.raises(SettingError, match="OUTREACH_KEY_SERVICE"):
            masters.source(tmp_path / "none", "", wrong)
    with pytest.raises(SettingError, match="both set"):
        masters.source(tmp_path / "none", text(1), "bank_kms:connect")
