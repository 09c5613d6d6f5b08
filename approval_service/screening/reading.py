"""Reads a folded text as sentences of clauses, and tells what is stated from what is denied or warned of."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

from approval_service.screening.lexicon import PATTERNS, WORDS, bits

_CLAUSE_END = bits("CLAUSE_END")
_SENTENCE_END = bits("SENTENCE_END")
_BREAKS = dict.fromkeys(",:", _CLAUSE_END) | dict.fromkeys(".;!?。【】\n", _SENTENCE_END)
_SENDER = bits("SENDER")
_NEGATOR = bits("DENY|WARN|ATTRIBUTED")
_BAN = bits("BAN")
_SPEAKER = bits("AGENT|BANK")
_PERSON = bits("AGENT|BANK|YOU|KIN|POSTERITY")
_PIVOT = bits("PIVOT")
_OFFICIAL = bits("OFFICIAL")
_HYPOTHETICAL = bits("HYPOTHETICAL|ATTRIBUTED|WARN")
_SINK = bits("SINK")
_REFUTED = bits("REFUTED")
_RIGHT = bits("RIGHT|SUGGEST")
_AGENT = bits("AGENT")
_YOU = bits("YOU")
_IF = ("如", "若", "倘", "假如", "万一")
_SUPPOSED = bits(
    "AUTHORITY|REGULATOR|OWN_AUTHORITY|LAWYER|NOTIFY|PROCEDURE|HARD_PROCEDURE"
    "|CIVIL|LOSS|IMPACT|KIN|ACQUAINTANCE|WORKPLACE|RELAY|PAY_FOR_OTHER"
)
"""What a condition (如您收到法院文书) only supposes."""
_JUDGES = ("均", "都", "皆", "是", "系", "属", "不可信", "与您", "一律")
_CONTINUES = ("或", "以", "及", "和", "并", "也", "更", "亦", "与", "要求", "诱导")


@dataclass(frozen=True, slots=True)
class Mention:
    """A word that stands for concepts, at its place in the folded text."""

    start: int
    end: int
    concepts: int


@dataclass(slots=True)
class Clause:
    """What lies between two commas, at its place in the folded text."""

    start: int
    end: int
    denied_from: int
    """Where a denial, a warning or a report of others begins that lasts to the end; `end` where there is none."""
    stated: list[Mention] = field(default_factory=list)
    """Mentions that are neither denied, nor warned of, nor laid to others."""
    allowed: list[Mention] = field(default_factory=list)
    """Those of them that stand behind no 不得, 不能 or 禁止 either."""
    raw: int = 0
    """Concepts of every mention, whatever was said of it."""
    of_the_last: bool = False
    """It has no subject of its own and judges the clause before: 均为诈骗."""

    def withdraw(self) -> None:
        """Takes back what was read as stated: the clause speaks of what others do, or of the reader's rights."""
        self.stated.clear()
        self.allowed.clear()
        self.denied_from = self.start


Sentence = list[Clause]


def _lengths() -> dict[str, tuple[int, ...]]:
    lengths: dict[str, set[int]] = {}
    for word in WORDS:
        lengths.setdefault(word[0], set()).add(len(word))
    return {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}


_LENGTHS = _lengths()


def mentions(text: str) -> list[Mention]:
    """The longest known word at each place, expressions with gaps, and the ends of clauses and sentences, in order."""
    found: list[Mention] = []
    at, length = 0, len(text)
    while at < length:
        character = text[at]
        for size in _LENGTHS.get(character, ()):
            word = text[at : at + size]
            if (concepts := WORDS.get(word)) and not (character.isascii() and _inside_word(text, at, at + size)):
                at += len(word)
                found.append(Mention(at - len(word), at, concepts))
                break
        else:
            if (broken := _BREAKS.get(character)) and not _inside_number(text, at):
                found.append(Mention(at, at + 1, broken))
            at += 1
    occurring = _ANCHORS.intersection(text)
    if not occurring:
        return found
    expressions = [
        Mention(match.start(), match.end(), concept)
        for anchors, pattern, concept in PATTERNS
        if not anchors.isdisjoint(occurring)
        for match in pattern.finditer(text)
    ]
    return sorted(expressions + found, key=_start) if expressions else found


_ANCHORS = frozenset[str]().union(*(anchors for anchors, _, _ in PATTERNS))
_start = attrgetter("start")


def _inside_word(text: str, start: int, end: int) -> bool:
    """True where Latin letters go on: sb in usb."""
    return _is_latin(text[start - 1 : start]) or _is_latin(text[end : end + 1])


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _inside_number(text: str, at: int) -> bool:
    return text[at - 1 : at].isdigit() and text[at + 1 : at + 2].isdigit()


def read(text: str) -> list[Sentence]:
    """The sentences of a folded text."""
    sentences: list[Sentence] = []
    sentence: Sentence = []
    clause: list[Mention] = []
    begin, denied, sender = 0, False, False
    for mention in [*mentions(text), Mention(len(text), len(text), _SENTENCE_END)]:
        if not mention.concepts & (_CLAUSE_END | _SENTENCE_END):
            clause.append(mention)
            continue
        if mention.start > begin:
            if text.startswith(_IF, begin):
                clause = [Mention(m.start, m.end, m.concepts & ~_SUPPOSED) for m in clause]
            if sender:
                clause.insert(0, Mention(begin, begin, _SENDER))
            still_denied = denied and text.startswith(_CONTINUES, begin)
            understood = Clause(begin, mention.start, begin if still_denied else mention.start)
            if clause:
                denied = _understand(understood, clause, still_denied)
            understood.of_the_last = text.startswith(_JUDGES, begin)
            sentence.append(understood)
            clause = []
        if mention.concepts & _SENTENCE_END and sentence:
            _lay_to_others(sentence)
            sentences.append(sentence)
            sentence, denied = [], False
        begin, sender = mention.end, text[mention.start : mention.end] == "【"
    return sentences


def _understand(clause: Clause, found: list[Mention], denied: bool) -> bool:
    """Fills the clause from the mentions in it; True where a denial is in force at its end."""
    banned = official_denied = False
    person = 0
    for mention in found:
        concepts = mention.concepts
        clause.raw |= concepts
        if concepts & _PIVOT and official_denied:
            denied = False  # 不要去网点，直接转给我: what follows is asked for
            clause.denied_from = clause.end
        if not denied:
            clause.stated.append(mention)
            if not banned:
                clause.allowed.append(mention)
        elif concepts & _OFFICIAL:
            official_denied = True
        if concepts & _NEGATOR or (concepts & _BAN and person & _SPEAKER):
            denied = True
            clause.denied_from = min(clause.denied_from, mention.end)
        elif concepts & _BAN:
            banned = True
        if concepts & _PERSON:
            person = concepts
    return denied


def _lay_to_others(sentence: Sentence) -> None:
    """Withdraws what the sentence only reports: 如遇…请投诉, 凡…均为诈骗, 您可以向…报案."""
    supposed_from = None
    for place, clause in enumerate(sentence):
        if supposed_from is None and clause.raw & _HYPOTHETICAL:
            supposed_from = place
        begin = place - clause.of_the_last if supposed_from is None else supposed_from
        if clause.raw & _REFUTED or (clause.raw & _SINK and supposed_from is not None and not clause.raw & _AGENT):
            for reported in sentence[max(begin, 0) : place + 1]:
                reported.withdraw()
        elif clause.raw & _SINK and clause.raw & _YOU and clause.raw & _RIGHT:
            clause.withdraw()
