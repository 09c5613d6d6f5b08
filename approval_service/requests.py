"""What requests of both channels share: each is decided once by its id, for one party, within its time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from approval_service.context import CaseContext
from approval_service.keys import KeyRing
from approval_service.rules import MINUTE_MS, CaseFacts, Effect, Verdict
from approval_service.store import outreach as store
from outreach.domain.clocks import milliseconds
from outreach.domain.errors import Kind, Refusal, invalid
from outreach.v1.common_pb2 import Finding
from outreach.v1.outreach_service_pb2 import LetterItem, SmsItem
from outreach.v1.policy_service_pb2 import PolicyVersion

Item = SmsItem | LetterItem
DEFAULT_LIFETIME_MINUTES = 7 * 24 * 60


class Subject(NamedTuple):
    """What the ledger and those who watch are told of an outreach that is not stored yet."""

    bank_id: str
    outreach_id: str
    request_id: str
    caller_id: str
    case_id: str


Key = tuple[str, str]
"""A caller's id and its id of a request: unique for ever."""
Answer = bytes | Refusal
"""A serialized Decision, or why there is none."""


class Answers:
    """The answers to a group of requests. One whose id was used before, or earlier in the group, gets the first."""

    def __init__(self, connection: Connection, keys: Sequence[Key], hashes: Sequence[str]) -> None:
        """`hashes` are those of the requests' canonical forms."""
        self._keys = keys
        self._hashes = hashes
        self._answers = _known(connection, keys)
        first: dict[Key, int] = {}
        for index, key in enumerate(keys):
            if key not in self._answers:
                first.setdefault(key, index)
        self.open: list[int] = list(first.values())
        """Which requests are to be decided, by position."""

    def put(self, index: int, answer: Answer) -> None:
        self._answers[self._keys[index]] = (self._hashes[index], answer)

    def all(self) -> list[bytes | Exception]:
        """One for each request; every open one must have been put."""
        found: list[bytes | Exception] = []
        for key, request_hash in zip(self._keys, self._hashes, strict=True):
            first_hash, answer = self._answers[key]
            found.append(answer if first_hash == request_hash else _conflict(key[1]))
        return found


def _known(connection: Connection, keys: Iterable[Key]) -> dict[Key, tuple[str, Answer]]:
    by_caller: dict[str, set[str]] = defaultdict(set)
    for caller, request_id in keys:
        by_caller[caller].add(request_id)
    return {
        (caller, request_id): (request_hash, decision)
        for caller, request_ids in by_caller.items()
        for request_id, request_hash, decision in store.by_request(connection, caller, request_ids)
    }


def _conflict(request_id: str) -> Refusal:
    return Refusal(
        Kind.CONFLICT,
        f"request_id {request_id} 已用于另一内容的请求，请换新的编号。It was used for a request with another body;"
        " use a new request_id.",
        field="request_id",
        reason="REQUEST_ID_REUSED",
    )


def recipient(context: CaseContext, keys: KeyRing, account: Any | None, customer_id: str) -> Any | None:
    """The party that an item names: the debtor, or the one with the customer number."""
    if account is None:
        return None
    if not customer_id:
        return context.persons.get(account.debtor_id)
    wanted = keys.hash("customer", customer_id)
    people = (context.persons[person_id] for person_id in context.roles(account.account_id))
    return next((person for person in people if person.customer_hash == wanted), None)


class Window(NamedTuple):
    """When a request may leave."""

    form: tuple[int | None, ...]
    """Seconds and nanoseconds of not_before and not_after, for the canonical form: the last year's do not fit together
    into the 64 bits that JSON takes."""
    not_before_ms: int = 0
    """0 for none."""
    not_after_ms: int | None = None


ANY_TIME = Window((None, None, None, None))


def window(item: Item) -> Window:
    has_earliest, has_latest = item.HasField("not_before"), item.HasField("not_after")
    if not has_earliest and not has_latest:
        return ANY_TIME
    earliest, latest = item.not_before, item.not_after
    return Window(
        (
            *((earliest.seconds, earliest.nanos) if has_earliest else (None, None)),
            *((latest.seconds, latest.nanos) if has_latest else (None, None)),
        ),
        milliseconds(earliest),
        milliseconds(latest) if has_latest else None,
    )


def not_after_ms(wanted: Window, now_ms: int, policy: PolicyVersion | None) -> int:
    """When a request expires. Raises a Refusal if it could never leave, or would wait longer than the policy allows."""
    minutes = policy.policy.request_lifetime_minutes if policy else DEFAULT_LIFETIME_MINUTES
    limit = now_ms + minutes * MINUTE_MS
    not_after = limit if wanted.not_after_ms is None else wanted.not_after_ms
    if not_after <= now_ms:
        raise invalid("not_after", "已经过去，请给出将来的时间。It has passed; give a time to come.")
    if not_after > limit:
        raise invalid("not_after", f"超过规则允许的最长等待（{minutes} 分钟）。It exceeds the policy's longest wait.")
    if not_after <= wanted.not_before_ms:
        raise invalid(
            "not_before", "不早于失效时间，永远不会发出。It is not before the request expires: it would never leave."
        )
    return not_after


def findings_of(verdicts: Sequence[Verdict]) -> list[Finding]:
    return [Finding(code=v.code, reason=v.reason, field=v.field, waits=v.effect is not Effect.REFUSE) for v in verdicts]


def codes_of(verdicts: Sequence[Verdict], *, refused: bool) -> list[str]:
    """The codes of the refusals if it is refused, else of the waits."""
    return sorted({str(v.code) for v in verdicts if (v.effect is Effect.REFUSE) is refused})


class KnownThen(NamedTuple):
    """Columns of outreach: what the bank's record said when it was decided, which a simulation must know later."""

    amounts_ms: int
    overdue_fen: int | None
    agreed_to_quiet_hours: bool


def known_then(facts: CaseFacts, person: Any | None) -> KnownThen:
    account = facts.account if facts.account is not None and facts.account.balance_known else None
    agreed = person is not None and person.agreed_to_quiet_hours
    if account is None:
        return KnownThen(0, None, agreed)
    return KnownThen(min(account.as_of_ms, facts.feed_complete_through_ms), account.overdue_fen, agreed)


def version_of(facts: CaseFacts) -> int:
    """The policy version that decides; 0 for none."""
    return facts.policy.version if facts.policy else 0
