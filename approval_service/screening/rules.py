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
    note: bool


def _rule(
    category: Category,
    needs: str,
    why: str,
    *,
    unless: str = "",
    scope: Scope = Scope.SENTENCE,
    behind_ban: bool = False,
    note: bool = False,
) -> Rule:
    """`needs` are concepts written `A|B C`: A or B, and C."""
    masks = tuple(bits(need) for need in needs.split())
    return Rule(category, why, masks, bits(unless) if unless else 0, scope, behind_ban, note)


CLAUSE, SENTENCE, TEXT = Scope.CLAUSE, Scope.SENTENCE, Scope.TEXT
T, I, F = Category.THREAT, Category.IMPERSONATION, Category.FALSE_CREDIT
P, S, D = Category.PRIVATE_PAYMENT, Category.INSULT, Category.THIRD_PARTY_DISCLOSURE
L, W = Category.LOAN_TO_REPAY, Category.WAIVER_PROMISE

RULES: tuple[Rule, ...] = (
    _rule(T, "MENACE", "announces harm or unrest", scope=CLAUSE, behind_ban=True),
    _rule(
        T, "HARM YOU|AGENT|KIN|HOME|GANG|NONPAYMENT|GO|ACQUAINTANCE", "announces violence or a siege", behind_ban=True
    ),
    _rule(T, "GANG HOME|KIN|WORKPLACE|YOU", "announces a visit by a crowd"),
    _rule(T, "KNOW WHEREABOUTS KIN", "lets the reader know that the family is watched"),
    _rule(T, "CAREFUL BODY|KIN", "hints at bodily harm", scope=CLAUSE),
    _rule(T, "GO HOME|KIN PRESENCE", "announces a siege of the home", scope=CLAUSE),
    _rule(T, "JAIL", "threatens with prison", unless="AUTHORITY", behind_ban=True),
    _rule(T, "CRIME YOU", "accuses of a crime", unless="AUTHORITY|HARD_PROCEDURE|OWN_AUTHORITY"),
    _rule(T, "PRESSURE NONPAYMENT|YOU", "presses with consequences that it does not name", note=True),
    _rule(I, "SENDER AUTHORITY", "signed as an authority", scope=CLAUSE),
    _rule(I, "SELF AUTHORITY", "speaks as an authority", scope=CLAUSE),
    _rule(I, "OWN_AUTHORITY YOU|NOTIFY|PROCEDURE|HARD_PROCEDURE", "speaks as an authority"),
    _rule(I, "AUTHORITY NOTIFY", "an authority's order", scope=CLAUSE, unless="RIGHT|LITIGATE"),
    _rule(I, "AUTHORITY PROCEDURE|JAIL YOU|DONE", "an authority's act", scope=CLAUSE, unless="RIGHT|LITIGATE"),
    _rule(I, "HARD_PROCEDURE", "an act that only an authority takes", unless="RIGHT|LITIGATE"),
    _rule(I, "AUTHORITY CRIME", "an authority's accusation"),
    _rule(I, "LAWYER NOTIFY|DONE|YOU", "poses as a lawyer's letter", note=True),
    _rule(
        F, "FOREVER CREDIT|LIST|LENDABILITY", "no credit record lasts for ever", behind_ban=True, unless="NEW_CREDIT"
    ),
    _rule(
        F,
        "KIN|POSTERITY UPBRINGING|LENDABILITY|CREDIT|JOB IMPACT",
        "a debt has no such effect on the family",
        behind_ban=True,
    ),
    _rule(F, "POSTERITY CREDIT|IMPACT", "a debt has no effect on descendants", behind_ban=True),
    _rule(F, "CIVIL LOSS|IMPACT", "a lapse takes no civil rights", scope=CLAUSE, behind_ban=True, unless="UPDATE"),
    _rule(F, "STRANDED", "an invented consequence", behind_ban=True),
    _rule(F, "LIST LIST_ENTRY", "a lapse by itself puts nobody on a court's list", scope=CLAUSE, unless="RIGHT"),
    _rule(F, "FREEZE UNIVERSAL ACCOUNTS", "a lapse freezes no other accounts", scope=CLAUSE, unless="AUTHORITY"),
    _rule(F, "CREDIT RUIN", "exaggerates the effect on credit", scope=CLAUSE),
    _rule(F, "JOB_LOSS JOB|YOU", "a debt costs nobody the job"),
    _rule(P, "PRIVATE_ACCOUNT PAY|HOLDER", "payment to a private or the agency's account", unless="OFFICIAL"),
    _rule(P, "CHAT PAY|ADD|PAYCODE", "payment or contact by private chat", scope=CLAUSE, unless="OFFICIAL"),
    _rule(P, "CHAT|PRIVATE_ACCOUNT ADD", "contact by private chat", unless="OFFICIAL"),
    _rule(P, "PAYCODE PAY|CHAT|AGENT", "payment by code or link", unless="OFFICIAL"),
    _rule(P, "CASH HANDOVER", "payment in cash to a collector", unless="OFFICIAL"),
    _rule(
        P,
        "FEE FEE_DEMAND PRIVATE_ACCOUNT|DONE|FEE_DEMAND",
        "a fee to be paid first",
        scope=CLAUSE,
        unless="OFFICIAL|BANK",
    ),
    _rule(P, "PROXY AGENT", "a collector who pays on the reader's behalf"),
    _rule(P, "CARD|PHONE PAY|HOLDER", "payment to a number in the text"),
    _rule(S, "SLUR", "an insult", scope=CLAUSE, unless="LIST_ENTRY"),
    _rule(S, "SHAMING SHAME_TARGET", "shames the reader"),
    _rule(D, "RELAY OTHER|KIN ARREARS", "asks somebody else to pass on the debt"),
    _rule(
        D,
        "YOU KIN|ACQUAINTANCE ARREARS",
        "tells somebody of another's debt",
        scope=CLAUSE,
        unless="UPBRINGING|IMPACT|HARM",
    ),
    _rule(
        D,
        "RELATION_CLAIM KIN|ACQUAINTANCE ARREARS|PAY_FOR_OTHER",
        "writes to a third party about the debt",
        scope=TEXT,
        unless="GUARANTOR",
    ),
    _rule(D, "PAY_FOR_OTHER KIN|OTHER", "asks a third party to pay"),
    _rule(D, "DISCLOSE KIN|ACQUAINTANCE|PUBLIC ARREARS|NONPAYMENT", "announces telling others of the debt"),
    _rule(D, "DISCLOSE WORKPLACE ARREARS", "announces telling the employer of the debt", scope=CLAUSE),
    _rule(D, "ADDRESSED_ORGANISATION ARREARS", "tells an organisation of the debt"),
    _rule(D, "AUDIENCE_OPENED", "announces telling others of the debt"),
    _rule(L, "SCHEME REPAY_WITH|SUGGEST", "repayment out of new credit"),
    _rule(L, "LENDER|BORROW REPAY_WITH SUGGEST|BORROW", "repayment out of a new loan"),
    _rule(W, "WAIVE_FIRMLY", "promises a waiver", unless="PROPER"),
    _rule(W, "WAIVE CHARGE SPECIAL_DEAL", "promises a waiver", unless="PROPER"),
    _rule(W, "ERASE CREDIT_RECORD", "promises to change the credit record", scope=CLAUSE, unless="PROPER|DENY"),
    _rule(W, "CREDIT_SPARED", "promises to spare the credit record"),
    _rule(W, "NEW_CREDIT SPECIAL_DEAL|CONDITION", "promises a card, a limit or a loan", unless="PROPER"),
)

LAWFUL: tuple[Rule, ...] = (
    _rule(I, "LITIGATE BANK|AGENT", "speaks of court action: true only if the bank means to take it", note=True),
    _rule(F, "CREDIT BANK|ARREARS|IMPACT", "speaks of the credit record: true only as the law puts it", note=True),
)
"""True statements of lawful consequences. They stop nothing; a bank may not want them."""
