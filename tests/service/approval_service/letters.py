"""A letter version to test with, its way to being authorized, and letters and quantities of it."""

from __future__ import annotations

from itertools import count
from typing import Any

from approval_service import letter_admission, letter_versions, operations, quantity_register
from approval_service.calls import Call
from outreach.v1.letter_version_service_pb2 import (
    DraftLetterVersionRequest,
    LetterContent,
    LetterVersion,
    ReviewLetterVersionRequest,
)
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.outreach_service_pb2 import CallOutcome, Decision, LetterItem, PostalClass, PriorCall
from outreach.v1.quantity_service_pb2 import AskQuantityRequest, DecideQuantityRequest, Quantity
from tests.service.approval_service.world import BANK, CALLER, DAY_MS, HOTLINE, NOW_MS, World, decided, principal

_numbers = count(1)
NAME = "payment-notice"
SOURCE = """\
---
title: 缴款告知函
bank: 示例银行
agency: 示例催收
return_address: 上海市浦东新区世纪大道100号
envelope: DL
duplex: false
placeholders:
  - {name: name, type: NAME, record_field: RECIPIENT_NAME}
  - {name: tail, type: LAST_FOUR, record_field: ACCOUNT_LAST_FOUR}
  - {name: overdue, type: AMOUNT, record_field: OVERDUE_AMOUNT}
  - {name: balance, type: AMOUNT, record_field: OUTSTANDING_AMOUNT}
  - {name: as_of, type: DATE, record_field: AS_OF_DATE}
  - {name: line, type: HOTLINE}
---
# 缴款告知函

尊敬的{name}：

　　您卡号末四位{tail}的信用卡截至{as_of}已逾期金额{overdue}元（大写：{overdue:capitals}），账户欠款余额{balance}元（大写：{balance:capitals}）。您未能按期足额还款，已构成逾期，我行委托示例催收（委托书编号SL-2026-001，期限自2026年1月1日起）告知您如下。
　　根据《中华人民共和国民法典》第六百七十五条和《商业银行信用卡业务监督管理办法》，您有义务按照领用合约的约定按期足额还款。
　　您有权查询账户信息、提出异议、协商还款和投诉。您可以通过手机银行、营业网点或客户服务热线{line}查询账单、余额和还款记录。
　　请通过手机银行或营业网点，将款项存入您本人名下的信用卡账户。我行和受托机构的工作人员不收取现金，也不会要求您向任何个人账户转账。
　　如您对欠款有异议，请致电客户服务热线{line}或以书面方式向我行提出，并提交还款凭证、交易凭证等证明材料。
　　如暂时还款有困难，请致电热线{line}与我行协商还款安排。您可以拨打我行热线{line}反映，也可以拨打12378投诉。
　　如您在收到本函前已经还款，请忽略本函。

[盖章] 示例银行
"""
"""Without a finding under the policy of World.open_bank."""


def letter_content(**changes: Any) -> LetterContent:
    """A content that passes every check, with changes."""
    return LetterContent(**({"bank_id": BANK, "name": NAME, "source": SOURCE.encode()} | changes))


async def draft_letter(world: World, employee: str = "ann", **changes: Any) -> LetterVersion:
    call = Call(principal(employee), DraftLetterVersionRequest(content=letter_content(**changes)))
    submission = await world.authority.read(letter_versions.submission, call)
    return (await world.authority.write(letter_versions.draft, submission)).version


def letter_review(
    digest: str, *, passes: bool = True, filing_number: str = "", comment: str = ""
) -> ReviewLetterVersionRequest:
    fields: dict[str, Any] = {"digest": digest, "pass": passes, "filing_number": filing_number, "comment": comment}
    return ReviewLetterVersionRequest(**fields)


async def authorized_letter(world: World, **changes: Any) -> LetterVersion:
    """A version drafted by ann, and reviewed and filed by ben."""
    digest = (await draft_letter(world, **changes)).digest
    request = letter_review(digest, filing_number="BA-2026-1")
    return (await world.write(letter_versions.review, "ben", request)).version


def letter_item(number: str, **changes: Any) -> LetterItem:
    """A good request for an account that World.place made, with changes."""
    item = LetterItem(
        request_id=f"letter{next(_numbers)}",
        bank_id=BANK,
        account_number=number,
        address="浙江省杭州市西湖区文三路18号3幢402室",
        letter_name=NAME,
        variables={"line": HOTLINE},
        postal_class=PostalClass.POSTAL_CLASS_ORDINARY,
        prior_call=PriorCall(outcome=CallOutcome.CALL_OUTCOME_ANSWERED, recording_reference="rec-1"),
    )
    item.prior_call.call_time.FromMilliseconds(NOW_MS - DAY_MS)
    item.MergeFrom(LetterItem(**changes))
    return item


async def submit_letters(world: World, *items: LetterItem, team: str = "t1") -> list[Decision]:
    """The decisions on letters that dan, or the clerk of another team, asks for in one call."""
    clerk = "dan" if team == "t1" else f"clerk-{team}"
    if team != "t1":
        registration = SetEmployeeRequest(caller_id=CALLER, employee_id=clerk, team=team, active=True)
        await world.write(operations.set_employee, "ann", registration, banks=["*"])
    calls = [Call(principal(clerk), item) for item in items]
    answers = [decided(answer) for answer in await world.authority.write_many(letter_admission.admit, calls)]
    assert all(isinstance(answer, Decision) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, Decision)]


async def grant_quantity(world: World, number: int) -> Quantity:
    """A quantity that ann asked for her team and ben granted in full."""
    request = AskQuantityRequest(bank_id=BANK, letter_name=NAME, number=number, reason="月度寄函")
    asked = (await world.write(quantity_register.ask, "ann", request)).quantity
    decision = DecideQuantityRequest(quantity_id=asked.quantity_id, granted=number)
    return (await world.write(quantity_register.decide, "ben", decision)).quantity
