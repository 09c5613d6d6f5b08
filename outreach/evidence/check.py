"""Checks an evidence pack with nothing but the file and the ledger's public key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from outreach.evidence.pack import KEY, Pack, return_scans, texts
from outreach.ledger.checkpoint import Checkpoint, CheckpointError
from outreach.ledger.entries import decode
from outreach.ledger.handover import KeyChain
from outreach.ledger.merkle import leaf_hash, verify_inclusion
from outreach.v1.evidence_service_pb2 import Evidence

_MAX_NAMED = 20
_DERIVED = frozenset({"README.txt", "summary.pdf", KEY})
"""For reading: made from the content when the pack was made."""


@dataclass(slots=True)
class Report:
    """What was checked and found. The pack is proven if `problems` is empty."""

    evidence: Evidence
    checkpoint: Checkpoint | None = None
    entries: int = 0
    messages: int = 0
    letters: int = 0
    problems: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    """Files that the ledger says nothing of."""

    @property
    def ok(self) -> bool:
        return not self.problems


def check(pack: Pack, files: Mapping[str, bytes], vkey: str) -> Report:
    """Checks a pack and its other files, by name. The key may be any that the ledger ever had. CheckpointError if it is
    none, Refusal if the pack cannot be read."""
    chain = KeyChain(vkey)
    report = Report(pack.evidence, entries=len(pack.entries))
    try:
        chain.follow(pack.handovers)
        report.checkpoint = chain.open(pack.checkpoint)
    except CheckpointError as error:
        report.problems.append(f"检查点 checkpoint: {error}")
    else:
        report.problems += _not_included(pack, report.checkpoint)
    report.problems += _content_problems(pack)
    report.problems += _commitment_problems(pack, report)
    report.problems += _file_problems(report, files)
    more = len(report.problems) - _MAX_NAMED
    if more > 0:
        report.problems[_MAX_NAMED:] = [f"另有 and {more} more findings"]
    return report


def _not_included(pack: Pack, signed: Checkpoint) -> Iterator[str]:
    for one in pack.entries:
        index, body = one.entry.index, one.entry.body
        if not verify_inclusion(leaf_hash(body), index, signed.size, list(one.proof), signed.root):
            yield f"条目 {index} 未得证：被改动，或证明不符 entry {index} is not in the signed ledger as it stands here"
            continue
        try:
            numbered = decode(body).get("seq") == index
        except ValueError as error:
            yield f"条目 {index} entry {index}: {error}"
        else:
            if not numbered:
                yield f"条目 {index} 序号不符 entry {index} has another number"


def _content_problems(pack: Pack) -> Iterator[str]:
    """The content must be what its own entry has the hash of."""
    evidence_id, digest = pack.evidence.evidence_id, hashlib.sha256(pack.content).hexdigest()
    made = [entry for entry in pack.bodies if entry.get("kind") == "evidence_made"]
    own = [entry for entry in made if entry.get("evidence") == evidence_id]
    if not own:
        yield "缺少制作此证据包的条目 the entry of the making of this pack is missing"
    elif own[0].get("content_sha256") != digest:
        yield "evidence.json 被改动：与账本中的摘要不符 it was changed: the ledger has another hash of it"


def _commitment_problems(pack: Pack, report: Report) -> Iterator[str]:
    """What left must be what the ledger committed to when its permit was given."""
    released: dict[Any, Any] = {
        entry.get("attempt"): entry.get("commitment") for entry in pack.bodies if entry.get("kind") == "released"
    }
    for one in report.evidence.outreach:
        shown = {made.permit.attempt_id: made.commitment for made in one.messages}
        shown |= {made.permit.letter_number: made.commitment for made in one.letters}
        report.messages += len(one.messages)
        report.letters += len(one.letters)
        for attempt, commitment in shown.items():
            if released.get(attempt) != commitment:
                yield f"{attempt}: 内容与放行时的承诺不符 it is not what was committed to when it was released"


def _file_problems(report: Report, files: Mapping[str, bytes]) -> Iterator[str]:
    """The texts must be those of the content."""
    try:
        expected = texts(report.evidence)
    except KeyError:
        yield "evidence.json: 短信缺少变量的值 a message lacks the value of a placeholder"
        return
    for name, text in expected.items():
        if files.get(name) != text.encode():
            yield f"{name}: 缺失或被改动 it is missing or was changed"
    for name, digest in return_scans(report.evidence).items():
        if name in files and hashlib.sha256(files[name]).hexdigest() != digest:
            yield f"{name}: 被改动 it was changed"
    report.unproven = sorted(set(files) - set(expected) - set(return_scans(report.evidence)) - _DERIVED)
