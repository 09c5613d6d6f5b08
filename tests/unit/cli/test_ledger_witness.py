"""outreach ledger witness, against a real nats-server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.ledger.checkpoint import Signer
from outreach.ledger.witness import read_notes
from outreach.runtime import bus, nats_server
from tests.fakes.gateway import BANK
from tests.unit.cli.test_bus_commands import Bus, nats

__all__ = ["nats"]
SIGNER = Signer("example.com/ledger", Ed25519PrivateKey.generate())


def note(size: int, root: int = 0) -> str:
    return SIGNER.sign("example.com/ledger", size, bytes([root]) * 32)


@contextmanager
def telling(nats: Bus, notes: Sequence[str]) -> Iterator[None]:
    """The authority tells these again and again meanwhile."""
    stopped = threading.Event()

    async def tell() -> None:
        client = await bus.connect(nats.settings, nats_server.APPROVAL_SERVICE)
        while not stopped.is_set():
            for one in notes:
                await client.publish(bus.CHECKPOINTS, one.encode())
            await asyncio.sleep(0.05)
        await client.close()

    thread = threading.Thread(target=lambda: asyncio.run(tell()))
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(10)


def test_the_bank_keeps_what_it_is_told(nats: Bus, tmp_path: Path) -> None:
    """One that is new each time; a second run goes on where the first one ended."""
    file = tmp_path / "witnessed.jsonl"
    for number, last in enumerate((7, 9), 1):
        with telling(nats, [note(last)]):
            arguments = ("--key", SIGNER.verifier_key, "--bank", BANK, "--count", 1)
            result = nats.run("ledger", "witness", file, *arguments)
        assert result.exit_code == 0, result.output
        assert len(read_notes(file.read_text())) == number
    assert read_notes(file.read_text()) == [note(7), note(9)]


def test_a_fork_ends_it_with_an_alarm(nats: Bus, tmp_path: Path) -> None:
    """Exit code 1, and the file keeps both: they prove it."""
    file = tmp_path / "witnessed.jsonl"
    with telling(nats, [note(7), note(7, root=1)]):
        result = nats.run("ledger", "witness", file, "--key", SIGNER.verifier_key)
    assert result.exit_code == 1
    assert "WITNESS ALARM" in result.stderr
    assert set(read_notes(file.read_text())) == {note(7), note(7, root=1)}
