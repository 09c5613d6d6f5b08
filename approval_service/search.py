"""Looks through a bank's outreach, the newest first, and no further for one page than the page may take."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from approval_service.paging import bad_token, page_size
from approval_service.store import outreach as store
from approval_service.store.scopes import Scope
from outreach.v1.outreach_service_pb2 import ListRequest

LOOKED_AT = 10_000
"""Rows that are looked at for a page: some 100 ms."""
_END_OF_TIME = (2**62, "")


def search(connection: Connection, request: ListRequest, account_id: str, caller_id: str) -> tuple[list[str], str]:
    """The ids of a page, of one account or one caller alone if given, and the next page's token. Raises Refusal."""
    size, before = page_size(request.page_size), _before(request)
    scope = Scope(bank_id=request.bank_id, case_id=request.case_id, account_id=account_id)
    since_ms = request.created_from.ToMilliseconds() if request.HasField("created_from") else 0
    found, looked_at, last = list[str](), 0, before
    for row in store.newest(connection, scope, since_ms, before, LOOKED_AT):
        looked_at, last = looked_at + 1, (row.created_ms, row.outreach_id)
        if _meets(row, request, caller_id):
            found.append(row.outreach_id)
            if len(found) == size:
                break
    done = len(found) < size and looked_at < LOOKED_AT
    return found, "" if done else f"{last[0]}.{last[1]}"


def _meets(row: Any, request: ListRequest, caller_id: str) -> bool:
    if request.state not in (0, row.state) or caller_id not in ("", row.caller_id):
        return False
    return not request.code or request.code in (row.waiting_for, row.cause, *row.codes.split(","))


def _before(request: ListRequest) -> tuple[int, str]:
    """The time and id that the page begins before."""
    if request.page_token:
        time, _, outreach_id = request.page_token.partition(".")
        if not time.isdecimal() or len(time) > 15:
            raise bad_token()
        return int(time), outreach_id
    return (request.created_before.ToMilliseconds(), "") if request.HasField("created_before") else _END_OF_TIME
