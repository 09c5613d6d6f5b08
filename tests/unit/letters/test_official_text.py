"""Another bank's PDF: justified character by character, not indented, a table, lines of underscores under fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from approval_service.screening.content import screen
from examples.official_letter import truetype
from outreach.letters.lint import Identity, lint
from outreach.letters.model import OfficialLetter
from outreach.letters.official_glyphs import look
from outreach.letters.official_text import official_passages
from outreach.letters.source import read

SOURCE = """---
title: 缴款告知函
bank: 样本银行股份有限公司
agency: 示范服务公司
return_address: 示例省示例市样本路2号
envelope: DL
duplex: false
placeholders:
  - {name: name, type: NAME, record_field: RECIPIENT_NAME}
  - {name: last_four, type: LAST_FOUR, record_field: ACCOUNT_LAST_FOUR}
  - {name: overdue, type: AMOUNT, record_field: OVERDUE_AMOUNT}
  - {name: outstanding, type: AMOUNT, record_field: OUTSTANDING_AMOUNT}
  - {name: as_of, type: DATE, record_field: AS_OF_DATE}
zones:
  number: {page: 1, x: 122, y: 46, width: 66, height: 18}
  address: {page: 1, x: 22, y: 52, width: 76, height: 36}
  sheet_code: {page: 1, x: 176, y: 10, width: 18, height: 18}
---
""".encode()
LINES = (
    "缴 款 告 知 函",
    "致：{name}（尾号{last_four}）：",
    "截至{as_of}，您的信用卡账户未按期还款，已逾期。明细如下：",
    "项目|小写（元）|大写",
    "逾期金额|{overdue}|{overdue:capitals}",
    "欠款余额|{outstanding}|{outstanding:capitals}",
    "本函依据《中华人民共和国民法典》和《商业银行信用卡业务监督管理办法》发出。您享有查询账户、提出异议、协商分期和投诉的权利，并应当按约定偿还欠款。",
    "查询与还款：请通过样本银行手机银行或营业网点查询账单、办理还款，款项存入您本人信用卡账户。客服热线010-00000002。",
    "如对欠款有异议，请致电010-00000002或书面告知我行，并提供凭证等证明材料。",
    "样本银行委托示范服务公司寄送本函（委托书编号W-2026-3，期限至2026年12月31日）。我行不收取现金，不会要求转账至个人账户。",
    "如您已还款，请忽略本函。投诉请拨打12378。还款有困难的，请致电010-00000002协商。",
    "样本银行股份有限公司（公章）",
)
_SIZE, _WIDTH, _LEFT = 11, 160 * mm, 25 * mm


def _width(text: str) -> float:
    return float(pdfmetrics.stringWidth(text, "other", _SIZE))


class _Page:
    """Sets lines as a word processor does: each character at its own place."""

    def __init__(self) -> None:
        pdfmetrics.registerFont(TTFont("other", BytesIO(truetype("".join(LINES) + "_", "OtherNotice"))))
        self._written = BytesIO()
        self._canvas = Canvas(self._written, pagesize=A4, invariant=True, initialFontName="other")
        self._canvas.setFont("other", _SIZE)
        self._y = A4[1] - 115 * mm

    def set(self, text: str) -> None:
        line: list[str] = []
        for atom in _atoms(text):
            if _width("".join(line) + atom) > _WIDTH:
                self._line(line, spread=True)
                line = []
            line.append(atom)
        self._line(line, spread=False)

    def row(self, cells: list[str]) -> None:
        for place, cell in enumerate(cells):
            self._atom(cell, _LEFT + 45 * mm * place, self._y)
        self._y -= 18

    def _line(self, line: list[str], *, spread: bool) -> None:
        gap = (_WIDTH - _width("".join(map(_shown, line)))) / (len(line) - 1) if spread else 0
        x = _LEFT
        for atom in line:
            x += self._atom(atom, x, self._y) + gap
        self._y -= 17

    def _atom(self, atom: str, x: float, y: float) -> float:
        shown = _shown(atom)
        self._canvas.drawString(x, y, shown)
        if shown != atom:
            self._canvas.acroForm.textfield(
                name=atom[1:-1],
                x=x,
                y=y - 2,
                width=_width(shown),
                height=14,
                borderWidth=0,
                fillColor=None,
                fieldFlags="",
            )
        return _width(shown)

    def pdf(self) -> bytes:
        self._canvas.save()
        return self._written.getvalue()


def _atoms(text: str) -> Iterator[str]:
    return (match[0] for match in re.finditer(r"\{[^}]*\}|.", text))


def _shown(atom: str) -> str:
    return "_" * 14 if atom.startswith("{") else atom


@pytest.fixture(scope="module")
def letter() -> OfficialLetter:
    page = _Page()
    for line in LINES:
        if "|" in line:
            page.row(line.split("|"))
        else:
            page.set(line)
    found = read(SOURCE, b"", page.pdf())
    assert isinstance(found, OfficialLetter)
    return found


def test_it_is_read_in_order(letter: OfficialLetter) -> None:
    """Paragraphs are whole, rows are rows, marks stand where the fields are, and no underscore is left."""
    marks = {
        "{name}": "⟦RECIPIENT_NAME⟧",
        "{last_four}": "⟦ACCOUNT_LAST_FOUR⟧",
        "{as_of}": "⟦AS_OF_DATE⟧",
        "{overdue}": "⟦OVERDUE_AMOUNT⟧",
        "{overdue:capitals}": "⟦OVERDUE_AMOUNT:大写⟧",
        "{outstanding}": "⟦OUTSTANDING_AMOUNT⟧",
        "{outstanding:capitals}": "⟦OUTSTANDING_AMOUNT:大写⟧",
    }
    expected = [line.replace("|", "，").replace(" ", "") for line in LINES]
    for name, mark in marks.items():
        expected = [line.replace(name, mark) for line in expected]
    assert [passage.text for passage in official_passages(letter, look(letter.pdf))] == expected


def test_it_passes(letter: OfficialLetter) -> None:
    """What says all that it must is stopped by nothing, however it is set."""
    found = lint(letter, screen, Identity("样本银行", "示范服务公司", ("010-00000002",)))
    assert [finding.reason for finding in found if not finding.waits] == []
