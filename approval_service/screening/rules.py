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
    """For the approver: Chinese, then English."""
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
    _rule(_T, "MENACE", "扬言伤害或不得安宁 · announces harm or unrest", scope=CLAUSE, behind_ban=True),
    _rule(
        _T,
        "HARM YOU|AGENT|KIN|HOME|GANG|NONPAYMENT|GO|ACQUAINTANCE|MENACE",
        "扬言暴力或围堵 · announces violence or a siege",
        behind_ban=True,
    ),
    _rule(_T, "GANG HOME|KIN|WORKPLACE|YOU|GO", "扬言多人上门 · announces a visit by a crowd"),
    _rule(_T, "KNOW WHEREABOUTS KIN", "暗示掌握家人行踪 · hints that the family is watched"),
    _rule(_T, "AGENT KNOW WHEREABOUTS YOU", "暗示掌握本人行踪 · hints that the reader is watched"),
    _rule(_T, "CAREFUL BODY|KIN|HARM", "暗示人身伤害 · hints at bodily harm"),
    _rule(_T, "GO|HOME|BODY|KIN DISCLAIM", "暗示上门时会出事 · hints at harm on a visit"),
    _rule(_T, "GO HOME|KIN PRESENCE", "扬言守在住所 · announces a siege of the home", scope=CLAUSE),
    _rule(_T, "GO REPEATEDLY AGENT", "扬言反复上门 · announces a siege", scope=CLAUSE),
    _rule(_T, "STALK KIN AGENT|YOU", "暗示找家人 · hints at a visit to the family", scope=CLAUSE),
    _rule(_T, "JAIL", "以坐牢相威胁 · threatens with prison", unless="AUTHORITY", behind_ban=True),
    _rule(_T, "CRIME YOU", "指称犯罪 · accuses of a crime", unless="AUTHORITY|HARD_PROCEDURE|OWN_AUTHORITY"),
    _rule(_T, "PRESSURE NONPAYMENT|YOU", "以未言明的后果施压 · presses with unnamed consequences", note=True),
    _rule(_I, "SENDER REGULATOR", "以机关名义署名 · signed as an authority", scope=CLAUSE),
    _rule(_I, "SELF REGULATOR", "自称机关 · speaks as an authority", scope=CLAUSE),
    _rule(_I, "REGULATOR NOTIFY YOU", "假借机关的通知 · an authority's order", scope=CLAUSE, unless="RIGHT|LITIGATE"),
    _rule(_I, "SENDER AUTHORITY", "以机关名义署名 · signed as an authority", scope=CLAUSE),
    _rule(_I, "SELF AUTHORITY", "自称机关 · speaks as an authority", scope=CLAUSE),
    _rule(_I, "OWN_AUTHORITY YOU|NOTIFY|PROCEDURE|HARD_PROCEDURE", "自称机关 · speaks as an authority"),
    _rule(_I, "AUTHORITY NOTIFY", "假借机关的通知 · an authority's order", scope=CLAUSE, unless="RIGHT|LITIGATE"),
    _rule(
        _I,
        "AUTHORITY PROCEDURE|JAIL YOU|DONE",
        "假借机关的程序 · an authority's act",
        scope=CLAUSE,
        unless="RIGHT|LITIGATE",
    ),
    _rule(
        _I,
        "AUTHORITY GO|HOME YOU|DONE",
        "假借机关上门 · a visit by an authority",
        scope=CLAUSE,
        unless="RIGHT|LITIGATE",
    ),
    _rule(
        _I, "HARD_PROCEDURE", "只有机关才能采取的措施 · an act that only an authority takes", unless="RIGHT|LITIGATE"
    ),
    _rule(_I, "AUTHORITY CRIME", "假借机关的指控 · an authority's accusation"),
    _rule(_I, "LAWYER NOTIFY|DONE|YOU", "似律师函 · poses as a lawyer's letter", note=True),
    _rule(
        _F,
        "FOREVER CREDIT|LIST|LENDABILITY|IMPACT|MARK|LOSS",
        "征信记录并非终身 · no credit record lasts for ever",
        behind_ban=True,
    ),
    _rule(
        _F,
        "KIN|POSTERITY UPBRINGING|LENDABILITY|CREDIT|JOB|CIVIL|ACCOUNTS IMPACT|LOSS|FREEZE|MARK",
        "欠款不影响家人 · a debt has no such effect on the family",
        behind_ban=True,
    ),
    _rule(_F, "CREDIT JOB IMPACT|JOB_LOSS", "欠款不致失业 · a debt costs nobody the job", behind_ban=True),
    _rule(
        _F,
        "KIN CREDIT",
        "逾期不记入他人征信 · a lapse is on nobody else's record",
        scope=CLAUSE,
        unless="GUARANTOR|RIGHT",
    ),
    _rule(_F, "POSTERITY CREDIT|IMPACT", "欠款不影响后代 · a debt has no effect on descendants", behind_ban=True),
    _rule(
        _F,
        "CIVIL|KIN|POSTERITY|UPBRINGING CREDIT|LIST MARK",
        "逾期不记入此类档案 · a lapse is written into no such file",
        scope=CLAUSE,
    ),
    _rule(
        _F,
        "CIVIL LOSS|IMPACT",
        "逾期不限制此类权利 · a lapse takes no civil rights",
        scope=CLAUSE,
        behind_ban=True,
        unless="UPDATE",
    ),
    _rule(_F, "STRANDED", "虚构的后果 · an invented consequence", behind_ban=True),
    _rule(
        _F,
        "LIST LIST_ENTRY ARREARS|NONPAYMENT|YOU|KIN|ACQUAINTANCE",
        "逾期本身不列入失信名单 · a lapse alone puts nobody on a court's list",
        unless="RIGHT",
    ),
    _rule(
        _F,
        "FREEZE UNIVERSAL ACCOUNTS",
        "逾期不冻结其他账户 · a lapse freezes no other accounts",
        scope=CLAUSE,
        unless="AUTHORITY",
    ),
    _rule(_F, "CONFISCATE ACCOUNTS", "逾期不没收财产 · a lapse confiscates nothing", unless="AUTHORITY"),
    _rule(_F, "CREDIT RUIN", "夸大对征信的影响 · exaggerates the effect on credit", scope=CLAUSE),
    _rule(_F, "JOB_LOSS JOB|YOU", "欠款不致失业 · a debt costs nobody the job"),
    _rule(_P, "PAID_TO_COLLECTOR", "向催收人员付款 · payment to a collector"),
    _rule(_P, "HOLDER PAY OTHER", "向个人账户付款 · payment to a private account"),
    _rule(
        _P,
        "PRIVATE_ACCOUNT PAY|ACCOUNT_NUMBER",
        "向个人或催收机构账户付款 · payment to a private or the agency's account",
        unless="OFFICIAL",
    ),
    _rule(
        _P,
        "CHAT PAY|ADD|PAYCODE",
        "经私人社交账号付款或联系 · payment or contact by private chat",
        scope=CLAUSE,
        unless="OFFICIAL",
    ),
    _rule(_P, "CHAT_CONTACT", "经私人社交账号联系 · contact by private chat", unless="OFFICIAL"),
    _rule(_P, "CHAT|PRIVATE_ACCOUNT ADD", "经私人社交账号联系 · contact by private chat", unless="OFFICIAL"),
    _rule(_P, "PAYCODE PAY|CHAT|AGENT", "扫码或链接付款 · payment by code or link", unless="OFFICIAL"),
    _rule(_P, "CASH HANDOVER", "向催收人员交现金 · payment in cash to a collector", unless="OFFICIAL"),
    _rule(_P, "FEE_FIRST", "先行收费 · a fee to be paid first", unless="OFFICIAL"),
    _rule(_P, "FEE PAY PRIVATE_ACCOUNT", "向个人账户交费 · a fee to a private account"),
    _rule(_P, "PROXY AGENT|OTHER", "催收人员代为还款 · a collector who pays on the reader's behalf"),
    _rule(_P, "GIFT_CARD ARREARS|PAY|REPAYMENT", "以购物卡等付款 · payment by gift card"),
    _rule(_P, "HOLDER PAY", "向指名个人付款 · payment to a named person", unless="OFFICIAL|BANK"),
    _rule(_P, "CARD|PHONE PAY|ACCOUNT_NUMBER", "向文中号码付款 · payment to a number in the text"),
    _rule(_S, "SLUR", "辱骂 · an insult", scope=CLAUSE),
    _rule(_S, "SHAMING SHAME_TARGET", "羞辱 · shames the reader"),
    _rule(
        _D,
        "RELAY OTHER|KIN|ACQUAINTANCE ARREARS|REPAYMENT",
        "请他人转告欠款 · asks somebody else to pass on the debt",
        unless="OFFICIAL",
    ),
    _rule(
        _D,
        "YOU KIN|ACQUAINTANCE ARREARS",
        "向他人透露欠款 · tells somebody of another's debt",
        scope=CLAUSE,
        unless="UPBRINGING|IMPACT|LOSS|HARM|GUARANTOR",
        in_order=True,
    ),
    _rule(
        _D,
        "RELATION_CLAIM KIN|ACQUAINTANCE|OTHER ARREARS|PAY_FOR_OTHER|REPAYMENT",
        "就欠款致函第三人 · writes to a third party about the debt",
        scope=TEXT,
        unless="GUARANTOR",
    ),
    _rule(_D, "PAY_FOR_OTHER KIN|OTHER", "要求第三人代还 · asks a third party to pay"),
    _rule(
        _D,
        "DISCLOSE KIN|ACQUAINTANCE|PUBLIC ARREARS|NONPAYMENT",
        "扬言告知他人欠款 · announces telling others of the debt",
        unless="GUARANTOR",
    ),
    _rule(
        _D, "DISCLOSE WORKPLACE ARREARS", "扬言告知单位欠款 · announces telling the employer of the debt", scope=CLAUSE
    ),
    _rule(_D, "ADDRESSED_ORGANISATION ARREARS", "向单位或组织透露欠款 · tells an organisation of the debt"),
    _rule(
        _D,
        "PUBLIC EXPOSED YOU|NONPAYMENT|DISCLOSE",
        "扬言公开欠款人身份 · announces exposing the debtor",
        unless="GUARANTOR",
    ),
    _rule(_D, "BROADCAST KIN|ACQUAINTANCE|PUBLIC|WORKPLACE", "扬言逐一告知他人 · announces telling others one by one"),
    _rule(_D, "AUDIENCE_OPENED", "扬言告知他人欠款 · announces telling others of the debt"),
    _rule(_L, "SCHEME REPAY_WITH|SUGGEST", "以新信贷还款 · repayment out of new credit"),
    _rule(
        _L,
        "LENDER|BORROW|BORROW_LOOSELY REPAY_WITH SUGGEST|BORROW",
        "以新借款还款 · repayment out of a new loan",
        unless="OWN_LOAN",
    ),
    _rule(_L, "BORROW|LENDER SUGGEST NO_MONEY", "建议另行借款 · suggests a new loan", unless="OWN_LOAN"),
    _rule(_L, "BORROW SUGGEST", "建议另行借款 · suggests a new loan", unless="OWN_LOAN|PROPER|OFFICIAL"),
    _rule(_W, "PEACE SPECIAL_DEAL|CONDITION", "承诺停止催收 · promises to stop all contact"),
    _rule(_W, "WAIVE_FIRMLY", "承诺减免 · promises a waiver", unless="PROPER"),
    _rule(_W, "WAIVE CHARGE SPECIAL_DEAL", "承诺减免 · promises a waiver", unless="PROPER"),
    _rule(_W, "CUT SPECIAL_DEAL|CONDITION|AGENT|YOU", "承诺减免 · promises a waiver", unless="PROPER"),
    _rule(
        _W, "ERASE CREDIT_RECORD", "承诺修改征信 · promises to change the credit record", scope=CLAUSE, unless="PROPER"
    ),
    _rule(_W, "ERASED", "承诺修改征信 · promises to change the credit record", unless="PROPER"),
    _rule(_W, "CREDIT_SPARED", "承诺不报征信 · promises to spare the credit record"),
    _rule(
        _W,
        "NEW_CREDIT SPECIAL_DEAL|CONDITION",
        "承诺发卡、提额或放款 · promises a card, a limit or a loan",
        unless="PROPER",
    ),
)

LAWFUL: tuple[Rule, ...] = (
    _rule(
        _I,
        "LITIGATE BANK|AGENT",
        "提及诉讼：银行确有此意方可 · speaks of court action: true only if the bank means to take it",
        note=True,
    ),
    _rule(
        _F,
        "CREDIT BANK|ARREARS|IMPACT",
        "提及征信：须与法规一致 · speaks of the credit record: true only as the law puts it",
        note=True,
    ),
)
"""True statements of lawful consequences. They stop nothing; a bank may not want them."""

RESEMBLES: dict[Category, str] = {
    category: f"措辞与已判定为{name}的消息相近 · worded like messages judged to be {english}"
    for category, name, english in (
        (_T, "威胁恐吓", "threats"),
        (_I, "冒充公检法或监管机构", "impersonation"),
        (_F, "虚构后果", "false consequences"),
        (_P, "私下收款", "private payment"),
        (_S, "辱骂", "insults"),
        (_D, "向第三人泄露债务", "disclosure to third parties"),
        (_L, "诱导借新还旧", "loans to repay"),
        (_W, "违规承诺减免", "waiver promises"),
    )
}
"""Why a passage that no rule understands is forbidden by its wording as a whole."""
