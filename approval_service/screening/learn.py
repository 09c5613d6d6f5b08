"""Learns the weights of `resemblance` from judged messages: `python -m approval_service.screening.learn FOLDER`.

FOLDER holds one file per category and `pass.txt`, a message a line. The result depends on nothing but the messages
and the lexicon, so that a reviewer can make it again.
"""

from __future__ import annotations

import random
import sys
from collections import Counter, defaultdict
from hashlib import sha256
from math import exp
from pathlib import Path

from approval_service.screening.normalize import fold
from approval_service.screening.reading import read
from approval_service.screening.resemblance import BIAS, UNIT, WEIGHTS_FILE, clause_features, dampening
from approval_service.screening.rules import Category

Judged = tuple[str, str]
"""A message, and its category or `pass`."""

_ROUNDS = 25
_STEP = 1.0
_DECAY = 1e-4
_RARE = 3
"""Features of fewer messages are coincidence."""
_SLIGHT = 8
"""Weights (in hundredths) that decide nothing and are left out."""


def judged_messages(folder: Path) -> list[Judged]:
    """The messages of a folder, in an order of their own."""
    return [
        (line, path.stem)
        for path in sorted(folder.glob("*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def digest(messages: list[Judged]) -> str:
    """Tells whether weights were learned from these messages."""
    return sha256("\n".join(f"{label} {text}" for text, label in sorted(messages)).encode()).hexdigest()


def message_features(text: str) -> set[str]:
    """What the message is weighed by."""
    folded = fold(text).text
    return set().union(*(clause_features(folded, clause) for sentence in read(folded) for clause in sentence))


def learn(messages: list[Judged]) -> dict[str, list[float]]:
    """One logistic regression per category, each message against all others, by gradient descent."""
    found = [message_features(text) for text, _ in messages]
    occurring = Counter(feature for features in found for feature in features)
    rows = [sorted(f for f in features if occurring[f] >= _RARE) for features in found]
    columns = [
        _learn_one([(row, label == category) for row, (_, label) in zip(rows, messages, strict=True)])
        for category in Category
    ]
    learned = {feature for column in columns for feature in column}
    return {feature: [column.get(feature, 0.0) for column in columns] for feature in sorted(learned)}


def _learn_one(rows: list[tuple[list[str], bool]]) -> dict[str, float]:
    weights: dict[str, float] = defaultdict(float)
    weights[BIAS] = -1.0
    order = random.Random(0)  # noqa: S311  # the same order each time, no secret
    for turn in range(_ROUNDS):
        step = _STEP / (1 + turn / 2)
        order.shuffle(rows)
        for features, forbidden in rows:
            factor = dampening(len(features))
            odds = weights[BIAS] + factor * sum([weights[f] for f in features])
            error = 1 / (1 + exp(-odds)) - forbidden
            weights[BIAS] -= 0.1 * step * error
            for feature in features:
                weights[feature] -= step * (factor * error + _DECAY * weights[feature])
    return weights


def write(messages: list[Judged], path: Path = WEIGHTS_FILE) -> None:
    """The weights as tab-separated whole numbers under a header with the digest of the messages."""
    lines = ["\t".join([digest(messages), *Category])]
    for feature, weights in learn(messages).items():
        numbers = [round(weight * UNIT) for weight in weights]
        if max(map(abs, numbers)) >= _SLIGHT:
            lines.append("\t".join([feature, *map(str, numbers)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(judged_messages(Path(sys.argv[1])))
