"""Scans that come as PDF become one picture; a PDF that may do something is refused."""

from __future__ import annotations

from io import BytesIO

import pikepdf
import pytest
from PIL import Image

from gateway.console import pictures
from outreach.domain.errors import Refusal


def scanned(pages: int = 1, size: tuple[int, int] = (600, 300)) -> bytes:
    made = BytesIO()
    first, *more = [Image.new("RGB", size, "white") for _ in range(pages)]
    first.save(made, "PDF", save_all=True, append_images=more)
    return made.getvalue()


async def test_the_pages_of_a_pdf_become_one_picture() -> None:
    """Below one another, as large as an authority takes; what is no PDF stays as it is."""
    with Image.open(BytesIO(await pictures.scan(scanned(2)))) as one:
        assert (one.format, one.width > one.height // 2) == ("JPEG", True)
        assert one.height == 2 * round(one.width / 2)
    assert await pictures.scan(b"\xff\xd8 no PDF") == b"\xff\xd8 no PDF"
    assert await pictures.scan(b"") == b""


async def test_a_page_as_large_as_a_house_is_drawn_small() -> None:
    """What a page says of its size costs no memory."""
    with pikepdf.open(BytesIO(scanned())) as pdf:
        pdf.pages[0].MediaBox = [0, 0, 14_400, 14_400]
        large = BytesIO()
        pdf.save(large)
    with Image.open(BytesIO(await pictures.scan(large.getvalue()))) as one:
        assert max(one.size) <= pictures.MAX_SCAN_SIDE + 1


async def test_a_pdf_that_may_do_something_is_refused() -> None:
    """A script in it, or too many pages, or only its beginning."""
    with pikepdf.open(BytesIO(scanned())) as pdf:
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        hostile = BytesIO()
        pdf.save(hostile)
    for upload in (hostile.getvalue(), scanned(pictures.MAX_SCAN_PAGES + 1), scanned()[:200]):
        with pytest.raises(Refusal, match="scan: "):
            await pictures.scan(upload)
