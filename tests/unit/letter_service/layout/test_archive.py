"""PDF/A-2b, point by point with pikepdf. No validator such as veraPDF is at hand: these are the points we know."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pikepdf
import pytest
from fontTools.cffLib import CFFFontSet
from fontTools.pens.boundsPen import BoundsPen
from PIL import ImageCms

from letter_service.layout.press import Press
from tests.unit.letter_service.layout.letters import letter, permit

PDF = Press(letter()).letter(permit(values={"name": "欧阳𬱖堃"}))[1]


@pytest.fixture(scope="module")
def opened() -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(BytesIO(PDF)) as pdf:
        yield pdf


def _objects(pdf: pikepdf.Pdf, kind: str) -> list[pikepdf.Object]:
    return [found for found in pdf.objects if isinstance(found, pikepdf.Dictionary) and found.get("/Type") == kind]


def test_syntax(opened: pikepdf.Pdf) -> None:
    """The file has no error that qpdf knows, a binary comment, an ID, and is not encrypted."""
    assert opened.check_pdf_syntax() == []
    assert PDF.startswith(b"%PDF-1.7\n%")
    assert all(byte > 127 for byte in PDF[10:14])
    assert len(opened.trailer["/ID"]) == 2
    assert not opened.is_encrypted
    assert "/Info" not in opened.trailer


def test_metadata_claims_the_standard(opened: pikepdf.Pdf) -> None:
    """XMP says PDF/A-2b and the title, in a stream that is not compressed."""
    with opened.open_metadata() as metadata:
        assert metadata.pdfa_status == "2B"
        assert metadata["dc:title"] == "缴款告知函"
    assert "/Filter" not in opened.Root["/Metadata"]


def test_output_intent_is_srgb(opened: pikepdf.Pdf) -> None:
    """Colours mean what an sRGB profile says."""
    (intent,) = opened.Root["/OutputIntents"]
    assert intent["/S"] == "/GTS_PDFA1"
    profile = intent["/DestOutputProfile"]
    assert profile["/N"] == 3
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(profile.read_bytes())))


def test_nothing_that_the_standard_forbids(opened: pikepdf.Pdf) -> None:
    """No scripts, forms, annotations, transparency, files or links to elsewhere."""
    forbidden = {"/JS", "/AA", "/OpenAction", "/AcroForm", "/Annots", "/SMask", "/CA", "/ca", "/BM", "/EF", "/F", "/TR"}
    for found in opened.objects:
        if isinstance(found, pikepdf.Dictionary | pikepdf.Stream):
            assert not forbidden & set(found.keys())


def test_resources_are_named_where_they_are_used(opened: pikepdf.Pdf) -> None:
    """Every page and form has its own resources; none are inherited."""
    assert all("/Resources" in page.obj for page in opened.pages)
    forms = [
        found for found in opened.objects if isinstance(found, pikepdf.Stream) and found.get("/Subtype") == "/Form"
    ]
    assert len(forms) == len(opened.pages)
    assert all("/Resources" in form for form in forms)


def test_fonts_are_embedded_with_their_widths(opened: pikepdf.Pdf) -> None:
    """Each font is embedded, and each of its characters is as wide as the PDF says, has ink and is mapped to text."""
    composites = [font for font in _objects(opened, "/Font") if font["/Subtype"] == "/Type0"]
    assert len(composites) == 4
    for composite in composites:
        descendant = composite["/DescendantFonts"][0]
        file = descendant["/FontDescriptor"]["/FontFile3"]
        assert file["/Subtype"] == "/CIDFontType0C"
        widths = _widths(descendant)
        fonts = CFFFontSet()
        fonts.decompile(BytesIO(file.read_bytes()), None)
        (top,) = fonts.topDictIndex
        assert top.ROS == ("Adobe", "Identity", 0)
        mapped = composite["/ToUnicode"].read_bytes().decode()
        for glyph in top.charset[1:]:
            charstring = top.CharStrings[glyph]
            charstring.draw(pen := BoundsPen(None))
            cid = int(glyph.removeprefix("cid"))
            assert charstring.width == widths.get(cid, descendant["/DW"])
            assert f"<{cid:04X}><" in mapped
            assert pen.bounds or any(f"<{cid:04X}><{space}>" in mapped for space in ("0020", "3000", "00a0"))


def _widths(descendant: pikepdf.Object) -> dict[int, int]:
    pairs = list(descendant["/W"])
    return {int(cid): int(widths[0]) for cid, widths in zip(pairs[::2], pairs[1::2], strict=True)}


def test_supplementary_plane_is_mapped_as_a_pair() -> None:
    """A character beyond the first plane is mapped to its two UTF-16 words."""
    pair = "𬱖".encode("utf-16-be").hex()
    with pikepdf.open(BytesIO(PDF)) as pdf:
        maps = [font["/ToUnicode"].read_bytes().decode() for font in _objects(pdf, "/Font") if "/ToUnicode" in font]
    assert sum(f"><{pair}>" in one for one in maps) == 2
