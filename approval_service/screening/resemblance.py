"""Weighs a passage as a whole: how much its wording resembles messages that reviewers forbade (logistic regression).

The rules name what they understand; this catches what is said in words that no rule has, and doubts a rule whose words
stand in a sentence that is nothing of the kind. The weights are learned by
`learn` from judged messages and read from `resemblance.tsv`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from math import sqrt
from pathlib import Path

from approval_service.screening.lexicon import names
from approval_service.screening.reading import Clause, Sentence

WEIGHTS_FILE = Path(__file__).with_name("resemblance.tsv")
UNIT = 100
"""What the weights in the file are multiplied by, to be whole numbers."""
THRESHOLD = 0.0
"""Log-odds from which a passage counts as forbidden: as likely as not."""
UNLIKE = -2.0
"""Log-odds below which a rule's finding is doubted. On messages it had not seen it cleared two false findings of three,
and one true finding of a hundred."""
SHORTEST_DOUBTED = 12
"""Characters of a sentence that has enough words to speak against a rule."""
BIAS = "BIAS"
LONGEST_PASSAGE = 160
"""Characters up to which neighbouring sentences are weighed together: two short messages' worth."""
SHORTEST_PASSAGE = 6
"""Below this there is no sentence to judge, only a name or a word, which the rules know better."""
_FEW = 30
"""Features below which a passage is weighed as if it had so many: one odd word in a short text proves little."""
_DIGITS = str.maketrans("123456789", "0" * 9)


@dataclass(frozen=True, slots=True)
class Resemblance:
    """A category, and the place of the folded clause that speaks most for it."""

    category: str
    start: int
    end: int


def clause_features(text: str, clause: Clause) -> set[str]:
    """Characters and pairs of them (with ¬ where they are denied), and the names of the concepts stated."""
    found: set[str] = set()
    for part, mark in ((text[clause.start : clause.denied_from], ""), (text[clause.denied_from : clause.end], "¬")):
        plain = part.translate(_DIGITS)
        found.update(mark + character for character in plain)
        found.update(mark + first + second for first, second in pairwise(plain))
    for mention in clause.stated:
        found.update(names(mention.concepts))
    return found


def dampening(features: int) -> float:
    """What the weights of so many features are multiplied by, so that long and short passages compare."""
    return 1 / sqrt(max(features, _FEW))


@cache
def _weights() -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
    header, *rows = WEIGHTS_FILE.read_text(encoding="utf-8").splitlines()
    weights = {}
    for row in rows:
        feature, *numbers = row.split("\t")
        weights[feature] = tuple(map(int, numbers))
    return tuple(header.split("\t")[1:]), weights


class Wording:
    """What the sentences of a folded text are worded like."""

    def __init__(self, text: str, sentences: list[Sentence]) -> None:
        self._sentences = sentences
        self._features = [[clause_features(text, clause) for clause in sentence] for sentence in sentences]

    def like(self) -> Iterator[Resemblance]:
        """The categories that passages of the text resemble."""
        categories, weights = _weights()
        for first, last in self._passages():
            clauses = [clause for sentence in self._sentences[first:last] for clause in sentence]
            by_clause = [features for sentence in self._features[first:last] for features in sentence]
            if clauses[-1].end - clauses[0].start < SHORTEST_PASSAGE:
                continue
            for place, odds in enumerate(_log_odds(by_clause)):
                if odds > THRESHOLD:
                    sums = [sum(weights[f][place] for f in features if f in weights) for features in by_clause]
                    clause = clauses[sums.index(max(sums))]
                    yield Resemblance(categories[place], clause.start, clause.end)

    def unlike(self, category: str, start: int, end: int) -> bool:
        """True where all sentences between the folded places are so little like the category that a rule must err."""
        place = _weights()[0].index(category)
        return all(
            sentence[-1].end - sentence[0].start >= SHORTEST_DOUBTED and odds[place] < UNLIKE
            for sentence, odds in zip(self._sentences, self._odds, strict=True)
            if sentence[0].start < end and start < sentence[-1].end
        )

    @cached_property
    def _odds(self) -> list[list[float]]:
        return [_log_odds(by_clause) for by_clause in self._features]

    def _passages(self) -> Iterator[tuple[int, int]]:
        """Neighbouring sentences, as many together as are short enough, by their places."""
        first = 0
        for last, sentence in enumerate(self._sentences):
            if last > first and sentence[-1].end - self._sentences[first][0].start > LONGEST_PASSAGE:
                yield first, last
                first = last
        yield first, len(self._sentences)


def _log_odds(by_clause: list[set[str]]) -> list[float]:
    """Of each category, for clauses taken together."""
    _, weights = _weights()
    known = [weight for feature in set().union(*by_clause) if (weight := weights.get(feature))]
    factor = dampening(len(known))
    return [(bias + factor * sum(of_one)) / UNIT for bias, *of_one in zip(weights[BIAS], *known, strict=True)]
