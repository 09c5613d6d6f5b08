"""Leases: the permits. The rules run again for each message that is due, at the moment it may leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy.exc import SQLAlchemyError

from approval_service.context import Context, Message
from approval_service.moves import Moves
from approval_service.rules import SEND_WITHIN_MS, Effect, Facts, Verdict, due_ms, evaluate
from approval_service.store import accounts as account_store
from approval_service.store import outreach as store
from approval_service.store import stops as stop_store
from approval_service.store.outreach import NewAttempt
from approval_service.writer import Tx
from outreach.domain import states
from outreach.domain.ids import new_id
from outreach.v1.policy_service_pb2 import CarrierChoice
from outreach.v1.worker_service_pb2 import LeaseRequest, LeaseResponse, Permit, PermitValue

REPORT_WITHIN_MS = 40_000
"""Send-before, plus the longest carrier timeout (30 s), plus a margin for the report itself."""
FEED_PROOF_MS = 60_000
IDLE_MS = 1_000
MAX_PASSES = 4


@dataclass(slots=True)
class _Grant:
    """The permits of one lease, as they are gathered, and their attempts not yet written."""

    request: LeaseRequest
    permits: list[Permit] = field(default_factory=list)
    attempts: list[NewAttempt] = field(default_factory=list)

    @property
    def room(self) -> int:
        return self.request.max_permits - len(self.permits)


def lease(tx: Tx, requests: Sequence[LeaseRequest]) -> Sequence[LeaseResponse | Exception]:
    """Handler of Lease. The same lease id gets the same permits, so that a lost answer leaves nothing unknown."""
    if tx.wall_clock_jumped:
        return [stopped() for _ in requests]
    return [_lease_again(tx, request) or _lease_new(tx, request) for request in requests]


def stopped() -> LeaseResponse:
    """The answer while no permits are given to anybody."""
    return LeaseResponse(retry_after_ms=IDLE_MS)


def _lease_again(tx: Tx, request: LeaseRequest) -> LeaseResponse | None:
    known = store.attempts_of_lease(tx.connection, request.lease_id)
    if not known:
        return None
    persons = account_store.persons_by_id(tx.connection, {row.person_id for row in known})
    return LeaseResponse(
        permits=[
            Permit.FromString(tx.keys.person(persons[row.person_id].wrapped_key).unseal(row.permit_sealed))
            for row in known
            if row.state == states.RELEASED
        ]
    )


def _lease_new(tx: Tx, request: LeaseRequest) -> LeaseResponse:
    grant = _Grant(request)
    carriers = _carriers(tx, request)
    due = store.Due(tuple(carriers), tx.now_ms, _unfiled(tx, carriers))
    for _ in range(MAX_PASSES):
        rows = store.due(tx.connection, due, grant.room) if grant.room and carriers else []
        if not rows:
            break
        _judge_rows(tx, rows, grant, carriers)
    return LeaseResponse(permits=grant.permits, retry_after_ms=_retry_after_ms(tx, grant, due))


def _carriers(tx: Tx, request: LeaseRequest) -> dict[str, CarrierChoice]:
    """The carrier of each bank that may send now: its feed is proven within the last minute, and the first of its
    carriers that is not down is one the worker asks for."""
    chosen = {}
    for bank_id, feed in stop_store.feeds(tx.connection).items():
        policy = tx.catalog.policy_at(bank_id, tx.now_ms)
        if policy is None or tx.real_ms - feed.proven_real_ms > FEED_PROOF_MS:
            continue
        up = [one for one in policy.policy.carriers if one.carrier_id not in request.down_carrier_ids]
        if up and up[0].carrier_id in request.carrier_ids:
            chosen[bank_id] = up[0]
    return chosen


def _unfiled(tx: Tx, carriers: Mapping[str, CarrierChoice]) -> tuple[str, ...]:
    """Versions that wait for their bank's first carrier: the one that stands in for it has no usable copy of them."""
    unfiled = []
    for template in tx.catalog.templates.values():
        bank_id = template.content.bank_id
        policy, carrier = tx.catalog.policy_at(bank_id, tx.now_ms), carriers.get(bank_id)
        if policy is None or carrier is None or carrier == policy.policy.carriers[0]:
            continue
        if tx.catalog.filing_problem(template, carrier):
            unfiled.append(template.digest)
    return tuple(unfiled)


def _retry_after_ms(tx: Tx, grant: _Grant, wanted: store.Due) -> int:
    if not grant.room:
        return 0
    due = store.next_due_ms(tx.connection, wanted)
    if due is None or tx.clock.rate == 0:
        return IDLE_MS
    return max(1, min(IDLE_MS, int((due - tx.now_ms) / tx.clock.rate)))


def _judge_rows(tx: Tx, rows: Sequence[Any], grant: _Grant, carriers: Mapping[str, CarrierChoice]) -> None:
    accounts = account_store.accounts_by_id(tx.connection, {row.account_id for row in rows})
    phones, recipients = {row.phone_hash for row in rows}, {row.person_id for row in rows}
    context = Context(tx.connection, tx.keys, tx.catalog, tx.now_ms, accounts.values(), phones, recipients, carriers)
    moves = Moves(tx)
    for row in rows:
        given = len(grant.permits), len(grant.attempts)
        try:
            _judge(tx, moves, context, row, grant)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001  # it must not stop every lease that reaches it
            del grant.permits[given[0] :], grant.attempts[given[1] :]
            moves.set_aside(row, error)
    moves.write()
    store.insert_attempts(tx.connection, grant.attempts)
    grant.attempts.clear()


def _judge(tx: Tx, moves: Moves, context: Context, row: Any, grant: _Grant) -> None:
    message = _message(context, row)
    facts = context.facts(message, at_permit=True)
    verdicts = evaluate(facts)
    if verdicts:
        _hold_back(tx, moves, row, facts, verdicts)
    else:
        _release(tx, moves, context, row, message, facts, grant)


def _message(context: Context, row: Any) -> Message:
    person = context.persons[row.person_id]
    phone, variables = orjson.loads(context.key(person).unseal(row.request_sealed))
    return Message(
        bank_id=row.bank_id,
        account=context.accounts[row.account_id],
        person=person,
        phone=phone,
        phone_hash=row.phone_hash,
        terms=context.terms_of_version(row.bank_id, row.template_digest),
        pinned_digest="",
        variables=variables,
        employee_active=(row.caller_id, row.employee_id) in context.catalog.employees,
    )


def _hold_back(tx: Tx, moves: Moves, row: Any, facts: Facts, verdicts: Sequence[Verdict]) -> None:
    """Refused at the permit: cancelled with its codes, or waiting for a time, or for what the code names."""
    refused = [v for v in verdicts if v.effect is Effect.REFUSE]
    if refused:
        codes = sorted({str(v.code) for v in refused})
        moves.outreach(row, states.CANCELLED, codes=codes, cause=codes[0], policy=row_policy(facts))
        return
    codes = sorted({str(v.code) for v in verdicts})
    parked = next((v for v in verdicts if v.effect is Effect.PARK), None)
    if parked is not None:
        moves.wait(row, codes, None, parked.code)
    else:
        moves.wait(row, codes, due_ms(verdicts, facts, tx.now_ms), "")


def row_policy(facts: Facts) -> int:
    return facts.policy.version if facts.policy else 0


def _release(tx: Tx, moves: Moves, context: Context, row: Any, message: Message, facts: Facts, grant: _Grant) -> None:
    person, policy = context.persons[row.person_id], message.terms.policy_version
    permit = _permit(tx, context, row, message, facts)
    key = context.key(person)
    body = permit.SerializeToString()
    grant.permits.append(permit)
    grant.attempts.append(
        NewAttempt(
            permit.attempt_id,
            row.outreach_id,
            grant.request.lease_id,
            grant.request.worker_id,
            row.bank_id,
            row.person_id,
            person.identity,
            row.phone_hash,
            permit.carrier_id,
            tx.now_ms,
            tx.real_ms,
            tx.real_ms + REPORT_WITHIN_MS,
            permit.template_digest,
            policy,
            permit.balance_sequence,
            key.seal(body),
        )
    )
    context.add_send(permit.attempt_id, person.identity, row.phone_hash, row.bank_id, tx.now_ms)
    moves.outreach(
        row,
        states.RELEASED,
        attempt_id=permit.attempt_id,
        policy=policy,
        template=permit.template_digest,
        carrier=permit.carrier_id,
        balance_sequence=permit.balance_sequence,
        commitment=key.commit(body),
    )


def _permit(tx: Tx, context: Context, row: Any, message: Message, facts: Facts) -> Permit:
    template, policy, account = facts.template, facts.policy, facts.account
    if template is None or policy is None or account is None or message.phone is None:
        raise RuntimeError("the rules let a message pass without template, policy, account or number")
    carrier = context.carrier(policy)
    # Only a copy that TEMPLATE_NOT_FILED has compared may stand for the text.
    copy = tx.catalog.filings.get((template.digest, carrier.carrier_id)) if carrier.renders_registered_copy else None
    texts: Mapping[str, str] = {**message.variables, **context.record_texts(message)}
    return Permit(
        attempt_id=new_id(),
        outreach_id=row.outreach_id,
        bank_id=row.bank_id,
        carrier_id=carrier.carrier_id,
        phone_number=message.phone,
        signature=template.content.signature,
        template_digest=template.digest,
        template_text=template.content.text,
        carrier_template_code=copy.template_code if copy else "",
        values=[PermitValue(name=name, text=texts[name]) for name in message.terms.names],
        balance_sequence=account.sequence,
        send_within_ms=SEND_WITHIN_MS,
        report_within_ms=REPORT_WITHIN_MS,
    )
