"""Reads past requests in groups that may count against one another, with a fixed number of queries for a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection

from approval_service.catalog import Catalog
from approval_service.keys import KeyRing
from approval_service.letter_context import LetterContent
from approval_service.rules import LONGEST_GAP_MS
from approval_service.simulation.history import History, LetterHistory, Send, SmsHistory
from approval_service.simulation.judging import Judging
from approval_service.simulation.past import END_MS, Become, Content, Detour, Mark, Past, Version
from approval_service.simulation.replay import Replay
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
REQUESTS = 5_000
"""How many of their SMS at once."""
SHARED_BY = 50
"""A number that more people were written to at does not make one group of them: each counts the others' real SMS."""
_ONCE_APPROVED = (
    TemplateState.TEMPLATE_STATE_APPROVED,
    TemplateState.TEMPLATE_STATE_SUSPENDED,
    TemplateState.TEMPLATE_STATE_RETIRED,
)


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


Outcomes = list[tuple[Past, Become]]


class Reader(ABC):
    """Reads the requests of one channel and lives through them, a batch at each step."""

    def __init__(self, archive: Archive, judging: Judging[Any]) -> None:
        self._archive = archive
        self._judging = judging
        self._after_id = ""
        self.finished = False

    @abstractmethod
    def step(self, connection: Connection) -> Outcomes:
        """Requests whose outcome is known now."""

    def _turn(self, page: Sequence[str]) -> None:
        """Goes on after a page of subjects."""
        self.finished = len(page) < SUBJECTS
        self._after_id = page[-1] if page else ""

    def _replay(self, history: History) -> Replay:
        return Replay(self._judging, history, self._archive.period.end_ms)


@dataclass(slots=True)
class _Scene:
    """Some people whose SMS are being read, in the order of time."""

    page: Sequence[str]
    people: Mapping[str, Any]
    firsts: Mapping[str, str]
    """By person: the smallest id of the group."""
    replays: dict[str, Replay]
    """By that id."""
    after: tuple[int, str] = (0, "")


class SmsReader(Reader):
    """By people: those who share a number or an identity together, each group with its first one."""

    _scene: _Scene | None = None

    def step(self, connection: Connection) -> Outcomes:
        scene = self._scene = self._scene or self._next_scene(connection)
        rows = store.sms_of(connection, self._archive.period, scene.firsts, scene.after, REQUESTS)
        for row, past in zip(rows, self._pasts(connection, scene.people, rows), strict=True):
            scene.replays[scene.firsts[row.person_id]].add(past)
        until_ms = END_MS
        if len(rows) == REQUESTS:
            scene.after = until_ms, _ = rows[-1].created_ms, rows[-1].outreach_id
        else:
            self._scene = None
            self._turn(scene.page)
        return [one for replay in scene.replays.values() for one in replay.run(until_ms)]

    def _next_scene(self, connection: Connection) -> _Scene:
        period = self._archive.period
        page = store.people_after(connection, self._after_id, SUBJECTS)
        own = {one.person_id for one in page if one.bank_id == period.bank_id}
        people, numbers, links = _reach(connection, period, own)
        # A group is read with its first person; whoever comes later has been looked at with that one.
        groups = [group for group in _joined(people, links) if min(group) in own]
        firsts = {person_id: min(group) for group in groups for person_id in group}
        identities = {people[person_id].identity for person_id in firsts}
        hashes = set().union(*(numbers.get(person_id, ()) for person_id in firsts))
        since_ms = period.start_ms - LONGEST_GAP_MS
        sent = store.sent_before(connection, period, identities, hashes, since_ms) if firsts else []
        replays = {}
        for group in groups:
            theirs = {people[one].identity for one in group}, set().union(*(numbers.get(one, ()) for one in group))
            replays[min(group)] = self._replay(SmsHistory(_sends(period, sent, *theirs)))
        return _Scene([one.person_id for one in page], people, firsts, replays)

    def _pasts(self, connection: Connection, people: Mapping[str, Any], rows: Sequence[Any]) -> Iterator[Past]:
        archive, detours = self._archive, _detours(connection, rows)
        attempts: dict[str, list[Any]] = defaultdict(list)
        for one in store.attempts_of(connection, {row.outreach_id for row in rows}):
            attempts[one.outreach_id].append(one)
        for row in rows:
            person, tried = people[row.person_id], attempts.get(row.outreach_id, [])
            past = _past(row, archive, archive.templates, detours)
            past.identity, past.phone_hash = person.identity, row.phone_hash
            left = [one.released_ms for one in tried if one.may_have_left]
            # What a carrier refused did not leave, and yet the rules had let it through.
            let_go = left or [one.released_ms for one in tried if row.state not in _HANDED_BACK]
            past.left_ms, past.counts = min(let_go, default=None), bool(left) or not let_go
            if self._judging.needs_content(past):
                past.content = _sms_content(archive.keys, person, row)
            yield past


_HANDED_BACK = (states.ADMITTED, states.CANCELLED, states.EXPIRED, states.BLOCKED)


def _reach(
    connection: Connection, period: Period, person_ids: Collection[str]
) -> tuple[dict[str, Any], dict[str, set[str]], list[set[str]]]:
    """These people and all that they share a number or an identity with, their numbers, and who shares something."""
    people: dict[str, Any] = {}
    numbers: dict[str, set[str]] = {}
    links: list[set[str]] = []
    new = set(person_ids)
    while new:
        people |= store.people(connection, new)
        more = store.numbers_of(connection, period, new)
        numbers |= more
        hashes = {one for theirs in more.values() for one in theirs if one}
        shared = [*store.sharers(connection, period, hashes).values()]
        shared += store.namesakes(connection, period.bank_id, {people[one].identity for one in new}).values()
        found = [group for group in shared if 1 < len(group) <= SHARED_BY]
        links += found
        new = {one for group in found for one in group if one and one not in people}
    return people, numbers, links


def _joined(people: Iterable[str], links: Sequence[set[str]]) -> Iterable[set[str]]:
    """People in groups of those that are linked, over whomever."""
    group_of = {person_id: {person_id} for person_id in people}
    for link in links:
        merged: set[str] = set().union(*(group_of[one] for one in link if one in group_of))
        for person_id in merged:
            group_of[person_id] = merged
    return {id(group): group for group in group_of.values()}.values()


def _sends(period: Period, sent: Iterable[Any], identities: Container[str], hashes: Container[str]) -> Iterator[Send]:
    for one in sent:
        if one.identity in identities or one.phone_hash in hashes:
            own = one.bank_id == period.bank_id
            yield Send(one.attempt_id, one.identity, one.phone_hash, own, one.released_ms)


class LetterReader(Reader):
    """By accounts."""

    def step(self, connection: Connection) -> Outcomes:
        archive = self._archive
        page = store.accounts_after(connection, self._after_id, SUBJECTS)
        own = [one.account_id for one in page if one.bank_id == archive.period.bank_id]
        rows = store.letters_of(connection, archive.period, own)
        printed: dict[str, list[Any]] = defaultdict(list)
        for one in store.letters_about(connection, {row.account_id for row in rows}):
            printed[one.account_id].append(one)
        simulated = {row.outreach_id for row in rows}
        replays = {
            account_id: self._replay(LetterHistory(_others(printed.get(account_id, ()), simulated)))
            for account_id in {row.account_id for row in rows}
        }
        pasts = _pasts_of_letters(connection, archive, self._judging, rows, printed)
        for row, past in zip(rows, pasts, strict=True):
            replays[row.account_id].add(past)
        self._turn([one.account_id for one in page])
        return [one for replay in replays.values() for one in replay.run()]


def _others(printed: Iterable[Any], simulated: Container[str]) -> Iterator[tuple[str, int, int]]:
    """Letters that are not simulated and may have left: their outreach, when printed, when mailed."""
    for one in printed:
        if one.outreach_id not in simulated and (one.mailed_ms or one.state in store.IN_PRINT):
            yield one.outreach_id, one.released_ms, one.mailed_ms


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
