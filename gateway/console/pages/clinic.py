"""The address clinic: paste a list, see each verdict with what is missing, repair it, take it away."""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.responses import Response

from gateway.console import address_files
from gateway.console.address_files import MAX_ADDRESSES
from gateway.console.comparing import marked
from gateway.console.forms import text
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.v1.hold_service_pb2 import AddressVerdict, CheckAddressesRequest, ListBadAddressesRequest

AT_ONCE = 1000
SHOWN = 500
"""Rows of the page; what is taken away has all."""
_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


async def clinic(visit: Visit) -> Response:
    """The form, and what is known bad already."""
    visit.desk.require("HoldService/CheckAddresses")
    bad = []
    if visit.desk.may("HoldService/ListBadAddresses"):
        request = ListBadAddressesRequest(bank_id=visit.bank, page_size=200)
        bad = list((await visit.ask("HoldService/ListBadAddresses", request)).addresses)
    return visit.page("clinic.html", written="", rows=[], counts=None, bad=bad)


async def check(visit: Visit) -> Response:
    """Every address with its verdict, or the same as CSV or .xlsx."""
    form = await visit.form()
    addresses = address_files.lines(text(form, "addresses"))
    upload = form.get("file")
    if isinstance(upload, UploadFile) and upload.size:
        addresses += await address_files.read(await upload.read())
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
    if (ending := text(form, "as")) in _MEDIA_TYPES:
        return await _taken_away(visit, pairs, ending)
    shown = sorted(pairs, key=lambda pair: not pair[1].findings)[:SHOWN] if len(pairs) > SHOWN else pairs
    rows = [
        (marked(address, [found.reason for found in verdict.findings]), address, verdict) for address, verdict in shown
    ]
    usable = sum(not verdict.findings for _, verdict in pairs)
    counts = (len(pairs), usable, len(pairs) - usable)
    return visit.page("clinic.html", written="\n".join(addresses), rows=rows, counts=counts, bad=[])


async def _taken_away(visit: Visit, pairs: list[tuple[str, AddressVerdict]], ending: str) -> Response:
    rows = [
        (
            address,
            " ".join(found.code for found in verdict.findings),
            "; ".join(visit.words.of(found.reason) for found in verdict.findings),
            verdict.normal,
        )
        for address, verdict in pairs
    ]
    if ending == "csv":
        content = address_files.csv_of(rows)
    else:
        content = await address_files.xlsx_of(visit.words("地址诊所"), rows)
    headers = {"Content-Disposition": f'attachment; filename="addresses.{ending}"'}
    return Response(content, media_type=_MEDIA_TYPES[ending], headers=headers)


ROUTES = (
    ("/clinic", ["GET"], clinic),
    ("/clinic", ["POST"], check),
)
