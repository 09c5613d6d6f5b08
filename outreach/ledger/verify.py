"""Checks an exported ledger with nothing but the file and a public key."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from outreach.ledger.checkpoint import Checkpoint, CheckpointError
from outreach.ledger.entries import decode
from outreach.ledger.export import ExportError, Reader
from outreach.ledger.handover import Handover, KeyChain
from outreach.ledger.merkle import Frontier, leaf_hash
from outreach.ledger.order import Order

KEY_CHANGED = "ledger_key_changed"
"""The kind of the entry that names a new signing key, as `new_key`."""
_MAX_MALFORMED = 20
_HEADER_LINES = 1


@dataclass(slots=True)
class Report:
    """What was checked and found. The ledger is proven if `problems` is empty.

    `checkpoint` is None unless its signature is good; `witness` likewise. Times are the entries' own, empty if there
    are none. Of several witnesses' checkpoints, it is the newest. `keys` are the ledger's, oldest first, as far as the
    file proves that they are.
    """

    entries: int = 0
    checkpoint: Checkpoint | None = None
    witness: Checkpoint | None = None
    first_time: str = ""
    last_time: str = ""
    keys: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems


def verify_export(
    path: str | Path,
    vkey: str,
    progress: Callable[[int], None] | None = None,
    witnessed: Sequence[str] = (),
    more_keys: Sequence[str] = (),
) -> Report:
    """Verifies the export at `path` against a verifier key, and against older signed checkpoints if some are given.

    The key may be any that the ledger ever had: the file's handovers lead from one to the next. Each of `more_keys`
    must be one of them, too. `progress` hears the number of entries read so far, about once a MiB. OSError if the file
    cannot be read; CheckpointError if a key is none. Everything wrong with the file or the witness is a problem in the
    report.
    """
    chain, others = KeyChain(vkey), [KeyChain(key).keys[0] for key in more_keys]
    report = Report()
    with Path(path).open("rb") as file:
        try:
            reader = Reader(file)
        except ExportError as error:
            report.problems.append(str(error))
            return report
        followed = _follow(chain, reader.handovers, others, report)
        witnesses = _witnesses(witnessed, chain, report)
        scan = _Scan({one.size for one in (*witnesses, *(each.checkpoint for each in chain.handovers))})
        try:
            for batch in reader.batches():
                scan.add(batch)
                if progress:
                    progress(scan.frontier.size)
        except ExportError as error:
            report.problems.append(str(error))
        else:
            report.checkpoint = _open_checkpoint(reader.checkpoint, chain, "检查点 the checkpoint", report)
            if report.checkpoint and report.checkpoint.origin != reader.origin:
                report.problems.append(
                    f"不是同一账本 the file is of {reader.origin}, the checkpoint of {report.checkpoint.origin}"
                )
    report.entries = scan.frontier.size
    report.first_time, report.last_time = scan.first_time, scan.last_time
    report.problems += scan.malformed_problems()
    report.problems += scan.order.problems(report.checkpoint.size if report.checkpoint else None)
    if followed:
        report.problems += _handover_problems(scan, chain.handovers)
    report.problems += _tree_problems(report, scan, witnesses)
    return report


def _follow(chain: KeyChain, handovers: Sequence[str], others: Sequence[str], report: Report) -> bool:
    """False if the file's handovers lead nowhere, which is a problem then."""
    try:
        chain.follow(handovers)
    except CheckpointError as error:
        report.problems.append(f"密钥交接 a handover of keys: {error}")
        return False
    report.keys = chain.keys
    strange = [key for key in others if key not in chain.keys]
    report.problems += [f"并非由此公钥签名 not signed by {key}: no handover in the file names it" for key in strange]
    return True


def _witnesses(notes: Sequence[str], chain: KeyChain, report: Report) -> list[Checkpoint]:
    """The good ones, by size. The newest stands in the report."""
    name = "见证检查点 the witness's checkpoint"
    opened = (_open_checkpoint(note, chain, name, report) for note in dict.fromkeys(notes))
    witnesses = sorted(filter(None, opened), key=lambda one: one.size)
    report.witness = witnesses[-1] if witnesses else None
    return witnesses


class _Scan:
    """One pass over the entries: form, numbers, times, tree, the roots at certain sizes, and keys that they name."""

    def __init__(self, sizes: set[int]) -> None:
        self.frontier = Frontier()
        self.order = Order()
        self.first_time = ""
        self.last_time = ""
        self.roots = {0: self.frontier.root()}
        self.new_keys: list[object] = []
        self._sizes_to_come = sorted(sizes - {0}, reverse=True)
        self._malformed: list[str] = []
        self._malformed_count = 0

    def add(self, bodies: list[bytes]) -> None:
        while self._sizes_to_come and self._sizes_to_come[-1] <= self.frontier.size + len(bodies):
            size = self._sizes_to_come.pop()
            count = size - self.frontier.size
            self._add(bodies[:count])
            bodies = bodies[count:]
            self.roots[size] = self.frontier.root()
        if bodies:
            self._add(bodies)

    def _add(self, bodies: list[bytes]) -> None:
        first_line = self.frontier.size + 1 + _HEADER_LINES
        self.frontier.extend([leaf_hash(body) for body in bodies])
        seqs: list[int | None] = []
        time = self.last_time
        for body in bodies:
            try:
                entry = decode(body)
                seq, time = entry["seq"], entry["time"]
                if type(seq) is not int or seq < 0 or type(time) is not str:
                    raise KeyError
                if "new_key" in entry and entry.get("kind") == KEY_CHANGED:
                    self.new_keys.append(entry["new_key"])
            except (ValueError, KeyError) as error:
                self._note_malformed(first_line + len(seqs), error)
                seq, time = _salvage(body)
            seqs.append(seq)
            if not self.first_time:
                self.first_time = time
        self.last_time = time
        self.order.add(seqs, first_line)

    def _note_malformed(self, line: int, error: ValueError | KeyError) -> None:
        self._malformed_count += 1
        if self._malformed_count <= _MAX_MALFORMED:
            why = error if isinstance(error, ValueError) else "须有序号与时间 an entry has a number (seq) and a time"
            self._malformed.append(f"第 {line} 行 line {line}: {why}")

    def malformed_problems(self) -> list[str]:
        more = self._malformed_count - len(self._malformed)
        return [*self._malformed, f"另有 and {more} more lines like these"] if more else self._malformed


def _salvage(body: bytes) -> tuple[int | None, str]:
    """Number and time of a malformed entry as far as they can be read, to tell which one it was."""
    try:
        entry = orjson.loads(body)
        seq, time = entry["seq"], entry["time"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None, ""
    return seq if type(seq) is int and seq >= 0 else None, time if type(time) is str else ""


def _open_checkpoint(note: str, chain: KeyChain, name: str, report: Report) -> Checkpoint | None:
    try:
        return chain.open(note)
    except CheckpointError as error:
        report.problems.append(f"{name}: {error}")
        return None


def _handover_problems(scan: _Scan, handovers: Sequence[Handover]) -> Iterator[str]:
    """The entries must be those over which each key named the next, and must name the same keys."""
    for one in handovers:
        size = one.checkpoint.size
        if scan.roots.get(size) != one.checkpoint.root:
            yield (
                f"交接前的条目不符 the first {size} entries are not those over which {one.old} named {one.new}: "
                "the past was changed or cut off"
            )
    if scan.new_keys != [one.new for one in handovers]:
        yield (
            f"条目与密钥交接不符 the entries tell of {len(scan.new_keys)} new keys, the file's handovers of "
            f"{len(handovers)}: export it again"
        )


def _tree_problems(report: Report, scan: _Scan, witnesses: Sequence[Checkpoint]) -> list[str]:
    """The oldest of the witnesses' checkpoints that does not fit is named: what comes after it does not either."""
    found = (_witness_problem(report, scan, witness) for witness in witnesses)
    witness_problem = next(filter(None, found), "")
    problems = [witness_problem] if witness_problem else []
    signed, root = report.checkpoint, scan.frontier.root()
    if signed and signed.size != report.entries:
        problems.append(f"条数不符 the checkpoint covers {signed.size} entries, the file holds {report.entries}")
    elif signed and signed.root != root:
        problem = f"条目被改动 the entries have the root hash {_b64(root)}, the checkpoint says {_b64(signed.root)}: "
        if report.problems:
            problem += "they are not the entries that were signed"
        else:
            problem += (
                "something in the entries was changed, though their number, order and form are right. A root hash "
                "cannot tell which entry: compare this file, line by line, with another copy"
            )
        if report.witness and not witness_problem:
            problem += (
                f". The first {report.witness.size} entries are as the witness saw them; the change is after these"
            )
        problems.append(problem)
    return problems


def _witness_problem(report: Report, scan: _Scan, witness: Checkpoint) -> str:
    signed = report.checkpoint
    if signed and signed.origin != witness.origin:
        return f"见证属于另一账本 the witness's checkpoint is of another ledger: {witness.origin}, not {signed.origin}"
    if witness.size > report.entries:
        return (
            f"账本变短 the witness has seen {witness.size} entries, the file holds {report.entries}: the file is older "
            "than the witness's checkpoint, or the ledger was cut back"
        )
    if scan.roots[witness.size] != witness.root:
        problem = f"以往条目被改写 the first {witness.size} entries are not those that the witness has seen"
        rewritten = signed and signed.root == scan.frontier.root()
        return f"{problem}: the past was rewritten and signed anew" if rewritten else problem
    return ""


def _b64(root: bytes) -> str:
    return b64encode(root).decode()
