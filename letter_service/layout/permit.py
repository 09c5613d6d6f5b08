"""What the layout is given for one letter, and what it says of the letter afterwards."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from outreach.domain.errors import Refusal


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to lay out one letter: everything that varies within a version. Texts stand as they are to appear."""

    letter_number: str
    run_id: str
    letter_date: datetime.date
    recipient_name: str
    address: tuple[str, ...]
    """Lines without postcode and name; a line longer than the window is broken."""
    postcode: str
    """Or empty."""
    values: Mapping[str, str]
    """By placeholder; amounts such as 12,345.67."""
    authorization: str
    """What authorizes the version, as the letter shows it: the filing number (备案号), or the bank's reference."""
    mark: str = ""
    """Such as 副本 or 样张, light across each page; or empty."""


@dataclass(frozen=True, slots=True)
class RenderedLetter:
    """One letter set on paper. A refused one has neither pages nor digest and takes no page of its run."""

    letter_number: str
    pages: int
    """In the PDF it is part of, a blank back included."""
    sheets: int
    sha256: str
    """Lower hex, of the archive copy; empty if none was made."""
    first_page: int = 1
    """In its PDF, from 1."""
    refusal: Refusal | None = None
