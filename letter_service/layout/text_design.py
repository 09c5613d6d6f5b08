"""A version laid out by us: its blocks flow over pages, planned once for all letters whose lines are as many."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from letter_service.layout import grid
from letter_service.layout.composition import compose
from letter_service.layout.design import Plan, Setting, form, no_characters
from letter_service.layout.embedding import embed
from letter_service.layout.frame import Frame
from letter_service.layout.galley import SEAL_HINT, Lines
from letter_service.layout.paging import Placement, paginate
from letter_service.layout.pdf import PdfWriter
from letter_service.layout.permit import Permit
from letter_service.layout.texts import FONTS, SANS, Copy, Values, face_of
from outreach.letters.envelopes import Rectangle
from outreach.letters.model import TextLetter


class TextDesign:
    """Refusal at once for a version that no letter could be set in."""

    def __init__(self, letter: TextLetter) -> None:
        self.title = letter.head.title
        self.duplex = letter.head.duplex
        self.code_place = Rectangle(grid.LEFT, grid.BASE - grid.CODE_SIDE, grid.CODE_SIDE, grid.CODE_SIDE)
        self._frame = Frame(letter.head, letter.letterhead_image)
        self._units = compose(letter)
        self._fixed: list[Lines | None] = [None if unit.varies else unit.set(None) for unit in self._units]
        self.varying_characters = _characters(copy for unit in self._units for copy in unit.copies() if copy.gaps)
        self._plans: dict[tuple[int, ...], tuple[Plan, list[list[Placement]]]] = {}
        self._resources = 0

    def prepare(self, pdf: PdfWriter) -> None:
        static = _characters(copy for unit in self._units for copy in unit.copies() if not copy.gaps)
        static[SANS] |= self._frame.characters() | set(SEAL_HINT)
        fonts = {font: pdf.reserve() for font in FONTS}
        for font, number in fonts.items():
            embed(pdf, face_of(font), static[font], number)
        named = "".join(f"/{font} {number} 0 R" for font, number in fonts.items())
        image = f"/XObject<</I {pdf.add(self._frame.image)} 0 R>>" if self._frame.image else ""
        self._resources = pdf.add(f"<</Font<<{named}>>{image}>>")

    def set(self, permit: Permit) -> Setting:
        values = Values(permit)
        lines = [
            unit.set(values) if fixed is None else fixed for unit, fixed in zip(self._units, self._fixed, strict=True)
        ]
        plan, varying = self._plan(tuple(map(len, lines)))
        contents = []
        foot = self._frame.foot(values)
        for page, placements in enumerate(varying):
            drawn = [self._frame.first_page(permit, values)] if page == 0 else []
            drawn += [
                self._units[place.unit].draw(lines[place.unit][place.first : place.last], place.y)
                for place in placements
            ]
            contents.append("".join((*drawn, foot)))
        return Setting(plan, contents, values)

    def _plan(self, counts: tuple[int, ...]) -> tuple[Plan, list[list[Placement]]]:
        known = self._plans.get(counts)
        if known is None:
            pages = paginate(self._units, counts, self._frame.top)
            contents = [self._static(number, len(pages), page) for number, page in enumerate(pages, 1)]
            digest = hashlib.sha256("".join(contents).encode()).hexdigest()
            plan = Plan(tuple(form(content, self._resources) for content in contents), digest)
            varying = [[place for place in page if self._units[place.unit].varies] for page in pages]
            known = self._plans[counts] = (plan, varying)
        return known

    def _static(self, number: int, pages: int, page: list[Placement]) -> str:
        drawn = [self._frame.static(number, pages)]
        for place in page:
            unit, fixed = self._units[place.unit], self._fixed[place.unit]
            drawn.append(unit.furniture(place.last - place.first, place.y))
            if fixed is not None:
                drawn.append(unit.draw(fixed[place.first : place.last], place.y))
        return "".join(drawn)


def _characters(copies: Iterable[Copy]) -> dict[str, set[str]]:
    found = no_characters()
    for copy in copies:
        found[copy.font].update(copy.fixed_text)
    return found
