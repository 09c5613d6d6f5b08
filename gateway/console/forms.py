"""Reading posted forms."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.datastructures import FormData, UploadFile

from gateway.console.visit import CHINA
from outreach.domain.errors import Kind, Refusal
from outreach.v1.template_service_pb2 import BankDocument

MOST = 2**31 - 1
"""As much as the contract's numbers of pieces hold."""


def text(form: Mapping[str, Any], field: str) -> str:
    """A field's text without the space around it; empty if it is not there."""
    return str(form.get(field, "")).strip()


def texts(form: FormData, field: str) -> list[str]:
    """All values of a field, such as of ticked boxes."""
    return [str(value) for value in form.getlist(field)]


def whole(form: FormData, field: str) -> int:
    """A whole number; 0 for none. Raises Refusal."""
    written = text(form, field)
    if not written:
        return 0
    if not written.isascii() or not written.isdecimal() or len(written) > 12 or int(written) > MOST:
        raise Refusal(
            Kind.INVALID, f"{field}: 请填写至多 {MOST} 的整数。Write a whole number, at most that.", field=field
        )
    return int(written)


def day(form: Mapping[str, Any], field: str) -> Timestamp | None:
    """A day's first moment; None if none is given. Raises Refusal."""
    written = text(form, field)
    if not written:
        return None
    timestamp = Timestamp()
    try:
        timestamp.FromDatetime(datetime.fromisoformat(written).replace(tzinfo=CHINA))
    except ValueError:
        raise Refusal(Kind.INVALID, f"{field}: 请写成 2026-11-24。Write it as 2026-11-24.", field=field) from None
    return timestamp


def document(form: FormData) -> BankDocument:
    """The bank's document as a form names it: of its scan only the hash."""
    scan = form.get("scan")
    digest = hashlib.sha256(scan.file.read()).hexdigest() if isinstance(scan, UploadFile) and scan.size else ""
    return BankDocument(reference=text(form, "reference"), date=text(form, "date"), scan_sha256=digest)


async def file_of(form: FormData, field: str) -> bytes:
    """An uploaded file; empty for none."""
    upload = form.get(field)
    return await upload.read() if isinstance(upload, UploadFile) else b""
