"""Policies: the thresholds in words, drafting the next version, comparing it, and its activation by another person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, NamedTuple, TypeAlias

from starlette.datastructures import FormData
from starlette.responses import Response, StreamingResponse

from gateway.console import showing
from gateway.console.forms import MOST, day, text, whole
from gateway.console.visit import Visit
from gateway.console.words import Words
from outreach.domain.errors import Kind, Refusal, not_found
from outreach.v1.outreach_service_pb2 import Channel
from outreach.v1.policy_service_pb2 import (
    ActivatePolicyRequest,
    DraftPolicyRequest,
    GetPolicyRequest,
    GetPolicyResponse,
    ListPoliciesRequest,
    Policy,
    PolicyOutcome,
    PolicyVersion,
    SimulatedChannel,
    SimulatePolicyRequest,
)
from outreach.wording import words as names


class Field(NamedTuple):
    """A threshold: the contract's name, what it is in words, and how it is written."""

    name: str
    words: str
    kind: str
    """text, number, minute (of the day), yuan, flag or lines."""


_TONES = {
    "LET_THROUGH": "good",
    "HELD": "wait",
    "EXPIRED": "warn",
    "BLOCKED": "bad",
    "WITHDRAWN": "calm",
    "UNKNOWN": "warn",
}
GROUPS = {
    "银行与机构": (
        Field("bank_name", "短信须写明的银行名称", "text"),
        Field("agency_id", "受托机构编号", "text"),
        Field("agency_name", "受托机构名称", "text"),
        Field("hotlines", "可出现的银行热线，每行一个", "lines"),
    ),
    "何时可以联系": (
        Field("contact_from_minute", "每天最早联系时间", "minute"),
        Field("contact_until_minute", "每天最晚联系时间", "minute"),
        Field("time_zone", "收件人时区", "text"),
    ),
    "短信": (
        Field("agency_must_be_named", "短信须同时写明受托机构", "flag"),
        Field("sms_per_day", "每人每天短信上限", "number"),
        Field("sms_per_seven_days", "每人七天短信上限", "number"),
        Field("sms_gap_minutes", "两条短信最小间隔（分钟）", "number"),
    ),
    "信函": (
        Field("letter_gap_days", "同一账户两封信函最小间隔（天）", "number"),
        Field("letter_minimum_fen", "信函最低欠款（元）", "yuan"),
        Field("letter_minimum_inclusive", "恰为最低欠款时可寄", "flag"),
        Field("care_amount_fen", "不高于此金额的信函须复核放行（元）", "yuan"),
        Field("letter_needs_prior_call", "信函之前须有首次通话记录", "flag"),
        Field("prior_call_must_be_answered", "首次通话须已接通", "flag"),
    ),
    "收发室": (
        Field("mail_cutoff_minute", "每天交寄截止时间", "minute"),
        Field("mailroom_camera_allowed", "收发室可用摄像头代替扫描枪", "flag"),
    ),
    "时效与保存": (
        Field("balance_max_age_minutes", "银行金额最长时效（分钟）", "number"),
        Field("request_lifetime_minutes", "请求最长等待（分钟）", "number"),
        Field("approval_life_days", "模板与信函版本的审批有效期（天，0 为长期）", "number"),
        Field("retention_days", "个人信息保存期（天）", "number"),
    ),
}
FIELDS = tuple(field for fields in GROUPS.values() for field in fields)


async def listing(visit: Visit) -> Response:
    """The policy in force in words, and every version."""
    versions = (await visit.ask("PolicyService/ListPolicies", ListPoliciesRequest(bank_id=visit.bank))).versions
    active = await _in_force(visit)
    groups = _grouped(active) if active else {}
    return visit.page("policies.html", versions=versions, active=active, groups=groups, state=_state)


async def one(visit: Visit) -> Response:
    """A version beside the one in force; what differs stands out."""
    request = GetPolicyRequest(bank_id=visit.bank, version=_version_number(visit))
    found: GetPolicyResponse = await visit.ask("PolicyService/GetPolicy", request)
    version, old = found.version, await _in_force(visit)
    before = dict(_rows(old)) if old is not None and old.version != version.version else {}
    rows = [(words, before.get(words, ""), now) for words, now in _rows(version)]
    last = found.simulation if found.HasField("simulation") else None
    return visit.page("policy_one.html", version=version, old=old if before else None, rows=rows, last=last, **_SHOWING)


async def new(visit: Visit) -> Response:
    visit.desk.require("PolicyService/DraftPolicy")
    active = await _in_force(visit)
    policy = active.policy if active else Policy()
    return visit.page("policy_new.html", groups=_form(lambda field: _written(policy, field)), problem="")


async def draft(visit: Visit) -> Response:
    """Everything that the form does not show, such as carriers, is taken over from the version in force."""
    visit.desk.require("PolicyService/DraftPolicy")
    form = await visit.form()
    request = DraftPolicyRequest(bank_id=visit.bank, effective_from=day(form, "effective_from"))
    try:
        request.policy.CopyFrom(active.policy if (active := await _in_force(visit)) else Policy())
        for field in FIELDS:
            _read(request.policy, field, form)
        answer = await visit.ask("PolicyService/DraftPolicy", request)
    except Refusal as refusal:
        if refusal.kind is not Kind.INVALID:
            raise
        groups = _form(lambda field: text(form, field.name))
        return visit.page("policy_new.html", 422, groups=groups, problem=visit.words.of(refusal.message))
    return visit.done(f"/policies/{answer.version.version}", "草案已保存，等待另一人启用")


async def activate(visit: Visit) -> Response:
    await visit.form()
    request = ActivatePolicyRequest(bank_id=visit.bank, version=_version_number(visit))
    await visit.ask("PolicyService/ActivatePolicy", request)
    return visit.done("/policies", "策略已启用")


async def simulate(visit: Visit) -> Response:
    """A page that grows: how far it has come, then the result. It stops when it is left."""
    visit.desk.require("PolicyService/SimulatePolicy")
    form = await visit.form()
    request = SimulatePolicyRequest(bank_id=visit.bank, version=_version_number(visit))
    request.period.FromTimedelta(timedelta(days=whole(form, "days")))
    visit.desk.check(request)
    return StreamingResponse(_growing(visit, request), media_type="text/html")


async def _growing(visit: Visit, request: SimulatePolicyRequest) -> AsyncIterator[str]:
    begin, _, end = visit.text("policy_simulating.html", version=request.version).partition(_PARTS)
    yield begin
    try:
        async for part in visit.desk.follow("PolicyService/SimulatePolicy", request):
            if part.WhichOneof("part") == "progress":
                yield visit.text("policy_progress.html", progress=part.progress)
            else:
                yield visit.text("policy_simulated.html", made=part.simulation, **_SHOWING)
    except Refusal as refusal:
        yield visit.text("policy_unsimulated.html", problem=visit.words.of(refusal.message))
    yield end


_Outcome: TypeAlias = PolicyOutcome.ValueType


def _matrix(channel: SimulatedChannel) -> tuple[list[_Outcome], list[tuple[_Outcome, list[tuple[_Outcome, int]]]]]:
    """What would have happened, across; and what happened, down, with (would, count) for each of those."""
    counts = {(cell.happened, cell.would): cell.requests for cell in channel.cells}
    columns = sorted({would for _, would in counts})
    downwards = sorted({happened for happened, _ in counts})
    return columns, [(one, [(would, counts.get((one, would), 0)) for would in columns]) for one in downwards]


def _code_words(code: str, words: Words) -> str:
    return words(names.SIMULATED_CODES[code]) if code in names.SIMULATED_CODES else showing.code_name(code, words)


_PARTS = "<!-- parts -->"
_SHOWING: dict[str, Any] = {
    "matrix": _matrix,
    "code_words": _code_words,
    "outcomes": {
        PolicyOutcome.Value(f"POLICY_OUTCOME_{name}"): (chinese, _TONES[name])
        for name, chinese in names.POLICY_OUTCOMES.items()
    },
    "channels": {Channel.CHANNEL_SMS: names.CHANNELS["SMS"], Channel.CHANNEL_LETTER: names.CHANNELS["LETTER"]},
}


def _version_number(visit: Visit) -> int:
    number: int = visit.request.path_params["version"]
    if number > MOST:
        raise not_found("没有这个版本。There is no such version.")
    return number


async def _in_force(visit: Visit) -> PolicyVersion | None:
    try:
        found: GetPolicyResponse = await visit.ask("PolicyService/GetPolicy", GetPolicyRequest(bank_id=visit.bank))
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
        return None
    return found.version


def _state(version: PolicyVersion, active: PolicyVersion | None) -> tuple[str, str]:
    """What it is beside the one in force, and its tone."""
    if not version.activated_by:
        return "待启用", "wait"
    if active is not None and version.version == active.version:
        return "现行", "good"
    started = 0 if active is None else active.effective_from.ToMilliseconds()
    return ("待生效", "busy") if version.effective_from.ToMilliseconds() > started else ("已被替代", "calm")


def _rows(version: PolicyVersion) -> list[tuple[str, str]]:
    return [row for rows in _grouped(version).values() for row in rows]


def _grouped(version: PolicyVersion) -> dict[str, list[tuple[str, str]]]:
    groups = {name: [(one.words, _written(version.policy, one) or "—") for one in GROUPS[name]] for name in GROUPS}
    groups["短信"].append(("通道，按次序", "、".join(one.carrier_id for one in version.policy.carriers) or "—"))
    return groups


def _form(written: Callable[[Field], str]) -> dict[str, list[tuple[Field, str]]]:
    return {name: [(field, written(field)) for field in fields] for name, fields in GROUPS.items()}


def _written(policy: Policy, field: Field) -> str:
    value = getattr(policy, field.name)
    match field.kind:
        case "flag":
            return "是" if value else "否"
        case "minute":
            return f"{value // 60:02d}:{value % 60:02d}"
        case "yuan":
            return f"{value // 100}.{value % 100:02d}"
        case "lines":
            return "\n".join(value)
        case _:
            return str(value)


def _read(policy: Policy, field: Field, form: FormData) -> None:
    """Raises Refusal naming the field."""
    written: Any = text(form, field.name)
    match field.kind:
        case "flag":
            setattr(policy, field.name, written == "是")
        case "minute":
            setattr(policy, field.name, _minute(field, written))
        case "yuan":
            setattr(policy, field.name, _fen(field, written))
        case "lines":
            policy.ClearField("hotlines")
            policy.hotlines.extend(line.strip() for line in written.splitlines() if line.strip())
        case "number":
            setattr(policy, field.name, whole(form, field.name))
        case _:
            setattr(policy, field.name, written)


def _minute(field: Field, written: str) -> int:
    hour, colon, minute = written.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < 60):
        raise Refusal(Kind.INVALID, f"{field.name}: 请写成 08:00。Write it as 08:00.", field=field.name)
    return int(hour) * 60 + int(minute)


def _fen(field: Field, written: str) -> int:
    yuan, _, fen = (written or "0").partition(".")
    if not (yuan.isdecimal() and len(yuan) < 11 and (not fen or (fen.isdecimal() and len(fen) <= 2))):
        raise Refusal(Kind.INVALID, f"{field.name}: 请写成 500.00。Write it as 500.00.", field=field.name)
    return int(yuan) * 100 + int((fen or "0").ljust(2, "0"))


ROUTES = (
    ("/policies", ["GET"], listing),
    ("/policies", ["POST"], draft),
    ("/policies/new", ["GET"], new),
    ("/policies/{version:int}", ["GET"], one),
    ("/policies/{version:int}/activate", ["POST"], activate),
    ("/policies/{version:int}/simulate", ["POST"], simulate),
)
