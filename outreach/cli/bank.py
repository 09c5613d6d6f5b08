"""outreach placement import and outreach repay: what a bank says, over NATS as the bank's user or over gRPC."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToJson
from google.protobuf.timestamp_pb2 import Timestamp
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from rich.console import RenderableType

from outreach.cli.bank_file import FileEvent, content_id, read_events
from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.fields import choices, enum_option, time_option, yuan_option
from outreach.cli.messages import Bank
from outreach.cli.output import details, table
from outreach.cli.session import Session
from outreach.domain.ids import new_id
from outreach.runtime import bus, nats_server
from outreach.v1.bank_service_pb2 import ApplyEventsRequest, Balance, BankEvent, FeedMark, Repayment
from outreach.v1.bank_service_pb2_grpc import BankServiceStub

_SLICE = 256
_MAX_EVENTS = 1000
_SHOWN_LINES = 20


async def import_placements(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv|FILE.jsonl", help="委案文件 The bank's file.")],
    bank: Bank = "",
    complete_through: Annotated[
        str, typer.Option(metavar="TIME", help="并声明数据完整至此 Then say that the feed is complete through this.")
    ] = "",
    grpc: Annotated[bool, typer.Option("--grpc", help="经 gRPC Over gRPC instead of NATS.")] = False,
) -> None:
    """导入委案 Publish a bank's placements (CSV) or events (JSON lines) as the bank."""
    bank = session.bank(bank)
    found = list(read_events(file, bank))
    bad = [entry for entry in found if entry.event is None]
    events = [entry.event for entry in found if entry.event is not None]
    if complete_through:
        events.append(_feed_mark(bank, time_option("--complete-through", complete_through)))
    counts = Counter({"accepted": len(events), "broken": len(bad)})
    if grpc:
        counts.update(await _apply(session, events))
    else:
        await publish(session, bank, events)
    document = {**counts, "bad_lines": [{"line": entry.line, "reason": entry.error} for entry in bad]}
    session.output.show(document, *_summary(counts, bad))
    if bad:
        raise typer.Exit(1)


async def repay(
    session: Session,
    account: Annotated[str, typer.Option(help="账号 The account.")],
    kind: Annotated[str, typer.Option(help=f"类型 {choices(Repayment.Kind.DESCRIPTOR)}.")],
    amount: Annotated[str, typer.Option(metavar="YUAN", help="金额（元）The amount in yuan, such as 1234.50.")],
    sequence: Annotated[int, typer.Option(min=1, help="该账号的序号 The bank's sequence number for the account.")],
    bank: Bank = "",
    overdue_after: Annotated[str, typer.Option(metavar="YUAN", help="还款后逾期 Overdue after it.")] = "",
    outstanding_after: Annotated[str, typer.Option(metavar="YUAN", help="还款后欠款 Owed in all after it.")] = "",
    minimum_after: Annotated[str, typer.Option(metavar="YUAN", help="还款后最低 Least payment after it.")] = "",
    at: Annotated[str, typer.Option(metavar="TIME", help="时间 When; now if left out.")] = "",
    event_id: Annotated[str, typer.Option(help="事件号 The bank's event id; a new one if left out.")] = "",
) -> None:
    """发布还款 Publish a repayment on NATS as the bank. What is pending for the account is cancelled or adjusted."""
    bank = session.bank(bank)
    event = BankEvent(event_id=event_id or new_id(), bank_id=bank, event_time=_time(at))
    event.repayment.account_number = account
    event.repayment.sequence = sequence
    event.repayment.kind = Repayment.Kind.ValueType(enum_option("--kind", Repayment.Kind.DESCRIPTOR, kind))
    event.repayment.amount_fen = yuan_option("--amount", amount)
    after = (overdue_after, outstanding_after, minimum_after)
    if any(after):
        if not (overdue_after and outstanding_after):
            raise typer.BadParameter("--overdue-after 与 --outstanding-after 须同时给出 give both or neither")
        event.repayment.balance_after.CopyFrom(_balance(sequence, event.event_time, after))
    await publish(session, bank, [event])
    subject = bus.events_subject(bank)
    session.output.show(
        {"event_id": event.event_id, "subject": subject},
        details("还款已发布 Repayment published", [("事件号 Event", event.event_id), ("主题 Subject", subject)]),
    )


def register(app: typer.Typer) -> None:
    placement = typer.Typer(help="委案 Placements.", no_args_is_help=True)
    placement.callback()(lambda: None)
    command(placement, "import")(import_placements)
    app.add_typer(placement, name="placement")
    command(app, "repay")(repay)


async def publish(session: Session, bank_id: str, events: Sequence[BankEvent]) -> None:
    """Publishes events on NATS as the bank, in order of slices, each stored before the next. Raises Failure."""
    async with session.nats(nats_server.bank_user(bank_id)) as client:
        stream, subject = client.jetstream(timeout=10), bus.events_subject(bank_id)
        remaining = iter(events)
        while part := list(islice(remaining, _SLICE)):
            try:
                await asyncio.gather(*(_publish(stream, subject, event) for event in part))
            except (NatsError, TimeoutError) as error:
                raise Failure(
                    f"NATS 未收下事件：请确认 approval_service 在运行、流未满，然后重发，重复不改变任何事。"
                    f"NATS did not store the events ({type(error).__name__}): is approval_service running, the stream "
                    "not full? Publish them again; what is known changes nothing."
                ) from None


async def _publish(stream: JetStreamContext, subject: str, event: BankEvent) -> None:
    headers = {bus.MESSAGE_ID: f"{event.bank_id}:{event.event_id}"}
    payload = MessageToJson(event, preserving_proto_field_name=True, indent=None)
    await stream.publish(subject, payload.encode(), headers=headers)


async def _apply(session: Session, events: Sequence[BankEvent]) -> dict[str, int]:
    counts = {"duplicate": 0, "superseded": 0, "cancelled": 0}
    async with session.client() as client:
        remaining = iter(events)
        while part := list(islice(remaining, _MAX_EVENTS)):
            stub = BankServiceStub(client.channel)
            response = await client.call(stub.ApplyEvents, ApplyEventsRequest(events=part), repeatable=True)
            for result in response.results:
                counts["duplicate"] += result.duplicate
                counts["superseded"] += result.superseded
                counts["cancelled"] += result.cancelled
    return counts


def _feed_mark(bank_id: str, through: Timestamp) -> BankEvent:
    event = BankEvent(bank_id=bank_id, event_time=through, feed_mark=FeedMark(complete_through=through))
    event.event_id = content_id(event)
    return event


def _balance(sequence: int, as_of: Timestamp, after: tuple[str, str, str]) -> Balance:
    options = ("--overdue-after", "--outstanding-after", "--minimum-after")
    overdue, outstanding, minimum = (
        yuan_option(option, text) if text else 0 for option, text in zip(options, after, strict=True)
    )
    return Balance(
        sequence=sequence,
        as_of_time=as_of,
        overdue_amount_fen=overdue,
        outstanding_amount_fen=outstanding,
        minimum_payment_fen=minimum,
    )


def _time(text: str) -> Timestamp:
    if text:
        return time_option("--at", text)
    now = Timestamp()
    now.GetCurrentTime()
    return now


def _summary(counts: dict[str, int], bad: Sequence[FileEvent]) -> list[RenderableType]:
    names = {
        "accepted": "已发布 Published",
        "duplicate": "其中已知 Known before",
        "superseded": "其中过时 Superseded",
        "cancelled": "因此取消的短信 SMS cancelled",
        "broken": "无法读取 Broken lines",
    }
    shown: list[RenderableType] = [details("导入结果 Import", [(names[key], count) for key, count in counts.items()])]
    if bad:
        rows = [(entry.line, entry.error) for entry in bad[:_SHOWN_LINES]]
        shown.append(table("未导入的行 Lines not taken", ("行 Line", "原因 Reason"), rows, numeric=[0]))
    return shown
