"""Admission: decides requests at the door, once each, and stores what was decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from approval_service.calls import Call, require_bank
from approval_service.catalog import Catalog
from approval_service.context import Context, Message
from approval_service.keys import KeyRing
from approval_service.rules import MINUTE_MS, Effect, Facts, Verdict, due_ms, evaluate
from approval_service.store import accounts as account_store
from approval_service.store import outreach as store
from approval_service.writer import Tx
from outreach.domain import states
from outreach.domain.clocks import milliseconds, timestamp
from outreach.domain.codes import Code
from outreach.domain.errors import Kind, Refusal, invalid
from outreach.domain.ids import new_id
from outreach.domain.masking import mask_account, mask_phone
from outreach.domain.phone import normalize_mobile
from outreach.v1.common_pb2 import Finding
from outreach.v1.outreach_service_pb2 import Channel, Decision, SmsItem

DEFAULT_LIFETIME_MINUTES = 7 * 24 * 60


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


class _Subject(NamedTuple):
    bank_id: str
    outreach_id: str
    request_id: str
    caller_id: str
    case_id: str


def admit(tx: Tx, calls: Sequence[Call[SmsItem]]) -> Sequence[Decision | Exception]:
    """Handler of Admit: the decision per item, or the Refusal that keeps it from being decided."""
    hashes = [_request_hash(tx.keys, call.request) for call in calls]
    answers: list[Decision | Exception | None] = _known_answers(tx.connection, calls, hashes)
    open_calls = [call for call, answer in zip(calls, answers, strict=True) if answer is None]
    context, judged = judge(tx.connection, tx.keys, tx.catalog, tx.now_ms, open_calls)
    verdicts = iter(judged)
    taken: dict[tuple[str, str], tuple[str, Decision]] = {}
    rows: list[dict[str, Any]] = []
    for index, (call, request_hash) in enumerate(zip(calls, hashes, strict=True)):
        if answers[index] is not None:
            continue
        one = next(verdicts)
        key = (call.principal.caller_id, call.request.request_id)
        if key in taken:
            answers[index] = _same_or_conflict(call.request.request_id, *taken[key], request_hash)
            continue
        try:
            row, decision = _decide(tx, context, call, one, request_hash)
        except Refusal as refusal:
            answers[index] = refusal
            continue
        rows.append(row)
        answers[index] = decision
        taken[key] = (request_hash, decision)
    store.insert_many(tx.connection, rows)
    return [answer for answer in answers if answer is not None]


def preflight(
    connection: Connection, keys: KeyRing, catalog: Catalog, now_ms: int, call: Call[SmsItem]
) -> tuple[Context, Judged]:
    """Judges an item as Admit would now. Raises the Refusal that Admit would answer."""
    call.require_bank(call.request.bank_id)
    context, (judged,) = judge(connection, keys, catalog, now_ms, [call])
    _not_after_ms(call.request, judged.facts)
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
            person=_recipient(context, keys, account, item) if account is not None else None,
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


def findings_of(verdicts: Sequence[Verdict]) -> list[Finding]:
    return [Finding(code=v.code, reason=v.reason, field=v.field, waits=v.effect is not Effect.REFUSE) for v in verdicts]


def decision_of(one: Judged, item: SmsItem) -> Decision:
    """The answer to an item, without an id. The due time is unset where it waits for something that has no time."""
    facts = one.facts
    due = None if one.refused or one.parked else due_ms(one.verdicts, facts, _not_before_ms(item))
    return Decision(
        state=states.BLOCKED if one.refused else states.ADMITTED,
        findings=findings_of(one.verdicts),
        template_digest=facts.template.digest if facts.template else "",
        policy_version=facts.policy.version if facts.policy else 0,
        due_time=timestamp(due) if due is not None else None,
    )


def _decide(
    tx: Tx, context: Context, call: Call[SmsItem], one: Judged, request_hash: str
) -> tuple[dict[str, Any], Decision]:
    item, principal = call.request, call.principal
    require_bank(principal, item.bank_id)
    message = one.message
    not_after_ms = _not_after_ms(item, one.facts)
    decision = decision_of(one, item)
    outreach_id = decision.outreach_id = new_id()
    codes = sorted({str(v.code) for v in one.verdicts if (v.effect is Effect.REFUSE) is one.refused})
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
        "not_before_ms": _not_before_ms(item),
        "not_after_ms": not_after_ms,
        "decision": decision.SerializeToString(),
        "codes": ",".join(codes),
        "attempt_id": "",
        "created_ms": tx.now_ms,
    }
    tx.changed(
        _Subject(item.bank_id, outreach_id, item.request_id, principal.caller_id, item.case_id),
        decision.state,
        codes,
        by=call.actor,
        policy=decision.policy_version,
        template=decision.template_digest,
        commitment=commitment,
    )
    return row, decision


def _known_answers(
    connection: Connection, calls: Sequence[Call[SmsItem]], hashes: Sequence[str]
) -> list[Decision | Exception | None]:
    by_caller: dict[str, set[str]] = defaultdict(set)
    for call in calls:
        by_caller[call.principal.caller_id].add(call.request.request_id)
    known = {
        (caller, request_id): row
        for caller, request_ids in by_caller.items()
        for request_id, row in store.by_request(connection, caller, request_ids).items()
    }
    answers: list[Decision | Exception | None] = []
    for call, request_hash in zip(calls, hashes, strict=True):
        row = known.get((call.principal.caller_id, call.request.request_id))
        answers.append(
            None
            if row is None
            else _same_or_conflict(
                call.request.request_id, row.request_hash, Decision.FromString(row.decision), request_hash
            )
        )
    return answers


def _same_or_conflict(request_id: str, known_hash: str, decision: Decision, request_hash: str) -> Decision | Refusal:
    if known_hash == request_hash:
        return decision
    return Refusal(
        Kind.CONFLICT,
        f"request_id {request_id} 已用于另一内容的请求，请换新的编号。It was used for a request with another body;"
        " use a new request_id.",
        field="request_id",
        reason="REQUEST_ID_REUSED",
    )


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
        item.not_before.ToNanoseconds() if item.HasField("not_before") else None,
        item.not_after.ToNanoseconds() if item.HasField("not_after") else None,
    ]
    return keys.hash("request", orjson.dumps(form, option=orjson.OPT_SORT_KEYS).decode())


def _recipient(context: Context, keys: KeyRing, account: Any, item: SmsItem) -> Any | None:
    """The party named by the item: the debtor, or the one with the customer number."""
    if not item.customer_id:
        return context.persons.get(account.debtor_id)
    wanted = keys.hash("customer", item.customer_id)
    people = (context.persons[person_id] for person_id in context.roles(account.account_id))
    return next((person for person in people if person.customer_hash == wanted), None)


def _not_before_ms(item: SmsItem) -> int:
    return item.not_before.ToMilliseconds() if item.HasField("not_before") else 0


def _not_after_ms(item: SmsItem, facts: Facts) -> int:
    minutes = facts.policy.policy.request_lifetime_minutes if facts.policy else DEFAULT_LIFETIME_MINUTES
    limit = facts.now_ms + minutes * MINUTE_MS
    not_after: int = item.not_after.ToMilliseconds() if item.HasField("not_after") else limit
    if not_after <= facts.now_ms:
        raise invalid("not_after", "已经过去，请给出将来的时间。It has passed; give a time to come.")
    if not_after > limit:
        raise invalid("not_after", f"超过规则允许的最长等待（{minutes} 分钟）。It exceeds the policy's longest wait.")
    if not_after <= _not_before_ms(item):
        raise invalid(
            "not_before", "不早于失效时间，永远不会发出。It is not before the request expires: it would never leave."
        )
    return not_after
