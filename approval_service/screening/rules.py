"""What makes a message forbidden: concepts that meet in one clause, sentence or text (rules.md, conduct rules)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from approval_service.screening.lexicon import bits


class Category(StrEnum):
    """What a forbidden message does."""

    THREAT = "threat"
    IMPERSONATION = "impersonation"
    FALSE_CREDIT = "false_credit"
    PRIVATE_PAYMENT = "private_payment"
    INSULT = "insult"
    THIRD_PARTY_DISCLOSURE = "third_party_disclosure"
    LOAN_TO_REPAY = "loan_to_repay"
    WAIVER_PROMISE = "waiver_promise"


class Scope(IntEnum):
    """How near the concepts must stand."""

    CLAUSE = 0
    SENTENCE = 1
    TEXT = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """All `needs` met and no `unless` stated within `scope`: a finding. Of a need, one bit is enough."""

    category: Category
    why: str
    needs: tuple[int, ...]
    unless: int
    scope: Scope
    behind_ban: bool
    """A 不能 or 禁止 before it is a consequence for the reader and no denial: 子女不能上学."""
    in_order: bool
    """The needs are met in the order of the text: 您儿子欠款, not 您的贷款由您儿子."""
    note: bool


def _rule(
    category: Category,
    needs: str,
    why: str,
    *,
    unless: str = "",
    scope: Scope = Scope.SENTENCE,
    behind_ban: bool = False,
    in_order: bool = False,
    note: bool = False,
) -> Rule:
    """`needs` are concepts written `A|B C`: A or B, and C."""
    masks = tuple(bits(need) for need in needs.split())
    return Rule(category, why, masks, bits(unless) if unless else 0, scope, behind_ban, in_order, note)


CLAUSE, TEXT = Scope.CLAUSE, Scope.TEXT
_T, _I, _F = Category.THREAT, Category.IMPERSONATION, Category.FALSE_CREDIT
_P, _S, _D = Category.PRIVATE_PAYMENT, Category.INSULT, Category.THIRD_PARTY_DISCLOSURE
_L, _W = Category.LOAN_TO_REPAY, Category.WAIVER_PROMISE

RULES: tuple[Rule, ...] = (
    _rule(_T, "MENACE", "announces harm or unrest", scope=CLAUSE, behind_ban=True),
    _rule(
        _T,
        "HARM YOU|AGENT|KIN|HOME|GANG|NONPAYMENT|GO|ACQUAINTANCE|MENACE",
        "announces violence or a siege",
        behind_ban=True,
    ),
    _rule(_T, "GANG HOME|KIN|WORKPLACE|YOU|GO", "announces a visit by a crowd"),
    _rule(_T, "KNOW WHEREABOUTS KIN", "lets the reader know that the family is watched"),
    _rule(_T, "AGENT KNOW WHEREABOUTS YOU", "lets the reader know that he is watched"),
    _rule(_T, "CAREFUL BODY|KIN|HARM", "hints at bodily harm"),
    _rule(_T, "GO|HOME|BODY|KIN DISCLAIM", "hints at harm on a visit"),
    _rule(_T, "GO HOME|KIN PRESENCE", "announces a siege of the home", scope=CLAUSE),
    _rule(_T, "GO REPEATEDLY AGENT", "announces a siege", scope=CLAUSE),
    _rule(_T, "STALK KIN AGENT|YOU", "hints at a visit to the family", scope=CLAUSE),
    _rule(_T, "JAIL", "threatens with prison", unless="AUTHORITY", behind_ban=True),
    _rule(_T, "CRIME YOU", "accuses of a crime", unless="AUTHORITY|HARD_PROCEDURE|OWN_AUTHORITY"),
    _rule(_T, "PRESSURE NONPAYMENT|YOU", "presses with consequences that it does not name", note=True),
    _rule(_I, "SENDER REGULATOR", "signed as an authority", scope=CLAUSE),
    _rule(_I, "SELF REGULATOR", "speaks as an authority", scope=CLAUSE),
    _rule(_I, "REGULATOR NOTIFY YOU", "an authority's order", scope=CLAUSE, unless="RIGHT|LITIGATE"),
    _rule(_I, "SENDER AUTHORITY", "signed as an authority", scope=CLAUSE),
    _rule(_I, "SELF AUTHORITY", "speaks as an authority", scope=CLAUSE),
    _rule(_I, "OWN_AUTHORITY YOU|NOTIFY|PROCEDURE|HARD_PROCEDURE", "speaks as an authority"),
    _rule(_I, "AUTHORITY NOTIFY", "an authority's order", scope=CLAUSE, unless="RIGHT|LITIGATE"),
    _rule(_I, "AUTHORITY PROCEDURE|JAIL YOU|DONE", "an authority's act", scope=CLAUSE, unless="RIGHT|LITIGATE"),
    _rule(_I, "AUTHORITY GO|HOME YOU|DONE", "a visit by an authority", scope=CLAUSE, unless="RIGHT|LITIGATE"),
    _rule(_I, "HARD_PROCEDURE", "an act that only an authority takes", unless="RIGHT|LITIGATE"),
    _rule(_I, "AUTHORITY CRIME", "an authority's accusation"),
    _rule(_I, "LAWYER NOTIFY|DONE|YOU", "poses as a lawyer's letter", note=True),
    _rule(_F, "FOREVER CREDIT|LIST|LENDABILITY|IMPACT|MARK|LOSS", "no credit record lasts for ever", behind_ban=True),
    _rule(
        _F,
        "KIN|POSTERITY UPBRINGING|LENDABILITY|CREDIT|JOB|CIVIL|ACCOUNTS IMPACT|LOSS|FREEZE|MARK",
        "a debt has no such effect on the family",
        behind_ban=True,
    ),
    _rule(_F, "CREDIT JOB IMPACT|JOB_LOSS", "a debt costs nobody the job", behind_ban=True),
    _rule(_F, "KIN CREDIT", "a lapse is on nobody else's record", scope=CLAUSE, unless="GUARANTOR|RIGHT"),
    _rule(_F, "POSTERITY CREDIT|IMPACT", "a debt has no effect on descendants", behind_ban=True),
    _rule(_F, "CIVIL|KIN|POSTERITY|UPBRINGING CREDIT|LIST MARK", "a lapse is written into no such file", scope=CLAUSE),
    _rule(_F, "CIVIL LOSS|IMPACT", "a lapse takes no civil rights", scope=CLAUSE, behind_ban=True, unless="UPDATE"),
    _rule(_F, "STRANDED", "an invented consequence", behind_ban=True),
    _rule(
        _F,
        "LIST LIST_ENTRY ARREARS|NONPAYMENT|YOU|KIN|ACQUAINTANCE",
        "a lapse by itself puts nobody on a court's list",
        unless="RIGHT",
    ),
    _rule(_F, "FREEZE UNIVERSAL ACCOUNTS", "a lapse freezes no other accounts", scope=CLAUSE, unless="AUTHORITY"),
    _rule(_F, "CONFISCATE ACCOUNTS", "a lapse confiscates nothing", unless="AUTHORITY"),
    _rule(_F, "CREDIT RUIN", "exaggerates the effect on credit", scope=CLAUSE),
    _rule(_F, "JOB_LOSS JOB|YOU", "a debt costs nobody the job"),
    _rule(_P, "PAID_TO_COLLECTOR", "payment to a collector"),
    _rule(_P, "HOLDER PAY OTHER", "payment to a private account"),
    _rule(_P, "PRIVATE_ACCOUNT PAY|ACCOUNT_NUMBER", "payment to a private or the agency's account", unless="OFFICIAL"),
    _rule(_P, "CHAT PAY|ADD|PAYCODE", "payment or contact by private chat", scope=CLAUSE, unless="OFFICIAL"),
    _rule(_P, "CHAT_CONTACT", "contact by private chat", unless="OFFICIAL"),
    _rule(_P, "CHAT|PRIVATE_ACCOUNT ADD", "contact by private chat", unless="OFFICIAL"),
    _rule(_P, "PAYCODE PAY|CHAT|AGENT", "payment by code or link", unless="OFFICIAL"),
    _rule(_P, "CASH HANDOVER", "payment in cash to a collector", unless="OFFICIAL"),
    _rule(_P, "FEE_FIRST", "a fee to be paid first", unless="OFFICIAL"),
    _rule(_P, "FEE PAY PRIVATE_ACCOUNT", "a fee to a private account"),
    _rule(_P, "PROXY AGENT|OTHER", "a collector who pays on the reader's behalf"),
    _rule(_P, "GIFT_CARD ARREARS|PAY|REPAYMENT", "payment by gift card"),
    _rule(_P, "HOLDER PAY", "payment to a named person", unless="OFFICIAL|BANK"),
    _rule(_P, "CARD|PHONE PAY|ACCOUNT_NUMBER", "payment to a number in the text"),
    _rule(_S, "SLUR", "an insult", scope=CLAUSE),
    _rule(_S, "SHAMING SHAME_TARGET", "shames the reader"),
    _rule(
        _D,
        "RELAY OTHER|KIN|ACQUAINTANCE ARREARS|REPAYMENT",
        "asks somebody else to pass on the debt",
        unless="OFFICIAL",
    ),
    _rule(
        _D,
        "YOU KIN|ACQUAINTANCE ARREARS",
        "tells somebody of another's debt",
        scope=CLAUSE,
        unless="UPBRINGING|IMPACT|LOSS|HARM|GUARANTOR",
        in_order=True,
    ),
    _rule(
        _D,
        "RELATION_CLAIM KIN|ACQUAINTANCE|OTHER ARREARS|PAY_FOR_OTHER|REPAYMENT",
        "writes to a third party about the debt",
        scope=TEXT,
        unless="GUARANTOR",
    ),
    _rule(_D, "PAY_FOR_OTHER KIN|OTHER", "asks a third party to pay"),
    _rule(
        _D,
        "DISCLOSE KIN|ACQUAINTANCE|PUBLIC ARREARS|NONPAYMENT",
        "announces telling others of the debt",
        unless="GUARANTOR",
    ),
    _rule(_D, "DISCLOSE WORKPLACE ARREARS", "announces telling the employer of the debt", scope=CLAUSE),
    _rule(_D, "ADDRESSED_ORGANISATION ARREARS", "tells an organisation of the debt"),
    _rule(_D, "AUDIENCE_OPENED", "announces telling others of the debt"),
    _rule(_L, "SCHEME REPAY_WITH|SUGGEST", "repayment out of new credit"),
    _rule(
        _L, "LENDER|BORROW|BORROW_LOOSELY REPAY_WITH SUGGEST|BORROW", "repayment out of a new loan", unless="OWN_LOAN"
    ),
    _rule(_L, "BORROW|LENDER SUGGEST NO_MONEY", "suggests a new loan", unless="OWN_LOAN"),
    _rule(_L, "BORROW SUGGEST", "suggests a new loan", unless="OWN_LOAN|PROPER|OFFICIAL"),
    _rule(_W, "PEACE SPECIAL_DEAL|CONDITION", "promises to stop all contact"),
    _rule(_W, "WAIVE_FIRMLY", "promises a waiver", unless="PROPER"),
    _rule(_W, "WAIVE CHARGE SPECIAL_DEAL", "promises a waiver", unless="PROPER"),
    _rule(_W, "CUT SPECIAL_DEAL|CONDITION|AGENT|YOU", "promises a waiver", unless="PROPER"),
    _rule(_W, "ERASE CREDIT_RECORD", "promises to change the credit record", scope=CLAUSE, unless="PROPER"),
    _rule(_W, "ERASED", "promises to change the credit record", unless="PROPER"),
    _rule(_W, "CREDIT_SPARED", "promises to spare the credit record"),
    _rule(_W, "NEW_CREDIT SPECIAL_DEAL|CONDITION", "promises a card, a limit or a loan", unless="PROPER"),
)

LAWFUL: tuple[Rule, ...] = (
    _rule(_I, "LITIGATE BANK|AGENT", "speaks of court action: true only if the bank means to take it", note=True),
    _rule(_F, "CREDIT BANK|ARREARS|IMPACT", "speaks of the credit record: true only as the law puts it", note=True),
)
"""True statements of lawful consequences. They stop nothing; a bank may not want them."""
