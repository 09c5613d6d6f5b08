"""Looks through a bank's outreach, the newest first, and no further for one page than the page may take."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection

from approval_service.paging import bad_token, page_size
from approval_service.store import searches as store
from outreach.domain import states
from outreach.v1.outreach_service_pb2 import ListRequest

LOOKED_AT = 10_000
"""Rows that are looked at for a page: some 100 ms."""
FEW_PEOPLE = 200
"""With fewer of a name, what went to each of them is looked at."""
_END_OF_TIME = (2**62, "")


class Wanted(NamedTuple):
    """A ListRequest, and what its account and name are stored as; empty for what it does not ask for."""

    request: ListRequest
    account_id: str
    masked_name_hash: str
    caller_id: str
    """The caller whose outreach alone are shown."""


def search(connection: Connection, wanted: Wanted) -> tuple[list[str], str]:
    """The ids of a page, and the next page's token. Raises Refusal."""
    request = wanted.request
    size, before = page_size(request.page_size), _before(request)
    since_ms = request.created_from.ToMilliseconds() if request.HasField("created_from") else 0
    part, with_names = _part(connection, wanted), bool(wanted.masked_name_hash)
    found, looked_at, last, asked = list[str](), 0, before, _asked(wanted)
    for row in store.newest(connection, part, since_ms, before, LOOKED_AT, with_names=with_names):
        looked_at, last = looked_at + 1, (row.created_ms, row.outreach_id)
        if all(row[column] == want for column, want in asked) and _has_code(row, wanted.request.code):
            found.append(row.outreach_id)
            if len(found) == size:
                break
    done = len(found) < size and looked_at < LOOKED_AT
    return found, "" if done else f"{last[0]}.{last[1]}"


def _part(connection: Connection, wanted: Wanted) -> store.Part:
    """What has to be looked at: as little as an index finds. Of a name, a wait or the admitted all are, however old, if
    they are few; if they are many, some are soon met among the whole bank's."""
    request, parts = wanted.request, list[tuple[store.Part, int]]()
    bank_id = request.bank_id
    if wanted.account_id:
        return store.of_account(wanted.account_id)
    if request.case_id:
        return store.of_case(bank_id, request.case_id)
    if request.state in store.RARE:
        return store.of_state(bank_id, request.state)
    if wanted.masked_name_hash:
        parts.append((store.of_name(bank_id, wanted.masked_name_hash), FEW_PEOPLE))
    if request.waiting_for:
        parts.append((store.of_wait(bank_id, request.waiting_for), LOOKED_AT))
    if request.state == states.ADMITTED:
        parts.append((store.admitted(bank_id), LOOKED_AT))
    few = (part for part, many in parts if store.is_few(connection, part, many))
    return next(few, store.of_bank(bank_id))


def _asked(wanted: Wanted) -> list[tuple[int, Any]]:
    """The columns that a row must have so, by their numbers in the rows."""
    request = wanted.request
    asked = {
        "caller_id": wanted.caller_id,
        "account_id": wanted.account_id,
        "masked_name_hash": wanted.masked_name_hash,
        "case_id": request.case_id,
        "state": request.state,
        "waiting_for": request.waiting_for,
    }
    return [(store.COLUMNS.index(name), want) for name, want in asked.items() if want]


def _has_code(row: Any, code: str) -> bool:
    return not code or code in (row.waiting_for, row.cause, *row.codes.split(","))


def _before(request: ListRequest) -> tuple[int, str]:
    """The time and id that the page begins before."""
    if request.page_token:
        time, _, outreach_id = request.page_token.partition(".")
        if not time.isdecimal() or len(time) > 15:
            raise bad_token()
        return int(time), outreach_id
    return (request.created_before.ToMilliseconds(), "") if request.HasField("created_before") else _END_OF_TIME
