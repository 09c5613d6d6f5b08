"""What people reply: not me, no more, a dispute or complaint, or anything else, which goes to the case system."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from approval_service import contacts, holds, marks
from approval_service.calls import Call
from approval_service.paging import page_size
from approval_service.people import require_employee
from approval_service.store import accounts as account_store
from approval_service.store import outreach as outreach_store
from approval_service.store import replies as store
from approval_service.store import stops as stop_store
from approval_service.views import own_caller
from approval_service.writer import Tx, one_by_one
from outreach.domain.phone import normalize_mobile
from outreach.v1.bank_service_pb2 import NoContactInstruction
from outreach.v1.hold_service_pb2 import HoldKind, NoContactReason
from outreach.v1.outreach_service_pb2 import ListRepliesRequest, ListRepliesResponse, ReplyKind
from outreach.v1.worker_service_pb2 import CarrierReply

BY = "reply"
"""Who acts, in the ledger, where a person's reply did."""

_NOT_ME = frozenset({"N", "NO", "非本人", "不是本人", "我不是本人", "不是我", "打错了", "发错了"})
_OPT_OUT = frozenset({"T", "TD", "TT", "R", "QX", "退订", "取消", "拒收"})
_COMPLAINT = re.compile(r"投诉|举报|12378|12315|银保监|金融监管|消保|骚扰|律师函")
_DISPUTE = re.compile(
    r"(?:没|未|不)(?:有)?(?:欠|借|办过?|用过?|刷过?|消费)|盗刷|冒用|被盗|不是我(?:的|办|借|刷)|"
    r"异议|有误|不对|算错|已经?(?:还|结)清|早就?还|还过了|诈骗|骗子"
)


def classify(text: str) -> ReplyKind.ValueType:
    """What a reply is understood as (rules.md, replies; facts of the carriers, section 4)."""
    folded = unicodedata.normalize("NFKC", text).strip()
    word = folded.strip(" \t\r\n.,!?;:。，！？；：、~\"'“”").upper()
    if word in _NOT_ME:
        return ReplyKind.REPLY_KIND_NOT_ME
    if word in _OPT_OUT or word.startswith("退订"):
        return ReplyKind.REPLY_KIND_OPT_OUT
    if _COMPLAINT.search(folded):
        return ReplyKind.REPLY_KIND_COMPLAINT
    if _DISPUTE.search(folded):
        return ReplyKind.REPLY_KIND_DISPUTE
    return ReplyKind.REPLY_KIND_OTHER


def _receive(tx: Tx, reply: CarrierReply) -> bool:
    phone = normalize_mobile(reply.phone_number)
    if phone is None:
        return False
    if store.is_known(tx.connection, reply.carrier_id, reply.reply_id):
        return True
    phone_hash = tx.keys.hash("phone", phone)
    attempt = store.last_attempt(tx.connection, reply.carrier_id, phone_hash)
    if attempt is None:
        return False
    outreach = outreach_store.get_many(tx.connection, [attempt.outreach_id])[attempt.outreach_id]
    person = account_store.persons_by_id(tx.connection, [outreach.person_id])[outreach.person_id]
    kind = classify(reply.text)
    _store(tx, reply, outreach, person, kind)
    _follow(tx, outreach, person, phone, kind)
    return True


receive = one_by_one(_receive)
"""Handler of ReportReplies: True per reply to a number that was written to through that carrier."""


def _store(tx: Tx, reply: CarrierReply, outreach: Any, person: Any, kind: ReplyKind.ValueType) -> None:
    # A case system asks for what came after the last one it saw.
    reply_id = f"{tx.next_entry:016}"
    store.insert_reply(
        tx.connection,
        {
            "reply_id": reply_id,
            "carrier_id": reply.carrier_id,
            "carrier_reply_id": reply.reply_id,
            "bank_id": outreach.bank_id,
            "caller_id": outreach.caller_id,
            "outreach_id": outreach.outreach_id,
            "case_id": outreach.case_id,
            "person_id": outreach.person_id,
            "masked_phone": outreach.masked_phone,
            "kind": kind,
            "text_sealed": tx.keys.person(person.wrapped_key).seal(reply.text.encode()),
            "received_ms": tx.now_ms,
        },
    )
    tx.changed(outreach, outreach.state, [f"REPLY_{_word(kind)}"], notice=True, reply=reply_id, by=BY)


def _word(kind: ReplyKind.ValueType) -> str:
    return ReplyKind.Name(kind).removeprefix("REPLY_KIND_")


def _follow(tx: Tx, outreach: Any, person: Any, phone: str, kind: ReplyKind.ValueType) -> None:
    match kind:
        case ReplyKind.REPLY_KIND_NOT_ME:
            contacts.close_for_person(tx, person, phone, evidence=BY, by=BY)
        case ReplyKind.REPLY_KIND_OPT_OUT:
            opt_out = NoContactReason.NO_CONTACT_REASON_OPT_OUT
            number = NoContactInstruction(phone_number=phone)
            marks.place(tx, outreach.bank_id, number, reason=opt_out, evidence=BY, by=BY)
        case ReplyKind.REPLY_KIND_DISPUTE:
            _hold(tx, outreach, HoldKind.HOLD_KIND_DISPUTE)
        case ReplyKind.REPLY_KIND_COMPLAINT:
            _hold(tx, outreach, HoldKind.HOLD_KIND_COMPLAINT)
        case _:
            return


def _hold(tx: Tx, outreach: Any, kind: HoldKind.ValueType) -> None:
    if kind in stop_store.open_holds(tx.connection, [outreach.account_id]).get(outreach.account_id, ()):
        return
    reason = "短信回复中的用语，待人工核实。Words of a reply; a person must look."
    holds.place(tx, outreach.bank_id, outreach.account_id, kind=kind, reason=reason, by=BY)


def _list(tx: Tx, call: Call[ListRepliesRequest]) -> ListRepliesResponse:
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    caller_id = own_caller(call.principal)
    rows = store.replies_after(
        tx.connection, request.bank_id, caller_id, request.after_reply_id, page_size(request.page_size)
    )
    persons = account_store.persons_by_id(tx.connection, {row.person_id for row in rows})
    response = ListRepliesResponse()
    for row in rows:
        reply = response.replies.add(
            reply_id=row.reply_id,
            outreach_id=row.outreach_id,
            case_id=row.case_id,
            masked_phone_number=row.masked_phone,
            kind=row.kind,
            text=tx.keys.person(persons[row.person_id].wrapped_key).unseal(row.text_sealed).decode(),
        )
        reply.receive_time.FromMilliseconds(row.received_ms)
    if rows:
        tx.record("replies_read", request.bank_id, replies=[row.reply_id for row in rows], by=actor)
    return response


list_replies = one_by_one(_list)
"""Handler of ListReplies: it writes, as each look at personal data is an entry."""
