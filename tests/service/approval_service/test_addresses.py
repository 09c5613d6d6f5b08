"""What is known of addresses: reserved, confirmed, known bad."""

from __future__ import annotations

from typing import Any

import pytest

from approval_service import accounts, addresses
from approval_service.calls import Call
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.bank_service_pb2 import BankEvent, GetAccountRequest, Party, Placement
from outreach.v1.hold_service_pb2 import (
    BadAddressReason,
    ConfirmAddressRequest,
    ListBadAddressesRequest,
    MarkAddressBadRequest,
    MarkAddressBadResponse,
)
from tests.service.approval_service.mailroom import Mailroom, address_of, open_mailroom
from tests.service.approval_service.world import AGENCY, BANK, DAY_MS, NOW_MS, World, actor, principal

MOVED = BadAddressReason.BAD_ADDRESS_REASON_MOVED
DEMOLISHED = BadAddressReason.BAD_ADDRESS_REASON_DEMOLISHED
SPELLINGS = (
    "浙江省杭州市西湖区文三路18号3幢7001室",
    "杭州市西湖区文三路18号3栋7001",
    "浙江 杭州 西湖区 文三路１８号 3号楼7001室",
    "杭州西湖区文三路18号三幢7001室",
)


@pytest.fixture
async def room(world: World) -> Mailroom:
    room = await open_mailroom(world)
    await room.place("7001", "7002")
    return room


async def mark(
    room: Mailroom, reason: BadAddressReason.ValueType, address: str = SPELLINGS[0], **changes: Any
) -> MarkAddressBadResponse:
    request = MarkAddressBadRequest(
        bank_id=BANK, customer_id="C7001", address=address, reason=reason, evidence_reference="visit-1"
    )
    request.MergeFrom(MarkAddressBadRequest(**changes))
    return await room.world.write(addresses.mark_bad, "dan", request)


async def reserve(room: Mailroom, *texts: str) -> None:
    """The bank names the debtor's addresses anew."""
    debtor = Party(customer_id="C7001", role=Party.ROLE_DEBTOR, name="张三丰", addresses=texts)
    placement = Placement(account_number="7001", agency_id=AGENCY, parties=[debtor], balance=room.balance(1, 123_456))
    placement.start_time.FromMilliseconds(NOW_MS - DAY_MS)
    placement.end_time.FromMilliseconds(NOW_MS + DAY_MS)
    await room.world.apply(BankEvent(placement=placement))


async def codes(room: Mailroom, number: str, address: str) -> list[str]:
    (decision,) = await room.ask(number, address=address)
    return [finding.code for finding in decision.findings]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_mark_holds_for_the_door_however_it_is_written(room: Mailroom, spelling: str) -> None:
    """What is demolished is so for everybody."""
    done = await mark(room, DEMOLISHED, spelling)
    assert (done.mark.for_everybody, done.mark.masked_address) == (True, "浙江省杭州市****")
    for address in SPELLINGS:
        assert "ADDRESS_KNOWN_BAD" in await codes(room, "7001", address)
        assert "ADDRESS_KNOWN_BAD" in await codes(room, "7002", address)
    assert await codes(room, "7002", address_of("7002")) == []


async def test_who_moved_moved_alone(room: Mailroom) -> None:
    """Another person at the same address is written to."""
    done = await mark(room, MOVED)
    assert not done.mark.for_everybody
    assert "ADDRESS_KNOWN_BAD" in await codes(room, "7001", SPELLINGS[1])
    assert await codes(room, "7002", SPELLINGS[1]) == ["CONTACT_UNVERIFIED"]


async def test_a_mark_cancels_what_is_pending_and_pulls_what_is_printed(room: Mailroom) -> None:
    """To that door only."""
    _, (printed,) = await room.printed("7002")
    (pending, elsewhere) = await room.ask("7001", "7001")
    await room.ask("7001", address="浙江省杭州市西湖区文三路20号1幢101室")
    done = await mark(room, MOVED)
    assert set(done.cancelled_ids) == {pending.outreach_id, elsewhere.outreach_id}
    done = await mark(room, DEMOLISHED, address_of("7002"), customer_id="C7002")
    assert list(done.to_pull_letter_numbers) == [printed]
    row = await room.outreach_of(printed)
    assert (row.state, row.cause) == (states.TO_PULL, "ADDRESS_KNOWN_BAD")


async def test_the_list_shows_who_said_what_and_no_address(room: Mailroom) -> None:
    """Newest first, by pages."""
    await mark(room, MOVED)
    await mark(room, DEMOLISHED, evidence_reference="visit-2")
    call = Call(principal("dan"), ListBadAddressesRequest(bank_id=BANK, page_size=1))
    first = await room.world.authority.read(addresses.list_bad, room.world.authority.keys, call)
    call.request.page_token = first.next_page_token
    second = await room.world.authority.read(addresses.list_bad, room.world.authority.keys, call)
    (newest,), (oldest,) = first.addresses, second.addresses
    assert (newest.reason, newest.evidence_reference, newest.set_by) == (DEMOLISHED, "visit-2", actor("dan"))
    assert (oldest.reason, oldest.set_time.ToMilliseconds(), second.next_page_token) == (MOVED, NOW_MS, "")
    assert "文三路" not in str(first) + str(second)
    assert not any("文三路".encode() in body for body in await room.world.bodies())


async def test_an_unknown_customer_has_no_address(room: Mailroom) -> None:
    """Neither to mark nor to confirm."""
    with pytest.raises(Refusal) as raised:
        await mark(room, MOVED, customer_id="C404")
    assert raised.value.kind is Kind.NOT_FOUND
    request = ConfirmAddressRequest(bank_id=BANK, customer_id="C404", address=SPELLINGS[0], evidence_reference="rec-1")
    with pytest.raises(Refusal):
        await room.world.write(addresses.confirm, "dan", request)


async def test_the_bank_names_addresses_anew(room: Mailroom) -> None:
    """What it names no more waits; what it names is admitted; what waited for that is due."""
    new = "浙江省杭州市西湖区文三路20号1幢101室"
    (waiting,) = await room.ask("7001", address=new)
    await reserve(room, new)
    assert (await room.world.outreach(waiting.outreach_id)).waiting_for == ""
    assert await codes(room, "7001", address_of("7001")) == ["CONTACT_UNVERIFIED"]


async def test_a_confirmed_address_stays_confirmed(room: Mailroom) -> None:
    """Whatever the bank names."""
    confirmed = "浙江省杭州市西湖区文三路20号1幢101室"
    request = ConfirmAddressRequest(bank_id=BANK, customer_id="C7001", address=confirmed, evidence_reference="rec-1")
    await room.world.write(addresses.confirm, "dan", request)
    await reserve(room, confirmed)
    await reserve(room, address_of("7001"))
    assert await codes(room, "7001", confirmed) == []


async def test_a_confirmed_wide_place_is_broad_no_more(room: Mailroom) -> None:
    """The confirmation is its evidence."""
    campus = "浙江省杭州市西湖区浙江大学"
    request = ConfirmAddressRequest(bank_id=BANK, customer_id="C7001", address=campus, evidence_reference="rec-1")
    await room.world.write(addresses.confirm, "dan", request)
    assert await codes(room, "7001", campus) == []


async def test_an_account_shows_its_addresses_masked(room: Mailroom) -> None:
    """Province and city."""
    call = Call(principal("dan"), GetAccountRequest(bank_id=BANK, account_number="7001"))
    found = await room.world.authority.read(accounts.get_account, room.world.authority.keys, call)
    assert [list(party.addresses) for party in found.parties] == [["浙江省杭州市****"]]
