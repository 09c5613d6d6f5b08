"""The blocks of a version as units of the galley, with the space that a printer gives each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from letter_service.layout import grid
from letter_service.layout.galley import Row, Seals, Text, Unit
from letter_service.layout.line_breaking import EM
from letter_service.layout.table_columns import columns
from letter_service.layout.texts import Copy
from outreach.letters.model import Block, Heading, Paragraph, Seal, Table, TextLetter
from outreach.v1.template_service_pb2 import PlaceholderType

_INDENT = 2 * EM


def compose(letter: TextLetter) -> list[Unit]:
    """Refusal if the faces lack a character of the version."""
    types = {placeholder.name: placeholder.type for placeholder in letter.head.placeholders}
    units: list[Unit] = []
    for is_seal, blocks in groupby(letter.blocks, lambda block: isinstance(block, Seal)):
        if is_seal:
            if units:
                units[-1].keeps_next = True
            units.append(_seals([block for block in blocks if isinstance(block, Seal)]))
        else:
            for block in blocks:
                units += _units(block, types)
    return units


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


def _seals(seals: list[Seal]) -> Seals:
    parties = [Copy(seal.party, grid.BODY.font, "seal") for seal in seals]
    return Seals(parties, Copy("{letter_date}", grid.BODY.font, "letter_date"))
