"""What the results of SUBMIT_RESP mean for the message, and what those of its parts mean together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sms_service.carriers.seam import ACCEPTED, NOT_SENT, REFUSED, UNKNOWN, SendResult

FLOW_CONTROL = 8
THROTTLE_PAUSE_MS = 1_000
HALT_PAUSE_MS = 60_000

REFUSES = {"2.0": frozenset({1, 4, 6}), "3.0": frozenset({1, 4, 6, 9, 13})}
"""Structure, length, text too long; 3.0 also: not this gateway's number, recipient's number wrong. In 2.0 from 9 on
"other errors", which tell nothing."""
HALTS = {"2.0": frozenset({5, 7}), "3.0": frozenset({5, 7, 10, 11, 12})}
"""Fee code, service id; 3.0 also: sender's number, account, paying number. No message of the account would pass."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one part: a result with the far end's id as hex, or our word for why there is none."""

    result: int = -1
    message_id: str = ""
    lost: str = ""

    @property
    def code(self) -> str:
        return self.lost or str(self.result)


def outcome(version: str, answers: Sequence[Answer]) -> SendResult:
    """ACCEPTED if every part was, REFUSED or NOT_SENT if certainly none was. If only some were, or nobody can say of
    one, a piece of it may have left: UNKNOWN."""
    outcomes = [_outcome(version, answer) for answer in answers]
    taken = [answer for answer in answers if answer.result == 0]
    ids = tuple(answer.message_id for answer in taken) if len(answers) > 1 else ()
    first_id = taken[0].message_id if taken else ""
    if len(taken) == len(answers):
        return SendResult(ACCEPTED, answers[0].code, first_id, len(answers), segment_ids=ids)
    if taken or any(answer.outcome == UNKNOWN for answer in outcomes):
        worst = next(answer for answer in outcomes if answer.outcome != ACCEPTED)
        return SendResult(UNKNOWN, worst.code, first_id, len(answers), pause_ms=worst.pause_ms, segment_ids=ids)
    return next((answer for answer in outcomes if answer.outcome == REFUSED), outcomes[0])


def _outcome(version: str, answer: Answer) -> SendResult:
    result, code = answer.result, answer.code
    if answer.lost:
        return SendResult(UNKNOWN, code)
    if result == 0:
        return SendResult(ACCEPTED, code)
    if result == FLOW_CONTROL:
        return SendResult(NOT_SENT, code, retry_after_ms=THROTTLE_PAUSE_MS, pause_ms=THROTTLE_PAUSE_MS)
    if result in HALTS[version]:
        return SendResult(NOT_SENT, code, retry_after_ms=HALT_PAUSE_MS, pause_ms=HALT_PAUSE_MS)
    return SendResult(REFUSED if result in REFUSES[version] else UNKNOWN, code)
