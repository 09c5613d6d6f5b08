"""Screens a text for what a collection message must never say (CONTENT_PROHIBITED)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from approval_service.screening.normalize import Folded, fold
from approval_service.screening.reading import Clause, Mention, Sentence, read
from approval_service.screening.resemblance import Wording
from approval_service.screening.rules import LAWFUL, RESEMBLES, RULES, Category, Rule, Scope

LONGEST_TEXT = 10_000
"""Characters of a line's text that are screened; a letter has a tenth of it."""

Severity = Literal["block", "note"]


@dataclass(frozen=True, slots=True)
class ContentFinding:
    """A forbidden statement. `start` and `end` are character offsets of `span` in the text as it was given."""

    category: Category
    severity: Severity
    start: int
    end: int
    span: str
    why: str


class _Unit:
    """The statements within which concepts may meet, their concepts, and those of the whole sentence around them."""

    __slots__ = ("allowed", "allowed_concepts", "context", "stated", "stated_concepts")

    def __init__(self, clauses: Iterable[Clause], context: int = 0) -> None:
        self.stated: list[Mention] = []
        self.allowed: list[Mention] = []
        for clause in clauses:
            self.stated += clause.stated
            self.allowed += clause.allowed
        self.stated_concepts = _union(self.stated)
        self.allowed_concepts = _union(self.allowed)
        self.context = context or self.stated_concepts


def _units(sentences: list[Sentence]) -> dict[Scope, list[_Unit]]:
    whole = [_Unit(sentence) for sentence in sentences]
    parts = [
        _Unit([clause], unit.stated_concepts)
        for sentence, unit in zip(sentences, whole, strict=True)
        for clause in sentence
        if clause.stated
    ]
    text = [_Unit(clause for sentence in sentences for clause in sentence)]
    return {Scope.CLAUSE: parts, Scope.SENTENCE: whole, Scope.TEXT: text}


def _union(mentions: list[Mention]) -> int:
    concepts = 0
    for mention in mentions:
        concepts |= mention.concepts
    return concepts


def screen(text: str) -> list[ContentFinding]:
    """What the text says that it must not, in order of appearance; one finding per category and place."""
    folded = fold(text)
    sentences = read(folded.text)
    if not sentences:
        return []
    wording = Wording(folded.text, sentences)
    findings = [found for found in _find(text, folded, sentences, RULES) if not _doubtful(found, folded, wording)]
    understood = {finding.category for finding in findings if finding.severity == "block"}
    for likeness in wording.like():
        category = Category(likeness.category)
        if category not in understood:
            span = (likeness.start, likeness.end)
            findings.append(_finding(text, folded, span, category, "block", RESEMBLES[category]))
    return sorted(findings, key=lambda f: (f.start, f.end))


def approver_notes(text: str) -> list[ContentFinding]:
    """For those who approve a template: what is said of lawful consequences, and doubtful findings. Forbids nothing."""
    folded = fold(text)
    sentences = read(folded.text)
    wording = Wording(folded.text, sentences)
    doubted = [found for found in _find(text, folded, sentences, RULES) if _doubtful(found, folded, wording)]
    return [replace(found, severity="note") for found in doubted] + _find(text, folded, sentences, LAWFUL)


def _doubtful(found: ContentFinding, folded: Folded, wording: Wording) -> bool:
    """True where the sentences that the finding touches are worded like none of its category."""
    start, end = bisect_left(folded.positions, found.start), bisect_left(folded.positions, found.end)
    return wording.unlike(found.category, start, end)


def _finding(
    text: str, folded: Folded, span: tuple[int, int], category: Category, severity: Severity, why: str
) -> ContentFinding:
    start, end = folded.positions[span[0]], folded.positions[span[1] - 1] + 1
    return ContentFinding(category, severity, start, end, text[start:end], why)


def _find(text: str, folded: Folded, sentences: list[Sentence], rules: tuple[Rule, ...]) -> list[ContentFinding]:
    if not sentences:
        return []
    units = _units(sentences)
    findings: list[ContentFinding] = []
    anywhere = units[Scope.TEXT][0].stated_concepts
    for rule in rules:
        for unit in units[rule.scope] if _meets(rule, anywhere) else ():
            span = _match(rule, unit)
            if span is None:
                continue
            new = _finding(text, folded, span, rule.category, "note" if rule.note else "block", rule.why)
            if not any(f.category is new.category and f.start < new.end and new.start < f.end for f in findings):
                findings.append(new)
    return findings


def _meets(rule: Rule, concepts: int) -> bool:
    for need in rule.needs:  # noqa: SIM110  # a generator costs three times as much, for each rule and text
        if not concepts & need:
            return False
    return True


def _match(rule: Rule, unit: _Unit) -> tuple[int, int] | None:
    """The folded place where the needs of the rule are met: around its first one, the nearest of each other."""
    concepts = unit.stated_concepts if rule.behind_ban else unit.allowed_concepts
    if unit.context & rule.unless or not _meets(rule, concepts):
        return None
    mentions = unit.stated if rule.behind_ban else unit.allowed
    if rule.in_order:
        return _in_order(rule, mentions)
    first = next(m for m in mentions if m.concepts & rule.needs[0])
    start, end = first.start, first.end
    for need in rule.needs[1:]:
        nearest = min((m for m in mentions if m.concepts & need), key=lambda m: abs(m.start - first.start))
        start, end = min(start, nearest.start), max(end, nearest.end)
    return start, end


def _in_order(rule: Rule, mentions: list[Mention]) -> tuple[int, int] | None:
    met: list[Mention] = []
    for need in rule.needs:
        begin = met[-1].start if met else 0
        found = next((m for m in mentions if m.concepts & need and m.start >= begin), None)
        if found is None:
            return None
        met.append(found)
    return met[0].start, met[-1].end


def check_lines(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    """Screens JSON lines {"id", "text"}: {"id", "findings"} for each, {"line", "error"} for one that cannot be read."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            yield {"line": number, "error": 'not JSON; write one object a line: {"id": "1", "text": "..."}'}
            continue
        if (
            not isinstance(row, dict)
            or not isinstance(row.get("text"), str)
            or not isinstance(row.get("id"), str | int)
        ):
            yield {"line": number, "error": 'needs "id" (string or number) and "text" (string)'}
            continue
        if len(row["text"]) > LONGEST_TEXT:
            yield {"line": number, "error": f"longer than {LONGEST_TEXT} characters; screen one message a line"}
            continue
        found = [
            {"category": f.category, "severity": f.severity, "span": f.span, "why": f.why} for f in screen(row["text"])
        ]
        yield {"id": row["id"], "findings": found}
