"""The numbers of a print run, counted per letter number, and what keeps it from being closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from approval_service.mailroom.moves import MAILED, PRINTED, PULLED, RELEASED, RETURNED, SPOILED, TO_PULL, WITHDRAWN


@dataclass(slots=True)
class Numbers:
    """letters = printed + withdrawn + pending, and printed = in_pile + mailed + spoiled + pulled + those to be pulled.
    A run closes when nothing is pending, in the pile or to be pulled: printed = mailed + spoiled + pulled."""

    letters: int = 0
    withdrawn: int = 0
    """Withdrawn before it could be fetched, or never printed."""
    pending: int = 0
    """Not yet confirmed as printed; those of them that are to be pulled included."""
    printed: int = 0
    in_pile: int = 0
    sealed: int = 0
    """Whatever came of them since."""
    sealed_in_pile: int = 0
    mailed: int = 0
    """Those returned since included."""
    spoiled: int = 0
    pulled: int = 0
    to_pull: int = 0
    returned: int = 0
    sheets: int = 0

    def differences(self) -> list[str]:
        """What does not meet, in words; empty if the run can be closed."""
        found = []
        if self.to_pull:
            found.append(f"{self.to_pull} 封待抽出 · {self.to_pull} still to be pulled")
        if self.pending:
            found.append(f"{self.pending} 封未确认打印 · {self.pending} not confirmed as printed")
        rest = self.printed - self.mailed - self.spoiled - self.pulled
        if rest:
            found.append(
                f"已打印 {self.printed} ≠ 交寄 {self.mailed} + 作废 {self.spoiled} + 抽出 {self.pulled}，差 {rest} · "
                f"printed {self.printed} is not mailed {self.mailed} + spoiled {self.spoiled} + pulled {self.pulled}"
            )
        return found


def count(rows: Sequence[Any]) -> Numbers:
    """The numbers of one run from store.letters.counts."""
    numbers = Numbers()
    for row in rows:
        numbers.letters += row.letters
        numbers.sheets += row.sheets
        numbers.printed += row.letters if row.printed else 0
        numbers.sealed += row.letters if row.sealed else 0
        if row.state == WITHDRAWN or (row.state == PULLED and not row.printed):
            numbers.withdrawn += row.letters
        if row.state == RELEASED or (row.state == TO_PULL and not row.printed):
            numbers.pending += row.letters
        numbers.in_pile += row.letters if row.state == PRINTED else 0
        numbers.sealed_in_pile += row.letters if row.state == PRINTED and row.sealed else 0
        numbers.mailed += row.letters if row.state in (MAILED, RETURNED) else 0
        numbers.returned += row.letters if row.state == RETURNED else 0
        numbers.spoiled += row.letters if row.state == SPOILED else 0
        numbers.pulled += row.letters if row.state == PULLED and row.printed else 0
        numbers.to_pull += row.letters if row.state == TO_PULL else 0
    return numbers
