"""outreach contact confirm-address, mark-address-bad and bad-addresses: what is known of addresses."""

from __future__ import annotations

from typing import Annotated

import typer

from outreach.cli.command import command
from outreach.cli.fields import choices, enum_option
from outreach.cli.messages import Bank, Limit
from outreach.cli.output import details, plain, table
from outreach.cli.session import Session
from outreach.v1.hold_service_pb2 import (
    BadAddress,
    BadAddressReason,
    ConfirmAddressRequest,
    ListBadAddressesRequest,
    MarkAddressBadRequest,
)
from outreach.v1.hold_service_pb2_grpc import HoldServiceStub
from outreach.wording.formats import enum_name, when

_MAX_PAGE = 1_000
_Customer = Annotated[str, typer.Option("--customer", help="客户号 The bank's customer number.")]
_To = Annotated[str, typer.Option("--to", help="地址 The address, in full.")]
_Evidence = Annotated[str, typer.Option("--evidence", help="凭证编号 Reference of the evidence, such as a recording.")]


async def confirm_address(session: Session, customer: _Customer, to: _To, evidence: _Evidence, bank: Bank = "") -> None:
    """确认地址 Record that an address is the person's own, and release what waited for that."""
    request = ConfirmAddressRequest(
        bank_id=session.bank(bank), customer_id=customer, address=to, evidence_reference=evidence
    )
    async with session.client() as client:
        response = await client.call(HoldServiceStub(client.channel).ConfirmAddress, request)
    shown = details("地址已确认 Confirmed", [("恢复待打印 Due again", response.resumed)])
    session.output.show(plain(response), shown)


async def mark_address_bad(
    session: Session,
    customer: _Customer,
    to: _To,
    reason: Annotated[str, typer.Option(help=f"原因 {choices(BadAddressReason.DESCRIPTOR)}.")],
    evidence: _Evidence,
    bank: Bank = "",
) -> None:
    """标记坏址 Mark an address as known bad; cancels what is pending to it and names what is to be pulled."""
    request = MarkAddressBadRequest(
        bank_id=session.bank(bank),
        customer_id=customer,
        address=to,
        reason=BadAddressReason.ValueType(enum_option("--reason", BadAddressReason.DESCRIPTOR, reason)),
        evidence_reference=evidence,
    )
    async with session.client() as client:
        response = await client.call(HoldServiceStub(client.channel).MarkAddressBad, request)
    pairs = [
        ("地址 Address", response.mark.masked_address),
        ("对所有人 For everybody", _yes(response.mark.for_everybody)),
        ("因此取消 Cancelled", str(len(response.cancelled_ids))),
        ("待抽出 To pull", ", ".join(response.to_pull_letter_numbers)),
    ]
    session.output.show(plain(response), details("已标记坏址 Marked", pairs))


async def bad_addresses(session: Session, bank: Bank = "", limit: Limit = 100) -> None:
    """列出坏址 Known-bad addresses, newest first; none in clear."""
    request = ListBadAddressesRequest(bank_id=session.bank(bank), page_size=min(limit, _MAX_PAGE))
    found: list[BadAddress] = []
    async with session.client() as client:
        stub = HoldServiceStub(client.channel)
        while len(found) < limit:
            response = await client.call(stub.ListBadAddresses, request, repeatable=True)
            found += response.addresses
            request.page_token = response.next_page_token
            if not request.page_token:
                break
    del found[limit:]
    headings = ("地址 Address", "原因 Reason", "对所有人 Everybody", "凭证 Evidence", "标记 Set by", "时间 Time")
    shown = table(f"坏址 Known bad ({len(found)})", headings, map(_row, found))
    session.output.show([plain(one) for one in found], shown)


def register(contact: typer.Typer) -> None:
    command(contact, "confirm-address")(confirm_address)
    command(contact, "mark-address-bad")(mark_address_bad)
    command(contact, "bad-addresses")(bad_addresses)


def _row(one: BadAddress) -> tuple[str, ...]:
    return (
        one.masked_address,
        enum_name(BadAddressReason.DESCRIPTOR, one.reason),
        _yes(one.for_everybody),
        one.evidence_reference,
        one.set_by,
        when(one.set_time),
    )


def _yes(flag: bool) -> str:
    return "是 yes" if flag else "否 no"
