"""outreach policy: the thresholds of the rules, per bank and version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.fields import read_yaml, time_option
from outreach.cli.messages import Bank, Limit
from outreach.cli.output import Cell, details, plain, table
from outreach.cli.policy_simulation import simulate, simulation_tables
from outreach.cli.session import Session
from outreach.cli.side_by_side import compare
from outreach.domain.money import format_fen
from outreach.v1.policy_service_pb2 import (
    ActivatePolicyRequest,
    CarrierChoice,
    DraftPolicyRequest,
    GetPolicyRequest,
    GetPolicyResponse,
    ListPoliciesRequest,
    Policy,
    PolicyVersion,
)
from outreach.v1.policy_service_pb2_grpc import PolicyServiceStub
from outreach.wording.formats import when

_Version = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="版本 The version.")]


async def show(
    session: Session,
    bank: Bank = "",
    version: Annotated[int, typer.Option(min=0, help="版本 The version; 0 for the one in force.")] = 0,
) -> None:
    """显示 A version's thresholds, defaults filled in."""
    found = await _get(session, bank, version)
    last = simulation_tables(found.simulation) if found.HasField("simulation") else []
    session.output.show(plain(found.version), _shown(found.version), *last)


async def draft(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="策略文件 Keys as in Policy.")],
    bank: Bank = "",
    effective_from: Annotated[
        str, typer.Option(metavar="TIME", help="生效时间 When it comes into force; at its activation if left out.")
    ] = "",
) -> None:
    """起草 Store a new version; it decides nothing until somebody else activates it."""
    request = DraftPolicyRequest(bank_id=session.bank(bank))
    request.policy.SetInParent()
    read_yaml(file, request.policy)
    if effective_from:
        request.effective_from.CopyFrom(time_option("--effective-from", effective_from))
    async with session.client() as client:
        response = await client.call(PolicyServiceStub(client.channel).DraftPolicy, request)
    session.output.show(plain(response), _shown(response.version))


async def activate(session: Session, version: _Version, bank: Bank = "") -> None:
    """启用 Activate a drafted version; not by who drafted it."""
    request = ActivatePolicyRequest(bank_id=session.bank(bank), version=version)
    async with session.client() as client:
        response = await client.call(PolicyServiceStub(client.channel).ActivatePolicy, request)
    session.output.show(plain(response), _shown(response.version))


async def diff(
    session: Session,
    old: Annotated[int, typer.Argument(metavar="OLD", min=0, help="旧版本 The older version; 0 for the one in force.")],
    new: Annotated[int, typer.Argument(metavar="NEW", min=0, help="新版本 The newer version; 0 for the one in force.")],
    bank: Bank = "",
) -> None:
    """对比 What differs between two versions."""
    first, second = [(await _get(session, bank, version)).version for version in (old, new)]
    rows = [
        (name, str(before), str(after))
        for (name, before), (_, after) in zip(_thresholds(first.policy), _thresholds(second.policy), strict=True)
    ]
    rows.append(("生效 From", when(first.effective_from), when(second.effective_from)))
    colour = session.output.console.is_terminal
    shown = compare("策略对比 Policy versions", str(first.version), str(second.version), rows, colour=colour)
    document = {"old": plain(first), "new": plain(second), "same": shown is None}
    session.output.show(document, shown or Text("两个版本相同 the versions are the same"))


async def list_versions(session: Session, bank: Bank = "", limit: Limit = 100) -> None:
    """列出 The versions of a bank, newest first."""
    request = ListPoliciesRequest(bank_id=session.bank(bank), page_size=min(limit, 1000))
    found: list[PolicyVersion] = []
    async with session.client() as client:
        while len(found) < limit:
            response = await client.call(PolicyServiceStub(client.channel).ListPolicies, request, repeatable=True)
            found += response.versions
            request.page_token = response.next_page_token
            if not request.page_token:
                break
    rows = [
        (
            version.version,
            when(version.effective_from),
            version.drafted_by,
            version.activated_by or Text("未启用 draft", "yellow"),
            ", ".join(map(_carrier, version.policy.carriers)),
        )
        for version in found[:limit]
    ]
    headings = ("版本 Version", "生效 From", "起草 Drafted by", "启用 Activated by", "通道 Carriers")
    document = [plain(version) for version in found[:limit]]
    session.output.show(document, table(f"策略 Policies ({len(rows)})", headings, rows, numeric=[0]))


def register(app: typer.Typer) -> None:
    policy = typer.Typer(help="策略 Policies: the thresholds of the rules.", no_args_is_help=True)
    command(policy, "show")(show)
    command(policy, "draft")(draft)
    command(policy, "activate")(activate)
    command(policy, "diff")(diff)
    command(policy, "list")(list_versions)
    command(policy, "simulate")(simulate)
    app.add_typer(policy, name="policy")


async def _get(session: Session, bank: str, version: int) -> GetPolicyResponse:
    request = GetPolicyRequest(bank_id=session.bank(bank), version=version)
    async with session.client() as client:
        return await client.call(PolicyServiceStub(client.channel).GetPolicy, request, repeatable=True)


def _shown(version: PolicyVersion) -> RenderableType:
    pairs: list[tuple[str, Cell]] = [
        ("银行 Bank", version.bank_id),
        *_thresholds(version.policy),
        ("生效 From", when(version.effective_from)),
        ("起草 Drafted by", version.drafted_by),
        ("启用 Activated by", version.activated_by or Text("未启用 not yet", "yellow")),
    ]
    return details(f"策略 Policy, 版本 version {version.version}", pairs)


def _thresholds(policy: Policy) -> Iterator[tuple[str, str]]:
    yield "银行名称 Bank name", policy.bank_name
    yield "机构 Agency", f"{policy.agency_id} {policy.agency_name}"
    yield "须表明机构 Agency must be named", _yes(policy.agency_must_be_named)
    yield "可联系时段 Contact hours", f"{_clock(policy.contact_from_minute)} - {_clock(policy.contact_until_minute)}"
    yield "时区 Time zone", policy.time_zone
    yield "每日短信 SMS a day", str(policy.sms_per_day)
    yield "7 日短信 SMS in 7 days", str(policy.sms_per_seven_days)
    yield "最小间隔 Least gap (min)", str(policy.sms_gap_minutes)
    yield "金额时效 Oldest balance (min)", str(policy.balance_max_age_minutes)
    yield "请求时效 Request lifetime (min)", str(policy.request_lifetime_minutes)
    yield "客服热线 Hotlines", ", ".join(policy.hotlines)
    yield "通道 Carriers", ", ".join(map(_carrier, policy.carriers))
    yield "信函间隔 Letter gap (days)", str(policy.letter_gap_days)
    yield "信函最低欠款 Letter minimum", format_fen(policy.letter_minimum_fen)
    yield "恰为最低时可寄 The very minimum suffices", _yes(policy.letter_minimum_inclusive)
    yield "审慎处理金额 Care amount", format_fen(policy.care_amount_fen)
    yield "须有首次通话 Prior call needed", _yes(policy.letter_needs_prior_call)
    yield "须已接通 It must be answered", _yes(policy.prior_call_must_be_answered)
    yield "不关闭地址的退信 Exempt returns", ", ".join(map(str, policy.exempt_return_reasons))
    yield "审批有效期 Approvals last (days)", str(policy.approval_life_days or "长期 for ever")
    yield "交寄截止 Mail by", _clock(policy.mail_cutoff_minute)
    yield "收发室可用摄像头 Mailroom may use a camera", _yes(policy.mailroom_camera_allowed)
    yield "个人信息保存 Data is kept (days)", str(policy.retention_days)


def _yes(flag: bool) -> str:
    return "是 yes" if flag else "否 no"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _carrier(choice: CarrierChoice) -> str:
    return f"{choice.carrier_id} (报备 registered copy)" if choice.renders_registered_copy else choice.carrier_id
