"""Whom a request is about, what is held of that person, and what stands in the way of an erasure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from approval_service.calls import Call, require_plain
from approval_service.catalog import Catalog
from approval_service.keys import KeyRing
from approval_service.mailroom.withdrawal import in_print
from approval_service.people import require_employee
from approval_service.personal_data.messages import request_message
from approval_service.policies import DEFAULT_TIME_ZONE, DEFAULTS
from approval_service.store import accounts as account_store
from approval_service.store import outreach as outreach_store
from approval_service.store import persons as store
from approval_service.store import stops as stop_store
from approval_service.store.head import read_clock
from approval_service.store.scopes import Scope
from approval_service.writer import Tx
from outreach.domain import states
from outreach.domain.clocks import timestamp
from outreach.domain.errors import Kind, Refusal, not_found
from outreach.domain.masking import mask_account, mask_name
from outreach.domain.roles import INSPECTOR
from outreach.v1.hold_service_pb2 import HoldKind
from outreach.v1.person_service_pb2 import ErasureBar, GetPersonRequest, GetPersonResponse, PersonState

DAY_MS = 86_400_000
PENDING = (states.AWAITING_QUANTITY, states.ADMITTED)


class Subject(Protocol):
    """A request that names a person in one of three ways."""

    bank_id: str
    customer_id: str
    account_number: str
    person_id: str

    def WhichOneof(self, oneof_group: Any, /) -> Any: ...  # protobuf's own name


def find(connection: Connection, keys: KeyRing, request: Subject) -> Any:
    """The person's row. NOT_FOUND if the bank knows no such person, or the person was erased."""
    person = _found(connection, keys, request)
    if person is None or person.bank_id != request.bank_id:
        raise _unknown(request)
    return person


def _found(connection: Connection, keys: KeyRing, request: Subject) -> Any | None:
    match request.WhichOneof("subject"):
        case "customer_id":
            customer_hash = keys.hash("customer", request.customer_id)
            return account_store.person_by_customer(connection, request.bank_id, customer_hash)
        case "account_number":
            key = (request.bank_id, keys.hash("account", request.account_number))
            account: Any = account_store.accounts_by_number(connection, [key]).get(key)
            person_id = account.debtor_id if account is not None else ""
        case _:
            person_id = request.person_id
    return account_store.persons_by_id(connection, [person_id]).get(person_id)


def _unknown(request: Subject) -> Refusal:
    return not_found(
        f"{request.WhichOneof('subject')}: 银行的委案中没有此人，或已删除；请核对。No placement of the bank names this "
        "person, or the person was erased: check it."
    )


class Matter(NamedTuple):
    """Who asks something about whom, and why in words that name nobody."""

    actor: str
    person: Any
    reason: str


def matter_of(tx: Tx, call: Call[Any]) -> Matter:
    """Of a request with `bank_id`, a subject and `reason`. Raises Refusal: another bank's, no employee, nobody known, a
    reason that names the person."""
    request = call.request
    call.require_bank(request.bank_id)
    actor = require_employee(tx, call)
    person = find(tx.connection, tx.keys, request)
    name = tx.keys.person(person.wrapped_key).unseal(person.name_sealed).decode()
    return Matter(actor, person, require_plain("reason", request.reason, [name]))


def retention_days(catalog: Catalog, bank_id: str, now_ms: int) -> int:
    """By the policy in force."""
    policy = catalog.policy_at(bank_id, now_ms)
    days: int = (policy.policy.retention_days if policy else 0) or DEFAULTS["retention_days"]
    return days


def ended_ms(account: Any) -> int:
    """When an account ended, or will: at its term, or when the bank took it back before."""
    return min(account.end_ms, account.recall_event_ms) if account.recalled else int(account.end_ms)


def retained_until_ms(connection: Connection, catalog: Catalog, person: Any, now_ms: int) -> int:
    """When nothing obliges to keep the data any more: so long after the last account's end and the last contact; 0 if
    there was neither."""
    last = store.last_activity_ms(connection, person.person_id)
    ends = [ended_ms(account) for account in store.accounts_of(connection, person.person_id)]
    return max(last, *ends, 0) + retention_days(catalog, person.bank_id, now_ms) * DAY_MS if last or ends else 0


class Bar(NamedTuple):
    """What stands in the way of an erasure, with the way out."""

    reason: str
    chinese: str
    english: str
    until_ms: int = 0

    def message(self) -> ErasureBar:
        until = timestamp(self.until_ms) if self.until_ms else None
        return ErasureBar(reason=self.reason, message=self.chinese + self.english, until=until)


def bars(connection: Connection, catalog: Catalog, person: Any, now_ms: int, *, own_request: str = "") -> list[Bar]:
    """What stands in the way of an erasure, the request for it itself left out."""
    found = []
    until = retained_until_ms(connection, catalog, person, now_ms)
    if until > now_ms:
        days, day = retention_days(catalog, person.bank_id, now_ms), _day(catalog, person.bank_id, until)
        found.append(
            Bar(
                "RETENTION_RUNS",
                f"保存期限至 {day}（账户终结与最近一次联系后 {days} 天），此前可限制处理。",
                f"Records are kept until {day} ({days} days after the last account's end and the last "
                "contact): restrict the person meanwhile.",
                until,
            )
        )
    found += [_hold_bar(row) for row in _holds(connection, person)]
    for row in store.requests_of(connection, [person.person_id]):
        if row.kind == store.ERASURE and row.state in store.OPEN and row.request_id != own_request:
            found.append(
                Bar(
                    "ERASURE_ASKED",
                    f"已有删除申请 {row.request_id}，请先处理它。",
                    f"Request {row.request_id} asks for it already: decide that one.",
                )
            )
    return found


def _day(catalog: Catalog, bank_id: str, ms: int) -> str:
    """The date at the bank."""
    policy = catalog.policy_at(bank_id, ms)
    zone = ZoneInfo(policy.policy.time_zone if policy else DEFAULT_TIME_ZONE)
    return datetime.fromtimestamp(ms / 1000, zone).date().isoformat()


def _holds(connection: Connection, person: Any) -> list[Any]:
    accounts = store.accounts_of(connection, person.person_id)
    return [hold for account in accounts for hold in stop_store.holds_of(connection, account.account_id)]


def _hold_bar(row: Any) -> Bar:
    kind = HoldKind.Name(row.kind).removeprefix("HOLD_KIND_")
    return Bar(
        "HOLD_OPEN",
        f"账户暂停 {row.hold_id}（{kind}）尚未解除，须由两人解除。",
        f"Hold {row.hold_id} ({kind}) is not lifted: two people lift it first.",
    )


def require_no_bars(found: Sequence[Bar]) -> None:
    """FAILED_PRECONDITION that tells every bar."""
    if found:
        chinese = "".join(bar.chinese for bar in found)
        english = " ".join(bar.english for bar in found)
        raise Refusal(
            Kind.PRECONDITION,
            f"现在不能删除：{chinese}It cannot be erased now. {english}",
            reason=found[0].reason,
            violations=tuple((bar.reason, bar.chinese + bar.english) for bar in found),
        )


def get_person(
    connection: Connection, keys: KeyRing, catalog: Catalog, call: Call[GetPersonRequest]
) -> GetPersonResponse:
    """Read of GetPerson: masked, and of a restricted person only to an inspector."""
    request = call.request
    call.require_bank(request.bank_id)
    person = _found(connection, keys, request)
    if person is None or person.bank_id != request.bank_id:
        return _erased(connection, keys, call)
    now_ms = read_clock(connection).now_ms()
    requests = store.requests_of(connection, [person.person_id])
    asked = any(row.kind == store.ERASURE and row.state in store.OPEN for row in requests)
    state = PersonState.PERSON_STATE_ERASURE_ASKED if asked else PersonState.PERSON_STATE_NORMAL
    response = GetPersonResponse(
        person_id=person.person_id,
        state=PersonState.PERSON_STATE_RESTRICTED if person.restricted and not asked else state,
        outreach=store.count_outreach(connection, [person.person_id]).get(person.person_id, 0),
        pending=_pending(connection, person),
        unconfirmed_attempt_ids=store.unconfirmed(connection, person.person_id),
        bars=[bar.message() for bar in bars(connection, catalog, person, now_ms)],
        requests=[request_message(row, now_ms) for row in requests],
    )
    if until := retained_until_ms(connection, catalog, person, now_ms):
        response.retained_until.FromMilliseconds(until)
    if not person.restricted or INSPECTOR in call.principal.roles:
        response.masked_name = mask_name(keys.person(person.wrapped_key).unseal(person.name_sealed).decode())
        response.masked_accounts.extend(_masked_accounts(connection, keys, person))
    return response


def _pending(connection: Connection, person: Any) -> int:
    rows = outreach_store.active(connection, Scope(person_id=person.person_id))
    return sum(1 for row in rows if row.state in PENDING or in_print(row))


def _masked_accounts(connection: Connection, keys: KeyRing, person: Any) -> list[str]:
    """The accounts that the person owes, since each number is sealed under its debtor's key."""
    key = keys.person(person.wrapped_key)
    return [
        mask_account(key.unseal(account.number_sealed).decode())
        for account in store.accounts_of(connection, person.person_id)
        if account.debtor_id == person.person_id
    ]


def _erased(connection: Connection, keys: KeyRing, call: Call[GetPersonRequest]) -> GetPersonResponse:
    """What the register of erasures tells. NOT_FOUND if it has nothing of such a customer or person."""
    request = call.request
    ids = [request.person_id]
    if request.WhichOneof("subject") == "customer_id":
        ids = store.erased_ids(connection, request.bank_id, keys.hash("customer", request.customer_id))
    rows = [row for row in store.requests_of(connection, ids) if row.bank_id == request.bank_id]
    if not rows:
        raise _unknown(request)
    now_ms = read_clock(connection).now_ms()
    return GetPersonResponse(
        person_id=rows[0].person_id,
        state=PersonState.PERSON_STATE_ERASED,
        requests=[request_message(row, now_ms) for row in rows],
    )
