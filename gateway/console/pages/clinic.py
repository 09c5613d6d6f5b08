"""The address clinic: paste a list, see each verdict with what is missing, repair it, take it away."""

from __future__ import annotations

import csv
import io

from starlette.datastructures import UploadFile
from starlette.responses import Response

from gateway.console.comparing import marked
from gateway.console.forms import text
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.v1.hold_service_pb2 import AddressVerdict, CheckAddressesRequest, ListBadAddressesRequest
from outreach.wording.formats import inert

MAX_ADDRESSES = 10_000
AT_ONCE = 1000
SHOWN = 500
"""Rows of the page; the CSV has all."""
_COLUMNS = ("地址", "address")


async def clinic(visit: Visit) -> Response:
    """The form, and what is known bad already."""
    visit.desk.require("HoldService/CheckAddresses")
    bad = []
    if visit.desk.may("HoldService/ListBadAddresses"):
        request = ListBadAddressesRequest(bank_id=visit.bank, page_size=200)
        bad = list((await visit.ask("HoldService/ListBadAddresses", request)).addresses)
    return visit.page("clinic.html", written="", rows=[], counts=None, bad=bad)


async def check(visit: Visit) -> Response:
    """Every address with its verdict, or the same as CSV."""
    form = await visit.form()
    addresses = _lines(text(form, "addresses"))
    upload = form.get("file")
    if isinstance(upload, UploadFile) and upload.size:
        addresses += from_file(decoded(await upload.read()))
    if not 0 < len(addresses) <= MAX_ADDRESSES:
        raise Refusal(
            Kind.INVALID,
            f"请粘贴 1 到 {MAX_ADDRESSES} 个地址，每行一个。Paste 1 to {MAX_ADDRESSES} addresses, one a line.",
            field="addresses",
        )
    pairs: list[tuple[str, AddressVerdict]] = []
    for start in range(0, len(addresses), AT_ONCE):
        part = addresses[start : start + AT_ONCE]
        answer = await visit.ask("HoldService/CheckAddresses", CheckAddressesRequest(addresses=part))
        pairs += zip(part, answer.verdicts, strict=True)
    if text(form, "as") == "csv":
        return _csv(visit, pairs)
    shown = sorted(pairs, key=lambda pair: not pair[1].findings)[:SHOWN] if len(pairs) > SHOWN else pairs
    rows = [
        (marked(address, [found.reason for found in verdict.findings]), address, verdict) for address, verdict in shown
    ]
    usable = sum(not verdict.findings for _, verdict in pairs)
    counts = (len(pairs), usable, len(pairs) - usable)
    return visit.page("clinic.html", written="\n".join(addresses), rows=rows, counts=counts, bad=[])


def _csv(visit: Visit, pairs: list[tuple[str, AddressVerdict]]) -> Response:
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["address", "codes", "why", "normal"])
    for address, verdict in pairs:
        codes = " ".join(found.code for found in verdict.findings)
        why = "; ".join(visit.words.of(found.reason) for found in verdict.findings)
        writer.writerow([inert(cell) for cell in (address, codes, why, verdict.normal)])
    headers = {"Content-Disposition": 'attachment; filename="addresses.csv"'}
    return Response("\ufeff" + written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(written: str) -> list[str]:
    return [line.strip() for line in written.splitlines() if line.strip()]


def from_file(written: str) -> list[str]:
    """Of a CSV with a column of addresses that column; of any other text each line."""
    lines = written.splitlines()
    header = next(csv.reader(lines[:1]), [])
    column = next((at for at, name in enumerate(header) if name.strip().lower() in _COLUMNS), None)
    if column is None:
        return _lines(written)
    rows = (row for row in csv.reader(lines[1:]) if len(row) > column)
    return [address for row in rows if (address := row[column].strip())]


def decoded(data: bytes) -> str:
    """The text of an uploaded list, UTF-8 or GBK. Refusal for a workbook."""
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Refusal(
            Kind.INVALID,
            "请在表格软件中另存为 CSV 后上传；此处不读 .xlsx 与 .xls。Save it as CSV in the spreadsheet program: "
            ".xlsx and .xls are not read here.",
            field="file",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


ROUTES = (
    ("/clinic", ["GET"], clinic),
    ("/clinic", ["POST"], check),
)
