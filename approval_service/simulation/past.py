"""A past request: what was decided of it, what kept it from leaving, and what came of it. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from outreach.domain import states
from outreach.domain.codes import Code
from outreach.v1.common_pb2 import Finding, State
from outreach.v1.hold_service_pb2 import BadAddressReason
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.outreach_service_pb2 import CallOutcome, Channel
from outreach.v1.policy_service_pb2 import PolicyOutcome, PolicyVersion
from outreach.v1.template_service_pb2 import Placeholder, Template

LET_THROUGH = PolicyOutcome.POLICY_OUTCOME_LET_THROUGH
HELD = PolicyOutcome.POLICY_OUTCOME_HELD
EXPIRED = PolicyOutcome.POLICY_OUTCOME_EXPIRED
BLOCKED = PolicyOutcome.POLICY_OUTCOME_BLOCKED
WITHDRAWN = PolicyOutcome.POLICY_OUTCOME_WITHDRAWN
UNKNOWN = PolicyOutcome.POLICY_OUTCOME_UNKNOWN
EXPIRED_CODE = "EXPIRED"
NEVER_MS = 1 << 62
END_MS = NEVER_MS + 1
"""After everything, what never comes included."""


class Detour(NamedTuple):
    """A wait, its end (without codes), or what ended the request."""

    time_ms: int
    state: State.ValueType
    codes: tuple[str, ...]
    due_ms: int | None


class Content(NamedTuple):
    """What a caller gave."""

    variables: Mapping[str, str]
    call_ms: int = 0
    call_outcome: CallOutcome.ValueType = CallOutcome.CALL_OUTCOME_UNSPECIFIED


class Mark(NamedTuple):
    """A known-bad mark on the address when the letter was asked for."""

    reason: BadAddressReason.ValueType
    for_everybody: bool
    return_reason: int
    """Of the returned letter that it came of; 0 if it came of something else."""


class Version(NamedTuple):
    """The version of the template or letter that was in force: it is told as approved, whatever came of it since."""

    message: Template | LetterVersion
    placeholders: Sequence[Placeholder]
    approved_ms: int


class Become(NamedTuple):
    """What became of a request, and the codes that stopped it or kept it waiting."""

    outcome: PolicyOutcome.ValueType
    codes: frozenset[str]
    unknown: frozenset[str] = frozenset()
    """Codes of which it cannot be told whether they would have."""


@dataclass(slots=True)
class Past:
    """One request of the period."""

    outreach_id: str
    channel: Channel.ValueType
    created_ms: int
    not_before_ms: int
    not_after_ms: int
    state: State.ValueType
    codes: tuple[str, ...]
    """Of its state now."""
    findings: Sequence[Finding]
    """Those of the door, as are the two that follow."""
    due_ms: int | None
    then: PolicyVersion | None
    """The policy that decided."""
    account_known: bool
    version: Version | None
    amounts_ms: int
    overdue_fen: int | None
    agreed_to_quiet_hours: bool
    detours: Sequence[Detour]
    left_ms: int | None
    """When it left: an SMS by its permit, a letter into print."""
    counts: bool = True
    """False if it is certain by now that it did not leave, although a permit was given: no cap counts it."""
    identity: str = ""
    phone_hash: str = ""
    mailed_ms: int = 0
    """0 while it is in print."""
    printed_fen: int | None = None
    """What was overdue when it went into print."""
    content: Content | None = None
    """Read only where a rule needs it; None also if it is no longer known."""
    marks: Sequence[Mark] | None = None
    """None if they were not looked for."""
    exempted_returns: frozenset[int] = frozenset()
    """Why letters came back from the address that closed it not: when is not kept."""
    held_codes: frozenset[str] = field(init=False)
    """All that it ever waited for."""

    def __post_init__(self) -> None:
        waits = {finding.code for finding in self.findings if finding.waits}
        self.held_codes = frozenset(waits.union(*(one.codes for one in self.detours if one.state == states.ADMITTED)))

    def seen_fresh_ms(self, until_ms: int) -> list[int]:
        """When it was really judged, up to a moment, and its amounts were not too old."""
        left = [self.left_ms] if self.left_ms is not None else []
        # Where it awaited a quantity, the first one is its grant.
        granted = any(finding.code == Code.QUANTITY_NOT_APPROVED for finding in self.findings)
        waited = [
            one.time_ms
            for one in self.detours[granted:]
            if one.codes and one.due_ms is not None and Code.BALANCE_UNCONFIRMED not in one.codes
        ]
        return [time_ms for time_ms in (*waited, *left) if time_ms <= until_ms]

    @property
    def end(self) -> Detour | None:
        """What ended it before it left; None if it left, waits, or was refused at the door."""
        if self.left_ms is not None or self.state not in (states.CANCELLED, states.TO_PULL, states.PULLED):
            return None
        return next((one for one in reversed(self.detours) if one.state != states.ADMITTED), None)


class Obstacle(NamedTuple):
    """A time in which something that no policy decides kept a request from leaving."""

    start_ms: int
    end_ms: int
    codes: frozenset[str]
    """The rules that did; none if it only waited for its turn."""


def happened(past: Past, decided: frozenset[str]) -> Become:
    """What became of it. `decided` are the codes of the rules that a policy's thresholds decide."""
    held = past.held_codes
    if past.state == states.BLOCKED:
        return Become(BLOCKED, frozenset(finding.code for finding in past.findings if not finding.waits))
    if past.state == states.EXPIRED:
        return Become(EXPIRED, held | {EXPIRED_CODE})
    end = past.end
    if end is not None:
        return Become(outcome_of(end, decided), frozenset(end.codes))
    return Become(HELD if held else LET_THROUGH, held)


def outcome_of(end: Detour, decided: frozenset[str]) -> PolicyOutcome.ValueType:
    return BLOCKED if decided.issuperset(end.codes) else WITHDRAWN


def obstacles(past: Past, redone: frozenset[str]) -> list[Obstacle]:
    """What kept it from leaving beside the rules of `redone`, which are judged anew; in the order of time."""
    if past.state == states.BLOCKED:
        return []
    held = frozenset(finding.code for finding in past.findings if finding.waits)
    stages = [(past.created_ms, held, past.due_ms)]
    stages += [(one.time_ms, frozenset(one.codes), one.due_ms) for one in past.detours if one.state == states.ADMITTED]
    ended = past.end
    last_ms = past.left_ms if past.left_ms is not None else ended.time_ms if ended else NEVER_MS
    ends = [start for start, _, _ in stages[1:]] + [last_ms]
    found = []
    for (start_ms, codes, due_ms), end_ms in zip(stages, ends, strict=True):
        if due_ms is None and codes - redone:
            found.append(Obstacle(start_ms, end_ms, codes - redone))
        elif due_ms is not None and due_ms < end_ms:
            found.append(Obstacle(due_ms, end_ms, frozenset()))
    return found
