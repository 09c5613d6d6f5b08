"""What stops a letter version from being submitted, and what its approvers must see. docs/letter_format.md lists it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from outreach.domain.codes import Code
from outreach.letters.findings import Finding, show, stop
from outreach.letters.model import Letter, LetterHead, TextLetter
from outreach.letters.official_archive import archive_findings
from outreach.letters.official_glyphs import look
from outreach.letters.official_text import official_passages, printed_findings
from outreach.letters.parties import sender_findings
from outreach.letters.placeholders import texts
from outreach.letters.pretence import pretence_findings
from outreach.letters.reading import Passage, fold, mark, passages, split
from outreach.letters.requirements import missing

_LONG_NUMBER = re.compile(r"(?<![0-9])(?:[0-9]{15,19}|[0-9]{17}[xX]|[0-9]{4}(?:-[0-9]{4}){3}(?:-[0-9]{1,3})?)(?![0-9])")
_MASKED_NUMBER = re.compile(r"(?<![0-9])[0-9]{4,6}[*＊×xX]{4,}[0-9xX]{2,4}")
_IDENTITY = re.compile(
    r"(?:身份证|证件|护照)(?:件)?(?:号码|号|尾号|[末后]四位|[末后]4位){0,2}[:：为是]{0,2}(?:⟦|[0-9A-Za-z*]{4,})"
)
_MOBILE = re.compile(r"(?<![0-9])(?:\+?86-?)?1[3-9][0-9](?:-?[0-9]{4}){2}(?![0-9])")
_PHONE = re.compile(
    r"(?<![0-9-])(?:0[0-9]{2,3}-?[0-9]{7,8}|[48]00-?[0-9]{3}-?[0-9]{4}|(?:(?<=热线)|(?<=电话)|(?<=致电)|(?<=拨打))[0-9]{5,6})(?![0-9-])"
)
_CHAT = re.compile(
    r"(?:微信|威信|薇信|QQ|扣扣|支付宝|钉钉)(?:号码?|账号|帐号)?[:：是为]?[0-9A-Za-z_-]{5,}", re.IGNORECASE
)
_LINK = re.compile(r"https?://|www\.|[0-9a-z-]+\.(?:com|cn|net|org)(?![a-z])", re.IGNORECASE)
_FIXED_AMOUNT = re.compile(
    r"(?:欠款|余额|逾期|应还|还款额|金额)[^，。]{0,8}?(?:人民币)?[0-9][0-9,]*(?:\.[0-9]+)?(?:万)?元"
)
_FIXED_DATE = re.compile(r"(?:截至|截止|计至)[^⟦，。]{0,6}20[0-9]{2}年?")
_BLANK = re.compile(r"[×xX]{2,}|[_＿]{2,}|[(（【\[]\s*[)）】\]]|○{2,}|[*＊]{3,}")
_DEBT = re.compile(r"催收|欠款|逾期|清收|追讨|债|催缴")
_PUBLIC_LINES = frozenset({"12378", "12363", "12321", "96110"})


class ScreenFinding(Protocol):
    """A forbidden statement, as the screening of contents finds it."""

    @property
    def category(self) -> str: ...
    @property
    def severity(self) -> str:
        """`note` if it is only shown."""

    @property
    def why(self) -> str: ...
    @property
    def span(self) -> str: ...


Screen = Callable[[str], Sequence[ScreenFinding]]


@dataclass(frozen=True, slots=True)
class Identity:
    """What the bank's policy in force says; unknown offline."""

    bank_name: str
    agency_name: str
    hotlines: tuple[str, ...]


def lint(letter: Letter, screen: Screen, identity: Identity | None = None) -> list[Finding]:
    """All findings; those with `waits` true are shown to the approvers and do not stop the version."""
    head = letter.head
    ours = isinstance(letter, TextLetter)
    glyphs = [] if isinstance(letter, TextLetter) else look(letter.pdf)
    found = passages(head, letter.blocks) if isinstance(letter, TextLetter) else official_passages(letter, glyphs)
    findings = [
        *_missing_findings(found),
        *_amount_findings(found),
        *sender_findings(head, found, ours=ours),
        *pretence_findings(head, found),
        *_exposure_findings(found, identity),
        *_fixed_findings(found),
        *_identity_findings(letter.head, identity),
        *_screen_findings(letter, found, screen),
    ]
    if not isinstance(letter, TextLetter):
        findings += [*printed_findings(letter, glyphs), *archive_findings(letter)]
    return findings


def _missing_findings(found: Sequence[Passage]) -> Iterator[Finding]:
    for requirement in missing(found):
        word = show if requirement.waits else stop
        chinese, english = requirement.what.split("。")
        reason = f"缺少{chinese}，例如“{requirement.mend.rstrip('。')}”。{english.strip()} is missing."
        yield word(Code.LETTER_NOT_AUTHORIZED, reason)


def _amount_findings(found: Sequence[Passage]) -> Iterator[Finding]:
    said = "".join(passage.text for passage in found)
    for field, name in (("OVERDUE_AMOUNT", "逾期金额"), ("OUTSTANDING_AMOUNT", "欠款余额")):
        if mark(field) in said and mark(field, capitals=True) not in said:
            yield stop(
                Code.LETTER_NOT_AUTHORIZED,
                f"{name}须同时用小写和大写，请加 {{…:capitals}}。Stands in figures only: add it in capitals.",
            )


def _exposure_findings(found: Sequence[Passage], identity: Identity | None) -> Iterator[Finding]:
    for passage in found:
        text = passage.text
        for pattern in (_LONG_NUMBER, _MASKED_NUMBER, _IDENTITY):
            if pattern.search(text):
                yield stop(
                    Code.CONTENT_PROHIBITED,
                    "含卡号、账号或证件号，只能写末四位。A card, account or identity number; only the last four "
                    "characters of the account may stand in a letter.",
                )
                break
        if _MOBILE.search(text):
            yield stop(Code.CONTENT_PROHIBITED, "含手机号码，请写银行热线。A mobile number: give the bank's hotline.")
        if _CHAT.search(text):
            yield stop(Code.CONTENT_PROHIBITED, "含聊天或支付账号。A private chat or payment account: leave it out.")
        if _LINK.search(text):
            yield show(
                Code.CONTENT_PROHIBITED, "含网址，请核对是否为银行官方网址。A link: check that it is the bank's."
            )
        if identity:
            for phone in sorted(set(_PHONE.findall(text)) - {*identity.hotlines, *_PUBLIC_LINES}):
                yield stop(
                    Code.CONTENT_PROHIBITED,
                    f"电话不是银行规则中的热线。Is none of the hotlines in the bank's policy. (“{phone}”)",
                )


def _fixed_findings(found: Sequence[Passage]) -> Iterator[Finding]:
    for passage in found:
        if fixed := _FIXED_AMOUNT.search(passage.text) or _FIXED_DATE.search(passage.text):
            yield stop(
                Code.VARIABLE_INVALID,
                f"金额或日期写成了固定文字，请用变量。Is fixed text: use a placeholder. (“{fixed[0]}”)",
            )
        if blank := _BLANK.search(passage.text):
            yield stop(
                Code.VARIABLE_INVALID,
                f"有未填写的空白，请填写或用变量。A blank that nobody fills: use a placeholder. (“{blank[0]}”)",
            )


def _identity_findings(head: LetterHead, identity: Identity | None) -> Iterator[Finding]:
    if _DEBT.search(fold(head.return_address)):
        yield stop(
            Code.CONTENT_PROHIBITED,
            "退信地址透露欠款，信封外不得看出。The return address tells of a debt, which the outside must not show.",
            "return_address",
        )
    if identity is None:
        return
    if fold(identity.bank_name) not in fold(head.bank_name):
        yield stop(
            Code.LETTER_NOT_AUTHORIZED,
            f"bank 与银行规则不符。Is not the bank of the policy: {identity.bank_name}.",
            "bank",
        )
    if head.agency_name and fold(head.agency_name) != fold(identity.agency_name):
        yield stop(
            Code.LETTER_NOT_AUTHORIZED,
            f"agency 不是受托机构。Is not the agency that the bank delegated: {identity.agency_name}.",
            "agency",
        )


def _screen_findings(letter: Letter, found: Sequence[Passage], screen: Screen) -> Iterator[Finding]:
    """Paragraph by paragraph and sentence by sentence: the screening is made for short messages, and what surrounds a
    threat in a long text would hide it. As written where the text is ours.
    """
    if isinstance(letter, TextLetter):
        paragraphs = ["，".join(texts(block)) for block in letter.blocks]
    else:
        paragraphs = [passage.text for passage in found]
    told: set[tuple[str, str]] = set()
    for text in (text for paragraph in paragraphs for text in dict.fromkeys([paragraph, *split(paragraph)])):
        for item in screen(text):
            if not any(category == item.category and span in item.span for category, span in told):
                told.add((item.category, item.span))
                reason = f"{item.category}: {item.why} (“{item.span}”)"
                yield Finding(code=Code.CONTENT_PROHIBITED, reason=reason, field="text", waits=item.severity == "note")
