"""Master keys in a transit engine, over TLS, against a far end written from its API's description."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from approval_service import key_rotation, masters, vault_transit
from approval_service.authority import Authority, ChangeSignal
from approval_service.calls import Call
from approval_service.catalog import CatalogCache
from approval_service.database import Database
from approval_service.key_custody import Custodian
from approval_service.masters import MasterError
from approval_service.writer import Writer
from outreach.runtime.config import SettingError
from outreach.v1.key_service_pb2 import ApproveRotationRequest
from tests.fakes.vault import Vault
from tests.service.approval_service.test_key_rotation import approve, ask, finished, held_by, names, until, working
from tests.service.approval_service.world import PEOPLE, World, phone_of, principal

PLUG_IN = "approval_service.vault_transit:connect"


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    monkeypatch.setattr(vault_transit, "TIMEOUT_S", 60)
    made = Vault(tmp_path)
    (tmp_path / "token").write_text(made.token + "\n")
    with made.serving() as address:
        monkeypatch.setenv("OUTREACH_VAULT_ADDRESS", address)
        monkeypatch.setenv("OUTREACH_VAULT_KEY", made.key)
        monkeypatch.setenv("OUTREACH_VAULT_TOKEN_FILE", str(tmp_path / "token"))
        monkeypatch.setenv("OUTREACH_VAULT_CA_FILE", str(tmp_path / "tls" / "ca.pem"))
        yield made


def custodian(database: Database) -> Custodian:
    return Custodian(database, masters.source(Path("none"), "", PLUG_IN))


async def test_its_keys_are_rotated_like_any_other(
    vault: Vault, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked at the start and at a rotation, and never for a person; afterwards the old version may go for good."""
    monkeypatch.setattr(key_rotation, "IDLE_S", 0.02)
    held = custodian(database)
    keys, catalogs, changes = held.open(), CatalogCache(), ChangeSignal()
    writer = Writer(database, keys, catalogs, changes.notify)
    world = World(Authority(database, writer, keys, held, catalogs, changes, simulated_clock=True))
    await world.hire(*PEOPLE)
    await world.open_bank()
    asked = len(vault.requests)
    for number in ("8301", "8302"):
        await world.place(number, phone_of(number))
    assert len(vault.requests) == asked
    vault.rotate()
    await ask(world)
    async with working(world):
        await approve(world)
        await until(lambda: finished(world))
    assert await held_by(world) == {"transit/outreach/v2"}
    await asyncio.to_thread(writer.close)
    vault.min_decryption_version = 2
    again = custodian(database).open()
    assert again.hash("phone", "1") == keys.hash("phone", "1")
    assert await names(world) == {"张三"}


def test_what_it_refuses_is_told(vault: Vault, database: Database, tmp_path: Path) -> None:
    """Sealed, without permission, of another authority, away: each by what a person can do about it."""
    custodian(database).open()
    vault.sealed = True
    with pytest.raises(MasterError, match="HTTP 503"):
        custodian(database).open()
    vault.sealed = False
    (tmp_path / "token").write_text("another")
    with pytest.raises(MasterError, match="HTTP 403"):
        custodian(database).open()
    (tmp_path / "token").unlink()
    with pytest.raises(MasterError, match=r"cannot be reached \(FileNotFoundError\)"):
        custodian(database).open()


def test_a_stranger_in_its_place_gets_no_token(
    vault: Vault, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its certificate is not of the authority that was named: nothing is sent to it."""
    monkeypatch.delenv("OUTREACH_VAULT_CA_FILE")
    with pytest.raises(MasterError, match="SSLCertVerificationError"):
        custodian(database).open()
    assert vault.requests == []


def test_an_outage_after_the_start_is_survived(vault: Vault, database: Database) -> None:
    """What was unwrapped once stays in memory."""
    held = custodian(database)
    ring = held.open()
    vault.sealed = True
    wrapped, key = ring.new_person()
    assert ring.person(wrapped).unseal(key.seal(b"x")) == b"x"
    assert held.load().hashing
    with pytest.raises(MasterError, match="HTTP 503"):
        key_rotation.prepare_master(held, Call(principal("ann", banks=["*"]), ApproveRotationRequest()))


def test_what_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUTREACH_VAULT_ADDRESS", raising=False)
    with pytest.raises(SettingError, match="OUTREACH_VAULT_ADDRESS is not set"):
        masters.source(Path("none"), "", PLUG_IN)
