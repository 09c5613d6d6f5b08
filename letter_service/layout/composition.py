"""The blocks of a version as units of the galley, with the space that a printer gives each."""

from __future__ import annotations

from collections.abc import Iterator

from letter_service.layout import grid
from letter_service.layout.galley import Row, Seals, Text, Unit
from letter_service.layout.line_breaking import EM
from letter_service.layout.table_columns import columns
from letter_service.layout.texts import Copy, does_not_fit
from outreach.letters.model import Block, Heading, Paragraph, Seal, Table, TextLetter
from outreach.v1.template_service_pb2 import PlaceholderType

_INDENT = 2 * EM
_DATE = Paragraph("{letter_date}", indent=False)
"""Under a seal it belongs to it."""
_MOST_SEALS = 3
_CLEAR = 3.0
"""Millimetres below the title, a table and the seals."""


def compose(letter: TextLetter) -> list[Unit]:
    """Refusal if the faces lack a character of the version."""
    types = {placeholder.name: placeholder.type for placeholder in letter.head.placeholders}
    units: list[Unit] = []
    above: Block | None = None
    seals: list[Seal] = []
    for block, below in zip(letter.blocks, (*letter.blocks[1:], None), strict=True):
        if isinstance(block, Seal):
            seals.append(block)
            if not isinstance(below, Seal):
                units += _sealed(units, seals, has_date=below == _DATE)
                seals = []
        elif not (block == _DATE and isinstance(above, Seal)):
            first, *others = _units(block, types)
            if isinstance(above, Table | Seal) or (isinstance(above, Heading) and above.level == 1):
                first.before = max(first.before, _CLEAR)
            units += [first, *others]
        above = block
    return units


def _sealed(units: list[Unit], seals: list[Seal], *, has_date: bool) -> Iterator[Unit]:
    """The seals, with the last lines above them on their page."""
    if units:
        units[-1].keeps_next = True
    if len(seals) > _MOST_SEALS:
        raise does_not_fit(
            "seal", f"盖章处至多并列 {_MOST_SEALS} 个。", f"At most {_MOST_SEALS} seals stand side by side."
        )
    parties = [Copy(seal.party, grid.BODY.font, "seal") for seal in seals]
    yield Seals(parties, Copy(_DATE.text, grid.BODY.font, "letter_date") if has_date else None)


def _units(block: Block, types: dict[str, PlaceholderType.ValueType]) -> Iterator[Unit]:
    if isinstance(block, Heading) and block.level == 1:
        copy = Copy(block.text, grid.TITLE.font, "title")
        yield Text(copy, grid.TITLE, before=0, align=0.5, keeps_next=True)
    elif isinstance(block, Heading):
        yield Text(Copy(block.text, grid.SECTION.font, "heading"), grid.SECTION, before=3.0, keeps_next=True)
    elif isinstance(block, Paragraph):
        copy = Copy(block.text, grid.BODY.font, "paragraph")
        yield Text(copy, grid.BODY, before=1.2, indent=_INDENT if block.indent else 0, justify=True)
    elif isinstance(block, Table):
        yield from _rows(block, types)


def _rows(table: Table, types: dict[str, PlaceholderType.ValueType]) -> Iterator[Unit]:
    styles = [grid.CELL_HEAD, *[grid.CELL] * (len(table.rows) - 1)]
    cells = [[Copy(text, style.font, "table") for text in row] for row, style in zip(table.rows, styles, strict=True)]
    widths = columns(cells, types)
    head = Row(cells[0], widths, grid.CELL_HEAD, keeps_next=True, before=3.0)
    yield head
    for row in cells[1:]:
        yield Row(row, widths, grid.CELL, head=head, is_last=row is cells[-1])
