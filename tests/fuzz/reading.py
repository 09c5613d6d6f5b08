"""Targets that read what anybody may hand in: files of cases and events, PDFs, letters, addresses, carriers' bytes.

They run in a process of their own, so that one that hangs or eats memory is seen. A target takes a Mutator and returns
how many inputs it tried and what became of them; it raises for anything that a caller must not meet.
"""

from __future__ import annotations

import csv
import io
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
import pikepdf
import yaml
from openpyxl import Workbook
from PIL import Image

from approval_service import letter_contents
from approval_service.screening.address import report
from approval_service.screening.content import approver_notes, screen
from outreach.cli.bank_file import read_events
from outreach.cli.case_file import CaseFile, LetterFile
from outreach.cli.failures import Failure
from outreach.domain.errors import Refusal
from outreach.v1.letter_version_service_pb2 import LetterContent
from outreach.v1.policy_service_pb2 import Policy
from sms_service.carriers import cmpp_coding as cmpp
from sms_service.carriers.cmpp_inbound import RECEIVED_AT
from sms_service.carriers.registry import load_accounts, open_carrier
from sms_service.carriers.seam import Carrier, UnreadableError
from tests.fuzz.mutating import Mutator

EXAMPLES = Path(__file__).parents[2] / "examples"
LINES = 40
Read = Callable[[Mutator], tuple[int, str]]


class Wrong(AssertionError):
    """Something was taken that should not have been, lost, or told in a way that no caller should see."""


def csv_lines(mutator: Mutator) -> tuple[int, str]:
    """A file of cases in which a third of the lines is spoilt: every other one that is ASCII, whatever the encoding of
    the file is taken for, is read as it was meant."""
    header, *rows = _cases()
    chosen = [list(mutator.chance.choice(rows)) for _ in range(LINES)]
    for number, row in enumerate(chosen):
        row[0] = f"{number:03d}-case-{number:03d}"
    encoding = mutator.chance.choice(("utf-8", "utf-8-sig", "gb18030"))
    lines = [_line(row).encode(encoding.removesuffix("-sig")) for row in chosen]
    spoilt = {number for number in range(LINES) if mutator.chance.random() < 0.3}
    for number in spoilt:
        lines[number] = mutator.bytes(lines[number])
    bom = b"\xef\xbb\xbf" if encoding.endswith("sig") else b""
    data = bom + b"\r\n".join([_line(header).encode(), *lines, b""])
    cases = _read(data, "cases.csv", CaseFile)
    found = {(case.request_id, case.item.account_number) for case in cases if case.item is not None}
    for number in set(range(LINES)) - spoilt:
        row = chosen[number]
        if (row[0], row[2]) not in found and lines[number].isascii():
            raise Wrong(f"line {number + 2} is good and was lost")
    return LINES, "read"


def sheet(mutator: Mutator) -> tuple[int, str]:
    """A workbook whose parts, or whose bytes, are spoilt."""
    data = mutator.chance.choice(_workbooks())
    data = mutator.bytes(data) if mutator.chance.random() < 0.3 else _rezipped(mutator, data)
    kind = mutator.chance.choice((CaseFile, LetterFile))
    try:
        cases = _read(data, mutator.chance.choice(("cases.xlsx", "cases.csv")), kind)
    except (Failure, Refusal) as failure:
        return LINES, _told(failure)
    return LINES, "read" if cases else "empty"


def events_file(mutator: Mutator) -> tuple[int, str]:
    """A bank's file of events, by line."""
    lines = [mutator.chance.choice(_event_lines()) for _ in range(LINES)]
    lines = [mutator.bytes(line) if mutator.chance.random() < 0.5 else _respoilt(mutator, line) for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        path.write_bytes(b"\n".join(lines))
        found = list(read_events(path, "demo-bank"))
    return LINES, "read" if any(one.event for one in found) else "none"


def letter_source(mutator: Mutator) -> tuple[int, str]:
    """The text of a letter version, through format, lint and content screening."""
    source = mutator.chance.choice(_sources())
    spoilt = mutator.text(source.decode()).encode() if mutator.chance.random() < 0.5 else mutator.bytes(source)
    return 1, _letter(LetterContent(bank_id="demo-bank", name="notice", source=spoilt))


def official_pdf(mutator: Mutator) -> tuple[int, str]:
    """A bank's own PDF: damaged bytes, or a sound file with something in it that runs, hides or refers elsewhere."""
    source, pdf = _official()
    harmful = ""
    if mutator.chance.random() < 0.5:
        spoilt = mutator.bytes(pdf)
    else:
        spoilt, harmful = _planted(mutator, pdf)
    outcome = _letter(LetterContent(bank_id="sample-bank", name="notice", source=source, official_pdf=spoilt))
    if harmful and outcome == "taken":
        raise Wrong(f"a PDF with {harmful} was taken")
    return 1, outcome


def letterhead(mutator: Mutator) -> tuple[int, str]:
    """A picture that is none."""
    image = mutator.bytes(_image())
    return 1, _letter(LetterContent(bank_id="demo-bank", name="notice", source=_sources()[0], letterhead_image=image))


def addresses(mutator: Mutator) -> tuple[int, str]:
    """What any text is as an address; never fails."""
    text = mutator.text(mutator.chance.choice(_addresses()))
    verdict = report.check(text)
    if not isinstance(verdict["codes"], list):
        raise Wrong("a verdict of another shape")
    return 1, "usable" if not verdict["codes"] else "refused"


def wording(mutator: Mutator) -> tuple[int, str]:
    """Screening of any text: every finding names a span of it."""
    text = mutator.text(mutator.chance.choice(_messages()))
    findings = [*screen(text), *approver_notes(text)]
    for finding in findings:
        if not 0 <= finding.start < finding.end <= len(text):
            raise Wrong("a finding beyond the text")
    return 1, "found" if findings else "clear"


def carrier_bodies(mutator: Mutator) -> tuple[int, str]:
    """What carriers push: JSON with parts exchanged, and damaged bytes, at each kind of carrier."""
    carrier = mutator.chance.choice(_carriers())
    value = mutator.chance.choice(_pushed())
    body = orjson.dumps(mutator.json(value), default=str) if mutator.chance.random() < 0.6 else b""
    body = mutator.bytes(body or orjson.dumps(value))
    try:
        found: list[Any] = carrier.parse_receipts(body, {RECEIVED_AT: "0"})
        found += carrier.parse_replies(body, {RECEIVED_AT: "0"})
    except UnreadableError:
        return 1, "unreadable"
    return 1, "read" if found else "empty"


def cmpp_frames(mutator: Mutator) -> tuple[int, str]:
    """Frames of an operator's far end, damaged."""
    version = mutator.chance.choice(list(cmpp.VERSIONS.values()))
    body = _deliver(mutator, version)
    data = mutator.bytes(cmpp.frame(5, mutator.chance.randrange(2**32), body))
    try:
        for _, pdu in cmpp.frames(data):
            deliver = cmpp.read_deliver(version, pdu)
            cmpp.place(deliver)
            cmpp.words(deliver)
            cmpp.read_status(deliver.content)
    except cmpp.CodingError:
        return 1, "unreadable"
    return 1, "read"


READERS: dict[str, Read] = {
    reader.__name__: reader
    for reader in (
        csv_lines,
        sheet,
        events_file,
        letter_source,
        official_pdf,
        letterhead,
        addresses,
        wording,
        carrier_bodies,
        cmpp_frames,
    )
}


def _letter(content: LetterContent) -> str:
    try:
        reading = letter_contents.read(content, Policy(bank_name="示例银行", agency_name="示例催收"))
    except Refusal as refusal:
        return _told(refusal)
    return "taken" if all(finding.waits for finding in reading.findings) else "found"


def _told(error: Failure | Refusal) -> str:
    """An error that a person can read: short, and without our insides."""
    text = str(error) if isinstance(error, Failure) else error.message
    if len(text) > 20_000 or "Traceback" in text or "object at 0x" in text:
        raise Wrong(f"an error nobody can read: {text[:200]}")
    return "refused"


def _read(data: bytes, name: str, kind: type[CaseFile] | type[LetterFile]) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        with kind(path) as file:
            return list(file.cases())


def _line(row: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(row)
    return written.getvalue()


def _respoilt(mutator: Mutator, line: bytes) -> bytes:
    return orjson.dumps(mutator.json(orjson.loads(line)), default=str)


def _rezipped(mutator: Mutator, data: bytes) -> bytes:
    written = BytesIO()
    with ZipFile(BytesIO(data)) as old, ZipFile(written, "w", ZIP_DEFLATED) as new:
        names = old.namelist()
        spoilt = mutator.chance.choice([name for name in names if "sheet1" in name] * 4 + names)
        for name in names:
            part = old.read(name)
            new.writestr(name, mutator.bytes(part) if name == spoilt else part)
    return written.getvalue()


def _planted(mutator: Mutator, data: bytes) -> tuple[bytes, str]:
    """The PDF with something harmful in it, and what that is."""
    script = {"/S": pikepdf.Name.JavaScript, "/JS": "app.alert(1)"}
    actions: dict[str, dict[str, Any]] = {
        "a script": script,
        "a program to start": {"/S": pikepdf.Name.Launch, "/F": "cmd.exe"},
        "a form to send": {"/S": pikepdf.Name.SubmitForm, "/F": "http://example.org"},
        "a link": {"/S": pikepdf.Name.URI, "/URI": "http://example.org"},
        "another file": {"/S": pikepdf.Name.GoToR, "/F": "other.pdf"},
    }
    what = mutator.chance.choice(list(actions))
    written = BytesIO()
    with pikepdf.open(BytesIO(data)) as pdf:
        action = pdf.make_indirect(pikepdf.Dictionary(actions[what]))
        page = pdf.pages[mutator.chance.randrange(len(pdf.pages))].obj
        match mutator.chance.randrange(4):
            case 0:
                pdf.Root.OpenAction = action
            case 1:
                pdf.Root.AA = pikepdf.Dictionary(WC=action)
            case 2:
                page.AA = pikepdf.Dictionary(O=action)
            case _:
                pdf.Root.Names = pikepdf.Dictionary(JavaScript=pikepdf.Dictionary(Names=["x", action]))
        pdf.save(written, object_stream_mode=mutator.chance.choice(list(pikepdf.ObjectStreamMode)))
    return written.getvalue(), what


def _deliver(mutator: Mutator, version: cmpp.Version) -> bytes:
    """A DELIVER as a far end makes it: a receipt, or a part of somebody's words."""
    chance = mutator.chance
    receipt = chance.random() < 0.4
    content = chance.randbytes(chance.choice((60, 71))) if receipt else chance.randbytes(chance.choice((0, 1, 6, 140)))
    address = b"13800138000".ljust(version.address_bytes, b"\0")
    typed = b"\0" if version.typed_addresses else b""
    head = struct.pack(
        ">8s21s10sBBB", chance.randbytes(8), b"10690001", b"SMS", 0, chance.randrange(2), chance.choice((0, 8, 15))
    )
    return head + address + typed + bytes((int(receipt), len(content))) + content + bytes(version.tail_bytes)


@cache
def _cases() -> list[list[str]]:
    path = EXAMPLES / "cases" / "0730-clerk-1.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@cache
def _workbooks() -> list[bytes]:
    made = []
    for path in ("0730-clerk-1.csv", "0730-clerk-2.csv"):
        with (EXAMPLES / "cases" / path).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))[: LINES + 1]
        book = Workbook()
        for row in rows:
            book.worksheets[0].append(row)
        written = BytesIO()
        book.save(written)
        made.append(written.getvalue())
    return made


@cache
def _event_lines() -> list[bytes]:
    return (EXAMPLES / "demo-bank" / "events.jsonl").read_bytes().splitlines()


@cache
def _sources() -> list[bytes]:
    return [(EXAMPLES / "demo-bank" / "letters" / "payment-notice.md").read_bytes()]


@cache
def _official() -> tuple[bytes, bytes]:
    folder = EXAMPLES / "sample-bank" / "letters"
    return (folder / "payment-notice.md").read_bytes(), (folder / "payment-notice.pdf").read_bytes()


@cache
def _image() -> bytes:
    written = BytesIO()
    Image.new("RGB", (60, 20), "white").save(written, "PNG")
    return written.getvalue()


@cache
def _addresses() -> list[str]:
    with (EXAMPLES / "demo-bank" / "placements.csv").open(encoding="utf-8-sig", newline="") as file:
        placed = [row["addresses"] for row in csv.DictReader(file) if row["addresses"]]
    return [*placed, "浙江省杭州市西湖区文三路18号3幢402室", "河南省周口市扶沟县城郊乡李庄村三组12号"]


@cache
def _messages() -> list[str]:
    return [line.decode() for line in _sources()[0].splitlines() if line]


@cache
def _carriers() -> list[Carrier]:
    """One of each kind, as the example has them."""
    text = (EXAMPLES / "installation.yaml").read_text(encoding="utf-8")
    text = text.replace("{simulator_url}", "http://127.0.0.1:9").replace("{cmpp_url}", "cmpp://127.0.0.1:9")
    accounts = {"carriers": yaml.safe_load(text)["carriers"]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "carriers.json"
        path.write_bytes(orjson.dumps(accounts))
        return [open_carrier(account) for account in load_accounts(path)]


@cache
def _pushed() -> list[Any]:
    return [
        [
            {
                "phone_number": "13800138000",
                "success": True,
                "err_code": "DELIVERED",
                "out_id": "x",
                "biz_id": "y",
                "sms_size": "1",
            }
        ],
        [{"phone_number": "13800138000", "content": "T", "sequence_id": 5, "sign_name": "x", "dest_code": "1"}],
        [
            {
                "mobile": "13800138000",
                "report_status": "SUCCESS",
                "sid": "s",
                "errmsg": "DELIVRD",
                "nationcode": "86",
                "ext": "x",
            }
        ],
        [{"mobile": "13800138000", "text": "退订", "time": 1457336869, "nationcode": "86", "extend": "x", "sign": "y"}],
    ]
