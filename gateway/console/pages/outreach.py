"""Outreach: the list with its filters, and the whole story of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import RedirectResponse, Response

from gateway.console import showing
from gateway.console.forms import day, text
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.domain.masking import mask_name
from outreach.v1.common_pb2 import State
from outreach.v1.mailroom_service_pb2 import ReleaseCareRequest
from outreach.v1.outreach_service_pb2 import GetRequest, ListRequest, WatchRequest
from outreach.wording import words as names

PAGE_SIZE = 50


class Step(NamedTuple):
    """One step of a story."""

    time: datetime | None
    what: str
    detail: str
    tone: str
    entry: int | None = None
    """The index of its ledger entry."""


_FIELDS = ("search", "case", "account", "name", "state", "code", "since", "until")
_ID_LENGTH = 26
_DAY_MS = 24 * 3600 * 1000


async def find(visit: Visit) -> Response:
    """By post, so that a name typed in full stands in no address: the one that it leads to has it masked."""
    form = await visit.form()
    query = {field: value for field in _FIELDS if (value := text(form, field))}
    if "name" in query:
        query["name"] = mask_name(query["name"])
    return RedirectResponse(f"/outreach?{urlencode(query)}", 303)


async def listing(visit: Visit) -> Response:
    """The list; a whole id in the search field opens that one."""
    query = visit.request.query_params
    search, state = query.get("search", "").strip(), query.get("state", "")
    found = await _by_id(visit, search) if search else None
    if found is not None:
        return RedirectResponse(f"/outreach/{found.outreach_id}", 303)
    request = ListRequest(
        bank_id=visit.bank,
        case_id=query.get("case", "").strip(),
        account_number=query.get("account", "").strip(),
        masked_name=query.get("name", ""),
        state=dict(State.items()).get(f"STATE_{state}", State.STATE_UNSPECIFIED),
        code=query.get("code", ""),
        waiting_for=query.get("waiting", ""),
        page_size=PAGE_SIZE,
        page_token=query.get("page", ""),
    )
    problem, page = "", None
    try:
        _set_days(request, day(query, "since"), day(query, "until"))
        page = await visit.ask("OutreachService/List", request)
    except Refusal as refusal:
        if refusal.kind not in (Kind.INVALID, Kind.NOT_FOUND):
            raise
        problem = visit.words.of(refusal.message)
    more = urlencode({**query, "page": page.next_page_token}) if page is not None and page.next_page_token else ""
    return visit.page(
        "outreach_list.html",
        page=page,
        problem=problem,
        query=query,
        search_missed=bool(search),
        more=more,
        codes=[(code, showing.code_name(code, visit.words)) for code in names.CODES],
    )


def _set_days(request: ListRequest, since: Timestamp | None, until: Timestamp | None) -> None:
    """From the first moment of one day to the last of another."""
    if since is not None:
        request.created_from.CopyFrom(since)
    if until is not None:
        request.created_before.FromMilliseconds(until.ToMilliseconds() + _DAY_MS)


async def _by_id(visit: Visit, search: str) -> Any:
    """The outreach of the gateway's id or of the caller's own; None if there is none."""
    requests = [GetRequest(request_id=search[:64])]
    if len(search) == _ID_LENGTH:
        requests.insert(0, GetRequest(outreach_id=search))
    for request in requests:
        try:
            return (await visit.ask("OutreachService/Get", request)).outreach
        except Refusal as refusal:
            if refusal.kind not in (Kind.INVALID, Kind.NOT_FOUND):
                raise
    return None


async def story(visit: Visit) -> Response:
    """One outreach from decision to end."""
    request = GetRequest(outreach_id=visit.request.path_params["outreach_id"])
    one = (await visit.ask("OutreachService/Get", request)).outreach
    return visit.page("outreach_one.html", one=one, steps=await _steps(visit, one))


async def release_care(visit: Visit) -> Response:
    """A small amount may go out as a letter."""
    form, outreach_id = await visit.form(), visit.request.path_params["outreach_id"]
    request = ReleaseCareRequest(outreach_id=outreach_id, reason=text(form, "reason"))
    await visit.ask("MailroomService/ReleaseCare", request)
    return visit.done(f"/outreach/{outreach_id}", "已放行：到打印时再查一遍全部规则")


async def _steps(visit: Visit, one: Any) -> list[Step]:
    """Every change of its state, as the ledger has them, in order."""
    watch = WatchRequest(bank_id=one.bank_id, outreach_id=one.outreach_id, only_past=True)
    steps = [Step(visit.time(one.create_time), visit.words("已提交"), f"{one.caller_id}/{one.employee_id}", "")]
    async for response in visit.desk.follow("OutreachService/Watch", watch):
        change = response.change
        plain = showing.state(change.state)
        what = visit.words("书面告知案件系统") if change.notice else showing.state_name(plain, visit.words)
        why = "、".join(showing.code_name(code, visit.words) for code in change.codes)
        tone, entry = showing.TONES.get(plain, ""), change.position - 1
        steps.append(Step(visit.time(change.change_time), what, why, tone, entry))
    return steps


ROUTES = (
    ("/outreach", ["GET"], listing),
    ("/outreach", ["POST"], find),
    ("/outreach/{outreach_id}", ["GET"], story),
    ("/outreach/{outreach_id}/release-care", ["POST"], release_care),
)
