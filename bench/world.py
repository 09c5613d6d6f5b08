"""The world that is measured: one bank, its policy, an approved template, and accounts of distinct people."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from nats.errors import TimeoutError as NatsTimeoutError

from bench.load import chunks, in_flight
from bench.running import CARRIER, installation
from outreach.client import Connection, read_identity
from outreach.domain.ids import new_id
from outreach.domain.money import format_fen
from outreach.runtime import bus, nats_server
from outreach.runtime.config import Settings
from outreach.runtime.tls import ca_certificate
from outreach.v1.bank_service_pb2 import (
    ApplyEventsRequest,
    Balance,
    BankEvent,
    FeedMark,
    HoldInstruction,
    Party,
    Placement,
)
from outreach.v1.bank_service_pb2_grpc import BankServiceStub
from outreach.v1.hold_service_pb2 import HoldKind
from outreach.v1.operations_service_pb2 import SetBusinessClockRequest, SetEmployeeRequest
from outreach.v1.operations_service_pb2_grpc import OperationsServiceStub
from outreach.v1.outreach_service_pb2 import SmsItem
from outreach.v1.policy_service_pb2 import ActivatePolicyRequest, CarrierChoice, DraftPolicyRequest, Policy
from outreach.v1.policy_service_pb2_grpc import PolicyServiceStub
from outreach.v1.template_service_pb2 import (
    ApproveTemplateRequest,
    DraftTemplateRequest,
    Placeholder,
    PlaceholderType,
    RecordField,
    ReviewTemplateRequest,
    TemplateContent,
)
from outreach.v1.template_service_pb2_grpc import TemplateServiceStub
from outreach.v1.worker_service_pb2 import Permit, PermitValue

BANK = "demo-bank"
NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
"""When the business clock begins: noon in Shanghai, far from the quiet hours."""
TEMPLATE = "overdue-reminder"
SIGNATURE = "示例银行"
TEXT = (
    "尊敬的{name}，您尾号{tail}的账户截至{as_of}逾期{amount}元，"
    "示例催收受我行委托提醒您还款，参考号{case}，详询{hotline}。"
)
HOTLINE = "95500"
MIX, GOOD = 12, 8
"""Of twelve accounts eight are in order; two were never placed, one is on hold, and to one it is another's number."""
NOT_PLACED, ON_HOLD, THIRD_PARTY = (8, 9), 10, 11
PLACED_IN_ONE_CALL = 500
SETTLED_S = 2.0
"""What has been silent for so long has settled."""
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"


def items(run: str, accounts: Iterable[int]) -> list[SmsItem]:
    """One request per account, each with an id of its own within the run."""
    return [_item(f"{run}-{index}", account) for index, account in enumerate(accounts)]


def in_order(accounts: Iterable[int]) -> list[int]:
    """Those whose requests every rule admits."""
    return [account for account in accounts if account % MIX < GOOD]


def account_number(account: int) -> str:
    return f"6222{account:012d}"


def event(event_id: str, **what: Any) -> BankEvent:
    return BankEvent(event_id=event_id, bank_id=BANK, event_time=_time(NOON), **what)


def balance(sequence: int, account: int) -> Balance:
    overdue_fen = 10_000 + account
    return Balance(
        sequence=sequence,
        as_of_time=_time(NOON),
        overdue_amount_fen=overdue_fen,
        outstanding_amount_fen=3 * overdue_fen,
        minimum_payment_fen=overdue_fen // 2,
        due_date="2026-11-01",
    )


def permit(account: int) -> Permit:
    """A permit as the authority would give it for the account."""
    values = {
        "name": _name(account),
        "tail": account_number(account)[-4:],
        "as_of": NOON.date().isoformat(),
        "amount": format_fen(balance(1, account).overdue_amount_fen),
        "case": _case(account),
        "hotline": HOTLINE,
    }
    return Permit(
        attempt_id=new_id(),
        phone_number=_phone(account),
        signature=SIGNATURE,
        template_digest="0" * 64,
        template_text=TEXT,
        values=[PermitValue(name=name, text=text) for name, text in values.items()],
    )


async def settled(settings: Settings) -> None:
    """Returns once the outbox has published what happened, so that one measurement does not weigh on the next."""
    nats = await bus.connect(settings, nats_server.bank_user(BANK))
    try:
        changes = await nats.subscribe(bus.status_subject(BANK))
        with suppress(NatsTimeoutError):
            while True:
                await changes.next_msg(timeout=SETTLED_S)
    finally:
        await nats.close()


@asynccontextmanager
async def acting(settings: Settings, person: str) -> AsyncIterator[Connection]:
    """A connection to the gateway in a person's name."""
    identity = read_identity(settings.state_dir, person)
    ca = ca_certificate(settings.state_dir)
    async with Connection(settings.gateway_address, ca, identity, authenticated_s=time.time()) as connection:
        yield connection


async def found(settings: Settings, accounts: int) -> None:
    """Founds the world through the gateway, each step by a person who may."""
    await _start_clock_and_people(settings)
    await _put_policy_in_force(settings)
    await _approve_template(settings)
    await _place(settings, accounts)


async def _start_clock_and_people(settings: Settings) -> None:
    people = installation().people
    async with acting(settings, "operator-1") as operator:
        stub = OperationsServiceStub(operator.channel)
        for name in sorted(people, key=lambda name: name != "operator-1"):
            request = SetEmployeeRequest(caller_id=people[name]["caller"], employee_id=name, active=True)
            await operator.call(stub.SetEmployee, request)
        await operator.call(stub.SetBusinessClock, SetBusinessClockRequest(time=_time(NOON), rate=1.0))


async def _put_policy_in_force(settings: Settings) -> None:
    policy = Policy(
        bank_name="示例银行",
        agency_id="example-agency",
        agency_name="示例催收",
        hotlines=[HOTLINE],
        carriers=[CarrierChoice(carrier_id=CARRIER)],
    )
    async with acting(settings, "policy-maker") as maker:
        draft = DraftPolicyRequest(bank_id=BANK, policy=policy)
        version = (await maker.call(PolicyServiceStub(maker.channel).DraftPolicy, draft)).version.version
    async with acting(settings, "policy-approver") as approver:
        activation = ActivatePolicyRequest(bank_id=BANK, version=version)
        await approver.call(PolicyServiceStub(approver.channel).ActivatePolicy, activation)


async def _approve_template(settings: Settings) -> None:
    types, fields = PlaceholderType, RecordField
    placeholders = [
        ("name", types.PLACEHOLDER_TYPE_NAME, fields.RECORD_FIELD_RECIPIENT_NAME),
        ("tail", types.PLACEHOLDER_TYPE_LAST_FOUR, fields.RECORD_FIELD_ACCOUNT_LAST_FOUR),
        ("as_of", types.PLACEHOLDER_TYPE_DATE, fields.RECORD_FIELD_AS_OF_DATE),
        ("amount", types.PLACEHOLDER_TYPE_AMOUNT, fields.RECORD_FIELD_OVERDUE_AMOUNT),
        ("case", types.PLACEHOLDER_TYPE_REFERENCE, fields.RECORD_FIELD_UNSPECIFIED),
        ("hotline", types.PLACEHOLDER_TYPE_HOTLINE, fields.RECORD_FIELD_UNSPECIFIED),
    ]
    content = TemplateContent(
        bank_id=BANK,
        name=TEMPLATE,
        signature=SIGNATURE,
        text=TEXT,
        placeholders=[Placeholder(name=name, type=kind, record_field=field) for name, kind, field in placeholders],
    )
    async with acting(settings, "drafter-1") as drafter:
        stub = TemplateServiceStub(drafter.channel)
        digest = (await drafter.call(stub.DraftTemplate, DraftTemplateRequest(content=content))).template.digest
    async with acting(settings, "reviewer-1") as reviewer:
        review = ReviewTemplateRequest(digest=digest)
        setattr(review, "pass", True)  # a keyword of Python's
        await reviewer.call(TemplateServiceStub(reviewer.channel).ReviewTemplate, review)
    async with acting(settings, "demo-approver") as approver:
        approval = ApproveTemplateRequest(digest=digest, approve=True)
        await approver.call(TemplateServiceStub(approver.channel).ApproveTemplate, approval)


async def _place(settings: Settings, accounts: int) -> None:
    placed = [account for account in range(accounts) if account % MIX not in NOT_PLACED]
    holds = [account for account in placed if account % MIX == ON_HOLD]
    async with acting(settings, "demo-feed") as feed:
        stub = BankServiceStub(feed.channel)

        async def apply(events: Sequence[BankEvent]) -> None:
            await feed.call(stub.ApplyEvents, ApplyEventsRequest(events=events))

        await in_flight(2, chunks((_placement(account) for account in placed), PLACED_IN_ONE_CALL), apply)
        await in_flight(2, chunks((_hold(account) for account in holds), PLACED_IN_ONE_CALL), apply)
        mark = FeedMark(complete_through=_time(NOON + timedelta(hours=12)))
        await apply([event("feed-mark", feed_mark=mark)])


def _placement(account: int) -> BankEvent:
    parties = [
        Party(
            customer_id=f"C{account:08d}",
            role=Party.ROLE_DEBTOR,
            name=_name(account),
            phone_numbers=[_phone(account)],
            identity_number=f"ID{account:016d}",
        )
    ]
    if account % MIX == THIRD_PARTY:
        parties.append(
            Party(
                customer_id=f"T{account:08d}",
                role=Party.ROLE_THIRD_PARTY,
                name=_name(account + 1),
                phone_numbers=[_third_partys_phone(account)],
            )
        )
    placement = Placement(
        account_number=account_number(account),
        agency_id="example-agency",
        start_time=_time(NOON - timedelta(days=30)),
        end_time=_time(NOON + timedelta(days=150)),
        parties=parties,
        balance=balance(1, account),
        product_name="信用卡",
    )
    return event(f"placement-{account}", placement=placement)


def _hold(account: int) -> BankEvent:
    instruction = HoldInstruction(
        account_number=account_number(account), kind=HoldKind.HOLD_KIND_COMPLAINT, reason="under review"
    )
    return event(f"hold-{account}", hold=instruction)


def _item(request_id: str, account: int) -> SmsItem:
    return SmsItem(
        request_id=request_id,
        bank_id=BANK,
        account_number=account_number(account),
        phone_number=_third_partys_phone(account) if account % MIX == THIRD_PARTY else _phone(account),
        template_name=TEMPLATE,
        variables={"case": _case(account), "hotline": HOTLINE},
        case_id=f"case-{account}",
    )


def _name(account: int) -> str:
    given = account // len(_SURNAMES)
    return (
        _SURNAMES[account % len(_SURNAMES)] + _GIVEN[given % len(_GIVEN)] + _GIVEN[given // len(_GIVEN) % len(_GIVEN)]
    )


def _case(account: int) -> str:
    return f"CASE-{account:07d}"


def _phone(account: int) -> str:
    return f"138{account:06d}00"  # the simulator takes the last four digits 9901 and following as orders to misbehave


def _third_partys_phone(account: int) -> str:
    return f"139{account:06d}00"


def _time(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
