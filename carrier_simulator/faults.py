"""How the simulator behaves to a message: by the last four digits of its number, or as told at /control."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto


class Answer(Enum):
    """What the sender sees."""

    ACCEPT = auto()
    REFUSE = auto()
    THROTTLE_NUMBER = auto()
    THROTTLE_CHANNEL = auto()
    HALT = auto()
    TRANSIENT = auto()
    UNLISTED_CODE = auto()
    HTML_503 = auto()
    GARBLE = auto()
    CUT_SHORT = auto()
    DROP = auto()
    DELAY = auto()


class Receipts(Enum):
    """Which receipts follow, if the message was taken."""

    DELIVERED = auto()
    EARLY = auto()
    NONE = auto()
    REPEATED = auto()
    REORDERED = auto()
    WITHOUT_OUT_ID = auto()
    WITH_A_STRANGER = auto()
    NUMBER_DEAD = auto()
    REJECTED = auto()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """An answer, the receipts, and whether the carrier took the message, whatever it answered."""

    name: str
    answer: Answer
    receipts: Receipts = Receipts.DELIVERED
    taken: bool = False


ACCEPT = Behaviour("accept", Answer.ACCEPT, taken=True)

BY_SUFFIX: dict[str, Behaviour] = {
    "9901": Behaviour("refuse", Answer.REFUSE),
    "9902": Behaviour("throttle_number", Answer.THROTTLE_NUMBER),
    "9903": Behaviour("throttle_channel", Answer.THROTTLE_CHANNEL),
    "9904": Behaviour("halt", Answer.HALT),
    "9905": Behaviour("transient", Answer.TRANSIENT),
    "9906": Behaviour("unlisted_code", Answer.UNLISTED_CODE),
    "9907": Behaviour("html_503", Answer.HTML_503),
    "9908": Behaviour("garble", Answer.GARBLE, taken=True),
    "9909": Behaviour("cut_short", Answer.CUT_SHORT, taken=True),
    "9910": Behaviour("drop_taken", Answer.DROP, taken=True),
    "9911": Behaviour("drop_lost", Answer.DROP),
    "9912": Behaviour("delay", Answer.DELAY, taken=True),
    "9921": Behaviour("receipt_early", Answer.ACCEPT, Receipts.EARLY, taken=True),
    "9922": Behaviour("receipt_never", Answer.ACCEPT, Receipts.NONE, taken=True),
    "9923": Behaviour("receipt_repeated", Answer.ACCEPT, Receipts.REPEATED, taken=True),
    "9924": Behaviour("receipt_reordered", Answer.ACCEPT, Receipts.REORDERED, taken=True),
    "9925": Behaviour("receipt_without_out_id", Answer.ACCEPT, Receipts.WITHOUT_OUT_ID, taken=True),
    "9926": Behaviour("receipt_with_a_stranger", Answer.ACCEPT, Receipts.WITH_A_STRANGER, taken=True),
    "9927": Behaviour("receipt_number_dead", Answer.ACCEPT, Receipts.NUMBER_DEAD, taken=True),
    "9928": Behaviour("receipt_rejected", Answer.ACCEPT, Receipts.REJECTED, taken=True),
}
BY_NAME = {behaviour.name: behaviour for behaviour in (ACCEPT, *BY_SUFFIX.values())}


class Faults:
    """Picks the behaviour: what was told for the next messages first, then the number's own."""

    def __init__(self) -> None:
        self._told: dict[str, deque[Behaviour]] = {}

    def tell(self, carrier: str, name: str, times: int) -> None:
        """The next `times` messages of a carrier behave so. KeyError for a name that is not in BY_NAME."""
        self._told.setdefault(carrier, deque()).extend([BY_NAME[name]] * times)

    def clear(self) -> None:
        self._told.clear()

    def pick(self, carrier: str, phone: str) -> Behaviour:
        told = self._told.get(carrier)
        return told.popleft() if told else BY_SUFFIX.get(phone[-4:], ACCEPT)
