"""The source format: what it says is what is read, and everything else is refused with its line."""

from __future__ import annotations

import contextlib
import random
import time
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from outreach.domain.errors import Refusal
from outreach.letters.model import Envelope, Heading, Paragraph, Seal, Table, TextLetter
from outreach.letters.placeholders import Gap, parts
from outreach.letters.source import MAX_SOURCE_BYTES, read
from outreach.v1.template_service_pb2 import PlaceholderType, RecordField
from tests.unit.letters.versions import EXAMPLE

HEAD = """---
title: 缴款告知函
bank: 示例银行股份有限公司
agency: 示范服务公司
return_address: 示例省示例市示例区示例大道1号
envelope: DL
duplex: true
placeholders:
  - {name: name, type: NAME, record_field: RECIPIENT_NAME}
  - {name: overdue, type: AMOUNT, record_field: OVERDUE_AMOUNT}
---
"""
BODY = """# 缴款告知函

尊敬的{name}：

　　您的欠款为{overdue}元。
"""


def _read(text: str) -> TextLetter:
    letter = read(text.encode("utf-8", "surrogatepass"), b"", b"")
    assert isinstance(letter, TextLetter)
    return letter


def _refusal(text: str | bytes, image: bytes = b"", pdf: bytes = b"") -> Refusal:
    source = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    with pytest.raises(Refusal) as caught:
        read(source, image, pdf)
    return caught.value


def test_what_is_written_is_read() -> None:
    """Title, headings, paragraphs, tables and the seal come in order, with the head's facts."""
    letter = _read(
        HEAD
        + BODY
        + "## 一、明细\n"
        + "| 项目 | 金额 |\n| --- | ---: |\n| 逾期 | {overdue:capitals} |\n无缩进\n[盖章] 示例银行股份有限公司\n"
    )
    head = letter.head
    assert (head.title, head.bank_name, head.agency_name) == ("缴款告知函", "示例银行股份有限公司", "示范服务公司")
    assert (head.envelope, head.duplex) == (Envelope.DL, True)
    assert [(p.name, p.type, p.record_field) for p in head.placeholders] == [
        ("name", PlaceholderType.PLACEHOLDER_TYPE_NAME, RecordField.RECORD_FIELD_RECIPIENT_NAME),
        ("overdue", PlaceholderType.PLACEHOLDER_TYPE_AMOUNT, RecordField.RECORD_FIELD_OVERDUE_AMOUNT),
    ]
    assert letter.blocks == (
        Heading(1, "缴款告知函"),
        Paragraph("尊敬的{name}：", indent=False),
        Paragraph("您的欠款为{overdue}元。", indent=True),
        Heading(2, "一、明细"),
        Table((("项目", "金额"), ("逾期", "{overdue:capitals}"))),
        Paragraph("无缩进", indent=False),
        Seal("示例银行股份有限公司"),
    )


def test_line_ends_and_a_byte_order_mark_make_no_difference() -> None:
    """A file saved by Windows reads the same."""
    text = HEAD + BODY
    assert read(("\ufeff" + text.replace("\n", "\r\n")).encode(), b"", b"") == _read(text)


def test_the_example_is_read() -> None:
    """The example that people copy is in the format."""
    letter = read(EXAMPLE.read_bytes(), b"", b"")
    assert isinstance(letter, TextLetter)
    assert letter.head.title == "信用卡缴款告知函"


def _png(width: int = 40, height: int = 20, kind: str = "PNG") -> bytes:
    written = BytesIO()
    Image.new("RGB", (width, height), "red").save(written, kind)
    return written.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_letterhead(kind: str) -> None:
    """A picture is kept as it was given."""
    image = _png(kind=kind)
    letter = read((HEAD + BODY).encode(), image, b"")
    assert isinstance(letter, TextLetter)
    assert letter.letterhead_image == image


_PNG_MARK = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    "image",
    [
        b"GIF89a",
        b"%PDF-1.7",
        _PNG_MARK,
        _png()[:60],
        _png(3001, 10),
        _png(kind="GIF"),
        b"\xff\xd8\xff" * 9,
        _PNG_MARK + bytes(2_000_001),
    ],
    ids=["gif", "pdf", "empty", "cut", "wide", "real gif", "no jpeg", "large"],
)
def test_what_is_no_letterhead(image: bytes) -> None:
    """Another format, a damaged picture and a huge one are refused."""
    assert _refusal(HEAD + BODY, image).field == "letterhead_image"


WRONG = [
    ("", 1, "---"),
    ("# 缴款告知函\n", 1, "---"),
    ("---\ntitle: x\n", 3, "not closed"),
    (HEAD, 12, "# 缴款告知函"),
    ("---\n---\n" + BODY, 1, "empty"),
    (HEAD.replace("bank: 示例银行股份有限公司\n", "") + BODY, 1, "bank"),
    (HEAD.replace("envelope: DL", "envelope: DX") + BODY, 6, "DL, ZL, C5, plain"),
    (HEAD.replace("envelope: DL\n", "") + BODY, 2, "envelope"),
    (HEAD.replace("duplex: true", "duplex: maybe") + BODY, 7, "true, false"),
    (HEAD.replace("duplex", "Duplex") + BODY, 7, "Duplex"),
    (HEAD.replace("agency: 示范服务公司", "bank: 别的银行") + BODY, 4, "twice"),
    (HEAD.replace("title: 缴款告知函", "title: [缴款, 告知函]") + BODY, 2, "one value"),
    (HEAD.replace("title: 缴款告知函", "title: '{name}'") + BODY, 2, "placeholders"),
    (HEAD.replace("title: 缴款告知函", "title: " + "函" * 41) + BODY, 2, "40"),
    (HEAD.replace("title: 缴款告知函", 'title: "缴款\\n函"') + BODY, 2, "one line"),
    (HEAD.replace("bank: 示例", "bank: &a 示例") + BODY, 3, "Anchors"),
    (HEAD.replace("bank: 示例银行股份有限公司", "bank: *a") + BODY, 3, "aliases"),
    (HEAD.replace("bank: 示例", "bank: !!python/name:os.system 示例") + BODY, 3, "tags"),
    (HEAD.replace("bank: 示例", "bank: !x 示例") + BODY, 3, "tags"),
    (HEAD.replace("bank: 示例银行股份有限公司", "bank: [[[[[1]]]]]") + BODY, 3, "deep"),
    (HEAD.replace("bank: 示", "bank: '示") + BODY, 10, "not YAML"),
    (HEAD.replace("bank:", "bank") + BODY, 4, "not YAML"),
    (HEAD.replace("type: NAME", "type: TEXT") + BODY, 9, "NAME"),
    (HEAD.replace("RECIPIENT_NAME", "OVERDUE_AMOUNT") + BODY, 9, "RECIPIENT_NAME"),
    (HEAD.replace(", record_field: RECIPIENT_NAME", "") + BODY, 9, "record_field"),
    (HEAD.replace("type: NAME", "type: HOTLINE") + BODY, 9, "record_field"),
    (HEAD.replace("name: name", "name: Name") + BODY, 9, "lower case"),
    (HEAD.replace("name: name", "name: letter_date") + BODY, 9, "permit"),
    (HEAD.replace("name: name", "name: overdue") + BODY, 10, "twice"),
    (HEAD.replace("placeholders:", "placeholders: none\nzones:") + BODY, 8, "list"),
    (HEAD + BODY + "{due_date}", 17, "due_date"),
    (HEAD + BODY.replace("{overdue}", "一些"), 1, "overdue"),
    (HEAD + BODY + "{{name}}", 17, "{{name}}"),
    (HEAD + BODY + "{name", 17, "{name"),
    (HEAD + BODY + "name}", 17, "name}"),
    (HEAD + BODY + "{Name}", 17, "{Name}"),
    (HEAD + BODY + "{name:upper}", 17, "{name:upper}"),
    (HEAD + BODY + "{name:capitals}", 17, "no amount"),
    (HEAD + BODY + "{letter_date:capitals}", 17, "no amount"),
    (HEAD + BODY + "｛name｝", 17, "｛name｝"),
    (HEAD + BODY.replace("# 缴款告知函", "# 别的函"), 12, "# 缴款告知函"),
    (HEAD + BODY.replace("# 缴款告知函", "缴款告知函"), 12, "# 缴款告知函"),
    (HEAD + BODY + "# 又一个标题", 17, "##"),
    (HEAD + BODY + "### 三级标题", 17, "##"),
    (HEAD + BODY + "##无空格", 17, "##"),
    (HEAD + BODY + "## ", 17, "##"),
    (HEAD + BODY + "[盖章]", 17, "盖章"),
    (HEAD + BODY + "[盖章] {name}", 17, "盖章"),
    (HEAD + BODY + "| 一 | 二 |\n| --- | --- |\n| 三 |", 19, "1"),
    (HEAD + BODY + "| 一 | 二 |\n| --- | --- |", 17, "at least one row"),
    (HEAD + BODY + "| 一 | 二 |\n| 三 | 四 |\n| 五 | 六 |", 17, "---"),
    (HEAD + BODY + "| 一 | 二", 17, "|"),
    (HEAD + BODY + "|" * 20 + "\n|" + "---|" * 19 + "\n" + "|" * 20, 17, "columns"),
    (HEAD + BODY + "空\0字符", 17, "U+0000"),
    (HEAD + BODY + "零宽\u200b字符", 17, "U+200B"),
    (HEAD + BODY + "反向\u202e字符", 17, "U+202E"),
    (HEAD + BODY + "制表\t符", 17, "U+0009"),
    (HEAD + BODY + "行\u2028分隔", 17, "U+2028"),
    (HEAD + BODY + "私用\ue000区", 17, "U+E000"),
    (HEAD + BODY + "孤立\ud800代理", 17, "UTF-8"),
    ((HEAD + BODY).encode() + b"\xff\xfe", 17, "UTF-8"),
    ((HEAD + BODY).encode("gb18030"), 2, "UTF-8"),
    ((HEAD + BODY).encode("utf-16"), 1, "UTF-8"),
    (HEAD + BODY + "长" * 2_001, 17, "2000"),
    (HEAD + BODY + "一行\n" * 400, 314, "300"),
    (HEAD + BODY + ("长" * 1_000 + "\n") * 12, 12, "12000"),
]


@pytest.mark.parametrize(("text", "line", "told"), WRONG, ids=range(len(WRONG)))
def test_what_is_not_in_the_format_is_refused(text: str | bytes, line: int, told: str) -> None:
    """The refusal names the line and what is wrong there."""
    refusal = _refusal(text)
    assert refusal.field == "source"
    assert f"line {line}:" in refusal.message
    assert told in refusal.message


def test_what_is_too_long_is_refused_at_once() -> None:
    """A source larger than any letter is not even decoded."""
    assert str(MAX_SOURCE_BYTES) in _refusal(b"\xff" * (MAX_SOURCE_BYTES + 1)).message


def test_a_pdf_and_zones_belong_together() -> None:
    """Zones without a PDF and a PDF without zones are refused."""
    zones = "zones:\n" + "".join(
        f"  {name}: {{page: 1, x: 10, y: {y}, width: 20, height: 10}}\n"
        for name, y in (("number", 10), ("address", 60), ("sheet_code", 30))
    )
    assert _refusal(HEAD.removesuffix("---\n") + zones + "---\n").field == "official_pdf"
    assert "zones" in _refusal(HEAD + BODY, b"", b"%PDF-1.7").message


def _read_or_refuse(data: bytes) -> None:
    with contextlib.suppress(Refusal):
        read(data, b"", b"")


@pytest.mark.parametrize(
    "text",
    [
        "---\n" + "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(900)) + "---\n",
        "---\n" + "[" * 100_000 + "\n---\n",
        "---\n" + "{a: " * 40_000 + "\n---\n",
        "---\n" + "- " * 60_000 + "\n---\n",
        "---\ntitle: '" + "a" * 1_900 + "'\n" + "? a\n" * 40_000 + "---\n",
        "---\n" + "a: |\n" * 30_000 + "---\n",
        "---\n" + "\n" * 190_000 + "---\n",
        HEAD + BODY + "{" * 1_999 + "\n",
        HEAD + BODY + "{name}" * 300 + "\n",
        HEAD + "\n".join("|" + "|".join("a" * 8) + "|" for _ in range(9_000)),
        "---\n" * 40_000,
    ],
    ids=["aliases", "brackets", "braces", "dashes", "keys", "blocks", "blank", "gaps", "many", "rows", "rules"],
)
def test_bombs_end_at_once(text: str) -> None:
    """Nothing that fits into a source takes more than a moment, whatever it is made of."""
    begin = time.monotonic()
    _read_or_refuse(text.encode())
    assert time.monotonic() - begin < 5


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"---\n%YAML 9.9\n---\n")
@example(b"---\n? \n---\n")
@example(b"---\n<<: {}\n---\n")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever stands in the head or the body, the answer is a letter or a refusal."""
    for source in (data, b"---\n" + data + b"\n---\n", HEAD.encode() + BODY.encode() + data):
        _read_or_refuse(source)


@given(st.integers())
def test_a_damaged_example_is_read_or_refused(seed: int) -> None:
    """One byte changed, lost or doubled anywhere leaves a letter or a refusal."""
    chance = random.Random(seed)
    data = bytearray(EXAMPLE.read_bytes())
    place = chance.randrange(len(data))
    data[place : place + chance.randint(0, 2)] = bytes(chance.choices(range(256), k=chance.randint(0, 3)))
    _read_or_refuse(bytes(data))


@given(st.lists(st.sampled_from(["{name}", "{overdue}", "{overdue:capitals}", "元", "：", "abc "])))
def test_parts_of_a_text(pieces: list[str]) -> None:
    """Fixed text and gaps come back in order, and together they are the text."""
    text = "".join(pieces)
    written = "".join(
        f"{{{part.name}{':capitals' if part.capitals else ''}}}" if isinstance(part, Gap) else part
        for part in parts(text)
    )
    assert written == text
