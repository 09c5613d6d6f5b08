"""Every transition an outreach may take. docs/states.md is drawn from this table; nothing moves outside it."""

from __future__ import annotations

from outreach.v1.common_pb2 import State

ADMITTED = State.STATE_ADMITTED
RELEASED = State.STATE_RELEASED
SENT = State.STATE_SENT
DELIVERED = State.STATE_DELIVERED
UNDELIVERED = State.STATE_UNDELIVERED
UNCONFIRMED = State.STATE_UNCONFIRMED
BLOCKED = State.STATE_BLOCKED
CANCELLED = State.STATE_CANCELLED
EXPIRED = State.STATE_EXPIRED
AWAITING_QUANTITY = State.STATE_AWAITING_QUANTITY
PRINTED = State.STATE_PRINTED
MAILED = State.STATE_MAILED
RETURNED = State.STATE_RETURNED
TO_PULL = State.STATE_TO_PULL
PULLED = State.STATE_PULLED

TRANSITIONS: dict[State.ValueType, dict[State.ValueType, str]] = {
    AWAITING_QUANTITY: {
        ADMITTED: "the administration department grants the quantity",
        CANCELLED: "a repayment, hold, mark, recall, retired version or request",
        EXPIRED: "not_after passed",
    },
    ADMITTED: {
        RELEASED: "a worker is given a permit, or a letter goes into a print run",
        CANCELLED: "a repayment, hold, mark, recall, retired template, request, or a rule at the lease",
        EXPIRED: "not_after passed",
    },
    RELEASED: {
        SENT: "the carrier took it",
        DELIVERED: "the receipt came before the report",
        UNDELIVERED: "the carrier refused it",
        UNCONFIRMED: "no report in time, or a reply that tells nothing",
        ADMITTED: "it certainly did not leave, or the letter was spoiled",
        CANCELLED: "it certainly did not leave, and a cancellation covers it; a letter before its run can be fetched",
        PRINTED: "the mailroom confirms the print",
        TO_PULL: "a cancellation or a new amount, once the run can be fetched",
    },
    PRINTED: {
        MAILED: "the scan that hands it to the post, after every rule ran again",
        TO_PULL: "a cancellation, a new amount, or a rule at the scan",
        ADMITTED: "the letter was spoiled",
    },
    TO_PULL: {
        PULLED: "taken out and destroyed, or never printed",
        ADMITTED: "taken out because its amount changed: made anew under a new number",
    },
    MAILED: {DELIVERED: "the post's record", RETURNED: "it came back"},
    UNCONFIRMED: {
        SENT: "the carrier's record",
        DELIVERED: "the receipt or the carrier's record",
        UNDELIVERED: "the receipt or the carrier's record",
        ADMITTED: "the attempt's own late word that it did not leave",
        CANCELLED: "the attempt's own late word that it did not leave, and a cancellation covers it",
    },
    SENT: {DELIVERED: "the receipt", UNDELIVERED: "the receipt"},
}

FINAL = frozenset({DELIVERED, UNDELIVERED, BLOCKED, CANCELLED, EXPIRED, RETURNED, PULLED})
MAY_HAVE_LEFT = frozenset({RELEASED, SENT, DELIVERED, UNCONFIRMED})


def may_move(old: State.ValueType, new: State.ValueType) -> bool:
    return new in TRANSITIONS.get(old, {})


def name(state: int) -> str:
    """The state's name without prefix, such as DELIVERED."""
    return State.Name(State.ValueType(state)).removeprefix("STATE_")


def mermaid() -> str:
    """The table as a Mermaid state diagram, as docs/states.md shows it."""
    lines = [
        "stateDiagram-v2",
        "    [*] --> ADMITTED: accepted at the door",
        "    [*] --> AWAITING_QUANTITY: a letter without a granted quantity",
        "    [*] --> BLOCKED: refused at the door",
    ]
    for old, moves in TRANSITIONS.items():
        lines.extend(f"    {name(old)} --> {name(new)}: {why}" for new, why in moves.items())
    lines.extend(f"    {name(state)} --> [*]" for state in sorted(FINAL))
    return "\n".join(lines) + "\n"
