"""What the screening says of an address, as a document for files and programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from approval_service.screening.address.normal import normal, parts
from approval_service.screening.address.postcode import postcode_warning
from approval_service.screening.address.verdicts import judge, read


def check(text: str) -> dict[str, object]:
    """{"codes", "parts", "normal", "why"}: `why` gives each code its span, offsets and reason; {"warnings"} if any."""
    address = read(text)
    findings = judge(address)
    document: dict[str, object] = {
        "codes": [finding.code for finding in findings],
        "parts": parts(address),
        "normal": normal(address),
        "why": [{"code": f.code, "span": f.span, "start": f.start, "end": f.end, "reason": f.why} for f in findings],
    }
    warning = postcode_warning(address)
    return document | {"warnings": [warning]} if warning else document


def check_lines(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    """Screens JSON lines {"id", "address"}: `check` with the id for each; {"line", "error"} for one that is none."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            yield {"line": number, "error": 'not JSON; write one object a line: {"id": "1", "address": "..."}'}
            continue
        if (
            not isinstance(row, dict)
            or not isinstance(row.get("address"), str)
            or not isinstance(row.get("id"), str | int)
        ):
            yield {"line": number, "error": 'needs "id" (string or number) and "address" (string)'}
            continue
        yield {"id": row["id"], **check(row["address"])}
