from __future__ import annotations

from sqlalchemy import select

from approval_service import addresses, contacts, holds, marks, schema
from approval_service.calls import Call
from outreach.v1.bank_service_pb2 import BankEvent, HoldInstruction, NoContactInstruction
from outreach.v1.hold_service_pb2 import (
    BadAddressReason,
    CloseContactRequest,
    ConfirmAddressRequest,
    ConfirmContactRequest,
    HoldKind,
    ListBadAddressesRequest,
    ListHoldsRequest,
    MarkAddressBadRequest,
    MarkNoContactRequest,
    NoContactReason,
)
from tests.service.approval_service.world import BANK, World, phone_of, principal

NOTE = "张三来电13912345678"
HOME = "浙江省杭州市西湖区文三路100号3幢2单元501室"


async def test_what_people_write_is_sealed_where_it_is_stored(world: World) -> None:
    """Reasons and evidence hold names and numbers whatever was asked for: no table shows them; those who may see do."""
    await world.ready("6001", "6002")
    kind = HoldKind.HOLD_KIND_COMPLAINT
    await world.apply(BankEvent(hold=HoldInstruction(account_number="6001", kind=kind, reason=NOTE)))
    await world.apply(BankEvent(no_contact=NoContactInstruction(account_number="6001", reason=NOTE)))
    person = {"bank_id": BANK, "customer_id": "C6002", "evidence_reference": NOTE}
    number = {**person, "phone_number": phone_of("6002")}
    refusal, dead = NoContactReason.NO_CONTACT_REASON_REFUSAL, CloseContactRequest.FINDING_DEAD
    marked = {"bank_id": BANK, "account_number": "6002", "evidence_reference": NOTE}
    await world.write(marks.mark_no_contact, "ann", MarkNoContactRequest(reason=refusal, **marked))
    await world.write(contacts.confirm, "ann", ConfirmContactRequest(**number))
    await world.write(contacts.close, "ann", CloseContactRequest(finding=dead, **number))
    await world.write(addresses.confirm, "ann", ConfirmAddressRequest(address=HOME, **person))
    gone = BadAddressReason.BAD_ADDRESS_REASON_MOVED
    await world.write(addresses.mark_bad, "ann", MarkAddressBadRequest(address=HOME, reason=gone, **person))

    with world.authority.database.reader.connect() as connection:
        for table in schema.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                texts = [value.encode() if isinstance(value, str) else value for value in row]
                assert not [text for text in texts if isinstance(text, bytes) and b"13912345678" in text], table.name
    keys = world.authority.keys
    listing = Call(principal("ann"), ListHoldsRequest(bank_id=BANK))
    assert [hold.reason for hold in (await world.authority.read(holds.list_holds, keys, listing)).holds] == [NOTE]
    bad = Call(principal("ann"), ListBadAddressesRequest(bank_id=BANK))
    found = (await world.authority.read(addresses.list_bad, keys, bad)).addresses
    assert [one.evidence_reference for one in found] == [NOTE]
