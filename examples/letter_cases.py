"""The letters of the example day: who asks for which, and what the rules and the mailroom must make of each.

Roads named after heavenly stems, 例甲路 and so on, do not exist in the districts that they are written with.
"""

from __future__ import annotations

from typing import Any

from examples.repaying import repay
from examples.sheet import STEMS, Account, Sheet

D, S = "demo-bank", "sample-bank"
ASKED, LATE, AGAIN = "07:50", "13:00", "17:00"
DISTRICTS = ("北京市海淀区", "上海市徐汇区", "广东省广州市天河区", "浙江省杭州市西湖区", "四川省成都市武侯区")
PRINTED = "MAILED"
SMALL_FEN, CARE_FEN = 40_000, 60_000
"""Under the policy's minimum of 500 yuan, and at most its limit of 800 yuan for careful handling."""


def fill(sheet: Sheet) -> None:
    _printed(sheet)
    _blocked_addresses(sheet)
    _blocked_otherwise(sheet)
    _waiting(sheet)
    _after_printing(sheet)
    _returned(sheet)
    _beyond_the_quantity(sheet)


def home(n: int) -> str:
    """A complete address that nobody lives at."""
    district, stem = DISTRICTS[n % len(DISTRICTS)], STEMS[n // len(DISTRICTS) % len(STEMS)]
    return f"{district}例{stem}路{10 + n}号{1 + n % 9}栋{1 + n % 4}单元{3 + n % 5}0{1 + n % 4}室"


def _account(sheet: Sheet, bank: str = D, **changes: Any) -> Account:
    changes.setdefault("address", home(len(sheet.accounts)))
    return sheet.account(bank, **changes)


def _printed(sheet: Sheet) -> None:
    sheet.group(
        "letter",
        "数量批准后打印、盖章、交寄；样本银行用其官方 PDF，挂号",
        "granted, printed, sealed, mailed; one bank by its own PDF",
    )
    for _ in range(8):
        sheet.letter(ASKED, _account(sheet), PRINTED)
    for _ in range(4):
        sheet.letter(ASKED, _account(sheet, S), PRINTED)


def _blocked_addresses(sheet: Sheet) -> None:
    sheet.group(
        "letter-address",
        "地址不完整、敏感、过大、无法投递：提交时即被拦",
        "incomplete, sensitive, too wide, undeliverable addresses",
    )
    for code, address in (
        ("ADDRESS_INCOMPLETE", "北京市海淀区12号"),
        ("ADDRESS_INCOMPLETE", "广东省广州市天河区例甲路1201室"),
        ("ADDRESS_SENSITIVE", "上海市徐汇区人民检察院"),
        ("ADDRESS_SENSITIVE", "浙江省杭州市西湖区例乙路8号例丙律师事务所"),
        ("ADDRESS_BROAD", "四川省成都市武侯区四川大学"),
        ("ADDRESS_BROAD", "浙江省杭州市西湖区人才服务中心"),
        ("ADDRESS_UNDELIVERABLE", "广东省杭州市西湖区例丁路8号2栋1单元301室"),
    ):
        sheet.letter(ASKED, _account(sheet, address=address), f"BLOCKED {code}")


def _blocked_otherwise(sheet: Sheet) -> None:
    sheet.group(
        "letter-blocked",
        "无首次电联、低于最低金额、版本未授权、未委案",
        "no call before it, below the minimum, no authorized version, not placed",
    )
    no_call = {"call_time": "", "call_outcome": "", "recording_reference": ""}
    sheet.letter(ASKED, _account(sheet), "BLOCKED NO_PRIOR_CALL", **no_call)
    sheet.letter(ASKED, _account(sheet, overdue_fen=SMALL_FEN), "BLOCKED BELOW_MINIMUM_AMOUNT")
    sheet.letter(ASKED, _account(sheet), "BLOCKED LETTER_NOT_AUTHORIZED", letter_name="lawyer-letter")
    stranger = Account(D, "DEMO-26-9900", [sheet.person(D)], address=home(7))
    sheet.letter(ASKED, stranger, "BLOCKED NOT_PLACED")


def _waiting(sheet: Sheet) -> None:
    sheet.group(
        "letter-waits",
        "小额等复核放行；非预留地址等核实；同一账户 30 天内第二封等待",
        "small amounts wait for a reviewer, unknown addresses for evidence, a second letter for 30 days",
    )
    sheet.letter(ASKED, _account(sheet, overdue_fen=CARE_FEN), PRINTED)
    sheet.letter(ASKED, _account(sheet, overdue_fen=CARE_FEN), "ADMITTED CARE_AMOUNT")
    sheet.letter(ASKED, _account(sheet), "ADMITTED CONTACT_UNVERIFIED", address=home(990))
    account = _account(sheet)
    sheet.letter(ASKED, account, PRINTED)
    sheet.letter(LATE, account, "ADMITTED FREQUENCY_CAP")


def _after_printing(sheet: Sheet) -> None:
    sheet.group(
        "letter-repaid",
        "打印之后 11:30 全额还款：抽出销毁；部分还款：抽出，按新金额另号重印",
        "repaid after it was printed: pulled; in part: pulled, and made anew with the new amount",
    )
    account = _account(sheet)
    sheet.letter(ASKED, account, "PULLED REPAID_IN_FULL")
    repay(sheet, "11:30", account, "FULL", account.overdue_fen, after=0)
    account = _account(sheet)
    sheet.letter(ASKED, account, PRINTED)
    repay(sheet, "11:30", account, "PARTIAL", 50_000, after=account.overdue_fen - 49_900)
    sheet.group(
        "letter-spoiled", "打印时作废，另号重印，不占数量", "spoiled in print, printed again under a new number"
    )
    sheet.letter(ASKED, _account(sheet), PRINTED)


def _returned(sheet: Sheet) -> None:
    sheet.group(
        "letter-returned",
        "退信：查无地址；此后同一地址换个写法也被拦",
        "it came back: no such address; later requests to that door are blocked, however it is written",
    )
    written = "广东省广州市天河区例戊路66号3栋2单元501室"
    sheet.letter(ASKED, _account(sheet, address=written), "RETURNED")
    otherwise = "广东广州天河例戊路６６号3幢2单元501"
    sheet.letter(AGAIN, _account(sheet, address=otherwise), "BLOCKED ADDRESS_KNOWN_BAD")


def _beyond_the_quantity(sheet: Sheet) -> None:
    sheet.group(
        "letter-quantity",
        "本组没有获批的数量：等待，一封由案件系统撤回",
        "no quantity was granted to that team: they wait, one is withdrawn",
    )
    for _ in range(2):
        sheet.letter(LATE, _account(sheet), "AWAITING_QUANTITY QUANTITY_NOT_APPROVED", clerk="clerk-3")
    sheet.letter(LATE, _account(sheet), "CANCELLED REQUESTED", clerk="clerk-3", case_id="CASE-letter-withdrawn")
