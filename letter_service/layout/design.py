"""What both kinds of version give the press: pages with a form that never varies, and what letters draw on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from letter_service.layout.pdf import PAGE_HEIGHT, PAGE_WIDTH, PdfWriter, deflated
from letter_service.layout.permit import Permit
from letter_service.layout.texts import FONTS, Values
from outreach.letters.envelopes import Rectangle


@dataclass(frozen=True, slots=True)
class Plan:
    """The pages that many letters share."""

    forms: tuple[bytes, ...]
    """The body of each page's form object."""
    digest: str
    """Names what the forms show."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One letter as set: the operators that each page draws on its form, without mark and sheet codes."""

    plan: Plan
    contents: list[str]
    values: Values


class Design(Protocol):
    """One version, prepared. Characters are by font."""

    title: str
    duplex: bool
    code_place: Rectangle
    """For each sheet's code, in millimetres from the page's top left."""
    varying_characters: dict[str, set[str]]
    """What every letter needs beside its values."""

    def prepare(self, pdf: PdfWriter) -> None:
        """Writes the objects that the forms refer to, at the beginning of every PDF."""

    def set(self, permit: Permit) -> Setting:
        """Refusal if a value cannot be set."""


def form(content: str, resources: int) -> bytes:
    """The body of a form as large as the page."""
    entries = f"/Type/XObject/Subtype/Form/BBox[0 0 {PAGE_WIDTH} {PAGE_HEIGHT}]/Resources {resources} 0 R"
    return deflated(entries.encode(), content.encode(), 6)


def no_characters() -> dict[str, set[str]]:
    return {font: set() for font in FONTS}
