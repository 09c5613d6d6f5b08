"""Admission: decides requests at the door, once each, and stores what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from approval_service.calls import Call, require_bank
from approval_service.catalog import Catalog
from approval_service.context import Context, Message
from approval_service.keys import KeyRing
from approval_service.requests import (
    Answers,
    Subject,
    codes_of,
    findings_of,
    not_after_ms,
    not_before_ms,
    recipient,
    version_of,
    window,
)
from approval_service.rules import Effect, Facts, Verdict, due_ms, evaluate
from approval_service.store import accounts as account_store
from approval_service.store import outreach as store
from approval_service.writer import Tx
from outreach.domain import states
from outreach.domain.clocks import milliseconds, timestamp
from outreach.domain.codes import Code
from outreach.domain.errors import Refusal
from outreach.domain.ids import new_id
from outreach.domain.masking import mask_account, mask_phone
from outreach.domain.phone import normalize_mobile
from outreach.v1.outreach_service_pb2 import Channel, Decision, SmsItem


class Judged(NamedTuple):
    """A message, what is known of it, and every rule's verdict."""

    message: Message
    facts: Facts
    verdicts: list[Verdict]
    refused: bool

    @property
    def parked(self) -> list[Code]:
        """The codes it waits for without a time."""
        return [] if self.refused else [v.code for v in self.verdicts if v.effect is Effect.PARK]


def admit(tx: Tx, calls: Sequence[Call[SmsItem]]) -> Sequence[Decision | Exception]:
    """Handler of Admit: the decision per item, or the Refusal that keeps it from being decided."""
    hashes = [_request_hash(tx.keys, call.request) for call in calls]
    answers = Answers(tx.connection, calls, hashes)
    context, judged = judge(tx.connection, tx.keys, tx.catalog, tx.now_ms, [calls[index] for index in answers.open])
    rows: list[dict[str, Any]] = []
    for index, one in zip(answers.open, judged, strict=True):
        try:
            row, decision = _decide(tx, context, calls[index], one, hashes[index])
        except Refusal as refusal:
            answers.put(index, refusal)
            continue
        rows.append(row)
        answers.put(index, decision)
    store.insert_many(tx.connection, rows)
    return answers.all()


def preflight(
    connection: Connection, keys: KeyRing, catalog: Catalog, now_ms: int, call: Call[SmsItem]
) -> tuple[Context, Judged]:
    """Judges an item as Admit would now. Raises the Refusal that Admit would answer."""
    call.require_bank(call.request.bank_id)
    context, (judged,) = judge(connection, keys, catalog, now_ms, [call])
    not_after_ms(call.request, now_ms, judged.facts.policy)
    return context, judged


def judge(
    connection: Connection, keys: KeyRing, catalog: Catalog, now_ms: int, calls: Sequence[Call[SmsItem]]
) -> tuple[Context, list[Judged]]:
    items = [call.request for call in calls]
    numbers = [(item.bank_id, keys.hash("account", item.account_number)) for item in items]
    phones = [normalize_mobile(item.phone_number) for item in items]
    phone_hashes = [keys.hash("phone", phone) if phone else "" for phone in phones]
    accounts = account_store.accounts_by_number(connection, set(numbers))
    context = Context(connection, keys, catalog, now_ms, accounts.values(), phone_hashes)
    judged = []
    for call, number, phone, phone_hash in zip(calls, numbers, phones, phone_hashes, strict=True):
        item, principal, account = call.request, call.principal, accounts.get(number)
        message = Message(
            bank_id=item.bank_id,
            account=account,
            person=recipient(context, keys, account, item.customer_id),
            phone=phone,
            phone_hash=phone_hash,
            template=context.template(item.bank_id, item.template_name),
            pinned_digest=item.template_digest,
            variables=dict(item.variables),
            employee_active=(principal.caller_id, principal.employee_id) in catalog.employees,
        )
        facts = context.facts(message, at_permit=False)
        verdicts = evaluate(facts)
        refused = any(verdict.effect is Effect.REFUSE for verdict in verdicts)
        judged.append(Judged(message, facts, verdicts, refused))
    return context, judged


def decision_of(one: Judged, item: SmsItem) -> Decision:
    """The answer to an item, without an id. The due time is unset where it waits for something that has no time."""
    facts = one.facts
    due = None if one.refused or one.parked else due_ms(one.verdicts, facts, not_before_ms(item))
    return Decision(
        state=states.BLOCKED if one.refused else states.ADMITTED,
        findings=findings_of(one.verdicts),
        template_digest=facts.template.digest if facts.template else "",
        policy_version=version_of(facts),
        due_time=timestamp(due) if due is not None else None,
    )


def _decide(
    tx: Tx, context: Context, call: Call[SmsItem], one: Judged, request_hash: str
) -> tuple[dict[str, Any], Decision]:
    item, principal = call.request, call.principal
    require_bank(principal, item.bank_id)
    message = one.message
    expires_ms = not_after_ms(item, tx.now_ms, one.facts.policy)
    decision = decision_of(one, item)
    outreach_id = decision.outreach_id = new_id()
    codes = codes_of(one.verdicts, refused=one.refused)
    sealed, commitment = b"", ""
    if message.person is not None and message.phone is not None:
        key = context.key(message.person)
        content = orjson.dumps([message.phone, message.variables], option=orjson.OPT_SORT_KEYS)
        sealed, commitment = key.seal(content), key.commit(content)
    row = {
        "outreach_id": outreach_id,
        "channel": Channel.CHANNEL_SMS,
        "caller_id": principal.caller_id,
        "request_id": item.request_id,
        "request_hash": request_hash,
        "employee_id": principal.employee_id,
        "team": principal.team,
        "bank_id": item.bank_id,
        "case_id": item.case_id,
        "account_id": message.account.account_id if message.account is not None else "",
        "person_id": message.person.person_id if message.person is not None else "",
        "phone_hash": message.phone_hash,
        "masked_phone": mask_phone(message.phone or ""),
        "masked_account": mask_account(item.account_number),
        "address_hash": "",
        "masked_address": "",
        "postal_class": 0,
        "letter_name": "",
        "quantity_id": "",
        "care_released": False,
        "request_sealed": sealed,
        "template_digest": decision.template_digest,
        "state": decision.state,
        "due_ms": milliseconds(decision.due_time) if decision.HasField("due_time") else None,
        "waiting_for": next(map(str, one.parked), ""),
        "cause": "",
        "not_before_ms": not_before_ms(item),
        "not_after_ms": expires_ms,
        "decision": decision.SerializeToString(),
        "codes": ",".join(codes),
        "attempt_id": "",
        "created_ms": tx.now_ms,
    }
    tx.changed(
        Subject(item.bank_id, outreach_id, item.request_id, principal.caller_id, item.case_id),
        decision.state,
        codes,
        by=call.actor,
        policy=decision.policy_version,
        template=decision.template_digest,
        commitment=commitment,
    )
    return row, decision


def _request_hash(keys: KeyRing, item: SmsItem) -> str:
    """Of our own canonical form: protobuf bytes are not canonical."""
    form = [
        item.bank_id,
        item.account_number,
        item.customer_id,
        item.phone_number,
        item.template_name,
        item.template_digest,
        dict(item.variables),
        item.case_id,
        *window(item),
    ]
    return keys.hash("request", orjson.dumps(form, option=orjson.OPT_SORT_KEYS).decode())
