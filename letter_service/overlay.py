"""What is laid over pages that are set already: the mark of a copy, and the envelope's window over a preview."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from io import BytesIO

import pikepdf

from letter_service.layout.embedding import embed
from letter_service.layout.fonts import sans
from letter_service.layout.pdf import PAGE_HEIGHT, PAGE_WIDTH, PdfWriter
from outreach.letters.envelopes import PROFILES, Rectangle, address_block, clear_zone, window_shows
from outreach.letters.model import Envelope

_MM = 72 / 25.4
_COPY = "副本 COPY"
_COPY_SIZE = 80
_COPY_AT = (105.0, 185.0)
"""Millimetres from the top left, below every window."""
_COPY_OPACITY = 0.18
_LABEL_SIZE = 7
_EM = 1000
_NAME = pikepdf.Name("/Overlay")
"""A random one, as pikepdf gives it, would make every copy another file."""


def mark_as_copy(pdf: bytes) -> bytes:
    """The same PDF with 副本 COPY across every page. The same input gives the same bytes."""
    return _laid_over(pdf, _copy_mark(), first_page_only=False)


def show_window(pdf: bytes, envelope: Envelope) -> bytes:
    """The same PDF with the window over its first page: as it lies in the middle, and how far it can move."""
    return _laid_over(pdf, _window(envelope), first_page_only=True)


def _laid_over(pdf: bytes, overlay: bytes, *, first_page_only: bool) -> bytes:
    out = BytesIO()
    with pikepdf.open(BytesIO(pdf)) as document, pikepdf.open(BytesIO(overlay)) as drawing:
        form = document.copy_foreign(drawing.pages[0].as_form_xobject())
        for page in document.pages[:1] if first_page_only else document.pages:
            name = page.add_resource(form, pikepdf.Name.XObject, _NAME)
            page.contents_add(b"q", prepend=True)
            page.contents_add(f"Q q {name} Do Q".encode())
        document.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.preserve)
    return out.getvalue()


@cache
def _copy_mark() -> bytes:
    x, y = _COPY_AT[0] * _MM, PAGE_HEIGHT - _COPY_AT[1] * _MM
    turned = f"q /G0 gs 0.8192 0.5736 -0.5736 0.8192 {x:.2f} {y:.2f} cm"
    content = f"{turned} {_text(_COPY, _COPY_SIZE, -_width(_COPY, _COPY_SIZE) / 2, -_COPY_SIZE / 3)} Q"
    return _page(content, _COPY, _COPY_OPACITY)


@cache
def _window(envelope: Envelope) -> bytes:
    return _page("\n".join(_window_lines(envelope)), _label(envelope), 1)


def _window_lines(envelope: Envelope) -> Iterator[str]:
    profile = PROFILES[envelope]
    seen = window_shows(profile, profile.play_x / 2, profile.play_y / 2) or address_block(profile)
    yield "q 0.1 0.3 0.8 RG 1.2 w"
    yield _rectangle(seen)
    yield "0.5 w [3 2] 0 d"
    yield _rectangle(clear_zone(profile))
    yield "0 0.55 0.2 RG"
    yield _rectangle(address_block(profile))
    yield "Q q 0.1 0.3 0.8 rg"
    below = PAGE_HEIGHT - (clear_zone(profile).bottom + 3) * _MM
    yield _text(_label(envelope), _LABEL_SIZE, clear_zone(profile).x * _MM, below)
    yield "Q"


def _label(envelope: Envelope) -> str:
    if PROFILES[envelope].window is None:
        return "无窗信封：地址栏 No window: the address block"
    return f"信封 Envelope {envelope.value}：窗口 window；虚线 dashed：外 never beyond，内 always seen"


def _rectangle(of: Rectangle) -> str:
    sides = of.x * _MM, PAGE_HEIGHT - of.bottom * _MM, of.width * _MM, of.height * _MM
    return " ".join(f"{side:.2f}" for side in sides) + " re S"


def _width(text: str, size: float) -> float:
    return sum(sans().width[char] for char in text) * size / _EM


def _text(text: str, size: float, x: float, y: float) -> str:
    codes = "".join(sans().code[char] for char in text)
    return f"BT /F0 {size:g} Tf {x:.2f} {y:.2f} Td <{codes}> Tj ET"


def _page(content: str, chars: str, opacity: float) -> bytes:
    """A PDF of one page with this content, its text in font F0."""
    out = BytesIO()
    pdf = PdfWriter(out)
    font, page, pages = pdf.reserve(), pdf.reserve(), pdf.reserve()
    embed(pdf, sans(), chars, font)
    drawn = pdf.stream(b"", content.encode())
    resources = f"<</Font<</F0 {font} 0 R>>/ExtGState<</G0<</ca {opacity:g}>>>>>>"
    box = f"[0 0 {PAGE_WIDTH} {PAGE_HEIGHT}]"
    pdf.write(page, f"<</Type/Page/Parent {pages} 0 R/MediaBox{box}/Resources{resources}/Contents {drawn} 0 R>>")
    pdf.write(pages, f"<</Type/Pages/Kids[{page} 0 R]/Count 1>>")
    pdf.prepare("overlay")
    pdf.finish(pages, "")
    return out.getvalue()
