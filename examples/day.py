"""What people do in the course of the day, by the time at which they do it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from examples import mailroom
from examples.stage import Stage
from outreach.v1.common_pb2 import State
from outreach.v1.hold_service_pb2 import (
    ApproveLiftRequest,
    CloseContactRequest,
    ConfirmContactRequest,
    HoldKind,
    ListHoldsRequest,
    MarkNoContactRequest,
    NoContactReason,
    PlaceHoldRequest,
    RequestLiftRequest,
)
from outreach.v1.operations_service_pb2 import ListUnconfirmedRequest, ResolveUnconfirmedRequest, SetEmployeeRequest
from outreach.v1.template_service_pb2 import ResumeTemplateRequest, RetireTemplateRequest, SuspendTemplateRequest

BANK = "demo-bank"


async def close_contacts(stage: Stage) -> None:
    """Three numbers are another person's, two are dead."""
    for n in range(1, 6):
        await _close(stage, f"not-this-person-{n:02d}", dead=n > 3)
    stage.board.tell(stage.now, "clerk-2 登记 5 个号码非本人或空号 · closes 5 numbers")


async def close_contacts_of_pending(stage: Stage) -> None:
    for n in (6, 7):
        await _close(stage, f"not-this-person-{n:02d}", dead=False)
    stage.board.tell(stage.now, "clerk-2 再登记 2 个非本人 · closes 2 more, pending is cancelled")


async def _close(stage: Stage, request_id: str, *, dead: bool) -> None:
    case, clerk = stage.cases[request_id], stage.office["clerk-2"]
    finding = CloseContactRequest.FINDING_DEAD if dead else CloseContactRequest.FINDING_NOT_THIS_PERSON
    request = CloseContactRequest(
        bank_id=BANK,
        customer_id=_debtor(stage, request_id),
        phone_number=case.phone_number,
        finding=finding,
        evidence_reference=f"REC-{request_id}",
    )
    await clerk.ask(clerk.holds.CloseContact, request)


async def throttle_number(stage: Stage) -> None:
    await _throttle(stage, "throttle_number")


async def throttle_channel(stage: Stage) -> None:
    await _throttle(stage, "throttle_channel")


async def _throttle(stage: Stage, behaviour: str) -> None:
    """The carrier behaves so towards the next message, which is the one submitted now."""
    await stage.tell_simulator(carrier="bank", behaviour=behaviour, times=1)
    stage.board.tell(stage.now, f"通道限流一次 · the carrier throttles once ({behaviour})")


async def hold_accounts(stage: Stage) -> None:
    """Two complaints, and an event of the bank that cannot be read but names an account."""
    clerk = stage.office["clerk-1"]
    for n in (4, 5):
        account = stage.cases[f"held-while-pending-{n:02d}"].account_number
        request = PlaceHoldRequest(
            bank_id=BANK, account_number=account, kind=HoldKind.HOLD_KIND_COMPLAINT, reason="客户投诉，待核查"
        )
        await clerk.ask(clerk.holds.PlaceHold, request)
    account = stage.cases["held-while-pending-06"].account_number
    unreadable = f'{{"eventId": "unreadable-1", "bankId": "{BANK}", "repayment": {{"accountNumber": "{account}"}}}}'
    await stage.office.publish(BANK, unreadable.encode(), "unreadable-1")
    stage.board.tell(stage.now, "投诉两户、无法读取的事件一户，均暂停 · two complaints, one unreadable event: held")


async def opt_out(stage: Stage) -> None:
    clerk = stage.office["clerk-1"]
    number, account = stage.cases["no-contact-04"].phone_number, stage.cases["no-contact-05"].account_number
    for subject in ({"phone_number": number}, {"account_number": account}):
        request = MarkNoContactRequest(
            bank_id=BANK,
            reason=NoContactReason.NO_CONTACT_REASON_OPT_OUT,
            evidence_reference="REC-opt-out",
            **subject,
        )
        await clerk.ask(clerk.holds.MarkNoContact, request)
    stage.board.tell(stage.now, "两人退订 · two people opt out, pending is cancelled")


async def retire_template(stage: Stage) -> None:
    reviewer = stage.office["reviewer-1"]
    with reviewer.once():
        request = RetireTemplateRequest(digest=stage.digests[BANK, "old-reminder"], reason="换用新文案")
        await reviewer.ask(reviewer.templates.RetireTemplate, request)
    stage.board.tell(stage.now, "停用 old-reminder · retired, pending is cancelled")


async def withdraw(stage: Stage) -> None:
    clerk, reason = stage.office["clerk-1"], "案件系统撤回"
    (_, decided), *_ = stage.answers["withdrawn-04"]
    await clerk.cancel(BANK, reason, case_id="CASE-withdrawn")
    await clerk.cancel(BANK, reason, outreach_ids=[decided.decision.outreach_id])
    await clerk.cancel(BANK, reason, account_number=stage.cases["withdrawn-05"].account_number)
    stage.board.tell(stage.now, "案件系统撤回 5 条 · the case system withdraws 5")


async def suspend_templates(stage: Stage) -> None:
    reviewer = stage.office["reviewer-1"]
    for name in ("payment-date", "grace-notice"):
        with reviewer.once():
            request = SuspendTemplateRequest(digest=stage.digests[BANK, name], reason="核对还款日口径")
            await reviewer.ask(reviewer.templates.SuspendTemplate, request)
    stage.board.tell(stage.now, "暂停 payment-date、grace-notice · both suspended, pending waits")


async def confirm_contacts(stage: Stage) -> None:
    clerk = stage.office["clerk-2"]
    for n in range(1, 4):
        request_id = f"unverified-{n:02d}"
        request = ConfirmContactRequest(
            bank_id=BANK,
            customer_id=_debtor(stage, request_id),
            phone_number=stage.cases[request_id].phone_number,
            evidence_reference=f"REC-{request_id}",
        )
        await clerk.ask(clerk.holds.ConfirmContact, request)
    stage.board.tell(stage.now, "核实 3 个号码 · 3 numbers confirmed, what waited is due")


async def clerk_leaves(stage: Stage) -> None:
    operator = stage.office["operator-1"]
    request = SetEmployeeRequest(caller_id="case-system", employee_id="clerk-4", team="team-b", active=False)
    await operator.ask(operator.operations.SetEmployee, request)
    stage.board.tell(stage.now, "clerk-4 离职 · clerk-4 leaves, nothing more goes out in that name")


async def lift_hold(stage: Stage) -> None:
    """One supervisor asks, another one lifts."""
    asks, lifts = stage.office["supervisor-1"], stage.office["supervisor-2"]
    ending = stage.cases["lifted-01"].account_number[-4:]
    holds = (await asks.ask(asks.holds.ListHolds, ListHoldsRequest(bank_id=BANK))).holds
    for hold in holds:
        if hold.masked_account_number.endswith(ending):
            with asks.once():
                request = RequestLiftRequest(hold_id=hold.hold_id, reason="投诉已处理完毕")
                await asks.ask(asks.holds.RequestLift, request)
            with lifts.once():
                await lifts.ask(lifts.holds.ApproveLift, ApproveLiftRequest(hold_id=hold.hold_id))
    stage.board.tell(stage.now, "双人解除一户暂停 · two supervisors lift one hold")


async def resume_template(stage: Stage) -> None:
    approver = stage.office["demo-approver"]
    with approver.once():
        request = ResumeTemplateRequest(digest=stage.digests[BANK, "payment-date"], reason="口径无误")
        await approver.ask(approver.templates.ResumeTemplate, request)
    stage.board.tell(stage.now, "银行恢复 payment-date · the bank resumes it, what waited is due")


async def resolve_unconfirmed(stage: Stage) -> None:
    """The carrier's support has found the message; an operator says so, with the reference."""
    operator, supervisor = stage.office["operator-1"], stage.office["supervisor-1"]
    wanted = {one.outreach_id async for one in supervisor.list(BANK, case_id="CASE-by-evidence")}
    unknown = await operator.ask(operator.operations.ListUnconfirmed, ListUnconfirmedRequest(bank_id=BANK))
    for attempt in unknown.attempts:
        if attempt.outreach_id in wanted:
            request = ResolveUnconfirmedRequest(
                attempt_id=attempt.attempt_id, state=State.STATE_DELIVERED, evidence_reference="TICKET-42"
            )
            with operator.once():
                await operator.ask(operator.operations.ResolveUnconfirmed, request)
    stage.board.tell(stage.now, "一条未知结果凭通道工单了结 · one unknown fate is resolved with evidence")


def _debtor(stage: Stage, request_id: str) -> str:
    return stage.placements[stage.cases[request_id].account_number].parties[0].customer_id


ACTS: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "07:20": close_contacts,
    "07:40": mailroom.ask_quantities,
    "09:20": throttle_number,
    "09:30": mailroom.grant_quantities,
    "09:40": throttle_channel,
    "10:20": mailroom.print_first_runs,
    "11:20": close_contacts_of_pending,
    "11:30": hold_accounts,
    "11:35": opt_out,
    "11:40": retire_template,
    "11:45": withdraw,
    "12:00": suspend_templates,
    "13:00": confirm_contacts,
    "13:20": mailroom.mail_first_runs,
    "13:30": clerk_leaves,
    "15:00": lift_hold,
    "15:20": mailroom.second_run,
    "16:00": resume_template,
    "16:30": mailroom.mail_comes_back,
    "18:00": resolve_unconfirmed,
    "18:30": mailroom.close_runs,
}
