"""The bank's own PDF: the example is read and passes; what runs, hides, refers elsewhere or grows is refused."""

from __future__ import annotations

import contextlib
import random
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Pdf, String

from approval_service.screening.content import screen
from examples.official_letter import FILE, pdf
from outreach.domain.errors import Refusal
from outreach.letters.lint import Identity, lint
from outreach.letters.model import OfficialLetter
from outreach.letters.official_glyphs import look
from outreach.letters.official_text import official_passages
from outreach.letters.reading import Passage
from outreach.letters.source import read
from outreach.v1.common_pb2 import Finding

PDF = FILE.read_bytes()
SOURCE = FILE.with_suffix(".md").read_bytes()
POLICY = Identity("样本银行", "示范服务公司", ("010-00000002",))


def _read(data: bytes, source: bytes = SOURCE) -> OfficialLetter:
    letter = read(source, b"", data)
    assert isinstance(letter, OfficialLetter)
    return letter


def _lint(data: bytes, source: bytes = SOURCE) -> list[Finding]:
    return lint(_read(data, source), screen, POLICY)


def _passages(data: bytes) -> list[Passage]:
    return official_passages(_read(data), look(data))


def _stops(data: bytes, source: bytes = SOURCE) -> list[str]:
    return [finding.reason for finding in _lint(data, source) if not finding.waits]


def _refusal(data: bytes, source: bytes = SOURCE) -> str:
    with pytest.raises(Refusal) as caught:
        read(source, b"", data)
    return caught.value.message


def _changed(change: Callable[[Pdf], None], **how: object) -> bytes:
    written = BytesIO()
    with pikepdf.open(BytesIO(PDF)) as opened:
        change(opened)
        opened.save(written, **how)  # type: ignore[arg-type]  # options as save() has them
    return written.getvalue()


def _drawing(content: bytes, page: int = 0) -> bytes:
    """The example with more drawn on a page; F1 is its font, in reportlab's codes."""
    return _changed(lambda opened: opened.pages[page].contents_add(opened.make_stream(content)))


def test_the_example_is_what_its_script_writes() -> None:
    """The committed file can be made again, to the byte."""
    assert pdf() == PDF


def test_fields_are_the_placeholders() -> None:
    """Each field has its page, its place in millimetres from the top left, its size and its alignment."""
    letter = _read(PDF)
    fields = {(field.placeholder, field.capitals): field for field in letter.fields}
    assert set(fields) == {
        *(
            (name, False)
            for name in ("name", "last_four", "due_date", "as_of", "overdue", "outstanding", "letter_date")
        ),
        ("overdue", True),
        ("outstanding", True),
    }
    name = fields["name", False]
    assert (name.page, name.alignment, name.multiline, name.font_size) == (1, 0, False, 10.0)
    assert (round(name.width), round(name.height)) == (90, 5)
    assert round(name.y) == 124
    assert fields["letter_date", False].page == 2


def test_its_text_is_read_as_a_reader_sees_it() -> None:
    """Lines are joined to paragraphs, with marks where the fields are."""
    text = [passage.text for passage in _passages(PDF)]
    assert "尊敬的⟦RECIPIENT_NAME⟧：" in text
    assert (
        "您在我行办理的信用卡（卡号末四位⟦ACCOUNT_LAST_FOUR⟧）的应还款项已于⟦DUE_DATE⟧到期，您尚未足额归还，已发生逾期。"
        "现就有关事项函告如下。"
    ) in text
    assert "大写：⟦OVERDUE_AMOUNT:大写⟧" in text


def test_the_example_passes() -> None:
    """Nothing stops it; what its archive copy will be given is noted."""
    findings = _lint(PDF)
    assert all(finding.waits for finding in findings)
    assert all("PDF/A-2b" in finding.reason for finding in findings)


def _action(kind: str, **more: Any) -> Dictionary:
    return Dictionary(S=Name(f"/{kind}"), **more)


def _javascript_name(opened: Pdf) -> None:
    opened.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("a"), _action("JavaScript", JS="x")])))


def _embedded(opened: Pdf) -> None:
    opened.attachments["a.txt"] = b"text"


def _signature(opened: Pdf) -> None:
    value = Dictionary(Type=Name.Sig, Filter=Name("/Adobe.PPKLite"), ByteRange=Array([0, 1, 2, 3]))
    field = Dictionary(FT=Name.Sig, T=String("signed"), V=opened.make_indirect(value))
    opened.Root.AcroForm.Fields.append(opened.make_indirect(field))


def _annotate(subtype: str) -> Callable[[Pdf], None]:
    def change(opened: Pdf) -> None:
        annotation = Dictionary(Type=Name.Annot, Subtype=Name(f"/{subtype}"), Rect=Array([0, 0, 10, 10]))
        opened.pages[0].Annots.append(opened.make_indirect(annotation))

    return change


def _root(key: str, value: Callable[[], object]) -> Callable[[Pdf], None]:
    def change(opened: Pdf) -> None:
        opened.Root[f"/{key}"] = value()

    return change


def _form_xobject(content: bytes, **more: object) -> Callable[[Pdf], None]:
    def change(opened: Pdf) -> None:
        form = opened.make_stream(content)
        form.Type, form.Subtype, form.BBox = Name.XObject, Name.Form, Array([0, 0, 100, 100])
        for key, value in more.items():
            form[f"/{key}"] = value
        opened.pages[0].Resources.XObject = Dictionary(X=form)
        opened.pages[0].contents_add(opened.make_stream(b"/X Do"))

    return change


def _optional_layers(opened: Pdf) -> None:
    layer = opened.make_indirect(Dictionary(Type=Name.OCG, Name=String("x")))
    opened.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))


def _field_action(opened: Pdf) -> None:
    opened.pages[0].Annots[0].AA = Dictionary(K=_action("JavaScript", JS=String("x")))


def _submit(opened: Pdf) -> None:
    opened.pages[0].Annots[0].A = _action("SubmitForm", F=String("http://example.invalid"))


DANGEROUS: list[tuple[str, Callable[[Pdf], None], str]] = [
    ("javascript on opening", _root("OpenAction", lambda: _action("JavaScript", JS=String("x"))), "JavaScript"),
    ("javascript by name", _javascript_name, "JavaScript"),
    ("javascript of a field", _field_action, "action"),
    ("launch", _root("OpenAction", lambda: _action("Launch", F=String("a.exe"))), "action"),
    ("another file", _root("OpenAction", lambda: _action("GoToR", F=String("a.pdf"))), "action"),
    ("submit", _submit, "action"),
    ("actions of the document", _root("AA", lambda: Dictionary(WC=_action("Named", N=Name.Print))), "action"),
    ("embedded file", _embedded, "embedded files"),
    ("portfolio", _root("Collection", Dictionary), "embedded files"),
    ("xfa", lambda opened: opened.Root.AcroForm.__setitem__("/XFA", String("<xdp/>")), "XFA"),
    ("signed", _signature, "signed"),
    ("usage rights", _root("Perms", Dictionary), "signed"),
    ("layers", _optional_layers, "layers"),
    ("file annotation", _annotate("FileAttachment"), "embedded files"),
    ("film", _annotate("RichMedia"), "multimedia"),
    ("free text", _annotate("FreeText"), "annotations"),
    ("stamp", _annotate("Stamp"), "annotations"),
    ("external content", _form_xobject(b"", F=String("a.bin")), "outside"),
    ("reference to another pdf", _form_xobject(b"", Ref=Dictionary(F=String("a.pdf"), Page=0)), "outside"),
    ("tiles", _root("X", lambda: Dictionary(PatternType=1, XStep=0)), "tiling"),
    ("postscript", _root("X", lambda: Dictionary(Type=Name.XObject, Subtype=Name.PS)), "PostScript"),
]


@pytest.mark.parametrize(("change", "told"), [case[1:] for case in DANGEROUS], ids=[case[0] for case in DANGEROUS])
def test_what_runs_hides_or_refers_elsewhere_is_refused(change: Callable[[Pdf], None], told: str) -> None:
    """The refusal says what it is, whether objects stand in the open or in object streams."""
    streams = pikepdf.ObjectStreamMode
    for mode in (streams.disable, streams.generate):
        assert told in _refusal(_changed(change, object_stream_mode=mode))


@pytest.mark.parametrize("user", ["", "secret"])
def test_an_encrypted_pdf_is_refused(user: str) -> None:
    """Also where it opens without a password."""
    assert "encrypted" in _refusal(_changed(lambda _: None, encryption=pikepdf.Encryption(owner="owner", user=user)))


@pytest.mark.parametrize("kept", [0, 10, 1000, len(PDF) // 2, len(PDF) - 30])
def test_a_cut_pdf_is_refused(kept: int) -> None:
    """Nothing is guessed of what is lost."""
    message = _refusal(PDF[:kept])
    assert "damaged" in message or "zones" in message


def _blank(content: bytes, *, pages: int = 1) -> bytes:
    written = BytesIO()
    with Pdf.new() as made:
        for _ in range(pages):
            made.add_blank_page(page_size=(595.28, 841.89))
        made.pages[0].Contents = made.make_stream(content)
        made.save(written)
    return written.getvalue()


def _nested_forms(opened: Pdf) -> None:
    """Ten forms, each of which draws the next ten times."""
    inner = opened.make_stream(b"q Q")
    for _ in range(10):
        inner.Subtype, inner.BBox = Name.Form, Array([0, 0, 1, 1])
        outer = opened.make_stream(b"/X Do " * 10)
        outer.Resources = Dictionary(XObject=Dictionary(X=inner))
        inner = outer
    inner.Subtype = Name.Form
    opened.pages[0].Resources.XObject = Dictionary(X=inner)
    opened.pages[0].contents_add(opened.make_stream(b"/X Do"))


def _form_of_itself(opened: Pdf) -> None:
    _form_xobject(b"/X Do")(opened)
    form = opened.pages[0].Resources.XObject.X
    form.Resources = Dictionary(XObject=Dictionary(X=form))


def _huge_image(opened: Pdf) -> None:
    image = opened.make_stream(b"\0")
    image.Type, image.Subtype, image.Width, image.Height = Name.XObject, Name.Image, 100_000, 100_000
    opened.pages[0].Resources.XObject = Dictionary(X=image)


def _twice_packed(opened: Pdf) -> None:
    packed = zlib.compress(zlib.compress(b"\0" * 50_000_000, 9), 9)
    stream = opened.make_stream(packed)
    stream.Filter = Array([Name.FlateDecode, Name.FlateDecode])
    opened.Root.Bomb = stream


BOMBS: dict[str, Callable[[], bytes]] = {
    "one stream": lambda: _blank(b" " * 60_000_000),
    "many instructions": lambda: _drawing(b"q Q " * 300_000),
    "forms in forms": lambda: _changed(_nested_forms),
    "a form of itself": lambda: _changed(_form_of_itself),
    "a huge image": lambda: _changed(_huge_image),
    "packed twice": lambda: _changed(_twice_packed),
    "many pages": lambda: _blank(b"", pages=11),
    "many objects": lambda: _changed(
        lambda opened: opened.Root.__setitem__("/X", Array([opened.make_indirect(Array([])) for _ in range(6_000)]))
    ),
    "a long array": lambda: _changed(_root("X", lambda: Array([0] * 200_000))),
    "deep arrays": lambda: PDF.replace(b"/PageMode", b"/X " + b"[" * 5_000 + b"]" * 5_000 + b"/PageMode"),
    "lzw": lambda: PDF + b"\n% /LZWDecode ",
    "lzw, escaped": lambda: PDF + b"\n% /L#5AWDecode ",
    "too large": lambda: PDF + b" " * 3_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_grows_without_end_is_refused(name: str) -> None:
    """A small file that unpacks or draws without end costs nothing but a refusal."""
    assert _refusal(BOMBS[name]())


def _head(old: str, new: str) -> bytes:
    text = SOURCE.decode()
    assert old in text
    return text.replace(old, new).encode()


FORMS: list[tuple[str, Callable[[Pdf], None], str]] = [
    ("another name", lambda o: o.pages[0].Annots[0].__setitem__("/T", String("surname")), "surname"),
    ("no name", lambda o: o.pages[0].Annots[0].__setitem__("/T", String("Full Name")), "Full Name"),
    ("capitals of a name", lambda o: o.pages[0].Annots[0].__setitem__("/T", String("name:capitals")), "no amount"),
    ("a field missing", lambda o: o.pages[0].Annots.__delitem__(0), "name"),
    ("a checkbox", lambda o: o.pages[0].Annots[0].__setitem__("/FT", Name.Btn), "no text field"),
    ("a password field", lambda o: o.pages[0].Annots[0].__setitem__("/Ff", 1 << 13), "no text field"),
    ("turned", lambda o: o.pages[0].Annots[0].__setitem__("/MK", Dictionary(R=90)), "rotated"),
    ("off the page", lambda o: o.pages[0].Annots[0].__setitem__("/Rect", Array([-50, 100, 50, 120])), "outside"),
    ("in the window", lambda o: o.pages[0].Annots[0].__setitem__("/Rect", Array([284, 660, 300, 680])), "window"),
    ("under a zone", lambda o: o.pages[0].Annots[0].__setitem__("/Rect", Array([505, 770, 540, 800])), "sheet_code"),
    (
        "under a zone of sheets",
        lambda o: o.pages[1].Annots[0].__setitem__("/Rect", Array([505, 770, 540, 800])),
        "sheet",
    ),
    ("no size", lambda o: o.pages[0].Annots[0].__setitem__("/Rect", Array([100, 300, 100, 300])), "small"),
    ("no rectangle", lambda o: o.pages[0].Annots[0].__delitem__("/Rect"), "damaged"),
    ("page turned", lambda o: o.pages[0].__setitem__("/Rotate", 90), "rotated"),
    ("letter paper", lambda o: o.pages[0].__setitem__("/MediaBox", Array([0, 0, 612, 792])), "A4"),
    ("cropped", lambda o: o.pages[0].__setitem__("/CropBox", Array([50, 50, 500, 700])), "A4"),
    ("scaled", lambda o: o.pages[1].obj.__setitem__("/UserUnit", 2), "scaled"),
    ("endless size", lambda o: o.pages[0].__setitem__("/MediaBox", Array([0, 0, 10**15, 792])), "A4"),
]


@pytest.mark.parametrize(("change", "told"), [case[1:] for case in FORMS], ids=[case[0] for case in FORMS])
def test_a_form_that_cannot_be_filled_is_refused(change: Callable[[Pdf], None], told: str) -> None:
    """Fields match the placeholders, are text, lie on upright A4 pages and in nobody's way."""
    assert told in _refusal(_changed(change))


HEADS = [
    ("- {name: name, type: NAME, record_field: RECIPIENT_NAME}", "- {name: case, type: REFERENCE}", "name"),
    ("zones:", "  - {name: hotline, type: HOTLINE}\nzones:", "hotline"),
    ("page: 1, x: 122", "page: 3, x: 122", "number"),
    ("x: 122, y: 46, width: 66", "x: 122, y: 46, width: 106", "number"),
    ("address: {page: 1, x: 22, y: 52", "address: {page: 1, x: 10, y: 52", "address"),
    (
        "address: {page: 1, x: 22, y: 52, width: 76, height: 36}",
        "address: {page: 2, x: 22, y: 52, width: 76, height: 36}",
        "page 1",
    ),
    ("number: {page: 1, x: 122, y: 46", "number: {page: 1, x: 60, y: 70", "overlap"),
    ("number: {page: 1, x: 122, y: 46", "number: {page: 1, x: 60, y: 126", "covers"),
    (
        "sheet_code: {page: 1, x: 176, y: 10, width: 18, height: 18}",
        "sheet_code: {page: 1, x: 176, y: 40, width: 18, height: 18}",
        "overlap",
    ),
    ("width: 18, height: 18}", "width: 0, height: 18}", "width"),
    ("x: 176", "x: ten", "millimetres"),
    ("y: 52, width: 76, height: 36}", "y: 52, width: 76, height: 40}", "address"),
]


@pytest.mark.parametrize(("old", "new", "told"), HEADS, ids=range(len(HEADS)))
def test_a_head_that_does_not_fit_the_pdf_is_refused(old: str, new: str, told: str) -> None:
    """Placeholders without a field, and zones off the page, over a field, over one another or out of the window."""
    assert told in _refusal(PDF, _head(old, new))


def test_a_body_is_refused() -> None:
    """The PDF is the body."""
    assert "body" in _refusal(PDF, SOURCE + b"# \xe5\x87\xbd\n")


def _stock_font(opened: Pdf, page: int = 1) -> None:
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    opened.pages[page].Resources.Font.Stock = opened.make_indirect(font)


def test_text_in_the_window_or_under_a_zone_is_told() -> None:
    """What the window would show, and what the address or a code would cover, stops the version."""

    def drawn(x: int, y: int, page: int = 0) -> list[str]:
        def change(opened: Pdf) -> None:
            _stock_font(opened, page)
            text = b"BT /Stock 12 Tf 1 0 0 1 %d %d Tm (Text) Tj ET" % (x, y)
            opened.pages[page].contents_add(opened.make_stream(text))

        return _stops(_changed(change))

    assert any("window" in reason for reason in drawn(250, 600))
    assert any("zone number" in reason for reason in drawn(360, 690))
    assert any("zone sheet_code" in reason for reason in drawn(500, 780, page=1))


def test_a_font_that_is_not_embedded_is_told_where_it_is_used() -> None:
    """One that only stands in the resources is none of the letter's; one that sets text stops the version."""
    assert _stops(_changed(_stock_font)) == []

    def used(opened: Pdf) -> None:
        _stock_font(opened)
        opened.pages[1].contents_add(opened.make_stream(b"BT /Stock 12 Tf 1 0 0 1 100 100 Tm (Page 2) Tj ET"))

    assert any("Helvetica" in reason for reason in _stops(_changed(used)))


@pytest.mark.parametrize(
    "how",
    [
        b"3 Tr %s",
        b"1 1 1 rg %s",
        b"0.97 g %s",
        b"0.1 0 0 0.1 300 300 cm %s",
        b"1 0 0 1 -900 0 cm %s",
        b"%s 1 g 90 90 200 30 re f",
        b"0 0 1 1 re W n %s",
        b"0.5 g 90 90 200 30 re f %s",
    ],
    ids=["invisible", "white", "nearly white", "tiny", "off the page", "covered", "cut away", "grey on grey"],
)
def test_text_that_nobody_sees_counts_for_nothing(how: bytes) -> None:
    """Hidden words neither meet a requirement nor pass unseen."""

    def change(opened: Pdf) -> None:
        _stock_font(opened)
        opened.pages[1].contents_add(
            opened.make_stream(b"q " + how % b"BT /Stock 11 Tf 1 0 0 1 100 100 Tm (hidden words) Tj ET" + b" Q")
        )

    data = _changed(change)
    assert any("nobody sees" in reason for reason in _stops(data))
    assert not any("hidden" in passage.text for passage in _passages(data))


def test_white_on_black_is_seen() -> None:
    """A title in a dark band is text like any other."""

    def change(opened: Pdf) -> None:
        _stock_font(opened)
        content = b"q 0 g 90 90 200 30 re f 1 g BT /Stock 11 Tf 1 0 0 1 100 100 Tm (Title) Tj ET Q"
        opened.pages[1].contents_add(opened.make_stream(content))

    data = _changed(change)
    assert not any("nobody sees" in reason for reason in _stops(data))
    assert any("Title" in passage.text for passage in _passages(data))


def test_a_scan_is_told() -> None:
    """A page without text cannot be judged."""

    def change(opened: Pdf) -> None:
        for page in opened.pages:
            page.Contents = opened.make_stream(b"")

    reasons = _stops(_changed(change))
    assert any("scan" in reason for reason in reasons)
    assert any("第六十九条" in reason or "缺少" in reason for reason in reasons)


@settings(max_examples=40, deadline=None)
@example(1932)
@given(st.integers())
def test_a_damaged_pdf_is_judged_or_refused(seed: int) -> None:
    """Bytes changed anywhere end in findings or a refusal, never in another error."""
    chance = random.Random(seed)
    data = bytearray(PDF)
    structure = range(len(data) - 6000, len(data))
    for _ in range(chance.randint(1, 6)):
        place = chance.choice(structure) if chance.random() < 0.7 else chance.randrange(len(data))
        data[place] = chance.choice(b"0123456789/<>[]()%RFTx \n")
    with contextlib.suppress(Refusal):
        _lint(bytes(data))
