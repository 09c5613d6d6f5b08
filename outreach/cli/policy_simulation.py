"""outreach policy simulate: what a drafted policy would have decided of past requests, before anybody activates it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

import typer
from google.protobuf.duration_pb2 import Duration
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from outreach.cli.messages import Bank
from outreach.cli.output import Cell, Output, plain, table
from outreach.cli.session import Session
from outreach.v1.outreach_service_pb2 import Channel
from outreach.v1.policy_service_pb2 import (
    PolicyOutcome,
    PolicySimulation,
    SimulatedCell,
    SimulatedChannel,
    SimulatedCode,
    SimulatePolicyRequest,
)
from outreach.v1.policy_service_pb2_grpc import PolicyServiceStub
from outreach.wording import words
from outreach.wording.formats import enum_name, simulated_code_text, when

_SHOWN_IDS = 3
_PERIOD = re.compile(r"([1-9][0-9]{0,5})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_STYLES = {"LET_THROUGH": "green", "HELD": "blue", "EXPIRED": "yellow", "BLOCKED": "red", "UNKNOWN": "magenta"}
_Draft = Annotated[int, typer.Argument(metavar="DRAFT", min=1, help="版本 The version, usually a draft.")]
_Since = Annotated[str, typer.Option(metavar="30d", help="多久以来 How far back: 30d, 12h or 90m.")]


async def simulate(session: Session, draft: _Draft, since: _Since = "30d", bank: Bank = "") -> None:
    """试算 What a version would have blocked, held or let through among past requests. Changes none of them."""
    request = SimulatePolicyRequest(bank_id=session.bank(bank), version=draft, period=_period(since))
    made = PolicySimulation()
    async with session.client() as client:
        with _progress(session.output) as progress:
            task = progress.add_task("试算 simulating", total=None)
            async for part in client.stream(PolicyServiceStub(client.channel).SimulatePolicy, request):
                if part.WhichOneof("part") == "simulation":
                    made = part.simulation
                else:
                    progress.update(task, completed=part.progress.done, total=part.progress.total)
    session.output.show(plain(made), *simulation_tables(made))


def _period(text: str) -> Duration:
    matched = _PERIOD.fullmatch(text.strip().lower())
    if matched is None:
        raise typer.BadParameter("请写成 30d、12h 或 90m。Write it as 30d, 12h or 90m.", param_hint="--since")
    period = Duration()
    period.FromTimedelta(timedelta(**{_UNITS[matched[2]]: int(matched[1])}))
    return period


def _progress(output: Output) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    quiet = output.as_json or not output.errors.is_terminal
    return Progress(*columns, console=output.errors, transient=True, disable=quiet)


def simulation_tables(made: PolicySimulation) -> list[RenderableType]:
    """The matrix of each channel that has requests, what changes by rule, and some requests of each change."""
    about = f"试算 Simulation: 版本 version {made.version}, {when(made.since)} – {when(made.make_time)}"
    shown: list[RenderableType] = [Text(about, style="bold")]
    for channel in made.channels:
        if not channel.requests:
            continue
        name = enum_name(Channel.DESCRIPTOR, channel.channel)
        shown.append(_matrix(f"{words.CHANNELS[name]} {name} ({channel.requests})", channel))
        shown += [_codes(channel.codes), _changes(channel.cells)]
    if len(shown) == 1:
        shown.append(Text("此期间没有请求 no requests in that time"))
    return shown


def _outcome(outcome: int) -> Text:
    name = enum_name(PolicyOutcome.DESCRIPTOR, outcome)
    return Text(f"{words.POLICY_OUTCOMES[name]} {name}", style=_STYLES.get(name, ""))


def _matrix(title: str, channel: SimulatedChannel) -> RenderableType:
    """What happened, down; what would have happened, across."""
    counts = {(cell.happened, cell.would): cell.requests for cell in channel.cells}
    downwards, across = ({one[part] for one in counts} for part in (0, 1))
    columns = sorted(across)
    rows = [
        [_outcome(happened), *(_count(counts.get((happened, would), 0), happened == would) for would in columns)]
        for happened in sorted(downwards)
    ]
    headings = ["实际 Happened \\ 试算 would", *(_outcome(would).plain for would in columns)]
    return table(title, headings, rows, numeric=range(1, len(headings)))


def _count(number: int, same: bool) -> Text:
    """What differs stands out."""
    return Text(str(number) if number else "·", style="" if same or not number else "bold yellow")


def _codes(codes: Iterable[SimulatedCode]) -> RenderableType:
    rows: list[tuple[Cell, ...]] = [
        (
            simulated_code_text(one.code),
            one.happened,
            one.would,
            Text(f"+{one.added}" if one.added else "", style="yellow"),
            Text(f"-{one.removed}" if one.removed else "", style="green"),
            Text(str(one.unknown or ""), style="magenta"),
        )
        for one in codes
        if one.added or one.removed or one.unknown
    ]
    headings = ("规则 Rule", "实际 Happened", "试算 Would", "新增 Added", "减少 Removed", "无法判断 Cannot be told")
    return table("按规则的变化 Changes by rule", headings, rows, numeric=range(1, 6))


def _changes(cells: Iterable[SimulatedCell]) -> RenderableType:
    rows: list[tuple[Cell, ...]] = [
        (_outcome(one.happened), _outcome(one.would), one.requests, "  ".join(one.outreach_ids[:_SHOWN_IDS]))
        for one in cells
        if one.happened != one.would
    ]
    headings = ("实际 Happened", "试算 Would", "数量 Count", "例如 Such as")
    return table("变化的请求 Requests that change", headings, rows, numeric=[2])
