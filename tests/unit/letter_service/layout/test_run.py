"""Print runs."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from io import BytesIO

import pytest

from letter_service.layout.permit import Permit
from letter_service.layout.press import Press
from outreach.letters.model import Heading, Paragraph
from tests.unit.letter_service.layout.letters import BLOCKS, letter, permit
from tests.unit.letter_service.layout.reading import codes, pictures, texts

SHORT = (Heading(1, "告知函"), Paragraph("尊敬的{name}："))


@pytest.mark.parametrize("blocks", [SHORT, BLOCKS])
def test_two_debtors_never_share_a_sheet(blocks: tuple[Heading | Paragraph, ...]) -> None:
    """Printed on both sides, every letter begins on a front; the back of its last page shows nothing of another."""
    out = BytesIO()
    rendered = Press(letter(*blocks)).run(map(permit, range(3)), out)
    pages = texts(out.getvalue())
    for one in rendered:
        assert one.first_page % 2 == 1
        assert one.pages == 2 * one.sheets
        mine = pages[one.first_page - 1 : one.first_page - 1 + one.pages]
        assert all(one.letter_number in page or page == "（本页无正文）" for page in mine)
        assert all(other.letter_number not in "".join(mine) for other in rendered if other is not one)


def test_printed_on_one_side_nothing_is_blank() -> None:
    """Printed on one side, a letter takes as many sheets as pages."""
    out = BytesIO()
    rendered = Press(letter(*SHORT, duplex=False)).run(map(permit, range(3)), out)
    assert [(one.pages, one.sheets, one.first_page) for one in rendered] == [(1, 1, 1), (1, 1, 2), (1, 1, 3)]
    assert len(texts(out.getvalue())) == 3


def test_run_shows_what_the_archive_copy_shows() -> None:
    """A letter looks in its run as in its archive copy, whose digest the run gives, codes included."""
    press = Press(letter())
    out = BytesIO()
    kept: dict[str, bytes] = {}

    def keep(permit_: Permit, pdf: bytes) -> None:
        kept[permit_.letter_number] = pdf

    rendered = press.run([permit(1), permit(2, values={"name": "张三"})], out, keep)
    run = pictures(out.getvalue(), 3)
    for one in rendered:
        pdf = kept[one.letter_number]
        assert one.sha256 == hashlib.sha256(pdf).hexdigest()
        alone = pictures(pdf, 3)
        assert run[one.first_page - 1 : one.first_page - 1 + len(alone)] == alone
        assert codes(alone[0])["Code 128"] == one.letter_number


def test_same_run_gives_the_same_bytes() -> None:
    """The same run is the same PDF."""
    first, second = BytesIO(), BytesIO()
    Press(letter()).run(map(permit, range(5)), first)
    Press(letter()).run(map(permit, range(5)), second)
    assert first.getvalue() == second.getvalue()


def test_large_run_stays_small() -> None:
    """A run of 10,000 different letters takes less than 300 MB, the process and its fonts included."""
    measured = subprocess.run([sys.executable, "-c", _LARGE_RUN], capture_output=True, text=True, check=True)
    letters, kilobytes = map(int, measured.stdout.split())
    assert letters == 10_000
    assert kilobytes < 300_000


_LARGE_RUN = """
import psutil
from letter_service.layout.press import Press
from tests.unit.letter_service.layout.letters import letter, permit

resident = [0]

def look():
    resident.append(psutil.Process().memory_info().rss // 1024)

def permits():
    for number in range(10_000):
        if number % 500 == 0:
            look()
        name = chr(0x4E00 + number % 2_000) + chr(0x4E00 + number * 7 % 2_000)
        yield permit(number, values={"name": name, "overdue": f"{number + 0.25:,.2f}"})

with open("/dev/null", "wb") as out:
    letters = len([one for one in Press(letter()).run(permits(), out) if not one.refusal])
look()
print(letters, max(resident))
"""
