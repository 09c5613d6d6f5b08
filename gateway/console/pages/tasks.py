"""What waits for the person who looks, by what the person may do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gateway.console.visit import Visit
from outreach.v1.hold_service_pb2 import ListHoldsRequest
from outreach.v1.letter_version_service_pb2 import ListLetterVersionsRequest
from outreach.v1.mailroom_service_pb2 import GetQueueRequest, ListRunsRequest, RunState
from outreach.v1.operations_service_pb2 import ListUnconfirmedRequest
from outreach.v1.outreach_service_pb2 import ListRequest
from outreach.v1.person_service_pb2 import ListPersonRequestsRequest, PersonRequestState
from outreach.v1.policy_service_pb2 import ListPoliciesRequest
from outreach.v1.quantity_service_pb2 import ListQuantitiesRequest, QuantityState
from outreach.v1.template_service_pb2 import ListTemplatesRequest, TemplateState
from outreach.v1.user_service_pb2 import ListUsersRequest, UserState

RENEW_DAYS = 30
"""How long before an approval ends its drafter is told."""
_MANY = 1000
_NEVER = datetime.max.replace(tzinfo=UTC)


class Task(NamedTuple):
    """Something that waits."""

    path: str
    what: str
    name: str
    since: datetime | None = None
    until: datetime | None = None
    """When it is too late."""
    urgent: bool = False
    """Everything else waits behind it."""


async def of(visit: Visit) -> list[Task]:
    """What is urgent, then what expires first, then the oldest."""
    found = await asyncio.gather(*(source(visit) for source in _SOURCES))

    def order(task: Task) -> tuple[bool, datetime, datetime]:
        return not task.urgent, task.until or _NEVER, task.since or _NEVER

    return sorted((task for tasks in found for task in tasks), key=order)


async def _templates(visit: Visit) -> list[Task]:
    if not _may_any(visit, "TemplateService", "ReviewTemplate", "ApproveTemplate", "RenewTemplate"):
        return []
    asked = ListTemplatesRequest(bank_id=visit.bank, page_size=_MANY)
    versions = (await visit.ask("TemplateService/ListTemplates", asked)).templates
    names = ("TemplateService", "ReviewTemplate", "ApproveTemplate", "VerifyBankDocument", "RenewTemplate")
    return list(
        _versions(visit, versions, "/templates", names, ("模板待内部审核", "模板待银行批准", "模板的批准将到期"))
    )


async def _letter_versions(visit: Visit) -> list[Task]:
    if not _may_any(visit, "LetterVersionService", "ReviewLetterVersion", "ApproveLetterVersion", "RenewLetterVersion"):
        return []
    asked = ListLetterVersionsRequest(bank_id=visit.bank, page_size=_MANY)
    versions = (await visit.ask("LetterVersionService/ListLetterVersions", asked)).versions
    names = (
        "LetterVersionService",
        "ReviewLetterVersion",
        "ApproveLetterVersion",
        "VerifyLetterDocument",
        "RenewLetterVersion",
    )
    words = ("信函版本待总部审核", "信函版本待银行批准", "信函版本的授权将到期")
    return list(_versions(visit, versions, "/letter-versions", names, words))


def _versions(
    visit: Visit, versions: Iterable[Any], path: str, names: tuple[str, ...], words: tuple[str, str, str]
) -> Iterable[Task]:
    service, review, approve, verify, renew = names
    wanted = {
        TemplateState.TEMPLATE_STATE_DRAFT: (review, words[0]),
        TemplateState.TEMPLATE_STATE_REVIEWED: (approve, words[1]),
        TemplateState.TEMPLATE_STATE_DOCUMENTED: (verify, "银行文件待核对"),
    }
    for one in versions:
        step = one.renewal if one.HasField("renewal") else one
        rpc, what = wanted.get(step.state, ("", ""))
        where = f"{path}/{one.digest}"
        if rpc and visit.desk.may(f"{service}/{rpc}") and not _own(visit, step.drafted_by):
            yield Task(where, visit.words(what), one.content.name, visit.time(step.create_time))
        elif _ends_soon(one) and visit.desk.may(f"{service}/{renew}"):
            yield Task(where, visit.words(words[2]), one.content.name, None, visit.time(one.approved_until))


def _ends_soon(version: Any) -> bool:
    in_use = version.state == TemplateState.TEMPLATE_STATE_APPROVED and not version.HasField("renewal")
    return in_use and version.HasField("approval_days_left") and version.approval_days_left <= RENEW_DAYS


async def _lifts(visit: Visit) -> list[Task]:
    if not visit.desk.may("HoldService/ApproveLift"):
        return []
    asked = ListHoldsRequest(bank_id=visit.bank, lift_requested=True, page_size=_MANY)
    listed = await visit.ask("HoldService/ListHolds", asked)
    what = visit.words("解除暂停待复核")
    return [
        Task("/accounts?show=to-lift", what, hold.masked_account_number, visit.time(hold.set_time))
        for hold in listed.holds
        if not _own(visit, hold.lift_requested_by)
    ]


async def _policies(visit: Visit) -> list[Task]:
    if not visit.desk.may("PolicyService/ActivatePolicy"):
        return []
    listed = await visit.ask("PolicyService/ListPolicies", ListPoliciesRequest(bank_id=visit.bank))
    return [
        Task("/policies", visit.words("策略待启用"), f"v{one.version}")
        for one in listed.versions
        if not one.activated_by and not _own(visit, one.drafted_by)
    ]


async def _unconfirmed(visit: Visit) -> list[Task]:
    if not visit.desk.may("OperationsService/ResolveUnconfirmed"):
        return []
    asked = ListUnconfirmedRequest(bank_id=visit.bank, page_size=_MANY)
    listed = await visit.ask("OperationsService/ListUnconfirmed", asked)
    what = visit.words("结果未知，须凭证据了结")
    return [
        Task("/unconfirmed", what, one.attempt_id[-6:], visit.time(one.release_time))
        for one in listed.attempts
        if one.handed_over
    ]


async def _accounts(visit: Visit) -> list[Task]:
    if not visit.desk.may("UserService/ApproveUser"):
        return []
    users = (await visit.ask("UserService/ListUsers", ListUsersRequest())).users
    return [
        Task(f"/people/{one.user_id}", visit.words("账号待批准"), one.user_id)
        for one in users
        if one.state == UserState.USER_STATE_PENDING and not _own(visit, one.changed_by)
    ]


async def _quantities(visit: Visit) -> list[Task]:
    if not visit.desk.may("QuantityService/DecideQuantity"):
        return []
    asked = ListQuantitiesRequest(bank_id=visit.bank, state=QuantityState.QUANTITY_STATE_ASKED, page_size=_MANY)
    listed = (await visit.ask("QuantityService/ListQuantities", asked)).quantities
    what = visit.words("信函数量待批准")
    return [
        Task("/quantities", what, f"{one.letter_name} × {one.asked} · {one.team}", visit.time(one.ask_time))
        for one in listed
        if not _own(visit, one.asked_by)
    ]


async def _personal(visit: Visit) -> list[Task]:
    """A retention's batch is one task."""
    if not visit.desk.may("PersonService/DecideForPerson"):
        return []
    state = PersonRequestState.PERSON_REQUEST_STATE_ASKED
    asked = ListPersonRequestsRequest(bank_id=visit.bank, state=state, page_size=_MANY)
    listed = (await visit.ask("PersonService/ListPersonRequests", asked)).requests
    what = visit.words("个人信息申请待处理")
    waiting = {one.batch_id or one.request_id: one for one in listed if not _own(visit, one.asked_by)}
    return [Task("/personal", what, one.reason, visit.time(one.ask_time)) for one in waiting.values()]


async def _queue(visit: Visit) -> list[Task]:
    if not visit.desk.may("MailroomService/StartRun"):
        return []
    lines = (await visit.ask("MailroomService/GetQueue", GetQueueRequest(bank_id=visit.bank))).lines
    what = visit.words("信函待打印：建立批次")
    return [Task("/mailroom", what, f"{one.letter_name} × {one.due}", visit.time(one.oldest_due_time)) for one in lines]


async def _runs(visit: Visit) -> list[Task]:
    if not visit.desk.may("MailroomService/ConfirmPrinted"):
        return []
    asked = ListRunsRequest(bank_id=visit.bank, state=RunState.RUN_STATE_READY, page_size=_MANY)
    runs = (await visit.ask("MailroomService/ListRuns", asked)).runs
    return [_run(visit, run) for run in runs]


def _run(visit: Visit, run: Any) -> Task:
    """The first thing to be done with it."""
    steps = (
        (run.to_pull, "抽出 {count} 封：已还款、暂停或撤回"),
        (run.pending, "打印并确认 {count} 封"),
        (run.in_pile - run.sealed_in_pile, "盖章 {count} 封"),
        (run.sealed_in_pile, "交寄 {count} 封"),
        (1, "批次待平账关闭"),
    )
    count, what = next((count, what) for count, what in steps if count > 0)
    words = visit.words(what, count=count)
    name = f"{visit.words('批次')} {run.run_id[-8:]}"
    return Task(f"/mailroom/{run.run_id}", words, name, visit.time(run.start_time), urgent=run.to_pull > 0)


async def _care(visit: Visit) -> list[Task]:
    if not (visit.desk.may("MailroomService/ReleaseCare") and visit.desk.may("OutreachService/List")):
        return []
    asked = ListRequest(bank_id=visit.bank, waiting_for="CARE_AMOUNT", page_size=_MANY)
    found = (await visit.ask("OutreachService/List", asked)).outreach
    what = visit.words("小额信函待复核放行")
    return [
        Task(
            f"/outreach/{one.outreach_id}", what, one.request_id, visit.time(one.create_time), visit.time(one.not_after)
        )
        for one in found
        if not _own(visit, one.employee_id)
    ]


def _own(visit: Visit, who: str) -> bool:
    """Whoever began something does not approve it."""
    return who.rpartition("/")[2] == visit.desk.principal.employee_id


def _may_any(visit: Visit, service: str, *rpcs: str) -> bool:
    return any(visit.desk.may(f"{service}/{rpc}") for rpc in rpcs)


_SOURCES: tuple[Callable[[Visit], Awaitable[list[Task]]], ...] = (
    _templates,
    _letter_versions,
    _lifts,
    _policies,
    _unconfirmed,
    _accounts,
    _quantities,
    _personal,
    _queue,
    _runs,
    _care,
)
