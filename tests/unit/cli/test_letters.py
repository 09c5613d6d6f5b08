"""outreach letters: what the commands ask for, what they show, and what they write."""

from __future__ import annotations

import csv
import hashlib
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from openpyxl import Workbook, load_workbook
from typer.testing import CliRunner

from outreach.cli.main import app
from outreach.v1.common_pb2 import Finding
from outreach.v1.letter_service_pb2 import PreviewLetterResponse, PreviewValues
from outreach.v1.mailroom_service_pb2 import (
    AcceptedItem,
    CloseRunResponse,
    ConfirmPrintedResponse,
    FetchLetterPdfResponse,
    FetchRunPdfResponse,
    GetQueueResponse,
    GetRunResponse,
    Letter,
    LetterSelection,
    LetterState,
    ListLettersResponse,
    ListRunsResponse,
    MailResponse,
    MailScan,
    PrintRun,
    PullResponse,
    QueueLine,
    RecordAcceptanceResponse,
    RecordDeliveryResponse,
    ReturnReason,
    ReturnResponse,
    RunState,
    ScanResult,
    SealResponse,
    SpoilResponse,
    StartRunResponse,
)
from outreach.v1.outreach_service_pb2 import PostalClass
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

PDF = b"%PDF-1.7 a run of letters"
SHA256 = hashlib.sha256(PDF).hexdigest()
VERSION = "ab" * 32


def print_run(state: RunState.ValueType = RunState.RUN_STATE_READY, **changes: Any) -> PrintRun:
    values = {
        "run_id": "R1",
        "bank_id": "demo-bank",
        "letter_name": "payment-notice",
        "version_digest": VERSION,
        "postal_class": PostalClass.POSTAL_CLASS_ORDINARY,
        "letters": 3,
        "sheets": 3,
        "pdf_sha256": SHA256,
        "start_time": Timestamp(seconds=1_800_000_000),
    }
    return PrintRun(state=state, **{**values, **changes})


def letter(number: int, **changes: Any) -> Letter:
    values = {
        "letter_number": f"L26-{number:08d}",
        "run_id": "R1",
        "position": number,
        "state": LetterState.LETTER_STATE_MAILED,
        "sheets": 1,
        "pdf_sha256": f"{number:064x}",
        "item_number": f"XA{number:08d}",
        "masked_name": "张*",
        "masked_address": "示例省示例市",
    }
    return Letter(**{**values, **changes})


def queue_line(name: str = "payment-notice", digest: str = VERSION, due: int = 3) -> QueueLine:
    return QueueLine(
        bank_id="demo-bank",
        letter_name=name,
        version_digest=digest,
        envelope="DL",
        postal_class=PostalClass.POSTAL_CLASS_ORDINARY,
        due=due,
    )


def result(number: int, *, ok: bool = True, **changes: Any) -> ScanResult:
    return ScanResult(letter_number=f"L26-{number:08d}", ok=ok, state=LetterState.LETTER_STATE_PRINTED, **changes)


def document(done: Any) -> Any:
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_queue_is_shown(gateway: FakeGateway, run: Run) -> None:
    """What waits, with what makes one run, Chinese first."""
    cutoff = Timestamp(seconds=int(datetime(2026, 11, 24, 9, tzinfo=UTC).timestamp()))
    gateway.answers["GetQueue"] = lambda _: GetQueueResponse(lines=[queue_line()], next_cutoff_time=cutoff)
    shown = run("letters", "queue")
    assert shown.exit_code == 0
    assert all(word in shown.stdout for word in ("待打印", "payment-notice", "DL", "ORDINARY", "3", "11-24 17:00"))


def test_a_run_is_started_and_awaited(gateway: FakeGateway, run: Run) -> None:
    """The letter's name is enough: its version in the queue is taken, and the command ends when the PDF is ready."""
    states = [RunState.RUN_STATE_RENDERING, RunState.RUN_STATE_READY]
    gateway.answers["GetQueue"] = lambda _: GetQueueResponse(lines=[queue_line()])
    gateway.answers["StartRun"] = lambda _: StartRunResponse(run=print_run(RunState.RUN_STATE_RENDERING))
    gateway.answers["GetRun"] = lambda _: GetRunResponse(run=print_run(states.pop(0)))
    shown = document(run("letters", "run", "payment-notice", "--max", 50, "--json"))
    assert shown["state"] == "RUN_STATE_READY"
    (asked,) = gateway.asked("StartRun")
    assert (asked.version_digest, asked.max_letters) == (VERSION, 50)
    assert asked.run_request_id


def test_an_unclear_version_is_told(gateway: FakeGateway, run: Run) -> None:
    """Two versions of one name, or none: the line names the argument and what there is."""
    lines = [queue_line(), queue_line(digest="cd" * 32)]
    gateway.answers["GetQueue"] = lambda _: GetQueueResponse(lines=lines)
    several, none = run("letters", "run", "payment-notice"), run("letters", "run", "another")
    assert (several.exit_code, none.exit_code) == (1, 1)
    assert "VERSION" in several.stderr
    assert "abababababab, cdcdcdcdcdcd" in several.stderr
    assert "payment-notice" in none.stderr
    assert gateway.asked("StartRun") == []


def test_a_run_that_takes_long_goes_on(gateway: FakeGateway, run: Run) -> None:
    """After the patience given, the command says that the run goes on and how to look again."""
    gateway.answers["GetQueue"] = lambda _: GetQueueResponse(lines=[queue_line()])
    rendering = print_run(RunState.RUN_STATE_RENDERING)
    gateway.answers["StartRun"] = lambda _: StartRunResponse(run=rendering)
    gateway.answers["GetRun"] = lambda _: GetRunResponse(run=rendering)
    done = run("letters", "run", "--patience", 1)
    assert done.exit_code == 1
    assert "outreach letters show R1" in done.stderr


def test_runs_and_their_differences_are_shown(gateway: FakeGateway, run: Run) -> None:
    """Numbers by run, and what does not meet yet, with exit code 1 for reconcile only."""
    gateway.answers["ListRuns"] = lambda _: ListRunsResponse(runs=[print_run(to_pull=1)])
    gateway.answers["GetRun"] = lambda _: GetRunResponse(run=print_run(differences=["1 封待抽出"]))
    assert "可打印" in run("letters", "runs").stdout
    shown, reconciled = run("letters", "show", "R1"), run("letters", "reconcile", "R1")
    assert "1 封待抽出" in shown.stdout
    assert (shown.exit_code, reconciled.exit_code) == (0, 1)


def test_closing_with_a_difference_waits(gateway: FakeGateway, run: Run) -> None:
    """The first explanation says that a second person is needed."""
    gateway.answers["CloseRun"] = lambda _: CloseRunResponse(run=print_run(), waits_for_second_person=True)
    assert "第二人" in run("letters", "close", "R1", "--explanation", "one torn").stdout
    assert gateway.asked("CloseRun")[0].explanation == "one torn"


def test_a_run_s_pdf_is_fetched_and_checked(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """The file is whole, its owner's alone, and stands for the hash on record; another PDF is not kept."""
    pieces = [FetchRunPdfResponse(chunk=PDF[:5], total_bytes=len(PDF)), FetchRunPdfResponse(chunk=PDF[5:])]
    gateway.answers["GetRun"] = lambda _: GetRunResponse(run=print_run())
    gateway.answers["FetchRunPdf"] = lambda _: pieces
    out = tmp_path / "run.pdf"
    shown = document(run("letters", "print", "R1", "--out", out, "--station", "desk-1", "--reason", "jam", "--json"))
    assert (shown["file"], shown["pdf_sha256"]) == (str(out), SHA256)
    assert out.read_bytes() == PDF
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    (asked,) = gateway.asked("FetchRunPdf")
    assert (asked.station, asked.reason) == ("desk-1", "jam")

    pieces.pop()
    refused = run("letters", "print", "R1", "--out", tmp_path / "other.pdf")
    assert refused.exit_code == 1
    assert "摘要" in refused.stderr
    assert sorted(path.name for path in tmp_path.glob("*.pdf*")) == ["run.pdf"]


def test_an_unwritable_file_costs_no_release(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Nothing is asked for when the file cannot be written."""
    gateway.answers["GetRun"] = lambda _: GetRunResponse(run=print_run())
    done = run("letters", "print", "R1", "--out", tmp_path / "missing" / "run.pdf")
    assert done.exit_code == 1
    assert gateway.asked("FetchRunPdf") == []


def test_a_copy_is_fetched_for_a_reason(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """The letter may be named by the DataMatrix on its sheet."""
    gateway.answers["FetchLetterPdf"] = lambda _: [FetchLetterPdfResponse(chunk=PDF, total_bytes=len(PDF))]
    out = tmp_path / "copy.pdf"
    assert run("letters", "copy", "R1|L26-00000001|1/1|abcd", "--reason", "complaint 7", "--out", out).exit_code == 0
    assert out.read_bytes() == PDF
    (asked,) = gateway.asked("FetchLetterPdf")
    assert (asked.letter_number, asked.reason) == ("L26-00000001", "complaint 7")


def test_a_preview_is_written_or_refused(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """The PDF beside the source, or the layout's findings and exit code 1."""
    source = tmp_path / "notice.md"
    source.write_text("---\n")
    gateway.answers["PreviewLetter"] = lambda _: PreviewLetterResponse(pdf=PDF)
    assert run("letters", "preview", source, "--worst", "--window").exit_code == 0
    assert (tmp_path / "notice.preview.pdf").read_bytes() == PDF
    (asked,) = gateway.asked("PreviewLetter")
    assert asked.show_window
    assert asked.values == PreviewValues.PREVIEW_VALUES_WORST_CASE
    finding = Finding(code="GLYPH_MISSING", field="name", reason="第 1 个字符")
    gateway.answers["PreviewLetter"] = lambda _: PreviewLetterResponse(findings=[finding])
    refused = run("letters", "preview", source)
    assert refused.exit_code == 1
    assert "GLYPH_MISSING" in refused.stdout


@pytest.mark.parametrize(
    ("command", "rpc", "response"),
    [
        ("confirm", "ConfirmPrinted", ConfirmPrintedResponse),
        ("seal", "Seal", SealResponse),
        ("pull", "Pull", PullResponse),
    ],
)
def test_letters_are_meant_by_run_range_number_or_scan(
    gateway: FakeGateway, run: Run, tmp_path: Path, command: str, rpc: str, response: Callable[..., Any]
) -> None:
    """The whole run, a part of it with exceptions, named letters, and both codes of a scanned file."""
    gateway.answers["GetRun"] = lambda _: GetRunResponse(run=print_run())
    gateway.answers[rpc] = lambda _: response(results=[result(1)])
    scans = tmp_path / "scans.txt"
    scans.write_text("l26-00000001\nR1|L26-00000002|1/1|abcd\n")
    for arguments in (
        ["R1"],
        ["R1", "--first", "2", "--last", "3", "--except", "L26-00000002"],
        ["--letter", "L26-00000001", "--letter", "l26-00000003"],
        ["--scans", scans],
    ):
        done = run("letters", command, *arguments)
        assert done.exit_code == 0, done.output
    assert [request.letters for request in gateway.asked(rpc)] == [
        LetterSelection(run_id="R1", first_position=1, last_position=3),
        LetterSelection(run_id="R1", first_position=2, last_position=3, except_letter_numbers=["L26-00000002"]),
        LetterSelection(letter_numbers=["L26-00000001", "L26-00000003"]),
        LetterSelection(letter_numbers=["L26-00000001", "L26-00000002"]),
    ]


@pytest.mark.parametrize(
    "arguments",
    [[], ["R1", "--letter", "L1"], ["--letter", "L1", "--first", "2"], ["--letter", "L1", "--except", "L2"]],
)
def test_an_unclear_selection_is_a_usage_error(gateway: FakeGateway, run: Run, arguments: list[str]) -> None:
    """Nothing is confirmed that was not clearly meant."""
    assert run("letters", "confirm", *arguments).exit_code == 2
    assert gateway.asked("ConfirmPrinted") == []


def test_many_scans_go_in_parts(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """More letters than one request takes are sent in several; with a counter that is refused."""
    gateway.answers["Pull"] = lambda request: PullResponse(
        results=[ScanResult(letter_number=number, ok=True) for number in request.letters.letter_numbers]
    )
    scans = tmp_path / "scans.txt"
    scans.write_text("\n".join(f"L{number}" for number in range(2_500)))
    shown = document(run("letters", "pull", "--scans", scans, "--never-printed", "--json"))
    assert (shown["done"], shown["not_done"]) == (2_500, 0)
    assert [len(request.letters.letter_numbers) for request in gateway.asked("Pull")] == [1_000, 1_000, 500]
    assert all(request.never_printed for request in gateway.asked("Pull"))


def test_what_is_not_done_is_loud(gateway: FakeGateway, run: Run) -> None:
    """A refused letter stands in a table with its rule in Chinese, a warning too; exit code 1."""
    refused = result(1, ok=False, codes=["ACCOUNT_ON_HOLD"], message="账户已暂停")
    warned = result(2, warning="校验位不符 wrong check digit")
    gateway.answers["GetRun"] = lambda _: GetRunResponse(run=print_run())
    gateway.answers["Mail"] = lambda _: MailResponse(results=[refused, warned, result(3)])
    done = run("letters", "mail", "R1")
    assert done.exit_code == 1
    for word in ("L26-00000001", "账户已暂停", "账户暂停 ACCOUNT_ON_HOLD", "L26-00000002", "校验位不符"):
        assert word in done.stdout
    assert "L26-00000003" not in done.stdout


def test_registered_mail_is_scanned_in_pairs(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """Letter and item number, on one line or two; a letter without its item is told."""
    gateway.answers["Mail"] = lambda _: MailResponse(results=[result(1)])
    scans = tmp_path / "scans.txt"
    scans.write_text("L26-00000001 xa12345678501\nL26-00000002\nXA12345678502\n")
    assert run("letters", "mail", "--scans", scans, "--items").exit_code == 0
    assert run("letters", "mail", "--letter", "L26-00000003", "--item", "xa3").exit_code == 0
    assert [list(request.scans) for request in gateway.asked("Mail")] == [
        [
            MailScan(letter_number="L26-00000001", item_number="XA12345678501"),
            MailScan(letter_number="L26-00000002", item_number="XA12345678502"),
        ],
        [MailScan(letter_number="L26-00000003", item_number="XA3")],
    ]
    scans.write_text("L26-00000001\n")
    odd = run("letters", "mail", "--scans", scans, "--items")
    assert odd.exit_code == 1
    assert "邮件号" in odd.stderr


def test_a_scanner_is_answered_letter_by_letter(gateway: FakeGateway) -> None:
    """Each line of a scanner gets its answer at once, and says where the letter must stay."""
    answers = [result(1), result(2, ok=False, message="待抽出")]
    gateway.answers["Mail"] = lambda _: MailResponse(results=[answers.pop(0)])
    common = ["--address", gateway.address, "--state-dir", str(gateway.state_dir)]
    arguments = ["letters", "mail", "--scans", "-", *common]
    done = CliRunner().invoke(app, arguments, input="L26-00000001\n\nL26-00000002\n")
    assert done.exit_code == 1
    assert len(gateway.asked("Mail")) == 2
    lines = done.stdout.splitlines()
    assert lines[0].startswith("✓ L26-00000001")
    assert lines[1].startswith("✗ L26-00000002")
    assert "待抽出" in lines[1]


def test_the_stamp_s_counter_is_told(gateway: FakeGateway, run: Run) -> None:
    """Both readings go with the letters; scan by scan there is no counter."""
    gateway.answers["GetRun"] = lambda _: GetRunResponse(run=print_run())
    gateway.answers["Seal"] = lambda _: SealResponse(results=[result(1)])
    counter = ["--counter-before", "100", "--counter-after", "103"]
    assert run("letters", "seal", "R1", *counter).exit_code == 0
    assert (gateway.asked("Seal")[0].counter_before, gateway.asked("Seal")[0].counter_after) == (100, 103)
    assert run("letters", "seal", "--scans", "-", *counter).exit_code == 2


def test_spoiled_and_returned_letters(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """A spoiled letter names what waits for its reprint; a returned one the closed address and the hold. A scanned
    slip is sent along."""
    gateway.answers["Spoil"] = lambda _: SpoilResponse(result=result(1), waiting_outreach_id="o-1")
    gateway.answers["Return"] = lambda _: ReturnResponse(result=result(1), address_closed=True, hold_id="h-1")
    slip = tmp_path / "slip.jpg"
    slip.write_bytes(b"image")
    assert "o-1" in run("letters", "spoil", "L26-00000001", "--reason", "torn").stdout
    shown = run("letters", "return", "l26-00000001", "--reason", "death", "--scan", slip).stdout
    assert all(word in shown for word in ("收件人死亡 DEATH", "已关闭", "h-1"))
    (asked,) = gateway.asked("Return")
    assert asked.reason == ReturnReason.RETURN_REASON_DEATH
    assert asked.scan_image == b"image"
    gateway.answers["Return"] = lambda _: ReturnResponse(result=result(1, ok=False, message="尚未交寄"))
    assert run("letters", "return", "L26-00000001", "--reason", "moved").exit_code == 1


def test_the_manifest_is_written_without_formulas(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """CSV and sheet hold every letter of all pages; a cell that looks like a formula stays text in both."""
    odd = letter(3, item_number='=HYPERLINK("x")')
    pages = [
        ListLettersResponse(letters=[letter(1), letter(2)], next_page_token="2"),
        ListLettersResponse(letters=[odd]),
    ]
    gateway.answers["ListLetters"] = lambda _: pages.pop(0)
    as_csv, as_xlsx = tmp_path / "m.csv", tmp_path / "m.xlsx"
    assert run("letters", "manifest", "R1", "--csv", as_csv, "--xlsx", as_xlsx).exit_code == 0
    rows = list(csv.reader(as_csv.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == ["position", "letter_number", "sheets", "pdf_sha256", "item_number", "state"]
    assert [row[1] for row in rows[1:]] == ["L26-00000001", "L26-00000002", "L26-00000003"]
    assert rows[3][4] == '\'=HYPERLINK("x")'
    sheet = load_workbook(as_xlsx).worksheets[0]
    assert [cell.value for cell in sheet[1]][:3] == ["序号 No.", "信函编号 Letter", "张数 Sheets"]
    assert (sheet["E4"].value, sheet["E4"].data_type) == ('=HYPERLINK("x")', "s")
    assert sheet["F2"].value == "已交寄 MAILED"


def test_the_lists_ask_for_their_state(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """The pull list shows what is to be pulled and why; the hand-over list what is mailed, with room to sign."""
    to_pull = letter(1, state=LetterState.LETTER_STATE_TO_PULL, cause="REPAID_IN_FULL")
    gateway.answers["ListLetters"] = lambda _: ListLettersResponse(letters=[to_pull])
    assert "已全额还款 REPAID_IN_FULL" in run("letters", "pull-list").stdout
    sheet = tmp_path / "post.xlsx"
    assert run("letters", "hand-over", "R1", "--xlsx", sheet).exit_code == 0
    assert [request.state for request in gateway.asked("ListLetters")] == [
        LetterState.LETTER_STATE_TO_PULL,
        LetterState.LETTER_STATE_MAILED,
    ]
    footer = load_workbook(sheet).worksheets[0].oddFooter
    assert footer is not None
    assert "收寄人" in str(footer.left.text)


def workbook(path: Path, *rows: list[Any]) -> Path:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(path)
    return path


def test_the_post_s_list_is_imported(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """CSV or sheet, our own headings or the post's, other columns passed over; what differs is named with exit code
    1."""
    gateway.answers["RecordAcceptance"] = lambda _: RecordAcceptanceResponse(
        accepted=1, missing_letter_numbers=["L26-00000002"], unknown_items=["XA9"]
    )
    gateway.answers["RecordDelivery"] = lambda _: RecordDeliveryResponse(delivered=2)
    theirs = tmp_path / "post.csv"
    theirs.write_bytes("序号,邮件号码,重量\n1,xa00000001,20\n2,XA 00000009,20\n,,\n".encode("gb18030"))
    differs = run("letters", "accept", "R1", theirs, "--reference", "EMS-1")
    assert differs.exit_code == 1
    assert "L26-00000002" in differs.stdout
    assert "XA9" in differs.stdout
    (asked,) = gateway.asked("RecordAcceptance")
    assert (asked.run_id, asked.reference) == ("R1", "EMS-1")
    assert list(asked.items) == [AcceptedItem(item_number="XA00000001"), AcceptedItem(item_number="XA00000009")]

    ours = workbook(tmp_path / "ours.xlsx", ["信函编号 Letter", "备注"], ["L26-00000001", None], ["L26-00000002", 3.5])
    assert run("letters", "deliver", ours, "--reference", "D-1").exit_code == 0
    (delivered,) = gateway.asked("RecordDelivery")
    assert [item.letter_number for item in delivered.items] == ["L26-00000001", "L26-00000002"]


def test_a_list_without_numbers_is_told(gateway: FakeGateway, run: Run, tmp_path: Path) -> None:
    """The line names the options and the columns that there are; a named column is taken."""
    path = workbook(tmp_path / "post.xlsx", ["条码", "日期"], ["XA1", "2026-11-25"])
    unknown = run("letters", "accept", "R1", path, "--reference", "1")
    assert unknown.exit_code == 1
    assert "--item-column" in unknown.stderr
    assert "条码" in unknown.stderr
    gateway.answers["RecordAcceptance"] = lambda _: RecordAcceptanceResponse(accepted=1)
    assert run("letters", "accept", "R1", path, "--reference", "1", "--item-column", "条码").exit_code == 0
    assert run("letters", "accept", "R1", path, "--reference", "1", "--item-column", "无").exit_code == 1
