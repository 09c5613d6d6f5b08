"""Reads past requests in groups that may count against one another, with a fixed number of queries for a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection

from approval_service.catalog import Catalog
from approval_service.keys import KeyRing
from approval_service.letter_context import LetterContent
from approval_service.rules import LONGEST_GAP_MS
from approval_service.simulation.history import History, LetterHistory, Send, SmsHistory
from approval_service.simulation.judging import Judging
from approval_service.simulation.past import Content, Detour, Mark, Past, Version
from approval_service.store import catalog as catalog_store
from approval_service.store import simulation as store
from approval_service.store.simulation import Period
from outreach.domain import states
from outreach.domain.clocks import milliseconds
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.outreach_service_pb2 import Channel, Decision
from outreach.v1.policy_service_pb2 import PolicyVersion
from outreach.v1.template_service_pb2 import Template, TemplateState

SUBJECTS = 500
"""People or accounts whose requests are read together."""
SHARED_BY = 50
"""A number that more people were written to at does not make one group of them: each counts the others' real SMS."""
_ONCE_APPROVED = (
    TemplateState.TEMPLATE_STATE_APPROVED,
    TemplateState.TEMPLATE_STATE_SUSPENDED,
    TemplateState.TEMPLATE_STATE_RETIRED,
)


class Group(NamedTuple):
    """Requests that may count against one another, and what else counts against them."""

    pasts: list[Past]
    history: History


class Batch(NamedTuple):
    """The groups of some subjects, and after which subject to go on; empty at the end."""

    groups: list[Group]
    next_id: str


class Archive:
    """What the requests of a period refer to: the bank's policies, templates and letter versions."""

    def __init__(self, connection: Connection, keys: KeyRing, catalog: Catalog, period: Period) -> None:
        self.period = period
        self.keys = keys
        self.policies = {version: policy for _, version, policy in catalog.policies.get(period.bank_id, ())}
        self._catalog = catalog
        self.templates = _versions(connection, catalog_store.template, Template, period.bank_id)
        self.letter_versions = _versions(connection, catalog_store.letter_version, LetterVersion, period.bank_id)

    def policy_at(self, time_ms: int) -> PolicyVersion | None:
        """The bank's policy in force at a business time."""
        return self._catalog.policy_at(self.period.bank_id, time_ms)


def _versions(connection: Connection, table: Any, message: Any, bank_id: str) -> dict[str, Version]:
    found = {}
    for row in catalog_store.all_versions(connection, table, _ONCE_APPROVED):
        if row.bank_id == bank_id and row.approved_ms is not None:
            version = message.FromString(row.body)
            version.state = TemplateState.TEMPLATE_STATE_APPROVED
            placeholders = version.content.placeholders if message is Template else version.placeholders
            found[row.digest] = Version(version, list(placeholders), row.approved_ms)
    return found


def read_sms(connection: Connection, archive: Archive, judging: Judging[Any], after_id: str) -> Batch:
    """The groups whose first person is among the next ones."""
    page = store.people_after(connection, after_id, SUBJECTS)
    next_id = page[-1].person_id if len(page) == SUBJECTS else ""
    own = [one.person_id for one in page if one.bank_id == archive.period.bank_id]
    people, rows, links = _reach(connection, archive.period, own)
    # A group is read with its first person; whoever comes later has been looked at with that one.
    firsts = {person_id: min(group) for group in _joined(people, links) for person_id in group}
    wanted = set(own)
    rows = [row for row in rows if firsts[row.person_id] in wanted]
    pasts = _pasts_of_sms(connection, archive, judging, people, rows)
    simulated = {row.outreach_id for row in rows}
    identities, hashes = {people[row.person_id].identity for row in rows}, {row.phone_hash for row in rows}
    sent = store.sent_to(connection, identities, hashes, archive.period.start_ms - LONGEST_GAP_MS)
    by_first: dict[str, list[Past]] = defaultdict(list)
    for row, past in zip(rows, pasts, strict=True):
        by_first[firsts[row.person_id]].append(past)
    real = [one for one in sent if one.outreach_id not in simulated]
    return Batch([Group(group, _sms_history(archive, group, real)) for group in by_first.values()], next_id)


_Links = Mapping[str, set[str]]


def _reach(
    connection: Connection, period: Period, person_ids: Collection[str]
) -> tuple[dict[str, Any], list[Any], list[set[str]]]:
    """These people and all that they share a number or an identity with, their SMS, and who shares something."""
    people: dict[str, Any] = {}
    rows: list[Any] = []
    links: list[set[str]] = []
    new = set(person_ids)
    while new:
        people |= store.people(connection, new)
        more = store.sms_of(connection, period, new)
        rows += more
        shared = [*store.sharers(connection, period, {row.phone_hash for row in more if row.phone_hash}).values()]
        shared += store.namesakes(connection, period.bank_id, {people[one].identity for one in new}).values()
        found = [group for group in shared if 1 < len(group) <= SHARED_BY]
        links += found
        new = {one for group in found for one in group if one and one not in people}
    return people, rows, links


def _joined(people: Iterable[str], links: Sequence[set[str]]) -> Iterable[set[str]]:
    """People in groups of those that are linked, over whomever."""
    group_of = {person_id: {person_id} for person_id in people}
    for link in links:
        merged: set[str] = set().union(*(group_of[one] for one in link if one in group_of))
        for person_id in merged:
            group_of[person_id] = merged
    return {id(group): group for group in group_of.values()}.values()


def _pasts_of_sms(
    connection: Connection, archive: Archive, judging: Judging[Any], people: Mapping[str, Any], rows: Sequence[Any]
) -> list[Past]:
    attempts: dict[str, list[Any]] = defaultdict(list)
    for one in store.attempts_of(connection, {row.outreach_id for row in rows}):
        attempts[one.outreach_id].append(one)
    detours = _detours(connection, rows)
    pasts = []
    for row in rows:
        person, tried = people[row.person_id], attempts.get(row.outreach_id, [])
        past = _past(row, archive, archive.templates, detours)
        past.identity, past.phone_hash = person.identity, row.phone_hash
        left = [one.released_ms for one in tried if one.may_have_left]
        # What a carrier refused did not leave, and yet the rules had let it through.
        let_go = left or [one.released_ms for one in tried if row.state not in _HANDED_BACK]
        past.left_ms, past.counts = min(let_go, default=None), bool(left) or not let_go
        if judging.needs_content(past):
            past.content = _sms_content(archive.keys, person, row)
        pasts.append(past)
    return pasts


_HANDED_BACK = (states.ADMITTED, states.CANCELLED, states.EXPIRED, states.BLOCKED)


def _sms_history(archive: Archive, group: Sequence[Past], real: Iterable[Any]) -> SmsHistory:
    identities, hashes = {past.identity for past in group}, {past.phone_hash for past in group}
    return SmsHistory(
        Send(one.attempt_id, one.identity, one.phone_hash, one.bank_id == archive.period.bank_id, one.released_ms)
        for one in real
        if one.identity in identities or one.phone_hash in hashes
    )


def read_letters(connection: Connection, archive: Archive, judging: Judging[Any], after_id: str) -> Batch:
    """The groups of the next accounts: the letters about each."""
    page = store.accounts_after(connection, after_id, SUBJECTS)
    next_id = page[-1].account_id if len(page) == SUBJECTS else ""
    own = [one.account_id for one in page if one.bank_id == archive.period.bank_id]
    rows = store.letters_of(connection, archive.period, own)
    printed: dict[str, list[Any]] = defaultdict(list)
    for one in store.letters_about(connection, {row.account_id for row in rows}):
        printed[one.account_id].append(one)
    pasts = _pasts_of_letters(connection, archive, judging, rows, printed)
    by_account: dict[str, list[Past]] = defaultdict(list)
    for row, past in zip(rows, pasts, strict=True):
        by_account[row.account_id].append(past)
    simulated = {row.outreach_id for row in rows}
    return Batch(
        [
            Group(
                group,
                LetterHistory(
                    (one.outreach_id, one.released_ms, one.mailed_ms)
                    for one in printed[account_id]
                    if one.outreach_id not in simulated and (one.mailed_ms or one.state in store.IN_PRINT)
                ),
            )
            for account_id, group in by_account.items()
        ],
        next_id,
    )


def _pasts_of_letters(
    connection: Connection,
    archive: Archive,
    judging: Judging[Any],
    rows: Sequence[Any],
    printed: Mapping[str, Sequence[Any]],
) -> list[Past]:
    detours, people = _detours(connection, rows), store.people(connection, {row.person_id for row in rows})
    numbers = {one.letter_number: one for letters in printed.values() for one in letters}
    pasts = []
    for row in rows:
        past = _past(row, archive, archive.letter_versions, detours)
        letter = numbers.get(row.attempt_id)
        if letter is not None and row.state not in (*_HANDED_BACK, states.TO_PULL, states.PULLED):
            past.left_ms, past.mailed_ms = letter.released_ms, letter.mailed_ms
            past.printed_fen = letter.overdue_fen
        if judging.needs_content(past):
            past.content = _letter_content(archive.keys, people.get(row.person_id), row)
        pasts.append(past)
    if judging.looks_at_marks:
        _look_at_marks(connection, archive, rows, pasts)
    return pasts


def _detours(connection: Connection, rows: Sequence[Any]) -> dict[str, list[Detour]]:
    found: dict[str, list[Detour]] = defaultdict(list)
    for one in store.detours(connection, {row.outreach_id for row in rows}):
        found[one.outreach_id].append(Detour(one.time_ms, one.state, _codes(one.codes), one.due_ms))
    return found


def _codes(written: str) -> tuple[str, ...]:
    return tuple(written.split(",")) if written else ()


def _past(row: Any, archive: Archive, versions: Mapping[str, Version], detours: Mapping[str, list[Detour]]) -> Past:
    decision = Decision.FromString(row.decision)
    then: PolicyVersion | None = archive.policies.get(decision.policy_version)
    return Past(
        outreach_id=row.outreach_id,
        channel=Channel.ValueType(row.channel),
        created_ms=row.created_ms,
        not_before_ms=row.not_before_ms,
        not_after_ms=row.not_after_ms,
        state=row.state,
        codes=_codes(row.codes),
        findings=list(decision.findings),
        due_ms=milliseconds(decision.due_time) if decision.HasField("due_time") else None,
        then=then,
        account_known=bool(row.account_id),
        version=versions.get(row.template_digest),
        amounts_ms=row.amounts_ms,
        overdue_fen=row.overdue_fen,
        agreed_to_quiet_hours=row.agreed_to_quiet_hours,
        detours=detours.get(row.outreach_id, ()),
        left_ms=None,
    )


def _unsealed(keys: KeyRing, person: Any | None, row: Any) -> bytes | None:
    """What the caller gave; None if the person's key is gone."""
    if person is None or not row.request_sealed:
        return None
    try:
        return keys.person(person.wrapped_key).unseal(row.request_sealed)
    except (InvalidTag, ValueError):
        return None


def _sms_content(keys: KeyRing, person: Any, row: Any) -> Content | None:
    sealed = _unsealed(keys, person, row)
    return Content(orjson.loads(sealed)[1]) if sealed is not None else None


def _letter_content(keys: KeyRing, person: Any | None, row: Any) -> Content | None:
    sealed = _unsealed(keys, person, row)
    if sealed is None:
        return None
    given = LetterContent.load(sealed)
    return Content(given.variables, given.call_ms, given.call_outcome)


def _look_at_marks(connection: Connection, archive: Archive, rows: Sequence[Any], pasts: Sequence[Past]) -> None:
    """Sets what was known of each letter's address when it was asked for."""
    hashes = {row.address_hash for row in rows}
    closed = store.bad_addresses(connection, hashes)
    returned = store.returned(connection, archive.period.bank_id, hashes)
    reasons = {one.letter_number: one.return_reason for one in returned}
    marks: dict[str, list[tuple[Any, int]]] = defaultdict(list)
    for mark in closed:
        # A return notes the letter's number as its evidence.
        number = archive.keys.unseal_note(mark.evidence_sealed)
        marks[mark.address_hash].append((mark, reasons.get(number, 0)))
    exempted: dict[tuple[str, str], set[int]] = defaultdict(set)
    for one in returned:
        if not one.address_closed:
            exempted[one.address_hash, one.person_id].add(one.return_reason)
    for row, past in zip(rows, pasts, strict=True):
        past.marks = [
            Mark(mark.reason, not mark.person_id, reason)
            for mark, reason in marks.get(row.address_hash, ())
            if mark.set_ms <= row.created_ms and mark.person_id in ("", row.person_id)
        ]
        past.exempted_returns = frozenset(exempted.get((row.address_hash, row.person_id), ()))
