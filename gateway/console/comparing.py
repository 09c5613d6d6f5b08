"""What differs between two texts, word by word, for pages to mark."""

from __future__ import annotations

import difflib
import re

from markupsafe import Markup, escape

_WORDS = re.compile(r"\{\w+\}|[A-Za-z0-9.,-]+|.", re.DOTALL)
_QUOTED = re.compile(r"「([^」]+)」|“([^”]+)”")


def sides(old: str, new: str) -> tuple[Markup, Markup]:
    """Both texts, with what only one has marked as deleted or inserted."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    left, right = Markup(), Markup()
    for kind, start, end, begin, stop in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        gone, come = escape("".join(before[start:end])), escape("".join(after[begin:stop]))
        if kind == "equal":
            left, right = left + gone, right + come
        else:
            left += Markup("<del>{}</del>").format(gone) if gone else ""
            right += Markup("<ins>{}</ins>").format(come) if come else ""
    return left, right


def marked(text: str, reasons: list[str]) -> Markup:
    """The text with the words that findings quote marked."""
    spans = {quoted for reason in reasons for pair in _QUOTED.findall(reason) for quoted in pair if quoted in text}
    spans.discard("")
    if not spans:
        return escape(text)
    pattern = re.compile("|".join(re.escape(span) for span in sorted(spans, key=len, reverse=True)))
    shown, end = Markup(), 0
    for match in pattern.finditer(text):
        shown += escape(text[end : match.start()]) + Markup("<mark>{}</mark>").format(match[0])
        end = match.end()
    return shown + escape(text[end:])
