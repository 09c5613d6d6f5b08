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
    Window,
    codes_of,
    findings_of,
    known_then,
    not_after_ms,
    recipient,
    window,
)
from approval_service.rules import Effect, Facts, Verdict, due_ms, evaluate
from approval_service.store import accounts as account_store
from approval_service.store import outreach as store
from approval_service.store.outreach import NewSms
from approval_service.writer import KINDS, Tx
from outreach.domain import states
from outreach.domain.callers import require_active
from outreach.domain.clocks import timestamp
from outreach.domain.codes import Code
from outreach.domain.errors import Refusal
from outreach.domain.ids import new_ids
from outreach.domain.masking import mask_account, mask_phone
from outreach.domain.phone import normalize_mobile
from outreach.ledger.entries import Form
from outreach.v1.admission_service_pb2 import AdmitGroup
from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import Decision, SmsItem

_OUTREACH_ID = b"\x0a\x1a"
"""How a serialized Decision begins: its first field, of the length of an id."""


class Requester(NamedTuple):
    """What the items of one call share of who asks: read once, not for each item."""

    caller_id: str
    employee_id: str
    team: str
    actor: str
    banks: frozenset[str]


class Asked(NamedTuple):
    """An item as it was asked for, and what it is found by."""

    item: SmsItem
    requester: Requester
    bank_id: str
    request_id: str
    account_number: str
    number_hash: str
    phone: str | None
    phone_hash: str
    variables: dict[str, str]
    case_id: str
    window: Window
    request_hash: str


class Judged(NamedTuple):
    """A message, what is known of it, and every rule's verdict."""

    message: Message
    facts: Facts
    verdicts: tuple[Verdict, ...]


class Outcome(NamedTuple):
    """What verdicts come to, whosever message they are about."""

    state: State.ValueType
    codes: list[str]
    joined_codes: str
    waiting_for: str
    """The code that it waits for without a time, or empty."""
    answer: bytes
    """The serialized Decision without the outreach's id."""


def admit(tx: Tx, asked: Sequence[Asked]) -> Sequence[bytes | Exception]:
    """Handler of Admit: the serialized Decision per item, or the Refusal that keeps it from being decided."""
    keys = [(one.requester.caller_id, one.request_id) for one in asked]
    answers = Answers(tx.connection, keys, [one.request_hash for one in asked])
    context, judged = judge(tx.connection, tx.keys, tx.catalog, tx.now_ms, [asked[index] for index in answers.open])
    rows: list[NewSms] = []
    # Each item goes all the way before the next one is looked at: it is at hand in the processor's cache.
    for index, one, outreach_id in zip(answers.open, judged, new_ids(len(answers.open)), strict=True):
        try:
            row = _decide(tx, context, asked[index], one, outreach_id)
        except Refusal as refusal:
            answers.put(index, refusal)
            continue
        rows.append(row)
        answers.put(index, row.decision)
    store.insert_sms(tx.connection, rows)
    return answers.all()


def preflight(
    connection: Connection, keys: KeyRing, catalog: Catalog, now_ms: int, call: Call[SmsItem]
) -> tuple[Context, Judged]:
    """Judges an item as Admit would now. Raises the Refusal that Admit would answer."""
    call.require_bank(call.request.bank_id)
    context, (judged,) = judge(
        connection, keys, catalog, now_ms, read(keys, AdmitGroup(principal=call.principal, items=[call.request]))
    )
    not_after_ms(window(call.request), now_ms, judged.facts.policy)
    return context, judged


def read(keys: KeyRing, group: AdmitGroup) -> list[Asked]:
    """What one principal asks for. Depends on nothing that is stored."""
    principal = group.principal
    requester = Requester(
        principal.caller_id,
        principal.employee_id,
        principal.team,
        Call(principal, group).actor,
        frozenset(principal.bank_ids),
    )
    return [_read(keys, item, requester) for item in group.items]


def _read(keys: KeyRing, item: SmsItem, requester: Requester) -> Asked:
    bank_id, number, phone_number, case_id = item.bank_id, item.account_number, item.phone_number, item.case_id
    variables, wanted = dict(item.variables.items()), window(item)
    # Of our own canonical form: protobuf bytes are not canonical.
    form = (
        bank_id,
        number,
        item.customer_id,
        phone_number,
        item.template_name,
        item.template_digest,
        variables,
        case_id,
        *wanted.form,
    )
    phone = normalize_mobile(phone_number)
    return Asked(
        item,
        requester,
        bank_id,
        item.request_id,
        number,
        keys.hash("account", number),
        phone,
        keys.hash("phone", phone) if phone else "",
        variables,
        case_id,
        wanted,
        keys.hash("request", orjson.dumps(form, None, orjson.OPT_SORT_KEYS)),
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
        one.bank_id,
        account,
        recipient(context, keys, account, item.customer_id),
        one.phone,
        one.phone_hash,
        context.terms_in_force(one.bank_id, item.template_name),
        item.template_digest,
        one.variables,
        (one.requester.caller_id, one.requester.employee_id) in context.catalog.employees,
    )
    facts = context.facts(message, at_permit=False)
    return Judged(message, facts, tuple(evaluate(facts)))


def decision_of(one: Judged, item: SmsItem) -> Decision:
    """The answer to an item, without an id."""
    return Decision.FromString(_outcome(one, window(item))[0].answer)


def _outcome(one: Judged, wanted: Window) -> tuple[Outcome, int | None]:
    """And when it is due; None where it waits for something that has no time, or does not wait at all."""
    terms, verdicts = one.message.terms, one.verdicts
    due = None
    if not verdicts or all(verdict.effect is Effect.WAIT for verdict in verdicts):
        due = due_ms(verdicts, one.facts, wanted.not_before_ms)
    return _outcome_of(verdicts, due, terms.digest, terms.policy_version), due


@lru_cache(maxsize=1024)
def _outcome_of(verdicts: tuple[Verdict, ...], due: int | None, digest: str, policy_version: int) -> Outcome:
    """Kept in mind, since most of a group comes to the same."""
    refused = any(verdict.effect is Effect.REFUSE for verdict in verdicts)
    state = states.BLOCKED if refused else states.ADMITTED
    decision = Decision(
        state=state,
        findings=findings_of(verdicts),
        template_digest=digest,
        policy_version=policy_version,
        due_time=timestamp(due) if due is not None else None,
    )
    parked: list[Code] = [] if refused else [v.code for v in verdicts if v.effect is Effect.PARK]
    codes = codes_of(verdicts, refused=refused)
    return Outcome(state, codes, ",".join(codes), next(map(str, parked), ""), decision.SerializeToString())


def _decide(tx: Tx, context: Context, asked: Asked, one: Judged, outreach_id: str) -> NewSms:
    """The row of outreach; what it records is told to the transaction."""
    requester, message, bank_id, case_id = asked.requester, one.message, asked.bank_id, asked.case_id
    require_active(requester.caller_id, tx.catalog.deactivated_callers)
    require_among(requester.banks, bank_id)
    account, person, phone, digest = message.account, message.person, message.phone, message.terms.digest
    expires_ms = not_after_ms(asked.window, tx.now_ms, message.terms.policy)
    outcome, due = _outcome(one, asked.window)
    sealed, commitment = b"", ""
    if person is not None and phone is not None:
        key = context.key(person)
        content = orjson.dumps((phone, message.variables), None, orjson.OPT_SORT_KEYS)
        sealed, commitment = key.seal(content), key.commit(content)
    same = (
        tx.time,
        bank_id,
        requester.actor,
        outcome.state,
        outcome.joined_codes,
        digest,
        message.terms.policy_version,
    )
    entry = _entry(*same, bool(commitment))
    values = (commitment, outreach_id, tx.next_entry) if commitment else (outreach_id, tx.next_entry)
    seq = tx.append(entry.fill(*values))
    subject = Subject(bank_id, outreach_id, asked.request_id, requester.caller_id, case_id)
    tx.tell(seq, subject, outcome.state, outcome.codes)
    return NewSms(
        outreach_id,
        requester.caller_id,
        asked.request_id,
        asked.request_hash,
        requester.employee_id,
        requester.team,
        bank_id,
        case_id,
        account.account_id if account is not None else "",
        person.person_id if person is not None else "",
        message.phone_hash,
        mask_phone(phone or ""),
        mask_account(asked.account_number),
        sealed,
        digest,
        outcome.state,
        due,
        outcome.waiting_for,
        asked.window.not_before_ms,
        expires_ms,
        _OUTREACH_ID + outreach_id.encode() + outcome.answer,
        outcome.joined_codes,
        tx.now_ms,
        *known_then(one.facts, person),
    )


@lru_cache(maxsize=256)
def _entry(
    time: str,
    bank_id: str,
    actor: str,
    state: State.ValueType,
    joined_codes: str,
    digest: str,
    policy_version: int,
    committed: bool,
) -> Form:
    """The ledger's entry on messages that come to the same."""
    entry = {
        "time": time,
        "kind": KINDS[state],
        "bank": bank_id,
        "codes": [code for code in joined_codes.split(",") if code],
        "by": actor,
        "policy": policy_version,
        "template": digest,
    }
    kept = {name: value for name, value in entry.items() if value}
    return Form(kept, {"commitment": str, "outreach": str, "seq": int} if committed else {"outreach": str, "seq": int})
