"""Letters a second: our press against ReportLab's platypus and typst, which set the same letter with the same values.

Platypus has its C part and binary streams, and draws the same two bar codes. Typst draws none, and sets a run in one
document. All embed the same two faces; ReportLab, which takes no others, gets TrueType copies made before.
"""

from __future__ import annotations

import datetime
import random
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.letters_platypus import Platypus
from bench.letters_typst import Typst
from bench.results import RUNS, Result, rate, show
from letter_service.layout.permit import Permit
from letter_service.layout.press import Press
from outreach.domain.money import format_fen
from outreach.letters.model import TextLetter
from outreach.letters.source import read
from outreach.v1.template_service_pb2 import PlaceholderType

RUN = 1_000
SINGLE = 50
SOURCE = Path(__file__).parent.parent / "examples" / "demo-bank" / "letters" / "payment-notice.md"
_SURNAMES, _GIVEN = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗",
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华文博雨桐",
)
_ROADS = ("世纪大道", "人民路", "中山北路", "解放东路", "建设大街", "文化西路", "长江中路", "黄河南路")


def measure() -> list[Result]:
    letter = read(SOURCE.read_bytes(), b"", b"")
    if not isinstance(letter, TextLetter):
        raise TypeError(f"{SOURCE} is no version laid out by us")
    permits = [_permit(number, letter) for number in range(RUN * (RUNS + 1))]
    with TemporaryDirectory(prefix="outreach-bench-") as folder:
        press, platypus, typst = Press(letter), Platypus(letter, permits), Typst(letter, Path(folder))
        ours, theirs, typsts = _rates(permits, RUN, lambda these: press.run(these, BytesIO()), platypus.run, typst.run)
        single, alone = _rates(
            permits,
            SINGLE,
            lambda these: [press.letter(permit) for permit in these],
            lambda these: [platypus.run([permit]) for permit in these],
        )
    return [
        rate("letters_run_platypus", ours, "letters/s", theirs),
        rate("letters_run_typst", ours, "letters/s", typsts),
        rate("letter_single", single, "letters/s", alone),
    ]


def _rates(permits: list[Permit], count: int, *ways: Callable[[list[Permit]], object]) -> list[float]:
    """Letters a second of each way: the median of rounds in which every way has its turn, after one to warm up.

    Every round has letters of its own, for typst remembers.
    """
    times: Sequence[list[float]] = [[] for _ in ways]
    for number in range(RUNS + 1):
        these = permits[number * count : (number + 1) * count]
        for way, taken in zip(ways, times, strict=True):
            start = time.perf_counter()
            way(these)
            taken.append(time.perf_counter() - start)
    return [count / median(taken[1:]) for taken in times]


def _permit(number: int, letter: TextLetter) -> Permit:
    chance = random.Random(number)
    name = chance.choice(_SURNAMES) + "".join(chance.choices(_GIVEN, k=chance.choice((1, 2, 2))))
    makers: dict[PlaceholderType.ValueType, Callable[[], str]] = {
        PlaceholderType.PLACEHOLDER_TYPE_NAME: lambda: name,
        PlaceholderType.PLACEHOLDER_TYPE_AMOUNT: lambda: f"{float(format_fen(chance.randrange(10**4, 10**7))):,.2f}",
        PlaceholderType.PLACEHOLDER_TYPE_DATE: lambda: f"2026年{chance.randint(1, 12)}月{chance.randint(1, 28)}日",
        PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR: lambda: f"{chance.randrange(10**4):04}",
        PlaceholderType.PLACEHOLDER_TYPE_HOTLINE: lambda: "010-00000001",
        PlaceholderType.PLACEHOLDER_TYPE_REFERENCE: lambda: f"REF-{chance.randrange(10**6):06}",
    }
    door = f"{chance.randint(1, 999)}号{chance.randint(1, 40)}栋{chance.randint(1, 4)}单元{chance.randint(101, 3204)}室"
    return Permit(
        letter_number=f"DEMO-2026-{number:07d}",
        run_id="01JDXY8Z3V9K6WQ2N4R7T5A1BC",
        letter_date=datetime.date(2026, 11, 25),
        recipient_name=name,
        address=(f"示例省示例市示例区{chance.choice(_ROADS)}{door}",),
        postcode=f"{chance.randrange(100000, 699999)}",
        values={placeholder.name: makers[placeholder.type]() for placeholder in letter.head.placeholders},
        authorization="HQ-2026-0117",
    )


if __name__ == "__main__":
    show(measure())
