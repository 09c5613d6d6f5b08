"""Prints letters of one version into PDFs: each alone for the archive, or many as a run.

What never varies is written once: every PDF begins with the same objects, and a page is a form that many letters share.
Only what varies is drawn for each letter, in fonts that hold just that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import BinaryIO

from letter_service.layout.design import Design, Setting
from letter_service.layout.embedding import embed
from letter_service.layout.marks import BLANK, blank_back, draw_mark, sheet_code
from letter_service.layout.official_design import OfficialDesign
from letter_service.layout.pdf import PAGE_HEIGHT, PAGE_WIDTH, PdfWriter
from letter_service.layout.permit import Permit, RenderedLetter
from letter_service.layout.text_design import TextDesign
from letter_service.layout.texts import FONTS, SANS, face_of
from outreach.domain.errors import Refusal
from outreach.letters.model import Letter, TextLetter

Archive = Callable[[Permit, bytes], None]
"""Takes a letter's archive copy."""
_LEVEL = 1
"""Of compression, for what every letter pays."""


class Press:
    """Prepared for one version, for use by one thread."""

    def __init__(self, letter: Letter) -> None:
        """Refusal if no letter of this version could be set, such as for a character that the fonts lack."""
        self._design: Design = TextDesign(letter) if isinstance(letter, TextLetter) else OfficialDesign(letter)
        self._start = BytesIO()
        self._preamble = PdfWriter(self._start)
        self._pages = self._preamble.reserve()
        self._fonts = {font: self._preamble.reserve() for font in FONTS}
        self._design.prepare(self._preamble)
        self._preamble.prepare(self._design.title)

    def letter(self, permit: Permit) -> tuple[RenderedLetter, bytes]:
        """A letter and its archive copy, without a blank back. Refusal if a value cannot be set."""
        return self._archive_copy(permit, self._design.set(permit))

    def run(self, permits: Iterable[Permit], out: BinaryIO, archive: Archive | None = None) -> list[RenderedLetter]:
        """Streams a run into `out`, letter after letter; a refused one is left out and says why.

        Printed on both sides, every letter begins a sheet. `archive` is given each letter's archive copy, whose digest
        the answer then holds.
        """
        edition = self._edition(out)
        rendered = []
        for permit in permits:
            try:
                setting = self._design.set(permit)
                first = edition.pages + 1
                edition.add(permit, setting, pad=True)
            except Refusal as refusal:
                rendered.append(RenderedLetter(permit.letter_number, 0, 0, "", refusal=refusal))
                continue
            digest = ""
            if archive:
                copy, pdf = self._archive_copy(permit, setting)
                archive(permit, pdf)
                digest = copy.sha256
            pages = edition.pages + 1 - first
            rendered.append(RenderedLetter(permit.letter_number, pages, edition.sheets(pages), digest, first))
        edition.finish()
        return rendered

    def _archive_copy(self, permit: Permit, setting: Setting) -> tuple[RenderedLetter, bytes]:
        out = BytesIO()
        edition = self._edition(out)
        edition.add(permit, setting, pad=False)
        digest = edition.finish()
        letter = RenderedLetter(permit.letter_number, edition.pages, edition.sheets(edition.pages), digest)
        return letter, out.getvalue()

    def _edition(self, out: BinaryIO) -> _Edition:
        return _Edition(self._design, self._preamble.continued(self._start.getvalue(), out), self._pages, self._fonts)


class _Edition:
    """One PDF in the making."""

    def __init__(self, design: Design, pdf: PdfWriter, root: int, fonts: dict[str, int]) -> None:
        self._design, self._pdf, self._root, self._fonts = design, pdf, root, fonts
        self._kids: list[int] = []
        self._resources: dict[bytes, int] = {}
        self._used = {font: set(chars) for font, chars in design.varying_characters.items()}

    @property
    def pages(self) -> int:
        return len(self._kids)

    def sheets(self, pages: int) -> int:
        return -(-pages // 2) if self._design.duplex else pages

    def add(self, permit: Permit, setting: Setting, *, pad: bool) -> None:
        marks = ""
        if permit.mark:
            marks = draw_mark(permit.mark, setting.values)
        for font, chars in setting.values.used.items():
            self._used[font] |= chars
        pages = len(setting.contents)
        for number, content in enumerate(setting.contents):
            code = self._code(permit, setting, number) if not (self._design.duplex and number % 2) else ""
            self._page(setting.plan.forms[number], f"{marks}/P Do\n{content}{code}")
        if pad and self._design.duplex and pages % 2:
            self._used[SANS].update(BLANK)
            self._page(b"", blank_back())

    def finish(self) -> str:
        """Returns the lower hex SHA-256 of the PDF."""
        for font, number in self._fonts.items():
            embed(self._pdf, face_of(font), self._used[font], number, _LEVEL)
        kids = " ".join(f"{kid} 0 R" for kid in self._kids)
        self._pdf.write(
            self._root,
            f"<</Type/Pages/Count {len(self._kids)}/MediaBox[0 0 {PAGE_WIDTH} {PAGE_HEIGHT}]/Kids[{kids}]>>",
        )
        duplex = "/Duplex/DuplexFlipLongEdge" if self._design.duplex else "/Duplex/Simplex"
        return self._pdf.finish(self._root, duplex)

    def _page(self, form: bytes, content: str) -> None:
        resources = self._resources.get(form)
        if resources is None:
            resources = self._resources[form] = self._share(form)
        contents = self._pdf.stream(b"", content.encode(), _LEVEL)
        page = f"<</Type/Page/Parent {self._root} 0 R/Resources {resources} 0 R/Contents {contents} 0 R>>"
        self._kids.append(self._pdf.add(page))

    def _share(self, form: bytes) -> int:
        """Writes a form, if there is one, and the resources of the pages that show it."""
        fonts = "".join(f"/{font} {number} 0 R" for font, number in self._fonts.items())
        shared = f"/XObject<</P {self._pdf.add(form)} 0 R>>" if form else ""
        return self._pdf.add(f"<</Font<<{fonts}>>{shared}>>")

    def _code(self, permit: Permit, setting: Setting, page: int) -> str:
        pages = len(setting.contents)
        sheet = page // 2 + 1 if self._design.duplex else page + 1
        shown = hashlib.sha256((setting.plan.digest + "".join(setting.contents)).encode()).hexdigest()[:8]
        text = f"{permit.run_id}|{permit.letter_number}|{sheet}/{self.sheets(pages)}|{shown}"
        return sheet_code(text, self._design.code_place)
