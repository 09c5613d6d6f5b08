"""After the day: the night passes, the banks send fresh balances, and the clock runs on in real time."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from rich.console import Console

from examples.office import BANKS
from examples.stage import DAY, Stage, read_bank_events
from outreach.v1.bank_service_pb2 import Balance, BankEvent

MORNING = DAY + timedelta(days=1, hours=9)
HINTS = """\
[bold]现在是次日 09:00，业务时钟按真实速度走。[/] It is 09:00 of the next day, and the clock runs in real time.
另开一个终端试试 · try in another terminal:
  [cyan].venv/bin/outreach submit examples/try.csv --as clerk-1[/]                  提交三条 · submit three
  [cyan].venv/bin/outreach status --bank demo-bank --as supervisor-1[/]             看状态 · where they stand
  [cyan].venv/bin/outreach watch --bank demo-bank --as supervisor-1[/]              跟踪 · follow
  [cyan].venv/bin/outreach report --bank demo-bank --day 2026-03-17 --as supervisor-1[/]
  [cyan].venv/bin/outreach ledger export ledger.jsonl --as inspector-1[/]           导出账本 · then: ledger verify
  [cyan].venv/bin/outreach doctor[/]                                              检查 · what is wrong"""


async def next_morning(stage: Stage, console: Console) -> None:
    """What waited for 08:00 leaves; what waits for fresh amounts gets them."""
    for bank in BANKS:
        events = [_fresh(bank, n, balance) for n, balance in enumerate(_last_balances(stage, bank), 1)]
        mark = _event(bank, "morning-mark")
        mark.feed_mark.complete_through.FromDatetime(MORNING)
        await stage.publish_all(bank, [*events, mark])
    await stage.set_clock(MORNING, rate=1.0)
    console.print(HINTS)


def _last_balances(stage: Stage, bank: str) -> list[Balance]:
    """The amounts that the bank told last, of the accounts whose amounts it knows."""
    told: dict[str, list[tuple[int, Balance | None]]] = defaultdict(list)
    for event in (*read_bank_events("placements.csv", bank), *stage.events[bank]):
        match event.WhichOneof("event"):
            case "placement":
                balance = event.placement.balance
                told[event.placement.account_number].append((balance.sequence, balance))
            case "balance":
                told[event.balance.account_number].append((event.balance.sequence, event.balance))
            case "repayment":
                repayment = event.repayment
                after = repayment.balance_after if repayment.HasField("balance_after") else None
                told[repayment.account_number].append((repayment.sequence, after))
    balances = []
    for number, entries in told.items():
        _, last = max(entries, key=lambda entry: entry[0])
        if last is not None:
            last.account_number = number
            balances.append(last)
    return balances


def _fresh(bank: str, n: int, last: Balance) -> BankEvent:
    event = _event(bank, f"morning-{n:04d}")
    event.balance.CopyFrom(last)
    event.balance.sequence = last.sequence + 1
    event.balance.as_of_time.FromDatetime(MORNING)
    return event


def _event(bank: str, event_id: str) -> BankEvent:
    event = BankEvent(event_id=event_id, bank_id=bank)
    event.event_time.FromDatetime(MORNING)
    return event
