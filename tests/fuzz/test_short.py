"""A few thousand malformed inputs in each run of the tests; `make fuzz` makes a million."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from approval_service.database import Database
from outreach.cli.addresses import write_addresses
from outreach.client import Identity, write_identity
from outreach.runtime.config import Settings
from tests.fuzz import wire
from tests.fuzz.mutating import Mutator
from tests.fuzz.office import Office, open_office
from tests.fuzz.reading import READERS
from tests.service.access.bank_a import open_bank_a
from tests.service.access.stack import KEY, serving
from tests.service.approval_service.world import CALLER, PEOPLE

SEED = 20_261_127
CASES = {
    "csv_lines": 25,
    "sheet": 15,
    "events_file": 15,
    "letter_source": 25,
    "official_pdf": 12,
    "letterhead": 12,
    "addresses": 80,
    "wording": 80,
    "carrier_bodies": 300,
    "cmpp_frames": 400,
}
"""A case of the first three is 40 lines."""
CALLS = {"messages": 400, "damaged": 400, "tokens": 300}


def mutator(target: str, number: int, office: Office | None = None) -> Mutator:
    return Mutator(Random(f"{SEED}/{target}/{number}"), office.pool if office else {})


@pytest.mark.parametrize("target", READERS)
def test_what_is_handed_in_is_read_or_refused(target: str) -> None:
    """Files, letters, addresses and carriers' bytes: an answer that a person can read, or the value."""
    for number in range(CASES[target]):
        READERS[target](mutator(target, number))


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """The real gateway, authority and letter_service in this process, with something of each kind at one bank."""
    database = Database(f"sqlite:///{tmp_path / 'outreach.db'}")
    database.migrate()
    async with serving(tmp_path, database) as stack:
        bank = await open_bank_a(stack.world)
        for make in (bank.outreach_id, bank.hold, bank.quantity, bank.template, bank.run, bank.policy):
            await make()
        write_addresses(Settings(state_dir=tmp_path, gateway_address=f"127.0.0.1:{stack.edge.grpc_port}"))
        write_identity(tmp_path, "operator-1", Identity(CALLER, PEOPLE[0], ("operator",), ("*",), KEY, "t1"))
        async with open_office(tmp_path) as office:
            yield office
    database.close()


async def test_what_is_called_is_answered_or_refused(office: Office) -> None:
    """Spoilt messages, damaged bytes and forged tokens at the public edge: none ends in an internal error, in silence,
    or in something that should not have been taken."""
    edge, forged = wire.Edge(office), wire.Tokens(office)
    attacks = {"messages": edge.messages, "damaged": edge.damaged, "tokens": forged.tokens}
    for target, attack in attacks.items():
        outcomes = {await attack(mutator(target, number, office)) for number in range(CALLS[target])}
        assert any(one.endswith("OK") for one in outcomes), "nothing got through, so nothing was tried"
        assert len(outcomes) > 2
