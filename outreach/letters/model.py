"""A letter version as read: what the lint judges and the layout sets. Lengths are millimetres from the top left."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outreach.v1.template_service_pb2 import Placeholder


class Envelope(StrEnum):
    """The envelope that a version is made for; outreach.letters.envelopes has the sizes."""

    DL = "DL"
    ZL = "ZL"
    C5 = "C5"
    PLAIN = "plain"
    """Without a window: the address is printed on the envelope or a label."""


PERMIT_PLACEHOLDERS = ("letter_number", "letter_date", "authorization")
"""Filled from the permit of each letter; a version uses them without declaring them, or not at all."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within the letter; level 1 is the title, level 2 heads a section."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text. `indent` sets the first line in by two characters, as Chinese text is set."""

    text: str
    indent: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equally many cells; the first row is the head."""

    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Seal:
    """Where the business seal goes: an empty box with the sealing party's name under it."""

    party: str


Block = Heading | Paragraph | Table | Seal


@dataclass(frozen=True, slots=True)
class LetterHead:
    """What both kinds of version declare before their content."""

    title: str
    """Such as 缴款告知函."""
    bank_name: str
    """The sender: the bank's full name."""
    agency_name: str
    """The authorized agency, or empty."""
    return_address: str
    """Where the post returns it; stands on no visible place of an envelope's debt."""
    envelope: Envelope
    duplex: bool
    placeholders: tuple[Placeholder, ...]


@dataclass(frozen=True, slots=True)
class TextLetter:
    """Kind (a): laid out by us. Texts hold {name}, or {name:capitals} for an amount in Chinese capitals.

    The blocks are the text from its title (the first block) on; letterhead, address, numbers and codes go around them.
    """

    head: LetterHead
    blocks: tuple[Block, ...]
    letterhead_image: bytes
    """PNG or JPEG, or empty for the bank's name in type."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A rectangle on a page of the bank's PDF in which we draw. Page counts from 1."""

    page: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class FormField:
    """A text field on a page of the bank's PDF; a placeholder may have several. Page counts from 1."""

    placeholder: str
    capitals: bool
    """The field is named such as overdue:capitals."""
    page: int
    x: float
    y: float
    width: float
    height: float
    font_size: float
    """Points as the form says; 0 where it leaves the size to us."""
    alignment: int
    """0 left, 1 centred, 2 right (the form's /Q)."""
    multiline: bool


@dataclass(frozen=True, slots=True)
class OfficialLetter:
    """Kind (b): the bank's own PDF with AcroForm fields named as the placeholders; we draw in the zones only."""

    head: LetterHead
    pdf: bytes
    number_zone: Zone
    """For the letter number and its Code 128."""
    address_zone: Zone
    sheet_code_zone: Zone
    """For the DataMatrix; repeated on each sheet at the same place."""
    fields: tuple[FormField, ...] = ()
    """In the order of the pages; all that is filled."""


Letter = TextLetter | OfficialLetter
