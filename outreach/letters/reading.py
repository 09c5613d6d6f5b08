"""A letter's text as its lint reads it: sentences with marks where values will stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

from opencc import OpenCC  # type: ignore[import-untyped]  # has no stubs

from outreach.letters.model import Block, Heading, LetterHead, Paragraph, Seal
from outreach.letters.placeholders import Gap, parts
from outreach.v1.template_service_pb2 import PlaceholderType, RecordField

_WIDE = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_SPACE = re.compile(r"\s+")
_SENTENCE = re.compile(r"[^。！？!?]+[。！？!?]?")
_CLAUSE = re.compile(r"[^，,；;。！？!?]+")


class Part(Enum):
    """What a passage is in the letter."""

    TITLE = "title"
    HEADING = "heading"
    TEXT = "text"
    ROW = "row"
    SEAL = "seal"


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, a heading or a table's row: without spaces, in simplified characters, ⟦…⟧ where a value stands."""

    part: Part
    text: str


def mark(kind: str, *, capitals: bool = False) -> str:
    """What stands for a value, by its record field, its type or its place in the permit: ⟦OVERDUE_AMOUNT⟧."""
    return f"⟦{kind}:大写⟧" if capitals else f"⟦{kind}⟧"


def passages(head: LetterHead, blocks: Iterable[Block]) -> list[Passage]:
    marks = Marks(head)
    return [Passage(part, marks.read(text)) for block in blocks for part, text in _texts(block)]


def _texts(block: Block) -> Iterator[tuple[Part, str]]:
    if isinstance(block, Heading):
        yield Part.TITLE if block.level == 1 else Part.HEADING, block.text
    elif isinstance(block, Paragraph):
        yield Part.TEXT, block.text
    elif isinstance(block, Seal):
        yield Part.SEAL, block.party
    else:
        for row in block.rows:
            yield Part.ROW, "，".join(row)


class Marks:
    """Puts marks in the place of a letter's placeholders."""

    def __init__(self, head: LetterHead) -> None:
        self._kinds = {
            placeholder.name: RecordField.Name(placeholder.record_field).removeprefix("RECORD_FIELD_")
            if placeholder.record_field
            else PlaceholderType.Name(placeholder.type).removeprefix("PLACEHOLDER_TYPE_")
            for placeholder in head.placeholders
        }

    def read(self, text: str) -> str:
        return "".join(self.of(part) if isinstance(part, Gap) else fold(part) for part in parts(text))

    def of(self, gap: Gap) -> str:
        return mark(self._kinds.get(gap.name, gap.name.upper()), capitals=gap.capitals)


def fold(text: str) -> str:
    """One spelling: narrow letters and digits, simplified characters, no spaces."""
    return str(_simplifier().convert(_SPACE.sub("", text.translate(_WIDE))))


@cache
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


def sentences(found: Iterable[Passage]) -> Iterator[str]:
    """In order; a passage without a full stop is one."""
    for passage in found:
        yield from split(passage.text)


def split(text: str) -> list[str]:
    """Its sentences."""
    found: list[str] = _SENTENCE.findall(text)
    return found


def clauses(sentence: str) -> list[str]:
    found: list[str] = _CLAUSE.findall(sentence)
    return found
