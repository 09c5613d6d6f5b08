"""Everything that is held of a person, in the clear: what the person has a right to be told."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from sqlalchemy import Connection

from approval_service.keys import KeyRing, PersonKey
from approval_service.letter_context import LetterContent
from approval_service.store import accounts as account_store
from approval_service.store import addresses as address_store
from approval_service.store import evidence as evidence_store
from approval_service.store import letters as letter_store
from approval_service.store import outreach as outreach_store
from approval_service.store import persons as store
from outreach.domain import states
from outreach.domain.clocks import iso
from outreach.v1.bank_service_pb2 import Party
from outreach.v1.hold_service_pb2 import HoldKind, NoContactReason
from outreach.v1.outreach_service_pb2 import Channel, ReplyKind
from outreach.v1.print_service_pb2 import LetterPermit
from outreach.v1.worker_service_pb2 import Permit


def of_person(connection: Connection, keys: KeyRing, person: Any) -> dict[str, Any]:
    """As JSON: amounts in fen, times in UTC."""
    key, ids = keys.person(person.wrapped_key), [person.person_id]
    accounts = store.accounts_of(connection, person.person_id)
    roles = account_store.parties_of(connection, [account.account_id for account in accounts])
    return {
        "person": {
            "person_id": person.person_id,
            "bank_id": person.bank_id,
            "name": key.unseal(person.name_sealed).decode(),
            "restricted": person.restricted,
            "agreed_to_quiet_hours": person.agreed_to_quiet_hours,
        },
        "phone_numbers": [
            {"phone_number": key.unseal(row.phone_sealed).decode(), "status": row.status}
            for row in account_store.contacts_of(connection, ids)
            if row.phone_sealed
        ],
        "addresses": [
            {"address": key.unseal(row.address_sealed).decode(), "status": row.status}
            for row in address_store.of_people(connection, ids)
        ],
        "accounts": [_account(key, row, person, roles[row.account_id]) for row in accounts],
        "holds": [
            _hold(keys, row) for account in accounts for row in evidence_store.holds_of(connection, account.account_id)
        ],
        "no_contact_marks": [
            {"reason": NoContactReason.Name(row.reason), "set_by": row.set_by, "time": iso(row.set_ms)}
            for row in evidence_store.marks_on(connection, person.bank_id, ids)
        ],
        "messages_and_letters": _outreach(connection, key, person),
    }


def _account(key: PersonKey, row: Any, person: Any, roles: dict[str, int]) -> dict[str, Any]:
    """The number is sealed under the debtor's key: a guarantor's export does not give it."""
    own = row.debtor_id == person.person_id
    return {
        "account_number": key.unseal(row.number_sealed).decode() if own else "",
        "role": Party.Role.Name(roles[person.person_id]),  # type: ignore[arg-type]  # stored as the enum's number
        "agency_id": row.agency_id,
        "start": iso(row.start_ms),
        "end": iso(row.end_ms),
        "recalled": row.recalled,
        "settled": row.settled,
        "overdue_fen": row.overdue_fen,
        "outstanding_fen": row.outstanding_fen,
        "as_of": iso(row.as_of_ms),
        "due_date": row.due_date,
    }


def _hold(keys: KeyRing, row: Any) -> dict[str, Any]:
    return {
        "kind": HoldKind.Name(row.kind),
        "reason": keys.unseal_note(row.reason_sealed),
        "set_by": row.set_by,
        "time": iso(row.set_ms),
        "lifted": bool(row.lifted_by),
    }


def _outreach(connection: Connection, key: PersonKey, person: Any) -> list[dict[str, Any]]:
    rows = store.outreach_of(connection, person.person_id)
    ids = [row.outreach_id for row in rows]
    sent: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for attempt in outreach_store.attempts_of(connection, ids):
        permit = Permit.FromString(key.unseal(attempt.permit_sealed))
        sent[attempt.outreach_id].append(
            {"time": iso(attempt.released_ms), "state": states.name(attempt.state), "as_sent": MessageToDict(permit)}
        )
    for letter in letter_store.of_outreach(connection, ids):
        printed = LetterPermit.FromString(key.unseal(letter.permit_sealed))
        mailed = iso(letter.mailed_ms) if letter.mailed_ms else ""
        sent[letter.outreach_id].append(
            {"time": iso(letter.released_ms), "mailed": mailed, "as_printed": MessageToDict(printed)}
        )
    replies: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for reply in evidence_store.replies_to(connection, ids):
        text = key.unseal(reply.text_sealed).decode()
        kind = ReplyKind.Name(reply.kind)
        replies[reply.outreach_id].append({"time": iso(reply.received_ms), "kind": kind, "text": text})
    return [
        {
            "outreach_id": row.outreach_id,
            "channel": Channel.Name(row.channel),
            "asked_by": f"{row.caller_id}/{row.employee_id}",
            "time": iso(row.created_ms),
            "state": states.name(row.state),
            "codes": row.codes,
            "asked": _asked(key, row),
            "sent": sent[row.outreach_id],
            "replies": replies[row.outreach_id],
        }
        for row in rows
    ]


def _asked(key: PersonKey, row: Any) -> dict[str, Any]:
    content = key.unseal(row.request_sealed) if row.request_sealed else b""
    if not content:
        return {}
    if row.channel == Channel.CHANNEL_SMS:
        phone, variables = orjson.loads(content)
        return {"phone_number": phone, "variables": variables}
    letter = LetterContent.load(content)
    return {"address": letter.address, "variables": dict(letter.variables)}
