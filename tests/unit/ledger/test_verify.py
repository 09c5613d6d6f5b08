"""`ledger verify` finds what was changed, removed, reordered or inserted, and says no more than it can know."""

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.ledger.checkpoint import CheckpointError, Signer
from outreach.ledger.entries import encode
from outreach.ledger.verify import verify_export
from tests.unit.ledger.ledgers import ORIGIN, Ledger, body

DOCUMENT = Path(__file__).parents[3] / "docs" / "ledger.md"


def test_a_whole_ledger_is_proven(ledger: Ledger) -> None:
    """An untouched export has no problem, and the report tells what was checked."""
    report = ledger.verify()
    assert report.ok
    assert report.problems == []
    assert report.entries == 100
    assert report.checkpoint is not None
    assert report.checkpoint.size == 100
    assert report.first_time == "2026-11-24T00:00:00.000Z"
    assert report.last_time == "2026-11-24T01:39:00.000Z"


def test_an_empty_ledger_is_proven(ledger: Ledger) -> None:
    """A ledger that has not begun verifies too."""
    ledger.bodies = []
    report = ledger.verify()
    assert report.ok
    assert (report.entries, report.first_time, report.last_time) == (0, "", "")


def test_a_changed_entry(ledger: Ledger) -> None:
    """A changed entry is noticed; which one it was is not guessed."""
    (problem,) = ledger.verify([*ledger.bodies[:40], body(40, "released"), *ledger.bodies[41:]]).problems
    assert "root hash" in problem
    assert "cannot tell which entry" in problem


def test_a_removed_entry(ledger: Ledger) -> None:
    """A removed entry is named by its number, and the count differs."""
    problems = ledger.verify(ledger.bodies[:40] + ledger.bodies[41:]).problems
    assert problems == [
        "缺失 missing: seq 40 (removed, or made unreadable)",
        "条数不符 the checkpoint covers 100 entries, the file holds 99",
    ]


def test_the_end_cut_off(ledger: Ledger) -> None:
    """Entries removed at the end are named too."""
    problems = ledger.verify(ledger.bodies[:-3]).problems
    assert "缺失 missing: seq 97 to 99 (the end was cut off)" in problems


def test_a_removed_entry_with_the_rest_renumbered(ledger: Ledger) -> None:
    """Renumbering hides the gap, not the removal."""
    problems = ledger.verify(ledger.bodies[:40] + [body(seq) for seq in range(40, 99)]).problems
    assert "条数不符 the checkpoint covers 100 entries, the file holds 99" in problems


def test_an_inserted_entry(ledger: Ledger) -> None:
    """An inserted entry is named by its number and line: it is there twice."""
    problems = ledger.verify([*ledger.bodies[:41], body(40, "cancelled"), *ledger.bodies[41:]]).problems
    assert "重复 twice: seq 40, again at line 43: one of the two was inserted" in problems
    assert "条数不符 the checkpoint covers 100 entries, the file holds 101" in problems


def test_an_entry_added_at_the_end(ledger: Ledger) -> None:
    """An entry that nobody signed is named."""
    problems = ledger.verify([*ledger.bodies, body(100)]).problems
    assert "多出 too many: seq 100 are beyond what the checkpoint covers" in problems


@pytest.mark.parametrize(("here", "there"), [(10, 11), (10, 90), (0, 99)])
def test_reordered_entries(ledger: Ledger, here: int, there: int) -> None:
    """Two entries that changed places are named with their lines."""
    bodies = ledger.bodies.copy()
    bodies[here], bodies[there] = bodies[there], bodies[here]
    problems = ledger.verify(bodies).problems
    assert any(f"seq {here} at line {there + 2}" in problem for problem in problems)
    assert any(f"stands after seq {there}" in problem for problem in problems)
    assert "they are not the entries that were signed" in problems[-1]
    assert not any("missing" in problem or "twice" in problem for problem in problems)


def test_a_shuffled_ledger_gives_a_short_report(ledger: Ledger) -> None:
    """Total disorder is reported in a few lines, not in thousands."""
    ledger.bodies = [body(seq) for seq in range(3000)]
    shuffled = random.Random(1).sample(ledger.bodies, 3000)
    assert len(ledger.verify(shuffled).problems) == 2
    assert len(ledger.verify(shuffled[:500]).problems) < 25


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda line: line.replace(b":", b": "), "第 12 行 line 12: 不是规范形式 not in canonical form"),
        (lambda line: line + b"\r", "第 12 行 line 12: 不是规范形式 not in canonical form"),
        (lambda line: line[:-1], "第 12 行 line 12: 不是 JSON not JSON"),
        (lambda line: b"5", "第 12 行 line 12: a ledger entry is a dict, not int"),
        (lambda line: b'{"seq":10}', "第 12 行 line 12: 须有序号与时间 an entry has a number (seq) and a time"),
        (
            lambda line: b'{"seq":true,"time":""}',
            "第 12 行 line 12: 须有序号与时间 an entry has a number (seq) and a time",
        ),
        (
            lambda line: b'{"seq":-1,"time":""}',
            "第 12 行 line 12: 须有序号与时间 an entry has a number (seq) and a time",
        ),
    ],
)
def test_a_malformed_entry(ledger: Ledger, change: object, problem: str) -> None:
    """A line that is no canonical entry is named by its line, even where its content is the same."""
    assert callable(change)
    ledger.verify()
    lines = ledger.path.read_bytes().split(b"\n")
    lines[11] = change(lines[11])
    ledger.path.write_bytes(b"\n".join(lines))
    problems = ledger.verify_file().problems
    assert problems[0].startswith(problem)
    assert "they are not the entries that were signed" in problems[-1]


def test_many_malformed_entries_give_a_short_report(ledger: Ledger) -> None:
    """The first malformed lines are named, the rest are counted."""
    ledger.verify()
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"note":', b'"note": '))
    assert "另有 and 80 more lines like these" in ledger.verify_file().problems


def test_another_key(ledger: Ledger) -> None:
    """A ledger signed anew by somebody else's key is refused, also under the same name."""
    ledger.verify()
    other = Signer(ORIGIN, Ed25519PrivateKey.generate())
    report = verify_export(ledger.path, other.verifier_key)
    assert report.checkpoint is None
    assert "the checkpoint: 并非由此公钥签名 not signed by bank.example/ledger" in report.problems[0]


def test_a_wrong_key_is_the_caller_s_error(ledger: Ledger) -> None:
    """What is no key at all is said at once."""
    with pytest.raises(CheckpointError, match="not a verifier key"):
        verify_export(ledger.path, "no key")


def test_a_changed_checkpoint(ledger: Ledger) -> None:
    """A checkpoint edited to fit a shortened file is refused."""
    ledger.verify()
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b"\n100\n", b"\n99\n"))
    assert "does not fit" in ledger.verify_file().problems[0]


def test_another_ledger_s_checkpoint(ledger: Ledger) -> None:
    """A file that claims another origin than its checkpoint is refused."""
    ledger.verify()
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"bank.example/ledger"', b'"other.example/ledger"'))
    assert ledger.verify_file().problems == [
        "不是同一账本 the file is of other.example/ledger, the checkpoint of bank.example/ledger"
    ]


@pytest.mark.parametrize("size", [0, 1, 2, 63, 64, 99, 100])
def test_the_witness_agrees(ledger: Ledger, size: int) -> None:
    """An older checkpoint of the same ledger, of any size, is consistent with it."""
    report = ledger.verify(witness=ledger.checkpoint(ledger.bodies[:size]))
    assert report.ok
    assert report.witness is not None
    assert report.witness.size == size


def test_a_rewritten_past(ledger: Ledger) -> None:
    """A ledger rewritten and signed anew with the true key passes alone, and the witness's checkpoint exposes it."""
    witness = ledger.checkpoint(ledger.bodies[:50])
    ledger.bodies[30] = body(30, "released")
    assert ledger.verify().ok
    (problem,) = ledger.verify(witness=witness).problems
    assert problem.startswith(
        "以往条目被改写 the first 50 entries are not those that the witness has seen: the past was rewritten"
    )


def test_a_cut_back_ledger(ledger: Ledger) -> None:
    """A ledger that has fewer entries than the witness has seen is exposed."""
    witness = ledger.checkpoint()
    del ledger.bodies[90:]
    (problem,) = ledger.verify(witness=witness).problems
    assert "the witness has seen 100 entries, the file holds 90" in problem


def test_the_witness_narrows_a_change_down(ledger: Ledger) -> None:
    """With a witness, a change after its checkpoint is placed after it."""
    changed = [*ledger.bodies[:70], body(70, "released"), *ledger.bodies[71:]]
    (problem,) = ledger.verify(changed, witness=ledger.checkpoint(ledger.bodies[:50])).problems
    assert problem.endswith("The first 50 entries are as the witness saw them; the change is after these")


def test_a_bad_witness(ledger: Ledger) -> None:
    """A witness's checkpoint that is forged, or of another ledger, proves nothing and is said so."""
    forged = Signer(ORIGIN, Ed25519PrivateKey.generate()).sign(ORIGIN, 1, bytes(32))
    assert "the witness's checkpoint: 并非由此公钥签名 not signed by" in ledger.verify(witness=forged).problems[0]
    foreign = ledger.signer.sign("other.example/ledger", 0, bytes(32))
    assert "of another ledger" in ledger.verify(witness=foreign).problems[0]


def test_progress_counts_entries(ledger: Ledger) -> None:
    """Progress ends at the number of entries; a file of several blocks reports several times."""
    ledger.bodies = [body(seq) for seq in range(30_000)]
    assert ledger.verify(witness=ledger.checkpoint(ledger.bodies[:12_345])).ok
    seen: list[int] = []
    verify_export(ledger.path, ledger.signer.verifier_key, seen.append)
    assert seen == sorted(seen)
    assert len(seen) > 1
    assert seen[-1] == 30_000


@pytest.mark.parametrize("size", [0, 1, 100])
def test_the_recipe_without_our_code(ledger: Ledger, size: int) -> None:
    """docs/ledger.md's script, which uses other people's packages only, proves a file and refuses a changed one."""
    script = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[0]
    assert "outreach" not in script
    ledger.bodies = ledger.bodies[:size]
    ledger.verify()
    command = [sys.executable, "-I", "-c", script, str(ledger.path), ledger.signer.verifier_key]
    proven = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (proven.returncode, proven.stdout) == (0, f"{ORIGIN}: {size} entries, proven\n")
    ledger.verify([*ledger.bodies, body(size)])
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_times_survive_an_empty_last_block(ledger: Ledger) -> None:
    """The last time is the last entry's, wherever the reader's blocks end."""
    ledger.bodies = [encode({"seq": 0, "time": "2026-11-24T00:00:00.000Z", "pad": ""})]
    ledger.verify()
    missing = (1 << 20) - ledger.path.read_bytes().index(b"\n\n") - 1 + ledger.path.read_bytes().index(b"\n") + 1
    ledger.bodies = [encode({"seq": 0, "time": "2026-11-24T00:00:00.000Z", "pad": "x" * missing})]
    assert ledger.verify().last_time == "2026-11-24T00:00:00.000Z"
