"""The example day with real processes: `make run ONCE=1`, but without pauses between the ticks of its clock."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pypdfium2

from examples.generate import FOLDER, build
from tests.system.conftest import Installation


def test_the_data_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    """Whoever reads the cases reads what was meant."""
    for folder in ("cases", "letters", "demo-bank", "sample-bank"):
        (tmp_path / folder).mkdir()
    (tmp_path / "README.md").write_bytes((FOLDER / "README.md").read_bytes())
    build().write(tmp_path)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    for folder in ("cases", "letters"):
        assert sorted(path for path in written if path.parent.name == folder) == sorted(
            path.relative_to(FOLDER) for path in (FOLDER / folder).iterdir()
        )
    for path in written:
        assert (tmp_path / path).read_bytes() == (FOLDER / path).read_bytes(), path


def test_the_day_ends_as_the_rules_demand(played: Installation) -> None:
    """The summary has exactly the states and codes that the cases must give, and nothing else."""
    expected = orjson.loads((FOLDER / "expected.json").read_bytes())
    summary = orjson.loads((played.state_dir / "summary.json").read_bytes())
    assert summary == {channel: expected[channel] for channel in ("sms", "letters")}


def test_there_are_enough_cases() -> None:
    """At least 200, with every rule that concerns an SMS among them."""
    cases = [path.read_text().splitlines()[1:] for path in (FOLDER / "cases").iterdir()]
    assert sum(map(len, cases)) >= 200


def test_a_partial_repayment_changes_the_amount_that_is_sent(played: Installation) -> None:
    """What was pending leaves with the bank's new amount, never with the old one or our own subtraction."""
    events = [orjson.loads(line) for line in (FOLDER / "demo-bank" / "events.jsonl").read_bytes().splitlines()]
    with_letters = "".join(path.read_text() for path in (FOLDER / "letters").iterdir())
    paid_in_part = [
        event["repayment"]["balanceAfter"]["overdueAmountFen"]
        for event in events
        if event.get("repayment", {}).get("kind") == "KIND_PARTIAL"
        and "balanceAfter" in event["repayment"]
        and event["repayment"]["accountNumber"] not in with_letters
    ]
    amounts = [f"{int(fen) // 100}.{int(fen) % 100:02d}元" for fen in paid_in_part if fen != "0"]
    texts = [message["content"].get("content", "") for message in played.messages()]
    assert len(amounts) == 5
    assert [sum(amount in text for text in texts) for amount in amounts] == [1] * 5


def test_nobody_gets_a_message_twice(played: Installation) -> None:
    """Every person's number is written to once that day, whatever the carrier answered."""
    taken = Counter(message["phone"] for message in played.messages() if message["taken"])
    assert set(taken.values()) == {1}


def test_it_goes_on_where_it_stopped(played: Installation, tmp_path: Path) -> None:
    """Started again over the same folder, it is healthy, its ledger verifies, and nothing more leaves."""
    before = len(played.messages())
    with played.running():
        checks = played.cli("doctor")
        entries = played.ledger(tmp_path / "ledger")
        rows = played.outreach()
    assert all(check["ok"] for check in checks)
    assert len(played.messages()) == before
    expected = orjson.loads((FOLDER / "expected.json").read_bytes())["cases"]
    assert {row["request_id"]: row["state"].removeprefix("STATE_") for row in rows} == {
        request_id: outcome.split()[0] for request_id, outcome in expected.items()
    }
    released = {entry["attempt"] for entry in entries if entry["kind"] == "released" and "carrier" in entry}
    handed_back = {entry["attempt"] for entry in entries if entry["kind"] == "admitted" and "attempt" in entry}
    left = {message["out_id"] for message in played.messages()}
    assert left <= released <= left | handed_back


def test_the_printed_runs_show_whom_and_how_much(played: Installation) -> None:
    """What was printed is in the run's PDF; a letter repaid in part is printed anew with the bank's new amount."""
    texts = {path.stem: _text(path) for path in (played.state_dir / "printed").iterdir()}
    assert set(texts) == {"first-demo-bank", "first-sample-bank", "second-demo-bank"}
    events = [orjson.loads(line) for line in (FOLDER / "demo-bank" / "events.jsonl").read_bytes().splitlines()]
    with_letters = "".join(path.read_text() for path in (FOLDER / "letters").iterdir())
    (fen,) = (
        int(event["repayment"]["balanceAfter"]["overdueAmountFen"])
        for event in events
        if event.get("repayment", {}).get("kind") == "KIND_PARTIAL"
        and event["repayment"]["accountNumber"] in with_letters
    )
    new_amount = f"{fen // 100:,}.{fen % 100:02d}"
    assert new_amount in texts["second-demo-bank"]
    assert new_amount not in texts["first-demo-bank"]


def _text(path: Path) -> str:
    document = pypdfium2.PdfDocument(path)
    return "".join(page.get_textpage().get_text_bounded() for page in document)
