"""PDFs as pictures: previews of letters, and scans that come as PDF."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from io import BytesIO

import pypdfium2
from PIL import Image

from outreach.domain.errors import Refusal, invalid
from outreach.letters.official_safety import open_safely

PREVIEW_SCALE = 1.2
SCAN_SCALE = 2.2
"""An A4 page at 158 dots an inch."""
MAX_SCAN_SIDE = 2_200
"""Of a page's picture, however large the page says it is."""
MAX_PAGES = 8
MAX_SCAN_PAGES = 4
_pdfium = asyncio.Lock()
"""PDFium is not for several threads at once."""


async def previews(pdf: bytes) -> tuple[bytes, ...]:
    """The first pages, as PNG. Of what shows nobody: some are kept, since a version is looked at again and again."""
    async with _pdfium:
        return await asyncio.to_thread(_pngs, pdf)


async def scan(upload: bytes) -> bytes:
    """A scan as one picture: the pages of a PDF below one another; anything else as it is, for the authority to judge.
    Raises Refusal for a PDF that holds more than pictures and text."""
    if not upload.startswith(b"%PDF-"):
        return upload
    async with _pdfium:
        return await asyncio.to_thread(_scan, upload)


@lru_cache(maxsize=16)
def _pngs(pdf: bytes) -> tuple[bytes, ...]:
    images = []
    for page in list(pypdfium2.PdfDocument(pdf))[:MAX_PAGES]:
        written = BytesIO()
        page.render(scale=PREVIEW_SCALE).to_pil().convert("P").save(written, "PNG")
        images.append(written.getvalue())
    return tuple(images)


def _scan(pdf: bytes) -> bytes:
    try:
        with open_safely(pdf) as opened:
            if len(opened.pages) > MAX_SCAN_PAGES:
                raise invalid("scan", f"至多 {MAX_SCAN_PAGES} 页。At most {MAX_SCAN_PAGES} pages.")
    except Refusal as refusal:
        raise invalid("scan", refusal.message.partition(": ")[2]) from None
    pages = [
        page.render(scale=min(SCAN_SCALE, MAX_SCAN_SIDE / max(page.get_size()))).to_pil().convert("RGB")
        for page in pypdfium2.PdfDocument(pdf)
    ]
    whole = Image.new("RGB", (max(page.width for page in pages), sum(page.height for page in pages)), "white")
    top = 0
    for page in pages:
        whole.paste(page, (0, top))
        top += page.height
    written = BytesIO()
    whole.save(written, "JPEG", quality=90)
    return written.getvalue()
