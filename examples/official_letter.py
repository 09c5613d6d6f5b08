"""`python -m examples.official_letter` writes what a bank would hand over: its own letter as a PDF with form fields.

The PDF stands for one that a bank made with its own tools; nothing of the product is used to make it. It is committed,
and a test proves that it is what this writes.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont as EmbeddedFont
from reportlab.pdfgen.canvas import Canvas

FILE = Path(__file__).parent / "sample-bank/letters/payment-notice.pdf"
BANK = "样本银行股份有限公司"
_FONT = "notice"
_SIZE = 10.5
_LINE = 6.4 * mm
_LEFT, _RIGHT = 22 * mm, A4[0] - 22 * mm
_TOP_OF_TEXT = A4[1] - 128 * mm
_TOP_OF_SECOND = A4[1] - 35 * mm
_BOTTOM = 24 * mm
_NOT_FIRST = "，。、；：？！）》”"
_NOT_LAST = "（《“"


class Gap(NamedTuple):
    """A form field within the text."""

    name: str
    width: float


NAME, LAST_FOUR, AS_OF, DUE = Gap("name", 90), Gap("last_four", 20), Gap("as_of", 24), Gap("due_date", 24)
AMOUNT = {field: Gap(field, 36) for field in ("overdue", "outstanding")}
CAPITALS = {field: Gap(f"{field}:capitals", 104) for field in AMOUNT}

Paragraph = tuple[str | Gap, ...]
LETTER: tuple[Paragraph, ...] = (
    ("尊敬的", NAME, "："),
    (
        "　　您在我行办理的信用卡（卡号末四位",
        LAST_FOUR,
        "）的应还款项已于",
        DUE,
        "到期，您尚未足额归还，已发生逾期。现就有关事项函告如下。",
    ),
    ("一、欠款情况",),
    ("　　截至", AS_OF, "，该账户的欠款（含本金、利息和领用合约约定的费用）如下："),
    ("　　逾期金额：人民币", AMOUNT["overdue"], "元"),
    ("　　大写：", CAPITALS["overdue"]),
    ("　　欠款余额：人民币", AMOUNT["outstanding"], "元"),
    ("　　大写：", CAPITALS["outstanding"]),
    ("二、致函原因与依据",),
    (
        "　　因您未按期足额还款，我行根据《中华人民共和国民法典》第六百七十五条、第六百七十六条，《商业银行信"
        "用卡业务监督管理办法》"
        "和您与我行订立的信用卡领用合约致函，请您尽快偿还逾期金额。",
    ),
    ("三、您的权利与义务",),
    (
        "　　您有权查询账户和费用明细，对欠款提出异议并要求核实，与我行平等协商还款安排，并有权投诉。您应当按"
        "照领用合约的约定按期足额还款，"
        "联系方式变更时请及时告知我行。",
    ),
    ("四、查询与还款",),
    (
        "　　您可以通过样本银行手机银行、网上银行、营业网点或客户服务热线010-00000002查询账单、余额和还款记录"
        "。请通过上述手机银行、"
        "网上银行或营业网点，将款项存入您本人名下的该信用卡账户。还款有困难的，请致电热线与我行协商分期等还款安排。",
    ),
    ("五、异议与举证",),
    (
        "　　对欠款、交易或本函内容有异议的，请致电010-00000002，或书面寄至本函的退信地址，说明理由并附还款凭"
        "证、交易凭证等证明材料。"
        "我行将对账户作出标注，核实后答复您。",
    ),
    ("六、委托与提示",),
    (
        "　　我行委托示范服务公司协助寄送本函并提供还款提醒服务（委托书编号：样本委字2026第008号，委托期限：2"
        "026年1月1日至"
        "2026年12月31日），您可以致电010-00000002核实。",
    ),
    ("　　我行和受托机构的工作人员不收取现金，也不会要求您向任何个人账户转账，请谨防诈骗。",),
    (
        "　　您在收到本函前已经还款的，请忽略本函。对我行或受托机构的服务有意见的，可以拨打010-00000002反映，"
        "也可以拨打12378"
        "银行保险消费者投诉维权热线。",
    ),
)


def pdf() -> bytes:
    """The letter; the same bytes on each run."""
    _register()
    written = BytesIO()
    canvas = Canvas(written, pagesize=A4, invariant=True, pageCompression=1, lang="zh-CN", initialFontName=_FONT)
    canvas.setTitle("信用卡逾期缴款告知函")
    canvas.setAuthor(BANK)
    _head(canvas)
    y = _body(canvas)
    _signature(canvas, y - 2 * _LINE)
    canvas.save()
    return written.getvalue()


def _head(canvas: Canvas) -> None:
    canvas.setFont(_FONT, 15)
    canvas.drawString(_LEFT, A4[1] - 22 * mm, BANK)
    canvas.setLineWidth(0.6)
    canvas.line(_LEFT, A4[1] - 26 * mm, _RIGHT - 20 * mm, A4[1] - 26 * mm)
    canvas.setFont(_FONT, 9)
    canvas.drawString(_LEFT, A4[1] - 31 * mm, "退信地址：示例省示例市样本路2号 样本银行信用卡中心")
    canvas.setFont(_FONT, 16)
    canvas.drawCentredString(A4[0] / 2, A4[1] - 117 * mm, "信用卡逾期缴款告知函")


def _body(canvas: Canvas) -> float:
    """Sets the paragraphs on as many pages as they need; returns where they end."""
    y: float = _TOP_OF_TEXT
    for line in (line for paragraph in LETTER for line in _lines(paragraph)):
        if y < _BOTTOM:
            canvas.showPage()
            y = _TOP_OF_SECOND
        x = _LEFT
        for part in line:
            if isinstance(part, Gap):
                _field(canvas, part, x, y)
                x += part.width * mm
            else:
                canvas.setFont(_FONT, _SIZE)
                canvas.drawString(x, y, part)
                x += _width(part)
        y -= _LINE
    return y


def _lines(paragraph: Paragraph) -> Iterator[list[str | Gap]]:
    """Broken so that no line begins or ends with a mark that may not stand there; fields are never broken."""
    line: list[str | Gap] = []
    filled = 0.0
    for part in (atom for run in paragraph for atom in ([run] if isinstance(run, Gap) else _atoms(run))):
        width = part.width * mm if isinstance(part, Gap) else _width(part)
        if filled + width > _RIGHT - _LEFT:
            yield line
            line, filled = [], 0.0
        line.append(part)
        filled += width
    yield line


def _atoms(text: str) -> list[str]:
    """What stays together: numbers, and characters with the marks that belong to them."""
    atoms: list[str] = []
    for character in text:
        joins = atoms and (
            character in _NOT_FIRST
            or atoms[-1][-1] in _NOT_LAST
            or (atoms[-1][-1] in "-0123456789" and character in "-0123456789")
        )
        if joins:
            atoms[-1] += character
        else:
            atoms.append(character)
    return atoms


def _width(text: str) -> float:
    width: float = pdfmetrics.stringWidth(text, _FONT, _SIZE)
    return width


def _field(canvas: Canvas, gap: Gap, x: float, y: float) -> None:
    canvas.setLineWidth(0.3)
    canvas.line(x, y - 1.2 * mm, x + gap.width * mm, y - 1.2 * mm)
    canvas.acroForm.textfield(
        name=gap.name,
        x=x,
        y=y - 1.1 * mm,
        width=gap.width * mm,
        height=5 * mm,
        fontSize=_SIZE,
        borderWidth=0,
        borderColor=None,
        fillColor=None,
        fieldFlags="",
    )


def _signature(canvas: Canvas, y: float) -> None:
    canvas.setFont(_FONT, _SIZE)
    canvas.drawString(A4[0] - 92 * mm, y, f"{BANK}（盖章处）")
    canvas.drawString(A4[0] - 92 * mm, y - 7 * mm, "日期：")
    _field(canvas, Gap("letter_date", 30), A4[0] - 92 * mm + _width("日期："), y - 7 * mm)


def _register() -> None:
    text = (
        BANK
        + "信用卡逾期缴款告知函退信地址：示例省市样本路2号银行中心（盖章处）日期 0123456789-"
        + "".join(part for paragraph in LETTER for part in paragraph if isinstance(part, str))
    )
    pdfmetrics.registerFont(EmbeddedFont(_FONT, BytesIO(truetype(text, "SampleNotice"))))


def truetype(text: str, name: str) -> bytes:
    """Those glyphs of the face that the text needs, with quadratic outlines, which reportlab can embed.

    Under a name of its own: reportlab takes two fonts of one name for the same font.
    """
    file = importlib.resources.files("pylopdf_fonts_zh_cn") / "NotoSerifSC-Regular.otf"
    font = TTFont(BytesIO(file.read_bytes()), recalcTimestamp=False)
    subsetter = Subsetter(Options(layout_features=[], hinting=False, notdef_outline=True, name_IDs=[2]))
    subsetter.populate(text=text)
    subsetter.subset(font)
    glyphs = {}
    outlines = font.getGlyphSet()
    for glyph in font.getGlyphOrder():
        pen = TTGlyphPen(None)
        outlines[glyph].draw(Cu2QuPen(pen, max_err=1, reverse_direction=True))
        glyphs[glyph] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = font.getGlyphOrder(), glyphs
    font["maxp"].tableVersion = 0x00010000
    zeroed = ("maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs")
    for limit in (*zeroed, "maxStackElements", "maxSizeOfInstructions", "maxComponentElements"):
        setattr(font["maxp"], limit, 0)
    font["post"].formatType = 3
    for number in (1, 4, 6):
        font["name"].setName(name, number, 3, 1, 0x409)
    for table in ("CFF ", "VORG"):
        if table in font:
            del font[table]
    font.sfntVersion = "\0\1\0\0"
    written = BytesIO()
    font.save(written, reorderTables=True)
    return written.getvalue()


def main() -> None:
    FILE.write_bytes(pdf())


if __name__ == "__main__":
    main()
