"""Reads a letter version from its source text; docs/letter_format.md describes the format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from io import BytesIO

from PIL import Image

from outreach.domain.errors import invalid
from outreach.letters.front_matter import LINE, FrontMatter, read_front_matter, refuse
from outreach.letters.model import Block, Heading, Letter, OfficialLetter, Paragraph, Seal, Table, TextLetter
from outreach.letters.official import official_letter
from outreach.letters.placeholders import gaps, misuse, stray_brace

MAX_SOURCE_BYTES = 200_000
MAX_IMAGE_BYTES = 2_000_000
_MAX_LINE = 2_000
_MAX_CHARACTERS = 12_000
"""Of the body: ten pages."""
_MAX_BLOCKS = 300
_MAX_ROWS = 60
_MAX_COLUMNS = 8
_MAX_IMAGE_SIDE = 3_000
_INDENT = "　　"
_SEAL = "[盖章]"
_RULE = re.compile(r":?-{3,}:?")
_UNSEEN = frozenset(("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"))

_Line = tuple[int, str]
"""Its number in the source, from 1, and its text."""


def read(source: bytes, letterhead_image: bytes, pdf: bytes) -> Letter:
    """The letter that the source describes: laid out by us, or the bank's own `pdf` if there is one.

    Raises Refusal, which names the line and the way out, for everything that is not in the format.
    """
    lines = _decode(source)
    front, body = _split(lines)
    if pdf or front.zones:
        return _official(front, body, letterhead_image, pdf)
    _check_image(letterhead_image)
    blocks = tuple(_blocks(body))
    if not blocks or not isinstance(blocks[0], Heading) or blocks[0].text != front.head.title:
        line = body[0][0] if body else len(lines)
        raise refuse(line, f"正文须以标题开头 the body must begin with its title: # {front.head.title}")
    _check_placeholders(front, body)
    return TextLetter(front.head, blocks, letterhead_image)


def _decode(source: bytes) -> list[str]:
    if len(source) > MAX_SOURCE_BYTES:
        raise invalid("source", f"过长，至多 {MAX_SOURCE_BYTES} 字节。Takes at most {MAX_SOURCE_BYTES} bytes.")
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise refuse(line, "不是 UTF-8，请另存为 UTF-8。Is not UTF-8: save it so.") from None
    lines = text.replace("\r\n", "\n").split("\n")
    for number, text in enumerate(lines, 1):
        for character in text:
            if unicodedata.category(character) in _UNSEEN:
                raise refuse(
                    number,
                    f"含不可见或未定义字符 U+{ord(character):04X}，请删除。Nobody sees this character: remove it.",
                )
        if len(text) > _MAX_LINE:
            raise refuse(number, f"一行至多 {_MAX_LINE} 字。A line takes at most {_MAX_LINE} characters.")
    return [line.rstrip() for line in lines]


def _split(lines: list[str]) -> tuple[FrontMatter, list[_Line]]:
    """The front matter, and the lines of the body that say something."""
    if lines[0] != LINE:
        raise refuse(1, "文件须以 --- 开头，其后为文件头。Must begin with --- and the front matter.")
    if LINE not in lines[1:]:
        raise refuse(len(lines), "文件头未以 --- 结束。The front matter is not closed by a line ---.")
    end = lines.index(LINE, 1)
    body = [(number, line) for number, line in enumerate(lines[end + 1 :], end + 2) if line.strip()]
    if sum(len(line) for _, line in body) > _MAX_CHARACTERS:
        raise refuse(end + 2, f"正文至多 {_MAX_CHARACTERS} 字。The body takes at most {_MAX_CHARACTERS} characters.")
    return read_front_matter(lines[1:end]), body


def _official(front: FrontMatter, body: list[_Line], letterhead_image: bytes, pdf: bytes) -> OfficialLetter:
    if not pdf:
        raise invalid("official_pdf", "声明了 zones 而没有 PDF。The front matter has zones, but there is no PDF.")
    if not front.zones:
        raise invalid("source", "银行官方 PDF 须声明 zones。An official PDF needs zones in the front matter.")
    if body:
        raise refuse(body[0][0], "银行官方 PDF 不写正文。An official PDF is the body: leave this out.")
    if letterhead_image:
        raise invalid("letterhead_image", "银行官方 PDF 自带信头。An official PDF has its own letterhead.")
    return official_letter(front.head, pdf, front.zones)


def _check_image(image: bytes) -> None:
    if not image:
        return
    wrong = "须为 PNG 或 JPEG，每边至多 3000 像素。Must be a PNG or JPEG of at most 3000 pixels a side."
    if len(image) > MAX_IMAGE_BYTES:
        raise invalid("letterhead_image", f"至多 {MAX_IMAGE_BYTES} 字节。Takes at most {MAX_IMAGE_BYTES} bytes.")
    if not image.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        raise invalid("letterhead_image", wrong)
    try:
        with Image.open(BytesIO(image), formats=("PNG", "JPEG")) as opened:
            fits = max(opened.size) <= _MAX_IMAGE_SIDE
            if fits:
                opened.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise invalid("letterhead_image", wrong) from None
    if not fits:
        raise invalid("letterhead_image", wrong)


def _blocks(body: list[_Line]) -> Iterator[Block]:
    """One line is one block; the rows of a table are one together."""
    at = count = 0
    while at < len(body):
        number, line = body[at]
        count += 1
        if count > _MAX_BLOCKS:
            raise refuse(number, f"至多 {_MAX_BLOCKS} 段。Takes at most {_MAX_BLOCKS} paragraphs.")
        rows = 0
        while at + rows < len(body) and body[at + rows][0] == number + rows and body[at + rows][1].startswith("|"):
            rows += 1
        yield _table(body[at : at + rows]) if rows else _block(number, line, is_first=at == 0)
        at += rows or 1


def _block(number: int, line: str, *, is_first: bool) -> Block:
    if line.startswith("#"):
        marks, _, text = line.partition(" ")
        if marks not in ("#", "##") or not text.strip():
            raise refuse(number, "标题写作 # 文字 或 ## 文字。Write a heading as # text or ## text.")
        if (marks == "#") != is_first:
            raise refuse(number, "# 仅用于首行标题，小标题用 ##。# is for the title in the first line only; use ##.")
        return Heading(len(marks), text.strip())
    if line.startswith(_SEAL):
        party = line.removeprefix(_SEAL).strip()
        if not party or "{" in party:
            raise refuse(number, f"须写盖章单位。Name the party that seals: {_SEAL} 示例银行")
        return Seal(party)
    return Paragraph(line.strip(), indent=line.startswith(_INDENT))


def _table(lines: list[_Line]) -> Table:
    rows = []
    for number, line in lines:
        if len(line) < 2 or not line.endswith("|"):
            raise refuse(number, "表格行须以 | 开头和结尾。A table's row begins and ends with |.")
        rows.append((number, tuple(cell.strip() for cell in line[1:-1].split("|"))))
    width = len(rows[0][1])
    for number, cells in rows:
        if len(cells) != width:
            raise refuse(
                number, f"此行 {len(cells)} 格，表头 {width} 格。This row has {len(cells)} cells, the head {width}."
            )
    if len(rows) < 3 or not all(_RULE.fullmatch(cell) for cell in rows[1][1]):
        raise refuse(
            rows[0][0],
            "表格须有表头、| --- | 行和至少一行。A table needs a head, a line of | --- | and at least one row.",
        )
    if width > _MAX_COLUMNS or len(rows) > _MAX_ROWS:
        raise refuse(
            rows[0][0], f"表格至多 {_MAX_COLUMNS} 列 {_MAX_ROWS} 行。At most {_MAX_COLUMNS} columns, {_MAX_ROWS} rows."
        )
    return Table(tuple(cells for place, (_, cells) in enumerate(rows) if place != 1))


def _check_placeholders(front: FrontMatter, body: list[_Line]) -> None:
    declared = {placeholder.name: placeholder for placeholder in front.head.placeholders}
    used = set()
    for number, line in body:
        if stray := stray_brace(line):
            raise refuse(
                number,
                f"花括号不成对、嵌套或变量名有误 a brace is left that is no placeholder: {stray} "
                "(写作 write {name} or {name:capitals})",
            )
        for gap in gaps(line):
            if wrong := misuse(gap, declared):
                raise refuse(number, wrong)
            used.add(gap.name)
    if unused := sorted(declared.keys() - used):
        raise refuse(1, f"已声明而未使用 declared and not used: {', '.join(unused)}. 请删除。Remove them.")
