"""Admission of letters: decides requests at the door, once each, and stores what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from approval_service import quantities
from approval_service.calls import Call, require_bank
from approval_service.catalog import Catalog, CatalogCache
from approval_service.doors import door
from approval_service.keys import KeyRing
from approval_service.letter_context import Letter, LetterContent, LetterContext
from approval_service.letter_rules import LetterFacts, due_ms, evaluate
from approval_service.requests import (
    Answers,
    Subject,
    codes_of,
    findings_of,
    known_then,
    not_after_ms,
    recipient,
    version_of,
    window,
)
from approval_service.rules import Effect, Verdict
from approval_service.store import accounts as account_store
from approval_service.store import outreach as store
from approval_service.store.head import read_catalog_version, read_clock
from approval_service.store.quantities import Team
from approval_service.writer import Tx
from outreach.domain import states
from outreach.domain.callers import require_active
from outreach.domain.clocks import milliseconds, timestamp
from outreach.domain.codes import Code
from outreach.domain.errors import Refusal
from outreach.domain.ids import new_id
from outreach.domain.masking import mask_account
from outreach.v1.common_pb2 import Principal
from outreach.v1.outreach_service_pb2 import Channel, Decision, LetterItem, PreflightLetterResponse


class Judged(NamedTuple):
    """A letter, what is known of it, and every rule's verdict."""

    letter: Letter
    facts: LetterFacts
    verdicts: list[Verdict]
    expires_ms: int

    @property
    def refused(self) -> bool:
        return any(verdict.effect is Effect.REFUSE for verdict in self.verdicts)

    @property
    def parked(self) -> list[Code]:
        """The codes it waits for without a time."""
        return [] if self.refused else [v.code for v in self.verdicts if v.effect is Effect.PARK]


def admit(tx: Tx, calls: Sequence[Call[LetterItem]]) -> Sequence[bytes | Exception]:
    """Handler of AdmitLetters: the serialized Decision per letter, or the Refusal that keeps it from being decided."""
    hashes = [_request_hash(tx.keys, call.request) for call in calls]
    answers = Answers(tx.connection, [(call.principal.caller_id, call.request.request_id) for call in calls], hashes)
    judging = _Judging(tx.connection, tx.keys, tx.catalog, tx.now_ms, [calls[index] for index in answers.open])
    rows: list[dict[str, Any]] = []
    for index in answers.open:
        try:
            require_active(calls[index].principal.caller_id, tx.catalog.deactivated_callers)
            one = judging.judge(calls[index])
        except Refusal as refusal:
            answers.put(index, refusal)
            continue
        row = _decide(tx, judging.context, calls[index], one, hashes[index])
        rows.append(row)
        answers.put(index, row["decision"])
    taken = quantities.take(tx, [row for row in rows if row["state"] == states.ADMITTED])
    for row in rows:
        row["quantity_id"] = taken.get(row["outreach_id"], "")
    store.insert_many(tx.connection, rows)
    return answers.all()


def preflight(
    connection: Connection, keys: KeyRing, catalogs: CatalogCache, call: Call[LetterItem]
) -> PreflightLetterResponse:
    """Read of PreflightLetter: the decision as of now. Stores nothing. Raises the Refusal that AdmitLetters answers."""
    now_ms, catalog = read_clock(connection).now_ms(), catalogs.at(connection, read_catalog_version(connection))
    one = _Judging(connection, keys, catalog, now_ms, [call]).judge(call)
    return PreflightLetterResponse(decision=_decision_of(one, call.request))


class _Judging:
    """Judges a group of letters in turn; each that is admitted takes one of its team's places."""

    def __init__(
        self,
        connection: Connection,
        keys: KeyRing,
        catalog: Catalog,
        now_ms: int,
        calls: Sequence[Call[LetterItem]],
    ) -> None:
        self._connection = connection
        self._keys = keys
        items = [call.request for call in calls]
        self._doors = {item.address: door(keys, item.address) for item in items}
        self._accounts = account_store.accounts_by_number(connection, {self._number(item) for item in items})
        hashes = [one.hash for one in self._doors.values()]
        self.context = LetterContext(connection, keys, catalog, now_ms, self._accounts.values(), hashes)
        self._places: dict[Team, int] = {}

    def judge(self, call: Call[LetterItem]) -> Judged:
        """Raises the Refusal that keeps a letter from being decided."""
        require_bank(call.principal, call.request.bank_id)
        policy = self.context.policy(call.request.bank_id)
        expires_ms = not_after_ms(window(call.request), self.context.now_ms, policy)
        team = Team(call.request.bank_id, call.request.letter_name, _team(self.context.catalog, call.principal))
        letter = self._letter(call, has_quantity=self._left(team) > 0)
        facts = self.context.facts(letter, at_permit=False)
        judged = Judged(letter, facts, evaluate(facts), expires_ms)
        if letter.has_quantity and not judged.refused:
            self._places[team] -= 1
        return judged

    def _left(self, team: Team) -> int:
        if team not in self._places:
            self._places[team] = quantities.free_places(self._connection, team, self.context.now_ms)
        return self._places[team]

    def _number(self, item: LetterItem) -> tuple[str, str]:
        return item.bank_id, self._keys.hash("account", item.account_number)

    def _letter(self, call: Call[LetterItem], *, has_quantity: bool) -> Letter:
        item, principal, context = call.request, call.principal, self.context
        account = self._accounts.get(self._number(item))
        return Letter(
            outreach_id="",
            bank_id=item.bank_id,
            account=account,
            person=recipient(context, self._keys, account, item.customer_id),
            door=self._doors[item.address],
            content=_content(item),
            version=context.catalog.letter_version_at(item.bank_id, item.letter_name, context.now_ms),
            pinned_digest=item.version_digest,
            employee_active=(principal.caller_id, principal.employee_id) in context.catalog.employees,
            has_quantity=has_quantity,
            care_released=False,
        )


def _team(catalog: Catalog, principal: Principal) -> str:
    """The clerk's, as registered and not as the token says: quantities are granted to it."""
    return catalog.employees.get((principal.caller_id, principal.employee_id), "")


def _content(item: LetterItem) -> LetterContent:
    call = item.prior_call
    return LetterContent(
        address=item.address,
        postcode=item.postcode,
        variables=dict(item.variables),
        call_ms=call.call_time.ToMilliseconds() if item.HasField("prior_call") else 0,
        call_outcome=call.outcome,
        recording_reference=call.recording_reference,
        address_evidence=item.address_evidence,
    )


def _decision_of(one: Judged, item: LetterItem) -> Decision:
    """The answer to a letter, without an id. The due time is unset where it waits for something that has no time."""
    facts = one.facts
    due = None if one.refused or one.parked else due_ms(one.verdicts, facts.now_ms, window(item).not_before_ms)
    return Decision(
        state=_state_of(one),
        findings=findings_of(one.verdicts),
        template_digest=facts.version.digest if facts.version else "",
        policy_version=version_of(facts),
        due_time=timestamp(due) if due is not None else None,
    )


def _state_of(one: Judged) -> Any:
    if one.refused:
        return states.BLOCKED
    return states.ADMITTED if one.letter.has_quantity else states.AWAITING_QUANTITY


def _waiting_for(one: Judged) -> str:
    """What awaits a quantity is judged anew once it has one, so it waits for nothing else by name."""
    parked = one.parked
    return str(Code.QUANTITY_NOT_APPROVED) if Code.QUANTITY_NOT_APPROVED in parked else next(map(str, parked), "")


def _decide(tx: Tx, context: LetterContext, call: Call[LetterItem], one: Judged, request_hash: str) -> dict[str, Any]:
    item, principal, letter = call.request, call.principal, one.letter
    decision = _decision_of(one, item)
    outreach_id = decision.outreach_id = new_id()
    codes = codes_of(one.verdicts, refused=one.refused)
    sealed, commitment = b"", ""
    if letter.person is not None:
        key, content = context.key(letter.person), letter.content.dump()
        sealed, commitment = key.seal(content), key.commit(content)
    row = {
        "outreach_id": outreach_id,
        "channel": Channel.CHANNEL_LETTER,
        "caller_id": principal.caller_id,
        "request_id": item.request_id,
        "request_hash": request_hash,
        "employee_id": principal.employee_id,
        "team": _team(context.catalog, principal),
        "bank_id": item.bank_id,
        "case_id": item.case_id,
        "account_id": letter.account.account_id if letter.account is not None else "",
        "person_id": letter.person.person_id if letter.person is not None else "",
        "phone_hash": "",
        "masked_phone": "",
        "masked_account": mask_account(item.account_number),
        "address_hash": letter.door.hash,
        "masked_address": letter.door.masked,
        "postal_class": item.postal_class,
        "letter_name": item.letter_name,
        "quantity_id": "",
        "care_released": False,
        "request_sealed": sealed,
        "template_digest": decision.template_digest,
        "state": decision.state,
        "due_ms": milliseconds(decision.due_time) if decision.HasField("due_time") else None,
        "waiting_for": _waiting_for(one),
        "cause": "",
        "not_before_ms": window(item).not_before_ms,
        "not_after_ms": one.expires_ms,
        "decision": decision.SerializeToString(),
        "codes": ",".join(codes),
        "attempt_id": "",
        "created_ms": tx.now_ms,
        **known_then(one.facts, letter.person)._asdict(),
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
    return row


def _request_hash(keys: KeyRing, item: LetterItem) -> str:
    """Of our own canonical form: protobuf bytes are not canonical."""
    form = [
        "letter",
        item.bank_id,
        item.account_number,
        item.customer_id,
        item.letter_name,
        item.version_digest,
        *_content(item),
        item.postal_class,
        item.case_id,
        *window(item).form,
    ]
    return keys.hash("request", orjson.dumps(form, option=orjson.OPT_SORT_KEYS).decode())
