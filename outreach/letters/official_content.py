"""Walks what a PDF's pages draw: the fonts that set text, and how much there is to draw in all."""

from __future__ import annotations

import pikepdf

_SHOWS_TEXT = frozenset(("Tj", "TJ", "'", '"'))
_CMYK = frozenset(("k", "K"))
_MAX_BYTES = 1_000_000
_MAX_DRAWN = 1_000_000


class ContentError(Exception):
    """There is too much to draw, or it draws itself. The message says so in both languages."""


class Contents:
    """What all pages draw, forms within forms included. ContentError where that has no reasonable end."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self.fonts: list[pikepdf.Object] = []
        """Those that set text, each once."""
        self.resources: list[pikepdf.Object] = []
        """Of each page and form."""
        self.uses_device_cmyk = False
        self._bytes = 0
        self._drawn: dict[tuple[int, int], int] = {}
        self._open: set[tuple[int, int]] = set()
        self._used: set[tuple[int, int]] = set()
        for page in pdf.pages:
            if self._walk(page.obj, _inherited(page.obj)) > _MAX_DRAWN:
                raise ContentError("页面内容过于庞大。A page draws too much.")

    def _walk(self, holder: pikepdf.Object, resources: pikepdf.Object | None) -> int:
        """How many instructions are carried out in all, a form's as often as it is drawn."""
        self._count(holder)
        if resources is not None:
            self.resources.append(resources)
        instructions = pikepdf.parse_content_stream(holder)
        drawn, font = len(instructions), ""
        saved: list[str] = []
        for instruction in instructions:
            operator = str(instruction.operator)
            if operator == "q":
                saved.append(font)
            elif operator == "Q" and saved:
                font = saved.pop()
            elif operator == "Tf":
                font = str(instruction.operands[0])
            elif operator in _SHOWS_TEXT:
                self._use(_named(resources, "/Font", font))
            elif operator == "Do":
                drawn += self._form(_named(resources, "/XObject", str(instruction.operands[0])), resources)
            self.uses_device_cmyk |= operator in _CMYK
        return drawn

    def _use(self, font: pikepdf.Object | None) -> None:
        if font is not None and font.objgen not in self._used:
            self._used.add(font.objgen)
            self.fonts.append(font)

    def _form(self, drawn: pikepdf.Object | None, outer: pikepdf.Object | None) -> int:
        if drawn is None or drawn.get("/Subtype") != "/Form":
            return 1
        key = drawn.objgen
        if key in self._open:
            raise ContentError("页面内容循环引用。A form draws itself.")
        if key not in self._drawn:
            self._open.add(key)
            self._drawn[key] = self._walk(drawn, drawn.get("/Resources", outer))
            self._open.discard(key)
        return self._drawn[key]

    def _count(self, holder: pikepdf.Object) -> None:
        contents = holder if isinstance(holder, pikepdf.Stream) else holder.get("/Contents")
        streams = [contents] if isinstance(contents, pikepdf.Stream) else list(contents or [])
        self._bytes += sum(len(stream.read_bytes()) for stream in streams)
        if self._bytes > _MAX_BYTES:
            raise ContentError("页面内容过于庞大。The pages' contents are too large.")


def _inherited(page: pikepdf.Object) -> pikepdf.Object | None:
    for _ in range(10):
        if "/Resources" in page:
            return page["/Resources"]
        if "/Parent" not in page:
            return None
        page = page["/Parent"]
    return None


def _named(resources: pikepdf.Object | None, category: str, name: str) -> pikepdf.Object | None:
    if resources is None or category not in resources or name not in resources[category]:
        return None
    return resources[category][name]
