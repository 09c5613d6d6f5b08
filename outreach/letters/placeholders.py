"""Gaps in a letter's texts: {name}, and {name:capitals} for an amount in Chinese capitals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from outreach.letters.model import PERMIT_PLACEHOLDERS, Block, Heading, Paragraph, Seal
from outreach.v1.template_service_pb2 import Placeholder, PlaceholderType

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_GAP = re.compile(rf"\{{({NAME.pattern})(:capitals)?\}}")
_BRACES = re.compile(r"[{}｛｝]")


@dataclass(frozen=True, slots=True)
class Gap:
    """A placeholder in a text."""

    name: str
    capitals: bool = False


def parts(text: str) -> list[str | Gap]:
    """The text as fixed strings and gaps, in order."""
    found: list[str | Gap] = []
    end = 0
    for match in _GAP.finditer(text):
        found += [text[end : match.start()], Gap(match[1], bool(match[2]))]
        end = match.end()
    return [part for part in [*found, text[end:]] if part]


def gaps(text: str) -> Iterator[Gap]:
    return (part for part in parts(text) if isinstance(part, Gap))


def stray_brace(text: str) -> str:
    """What stands around a brace that belongs to no placeholder, such as {{x}} or {Name}; empty if there is none."""
    masked = _GAP.sub(lambda match: "\0" * len(match[0]), text)
    brace = _BRACES.search(masked)
    return text[max(0, brace.start() - 10) : brace.end() + 20] if brace else ""


def texts(block: Block) -> Iterator[str]:
    """The texts of a block, in reading order."""
    if isinstance(block, Heading | Paragraph):
        yield block.text
    elif isinstance(block, Seal):
        yield block.party
    else:
        for row in block.rows:
            yield from row


def misuse(gap: Gap, declared: dict[str, Placeholder]) -> str:
    """Why a gap cannot be filled; empty if it can."""
    if gap.name in declared:
        is_amount = declared[gap.name].type == PlaceholderType.PLACEHOLDER_TYPE_AMOUNT
        return (
            ""
            if is_amount or not gap.capitals
            else f"{gap.name} 不是金额，不能大写。Is no amount: leave out :capitals."
        )
    if gap.name in PERMIT_PLACEHOLDERS:
        return "" if not gap.capitals else f"{gap.name} 不是金额，不能大写。Is no amount: leave out :capitals."
    return f"{{{gap.name}}} 未声明，请在 placeholders 中声明。Is not declared: add it to placeholders."
