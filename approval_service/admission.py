"""Admission: decides requests at the door, once each, and stores what was decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from approval_service.calls import Call, require_among
from approval_service.catalog import Catalog
from approval_service.context import Context, Message
from approval_service.keys import KeyRing
from approval_service.requests import (
    Answers,
    Subject,
    codes_of,
    findings_of,
    known_then,
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
from outreach.domain.clocks import timestamp
from outreach.domain.codes import Code
from outreach.domain.errors import Refusal
from outreach.domain.ids import new_id
from outreach.domain.masking import mask_account, mask_phone
from outreach.domain.phone import normalize_mobile
from outreach.v1.common_pb2 import Finding, State
from outreach.v1.outreach_service_pb2 import Channel, Decision, SmsItem


class Requester(NamedTuple):
    """What the items of one call share of who asks: read once, not for each item."""

    caller_id: str
    employee_id: str
    team: str
    actor: str
    active: bool
    banks: frozenset[str]


class Asked(NamedTuple):
    """An item as it was asked for, and what it is found by."""

    item: SmsItem
    requester: Requester
    bank_id: str
    number_hash: str
    phone: str | None
    phone_hash: str
    variables: dict[str, str]
    request_hash: str


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
    asked = read(tx.keys, tx.catalog, calls)
    answers = Answers(tx.connection, calls, [one.request_hash for one in asked])
    context, judged = judge(tx.connection, tx.keys, tx.catalog, tx.now_ms, [asked[index] for index in answers.open])
    rows: list[dict[str, Any]] = []
    # Each item goes all the way before the next one is looked at: it is at hand in the processor's cache.
    for index, one in zip(answers.open, judged, strict=True):
        try:
            row, decision = _decide(tx, context, asked[index], one)
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
    context, (judged,) = judge(connection, keys, catalog, now_ms, read(keys, catalog, [call]))
    not_after_ms(call.request, now_ms, judged.facts.policy)
    return context, judged


def read(keys: KeyRing, catalog: Catalog, calls: Sequence[Call[SmsItem]]) -> list[Asked]:
    requesters: dict[int, Requester] = {}
    asked = []
    for call in calls:
        requester = requesters.get(id(call.principal))
        if requester is None:
            requester = requesters[id(call.principal)] = _requester(catalog, call)
        asked.append(_read(keys, call.request, requester))
    return asked


def _requester(catalog: Catalog, call: Call[SmsItem]) -> Requester:
    principal = call.principal
    caller, employee = principal.caller_id, principal.employee_id
    active = (caller, employee) in catalog.employees
    return Requester(caller, employee, principal.team, call.actor, active, frozenset(principal.bank_ids))


def _read(keys: KeyRing, item: SmsItem, requester: Requester) -> Asked:
    bank_id, number, phone_number, given = item.bank_id, item.account_number, item.phone_number, item.variables
    variables = {name: given[name] for name in given}
    # Of our own canonical form: protobuf bytes are not canonical.
    form = [
        bank_id,
        number,
        item.customer_id,
        phone_number,
        item.template_name,
        item.template_digest,
        variables,
        item.case_id,
        *window(item),
    ]
    phone = normalize_mobile(phone_number)
    return Asked(
        item,
        requester,
        bank_id,
        keys.hash("account", number),
        phone,
        keys.hash("phone", phone) if phone else "",
        variables,
        keys.hash("request", orjson.dumps(form, option=orjson.OPT_SORT_KEYS)),
    )


def judge(
    connection: Connection, keys: KeyRing, catalog: Catalog, now_ms: int, asked: Sequence[Asked]
) -> tuple[Context, Iterator[Judged]]:
    """What is known of the items, read at once, and their judgements, each made as it is asked for."""
    accounts = account_store.accounts_by_number(connection, {(one.bank_id, one.number_hash) for one in asked})
    context = Context(connection, keys, catalog, now_ms, accounts.values(), [one.phone_hash for one in asked])
    return context, (_judge(context, keys, one, accounts.get((one.bank_id, one.number_hash))) for one in asked)


def _judge(context: Context, keys: KeyRing, one: Asked, account: Any | None) -> Judged:
    item = one.item
    message = Message(
        bank_id=one.bank_id,
        account=account,
        person=recipient(context, keys, account, item.customer_id),
        phone=one.phone,
        phone_hash=one.phone_hash,
        template=context.template(one.bank_id, item.template_name),
        pinned_digest=item.template_digest,
        variables=one.variables,
        employee_active=one.requester.active,
    )
    facts = context.facts(message, at_permit=False)
    verdicts = evaluate(facts)
    return Judged(message, facts, verdicts, any(verdict.effect is Effect.REFUSE for verdict in verdicts))


def decision_of(one: Judged, item: SmsItem) -> Decision:
    """The answer to an item, without an id."""
    return Decision.FromString(_answer(one, _due_ms(one, item)))


def _due_ms(one: Judged, item: SmsItem) -> int | None:
    """None where it waits for something that has no time, or does not wait at all."""
    return None if one.refused or one.parked else due_ms(one.verdicts, one.facts, not_before_ms(item))


def _answer(one: Judged, due: int | None) -> bytes:
    """The serialized Decision without an id."""
    digest, version = one.facts.template.digest if one.facts.template else "", version_of(one.facts)
    if not one.verdicts:
        return _admitted(digest, version, due)
    state = states.BLOCKED if one.refused else states.ADMITTED
    return _serialized(digest, version, due, state, findings_of(one.verdicts))


@lru_cache(maxsize=1024)
def _admitted(digest: str, version: int, due: int | None) -> bytes:
    """Kept in mind, since most of a group is answered alike."""
    return _serialized(digest, version, due, states.ADMITTED, ())


def _serialized(
    digest: str, version: int, due: int | None, state: State.ValueType, findings: Sequence[Finding]
) -> bytes:
    return Decision(
        state=state,
        findings=findings,
        template_digest=digest,
        policy_version=version,
        due_time=timestamp(due) if due is not None else None,
    ).SerializeToString()


def _decide(tx: Tx, context: Context, asked: Asked, one: Judged) -> tuple[dict[str, Any], Decision]:
    item, requester, message, bank_id = asked.item, asked.requester, one.message, asked.bank_id
    require_among(requester.banks, bank_id)
    expires_ms = not_after_ms(item, tx.now_ms, one.facts.policy)
    due = _due_ms(one, item)
    decision = Decision.FromString(_answer(one, due))
    outreach_id = decision.outreach_id = new_id()
    state, digest, request_id, case_id = decision.state, decision.template_digest, item.request_id, item.case_id
    codes = codes_of(one.verdicts, refused=one.refused) if one.verdicts else []
    sealed, commitment = b"", ""
    if message.person is not None and message.phone is not None:
        key = context.key(message.person)
        content = orjson.dumps([message.phone, message.variables], option=orjson.OPT_SORT_KEYS)
        sealed, commitment = key.seal(content), key.commit(content)
    row = {
        "outreach_id": outreach_id,
        "channel": Channel.CHANNEL_SMS,
        "caller_id": requester.caller_id,
        "request_id": request_id,
        "request_hash": asked.request_hash,
        "employee_id": requester.employee_id,
        "team": requester.team,
        "bank_id": bank_id,
        "case_id": case_id,
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
        "template_digest": digest,
        "state": state,
        "due_ms": due,
        "waiting_for": next(map(str, one.parked), ""),
        "cause": "",
        "not_before_ms": not_before_ms(item),
        "not_after_ms": expires_ms,
        "decision": decision.SerializeToString(),
        "codes": ",".join(codes),
        "attempt_id": "",
        "created_ms": tx.now_ms,
        **known_then(one.facts, message.person),
    }
    tx.changed(
        Subject(bank_id, outreach_id, request_id, requester.caller_id, case_id),
        state,
        codes,
        by=requester.actor,
        policy=decision.policy_version,
        template=digest,
        commitment=commitment,
    )
    return row, decision
