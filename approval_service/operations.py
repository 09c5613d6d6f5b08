"""What operators need: counts, clocks, employees, and attempts whose fate is unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection

from approval_service.calls import Call, covers, require_plain
from approval_service.leases import FEED_PROOF_MS
from approval_service.moves import Moves, Told
from approval_service.paging import page_size
from approval_service.people import require_all_banks, require_employee
from approval_service.reports import settle
from approval_service.store import catalog as catalog_store
from approval_service.store import letters as letter_store
from approval_service.store import outreach as store
from approval_service.store import stops as stop_store
from approval_service.store.head import read_clock, read_wall_clock_jumped
from approval_service.store.lookups import NEVER_MS
from approval_service.users import CONSOLE
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.clocks import iso, real_ms
from outreach.domain.codes import Code
from outreach.domain.errors import denied, invalid, not_found, precondition
from outreach.v1.mailroom_service_pb2 import LetterState
from outreach.v1.operations_service_pb2 import (
    ConfirmWallClockRequest,
    ConfirmWallClockResponse,
    GetSummaryRequest,
    GetSummaryResponse,
    ListUnconfirmedRequest,
    ListUnconfirmedResponse,
    ResolveUnconfirmedRequest,
    ResolveUnconfirmedResponse,
    SetBusinessClockRequest,
    SetBusinessClockResponse,
    SetEmployeeRequest,
    SetEmployeeResponse,
    UnconfirmedAttempt,
)

EARLIEST_MS = 946_684_800_000
LATEST_MS = 4_102_444_800_000


def get_summary(connection: Connection, call: Call[GetSummaryRequest]) -> GetSummaryResponse:
    """Read of GetSummary."""
    bank_id = call.request.bank_id
    call.require_bank(bank_id)
    if call.request.open_only:
        by_state, codes = count_open(connection, bank_id)
    else:
        by_state = store.count_by_state(connection, bank_id, call.request.channel)
        codes = store.count_by_codes(connection, bank_id, call.request.channel)
    response = GetSummaryResponse(
        states={states.name(state): count for state, count in by_state.items()}, codes=by_code(codes)
    )
    response.business_time.FromMilliseconds(read_clock(connection).now_ms())
    feed = stop_store.feeds(connection).get(bank_id)
    if feed is not None:
        response.feed_complete_through.FromMilliseconds(feed.complete_through_ms)
        response.feed_proven = real_ms() - feed.proven_real_ms <= FEED_PROOF_MS
    if read_wall_clock_jumped(connection):
        response.permits_stopped = (
            "系统时钟跳变，已停止放行；核对后用 ConfirmWallClock 确认。The wall clock jumped: check it, then "
            "ConfirmWallClock."
        )
    return response


def count_open(connection: Connection, bank_id: str) -> tuple[dict[int, int], list[tuple[str, int]]]:
    """What waits, is in the mailroom or is unknown, by state; and what holds up those that wait, by sets of codes."""
    held, awaiting = store.count_held(connection, bank_id), store.count_awaiting(connection, bank_id)
    by_state: dict[int, int] = {states.ADMITTED: store.count_admitted(connection, bank_id)}
    by_state[states.AWAITING_QUANTITY] = sum(count for _, count in awaiting)
    by_state[states.UNCONFIRMED] = store.count_unconfirmed(connection, bank_id)
    in_hand = letter_store.count_in_hand(connection, bank_id)
    by_state[states.PRINTED] = in_hand.get(LetterState.LETTER_STATE_PRINTED, 0)
    by_state[states.TO_PULL] = in_hand.get(LetterState.LETTER_STATE_TO_PULL, 0)
    return {state: count for state, count in by_state.items() if count}, [*held, *awaiting]


def by_code(sets: Iterable[tuple[str, int]]) -> Counter[str]:
    """Counts by code, of counts by comma-separated sets of codes."""
    counts: Counter[str] = Counter()
    for codes, count in sets:
        for code in codes.split(","):
            counts[code] += count
    return counts


def require_simulated(simulated: bool) -> None:
    """FAILED_PRECONDITION unless the installation runs on a simulated business clock."""
    if not simulated:
        raise precondition(
            "本系统使用真实时钟，不可设置业务时钟。This installation runs on real time: only one started with "
            "a simulated clock can be set.",
            "CLOCK_NOT_SIMULATED",
        )


def _set_clock(tx: Tx, call: Call[SetBusinessClockRequest]) -> SetBusinessClockResponse:
    require_all_banks(call)
    actor = require_employee(tx, call)
    business_ms, rate = call.request.time.ToMilliseconds(), call.request.rate
    if not EARLIEST_MS <= business_ms < LATEST_MS:
        raise invalid("time", "须在 2000 年至 2100 年之间。It must lie between the years 2000 and 2100.")
    tx.record("clock_set", "", to=iso(business_ms), rate=f"{rate:g}", by=actor)
    tx.set_head(clock_business_ms=business_ms, clock_real_ms=tx.real_ms, clock_rate=rate)
    return SetBusinessClockResponse()


set_business_clock = one_by_one(_set_clock)
"""Handler of SetBusinessClock. `require_simulated` comes before it."""


def _confirm_wall_clock(tx: Tx, call: Call[ConfirmWallClockRequest]) -> ConfirmWallClockResponse:
    require_all_banks(call)
    actor = require_employee(tx, call)
    tx.set_head(wall_clock_jumped=False)
    tx.record("wall_clock_confirmed", "", reason=require_plain("reason", call.request.reason), by=actor)
    return ConfirmWallClockResponse()


confirm_wall_clock = one_by_one(_confirm_wall_clock)
"""Handler of ConfirmWallClock: every replica's guard is told after the commit."""


def _set_employee(tx: Tx, call: Call[SetEmployeeRequest]) -> SetEmployeeResponse:
    request = call.request
    require_all_banks(call)
    if request.caller_id == CONSOLE:
        raise precondition(
            "控制台账号须由两名运维设立、变更或停用，请用 UserService。Accounts of the console take two operators: use "
            "UserService.",
            "IS_AN_ACCOUNT",
            "caller_id",
        )
    own = (request.caller_id, request.employee_id) == (call.principal.caller_id, call.principal.employee_id)
    if catalog_store.any_employee(tx.connection):
        actor = require_employee(tx, call)
        if own and not request.active:
            raise denied("不可停用本人，请由他人操作。Another operator must do it.", "SAME_PERSON")
    elif own and request.active:
        actor = call.actor
    else:
        raise denied(
            "尚无员工登记：请先以本人令牌登记本人。Nobody is registered yet: an operator registers themselves first.",
            Code.OPERATOR_MISSING,
        )
    catalog_store.put_employee(tx.connection, request.caller_id, request.employee_id, request.team, request.active)
    tx.touch_catalog()
    employee = f"{request.caller_id}/{request.employee_id}"
    tx.record("employee_set", "", employee=employee, team=request.team, active=request.active, by=actor)
    return SetEmployeeResponse()


set_employee = one_by_one(_set_employee)
"""Handler of SetEmployee. The first one registered is the operator who asks."""


def list_unconfirmed(connection: Connection, call: Call[ListUnconfirmedRequest]) -> ListUnconfirmedResponse:
    """Read of ListUnconfirmed."""
    bank_id = call.request.bank_id
    call.require_bank(bank_id)
    size = page_size(call.request.page_size)
    rows = store.unconfirmed_attempts(connection, bank_id, size)
    outreach = store.get_many(connection, {row.outreach_id for row in rows})
    response = ListUnconfirmedResponse()
    response.business_time.FromMilliseconds(read_clock(connection).now_ms())
    for row in rows:
        listed = UnconfirmedAttempt(
            attempt_id=row.attempt_id,
            outreach_id=row.outreach_id,
            bank_id=row.bank_id,
            carrier_id=row.carrier_id,
            carrier_code=row.carrier_code,
            cancellation_pending=bool(outreach[row.outreach_id].cause),
            lookups=row.lookups,
            handed_over=row.next_lookup_real_ms == NEVER_MS,
        )
        if 0 < row.next_lookup_real_ms < NEVER_MS:
            listed.next_lookup_time.FromMilliseconds(row.next_lookup_real_ms)
        listed.release_time.FromMilliseconds(row.released_ms)
        response.attempts.append(listed)
    return response


def _resolve(tx: Tx, call: Call[ResolveUnconfirmedRequest]) -> ResolveUnconfirmedResponse:
    request = call.request
    attempt = store.attempts_by_id(tx.connection, [request.attempt_id]).get(request.attempt_id)
    if attempt is None or not covers(call.principal, attempt.bank_id):
        raise not_found(
            "attempt_id: 没有此发送记录，请用 ListUnconfirmed 查看。No such attempt: ListUnconfirmed shows a bank's."
        )
    actor = require_employee(tx, call)
    evidence = require_plain("evidence_reference", request.evidence_reference)
    if attempt.state != states.UNCONFIRMED:
        raise precondition(
            f"该发送状态为 {states.name(attempt.state)}，并非未知，无需处理。Nothing to resolve: the attempt is "
            f"{states.name(attempt.state)}.",
            "NOT_UNCONFIRMED",
            "attempt_id",
        )
    outreach = store.get(tx.connection, attempt.outreach_id)
    moves = Moves(tx)
    told = Told(carrier_message_id="", carrier_code="", segments=0)
    settle(moves, attempt, outreach, request.state, told, evidence=evidence, by=actor)
    moves.write()
    return ResolveUnconfirmedResponse()


resolve_unconfirmed = one_by_one(_resolve)
"""Handler of ResolveUnconfirmed."""
