"""`python -m examples.generate` writes the data of the example day: two banks, their events, the cases, and by group
what the rules must make of them. The files it writes are committed; a test proves that they are what it writes.

Times are China's. Cases of one file are submitted together, at the time and by the clerk in its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from examples import letter_cases
from examples.repaying import repay
from examples.sheet import Account, Sheet, at

D, S = "demo-bank", "sample-bank"
DELIVERED = "DELIVERED"
FOLDER = Path(__file__).parent
OPENING, MORNING, LATER, NOON, AFTERNOON, REOPENED = "07:30", "09:00", "10:30", "12:30", "14:30", "15:30"


def build() -> Sheet:
    sheet = Sheet()
    for fill in (
        ordinary, placement_rules, recipients, numbers, contacts, holds, marks, templates, variables, repeats, caps,
        repayments, recalls, withdrawals, clerks, carrier_faults, evening, letter_cases.fill, feeds,
    ):  # fmt: skip
        fill(sheet)
    return sheet


def ordinary(sheet: Sheet) -> None:
    sheet.group(
        "ordinary", "08:00 前提交，免打扰时段顺延，08:00 发出", "submitted before 08:00, waits, leaves at 08:00"
    )
    for n in range(40):
        sheet.case(OPENING, sheet.account(D), DELIVERED, clerk=f"clerk-{1 + n % 3}")
    sheet.group(
        "late-feed",
        "样本银行 10:00 才对账完成，之前不放行",
        "the bank's feed mark comes at 10:00; until then all waits",
    )
    for _ in range(20):
        sheet.case(OPENING, sheet.account(S), DELIVERED, clerk="clerk-2")


def placement_rules(sheet: Sheet) -> None:
    sheet.group("not-placed", "未委案、委给他机构、委案期未到", "never placed; another agency's; term not begun")
    blocked = "BLOCKED NOT_PLACED"
    for n in range(6):
        stranger = Account(D, f"DEMO-26-9{n:03d}", [sheet.person(D)])
        sheet.case(OPENING, stranger, blocked)
    for _ in range(4):
        sheet.case(OPENING, sheet.account(D, agency="other-agency"), blocked)
    for _ in range(2):
        sheet.case(OPENING, sheet.account(D, start=at("00:00", "2026-04-01")), blocked)
    sheet.group("term-over", "委案期已满", "the placement's term is over")
    for _ in range(3):
        sheet.case(OPENING, sheet.account(D, end=at("00:00")), "BLOCKED CASE_RECALLED")


def recipients(sheet: Sheet) -> None:
    blocked = "BLOCKED THIRD_PARTY_DISCLOSURE"
    sheet.group(
        "third-party",
        "收件人或号码属于第三人，或账户无此客户",
        "the person or the number is a third party's, or unknown there",
    )
    for _ in range(5):
        third = sheet.person(D, "third_party")
        sheet.case(OPENING, sheet.account(D, third), blocked, customer_id=third[1], phone_number=third[3])
    for _ in range(4):
        third = sheet.person(D, "third_party")
        sheet.case(OPENING, sheet.account(D, third), blocked, phone_number=third[3])
    for n in range(2):
        sheet.case(OPENING, sheet.account(D), blocked, customer_id=f"DC-26-9{n:03d}")
    sheet.group("guarantor", "担保人可以联系", "a guarantor may be written to")
    for _ in range(4):
        guarantor = sheet.person(D, "guarantor")
        account = sheet.account(D, guarantor)
        sheet.case(OPENING, account, DELIVERED, customer_id=guarantor[1], phone_number=guarantor[3])


def numbers(sheet: Sheet) -> None:
    sheet.group("bad-number", "不是手机号码", "not a mobile number")
    for text in ("010-00000009", "1540000123", "154000012345", "25400001234", "1540000123X", "无"):
        sheet.case(OPENING, sheet.account(D), "BLOCKED PHONE_INVALID", phone_number=text)
    sheet.group(
        "not-this-person",
        "07:20 证实为他人号码或空号；11:20 证实时待发的取消",
        "closed as another's or dead at 07:20, or at 11:20 while pending",
    )
    for _ in range(5):
        sheet.case(OPENING, sheet.account(D), "BLOCKED PHONE_INVALID")
    for _ in range(2):
        sheet.case(MORNING, sheet.account(D), "CANCELLED PHONE_INVALID", not_before=at("14:00"))


def contacts(sheet: Sheet) -> None:
    sheet.group(
        "unverified",
        "非预留号码，未经核实：前三个 13:00 核实后发出，其余等待，一个 12:00 过期",
        "three confirmed at 13:00, the others wait, one expires at 12:00",
    )
    for n in range(8):
        outcome = DELIVERED if n < 3 else "ADMITTED CONTACT_UNVERIFIED"
        sheet.case(MORNING, sheet.account(D), outcome, phone_number=sheet.person(D)[3])
    late = {"not_after": at("12:00"), "phone_number": sheet.person(D)[3]}
    sheet.case(MORNING, sheet.account(D), "EXPIRED CONTACT_UNVERIFIED", **late)


def holds(sheet: Sheet) -> None:
    kinds = ("DISPUTE", "DEATH", "LITIGATION")
    sheet.group("held-before", "07:10 银行已暂停", "the bank held them at 07:10")
    for kind in kinds:
        account = sheet.account(D)
        _hold(sheet, "07:10", account, kind)
        sheet.case(OPENING, account, "BLOCKED ACCOUNT_ON_HOLD")
    sheet.group(
        "held-while-pending",
        "11:30 暂停：银行三户、投诉两户、一条无法读取的事件；待发取消",
        "held at 11:30 by the bank, by complaints, by an unreadable event",
    )
    cancelled = "CANCELLED ACCOUNT_ON_HOLD"
    for kind in kinds:
        account = sheet.account(D)
        _hold(sheet, "11:30", account, kind)
        sheet.case(MORNING, account, cancelled, not_before=at("14:00"))
    complaints = [sheet.account(D), sheet.account(D)]
    for account in (*complaints, sheet.account(D)):
        sheet.case(MORNING, account, cancelled, not_before=at("14:00"))
    sheet.group(
        "lifted",
        "投诉中的新请求被拦；15:00 双人解除后可发，取消的不恢复",
        "blocked while held; sent after two people lifted it; revives nothing",
    )
    sheet.case(AFTERNOON, complaints[0], "BLOCKED ACCOUNT_ON_HOLD")
    sheet.case(AFTERNOON, complaints[1], "BLOCKED ACCOUNT_ON_HOLD")
    sheet.case(REOPENED, complaints[0], DELIVERED)
    sheet.case(REOPENED, complaints[1], "BLOCKED ACCOUNT_ON_HOLD")


def _hold(sheet: Sheet, time: str, account: Account, kind: str) -> None:
    body = {"accountNumber": account.number, "kind": f"HOLD_KIND_{kind}", "reason": "银行通知暂停"}
    sheet.event(time, account.bank, "hold", body)


def marks(sheet: Sheet) -> None:
    sheet.group(
        "no-contact",
        "银行 07:10 禁止联系客户、号码、账户；11:35 退订时待发的取消",
        "the bank's marks; opt-outs while pending",
    )
    for subject in ("customerId", "phoneNumber", "accountNumber"):
        account = sheet.account(D)
        value = {"customerId": account.customer, "phoneNumber": account.phone, "accountNumber": account.number}[subject]
        sheet.event("07:10", D, "noContact", {subject: value, "reason": "客户书面拒绝联系"})
        sheet.case(OPENING, account, "BLOCKED DO_NOT_CONTACT")
    for _ in range(2):
        sheet.case(MORNING, sheet.account(D), "CANCELLED DO_NOT_CONTACT", not_before=at("14:00"))


def templates(sheet: Sheet) -> None:
    blocked, pending = "BLOCKED TEMPLATE_NOT_APPROVED", {"not_before": at("13:00")}
    sheet.group(
        "not-approved",
        "草稿、已评审未批、银行驳回、未生效、不存在、指定了别的版本",
        "draft, reviewed only, rejected, not yet effective, unknown, pinned to another",
    )
    for name in ("new-wording", "new-wording", "awaiting-bank", "bank-refused", "next-month", "no-such-template"):
        sheet.case(OPENING, sheet.account(D), blocked, template_name=name)
    sheet.case(OPENING, sheet.account(D), blocked, template_digest="0" * 64)
    sheet.group("by-document", "凭银行批文生效的模板", "a template approved by the bank's document")
    for n in range(6):
        reference = f"AP-26-{n:04d}"
        sheet.case(OPENING, sheet.account(D), DELIVERED, template_name="minimum-payment", var__reference=reference)
    sheet.group(
        "suspended",
        "12:00 暂停模板：待发的等待，16:00 恢复后发出；期间新请求被拦",
        "suspended 12:00–16:00: pending waits and is sent after; new ones are blocked",
    )
    for _ in range(4):
        sheet.case(MORNING, sheet.account(D), DELIVERED, template_name="payment-date", **pending)
    for _ in range(2):
        sheet.case(NOON, sheet.account(D), blocked, template_name="payment-date")
    sheet.group("still-suspended", "12:00 暂停，当天未恢复", "suspended at 12:00 and not resumed that day")
    for _ in range(3):
        sheet.case(MORNING, sheet.account(D), "ADMITTED TEMPLATE_NOT_APPROVED", template_name="grace-notice", **pending)
    sheet.group(
        "retired",
        "11:40 停用模板：待发取消，之后被拦",
        "retired at 11:40: pending is cancelled, later ones are blocked",
    )
    for _ in range(3):
        sheet.case(
            MORNING, sheet.account(D), "CANCELLED TEMPLATE_NOT_APPROVED", template_name="old-reminder", **pending
        )
    sheet.case(NOON, sheet.account(D), blocked, template_name="old-reminder")
    sheet.group(
        "not-filed", "通道报备文本与批准文本不同，或未报备", "the carrier's registered copy differs, or there is none"
    )
    for name in ("month-end", "month-end", "unfiled-notice"):
        sheet.case(MORNING, sheet.account(S), "BLOCKED TEMPLATE_NOT_FILED", template_name=name)


def variables(sheet: Sheet) -> None:
    sheet.group(
        "bad-variable",
        "热线不对、缺少、重复银行记录、多余、夹带号码、夹带网址",
        "wrong hotline, missing, the record's own, unknown, a smuggled number, a smuggled link",
    )
    blocked = "BLOCKED VARIABLE_INVALID"
    minimum: dict[str, Any] = {"template_name": "minimum-payment"}
    sheet.case(OPENING, sheet.account(D), blocked, var__hotline="010-00000009")
    sheet.case(OPENING, sheet.account(D), blocked, var__hotline="")
    sheet.case(OPENING, sheet.account(D), blocked, var__amount="1.00")
    sheet.case(OPENING, sheet.account(D), blocked, var__note="OK")
    sheet.case(OPENING, sheet.account(D), blocked, var__reference="15400001234", **minimum)
    sheet.case(OPENING, sheet.account(D), blocked, var__reference="www.example.cn", **minimum)


def repeats(sheet: Sheet) -> None:
    sheet.group(
        "repeated",
        "同号同文：同一回答，不再发；同号异文：拒绝",
        "same id and body: the first answer; another body: refused",
    )
    accounts = [sheet.account(D) for _ in range(4)]
    ids = [sheet.case(OPENING, account, DELIVERED) for account in accounts]
    for account, request_id in zip(accounts, ids, strict=True):
        sheet.case(MORNING, account, "", request_id=request_id)
    for account, request_id in zip(accounts[:2], ids[:2], strict=True):
        sheet.case(LATER, account, "", request_id=request_id, template_name="payment-date")


def caps(sheet: Sheet) -> None:
    capped = "ADMITTED FREQUENCY_CAP"
    sheet.group(
        "frequency",
        "同一人当天第二条：等到次日；not_after 已到的过期",
        "a person's second of the day waits for the next; expires if it may not",
    )
    for _ in range(5):
        account = sheet.account(D)
        sheet.case(OPENING, account, DELIVERED)
        sheet.case(LATER, account, capped, clerk="clerk-2")
    account = sheet.account(D)
    sheet.case(OPENING, account, DELIVERED)
    sheet.case(LATER, account, "EXPIRED FREQUENCY_CAP", not_after=at("20:00"))


def repayments(sheet: Sheet) -> None:
    later = {"not_before": at("14:00")}
    sheet.group(
        "repaid", "11:30 全额还款，14:00 的短信取消", "paid in full at 11:30; what was due at 14:00 is cancelled"
    )
    for bank in (*[D] * 8, *[S] * 2):
        account = sheet.account(bank)
        sheet.case(MORNING, account, "CANCELLED REPAID_IN_FULL", **later)
        repay(sheet, "11:30", account, "FULL", account.overdue_fen, after=0)
    sheet.group(
        "repaid-in-part",
        "部分还款：有新金额的按新金额发，没有的取消；减到零即结清",
        "new amounts are used; without them, or at zero, cancelled",
    )
    for _ in range(4):
        account = sheet.account(D)
        sheet.case(MORNING, account, DELIVERED, **later)
        repay(sheet, "11:30", account, "PARTIAL", 50_000, after=account.overdue_fen - 49_900)
    for outcome in ("CANCELLED REPAID_IN_PART",) * 2:
        account = sheet.account(D)
        sheet.case(MORNING, account, outcome, **later)
        repay(sheet, "11:30", account, "PARTIAL", 50_000)
    sheet.case(AFTERNOON, account, "ADMITTED BALANCE_UNCONFIRMED")
    for _ in range(2):
        account = sheet.account(D)
        sheet.case(MORNING, account, "CANCELLED ACCOUNT_SETTLED", **later)
        repay(sheet, "11:30", account, "PARTIAL", account.overdue_fen, after=0)
    sheet.group(
        "reversed", "10:10 还清，11:30 冲正：已取消的不恢复，期间被拦，之后可发", "paid at 10:10, reversed at 11:30"
    )
    for _ in range(2):
        account = sheet.account(D)
        sheet.case(MORNING, account, "CANCELLED REPAID_IN_FULL", **later)
        repay(sheet, "10:10", account, "FULL", account.overdue_fen, after=0)
        sheet.case(LATER, account, "BLOCKED ACCOUNT_SETTLED")
        repay(sheet, "11:30", account, "REVERSAL", account.overdue_fen, after=account.overdue_fen, sequence=3)
        sheet.case(AFTERNOON, account, DELIVERED)
    sheet.group("out-of-order", "序号较低的还款只作记录", "a repayment with a lower sequence is recorded only")
    account = sheet.account(D)
    sheet.case(MORNING, account, DELIVERED, **later)
    repay(sheet, "10:10", account, "PARTIAL", 10_000, after=account.overdue_fen - 10_000, sequence=5)
    repay(sheet, "11:30", account, "FULL", account.overdue_fen, after=0, sequence=4)


def recalls(sheet: Sheet) -> None:
    sheet.group(
        "recalled", "11:30 退案：待发取消，之后被拦", "recalled at 11:30: pending is cancelled, later ones are blocked"
    )
    for _ in range(3):
        account = sheet.account(D)
        sheet.case(MORNING, account, "CANCELLED CASE_RECALLED", not_before=at("14:00"))
        sheet.event("11:30", D, "recall", {"accountNumber": account.number, "reason": "银行收回自行处理"})
    sheet.case(AFTERNOON, account, "BLOCKED CASE_RECALLED")


def withdrawals(sheet: Sheet) -> None:
    sheet.group(
        "withdrawn", "11:45 案件系统撤回：按案件、按编号、按账户", "withdrawn at 11:45 by case, by id, by account"
    )
    for case_id in ("CASE-withdrawn",) * 3 + ("CASE-by-id", "CASE-by-account"):
        sheet.case(MORNING, sheet.account(D), "CANCELLED REQUESTED", not_before=at("14:00"), case_id=case_id)


def clerks(sheet: Sheet) -> None:
    sheet.group("nobody-asks", "经办人已离职", "the clerk left long ago")
    for _ in range(3):
        sheet.case(MORNING, sheet.account(D), "BLOCKED OPERATOR_MISSING", clerk="clerk-gone")
    sheet.group(
        "clerk-leaves",
        "经办人 13:30 离职：待发的不再以其名义发出",
        "the clerk leaves at 13:30: nothing more goes out in that name",
    )
    for _ in range(2):
        sheet.case(MORNING, sheet.account(D), "CANCELLED OPERATOR_MISSING", clerk="clerk-4", not_before=at("14:00"))


def carrier_faults(sheet: Sheet) -> None:
    sheet.group("refused", "通道拒收、回执拒收、空号", "refused by the carrier, by the handset, number not in service")
    for tail in ("9901", "9901", "9928"):
        sheet.case(OPENING, sheet.account(D, tail=tail), "UNDELIVERED")
    dead = sheet.account(D, tail="9927")
    sheet.case(OPENING, dead, "UNDELIVERED")
    sheet.case(OPENING, sheet.account(S, tail="9901"), "UNDELIVERED")
    sheet.group("dead-number", "空号回执之后", "after the receipt told that the number is dead")
    sheet.case(LATER, dead, "BLOCKED PHONE_INVALID")
    sheet.group("answer-lost", "应答丢失而回执到来：已送达", "the answer was lost, the receipt came")
    for tail in ("9908", "9909", "9910", "9912"):
        sheet.case(OPENING, sheet.account(D, tail=tail), DELIVERED)
    sheet.case(OPENING, sheet.account(S, tail="9908"), DELIVERED)
    sheet.group(
        "unconfirmed",
        "应答与回执都没有：结果未知，绝不重发；一条 18:00 由运维凭证据了结",
        "neither answer nor receipt: unknown, never sent again; one is resolved with evidence at 18:00",
    )
    for tail in ("9905", "9906", "9907"):
        sheet.case(OPENING, sheet.account(D, tail=tail), "UNCONFIRMED")
    sheet.case(OPENING, sheet.account(S, tail="9911"), "UNCONFIRMED")
    sheet.case(OPENING, sheet.account(D, tail="9911"), DELIVERED, case_id="CASE-by-evidence")
    sheet.group(
        "receipts",
        "回执先到、重复、乱序、缺编号、夹带陌生",
        "receipts early, repeated, reordered, without our id, with a stranger's",
    )
    for tail in ("9921", "9923", "9924", "9925", "9926"):
        sheet.case(OPENING, sheet.account(D, tail=tail), DELIVERED)
    sheet.group(
        "no-receipt",
        "无回执：银行通道停在已发送；阿里云由查询得知送达",
        "no receipt: stays SENT, or is asked of the carrier",
    )
    for _ in range(2):
        sheet.case(OPENING, sheet.account(D, tail="9922"), "SENT")
    sheet.case(OPENING, sheet.account(S, tail="9922"), DELIVERED)
    sheet.group("throttled", "通道限流，稍后发出", "throttled by the carrier, sent later")
    sheet.case("09:20", sheet.account(D), DELIVERED)
    sheet.case("09:40", sheet.account(D), DELIVERED)


def evening(sheet: Sheet) -> None:
    sheet.group("last-minute", "20:59 提交，立即发出", "submitted at 20:59, leaves at once")
    for _ in range(6):
        sheet.case("20:59", sheet.account(D), DELIVERED)
    sheet.group("after-hours", "21:05 提交，等到次日 08:00", "submitted at 21:05, waits for 08:00")
    for _ in range(8):
        sheet.case("21:05", sheet.account(D), "ADMITTED QUIET_HOURS")
    sheet.group("agreed", "本人同意夜间联系", "the person agreed to be contacted at night")
    for _ in range(2):
        sheet.case("21:05", sheet.account(D, agreed=True), DELIVERED)


def feeds(sheet: Sheet) -> None:
    sheet.group(
        "stale-balance",
        "账户金额过期：11:00 更新的发出，其余等待",
        "amounts too old: sent once fresh at 11:00, the others wait",
    )
    for n in range(8):
        account = sheet.account(S if n % 2 else D, as_of=at("18:00", "2026-03-15"))
        sheet.case(MORNING, account, DELIVERED if n < 3 else "ADMITTED BALANCE_UNCONFIRMED")
        if n < 3:
            fen = account.overdue_fen
            body = {"accountNumber": account.number, "sequence": "2", "asOfTime": at("10:55"), "dueDate": "2026-02-20"}
            body |= {"overdueAmountFen": str(fen), "outstandingAmountFen": str(fen * 4), "minimumPaymentFen": "10000"}
            sheet.event("11:00", account.bank, "balance", body)
    stale = at("05:00", "2026-03-16")
    sheet.event("07:00", S, "feedMark", {"completeThrough": stale})
    for time in ("07:00", "07:10", "10:10", "11:00", "11:30"):
        sheet.event(time, D, "feedMark", {"completeThrough": at(time)})
    for time in ("10:00", "11:00", "11:30"):
        sheet.event(time, S, "feedMark", {"completeThrough": at(time)})


if __name__ == "__main__":
    build().write(FOLDER)
