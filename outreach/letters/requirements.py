"""What a letter must say: Art. 69 of 商业银行信用卡业务监督管理办法, and what banks and regulators look for besides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from outreach.letters.reading import Part, Passage, clauses, sentences

_PHONE = r"(?:\d{3,4}-?\d{7,8}|[48]00-?\d{3}-?\d{4}|(?<!\d)9\d{4,5}(?!\d)|⟦HOTLINE⟧)"
_CALL = rf"(?:热线|电话|致电|拨打|来电|客服|{_PHONE})"
_CHANNEL = (
    rf"(?:{_CALL}|手机银行|网上银行|网银|掌上银行|电子银行|网点|柜台|柜面|柜员机|自助设备|ATM|APP|官方网站|官网|公众号|小程序|客户经理"
    r"|自动还款|约定还款|自动扣款|代扣)"
)
_LOOK = "(?:查询|查看|查阅|查账|核对|了解|咨询|怎么查|如何查)"
_PAY = (
    "(?:还款(?!记录|凭证|情况|有?困难|日|安排|提醒|方案|计划|能力)|缴款|偿还|归还|存入|存到|缴付|转入|汇入|清偿|还清)"
)
_PAID_BY = (
    "(?:手机银行|网上银行|网银|掌上银行|电子银行|网点|柜台|柜面|自助设备|ATM|APP"
    "|自动还款|约定还款|自动扣款|代扣|官方渠道)"
)
_INTO_ACCOUNT = "(?:存入|转入|汇入|存到)[^。]{0,20}(?:账户|账号|卡)"
_DOUBT = "(?:异议|争议|疑问|疑义|不一致|不符|有误|不认可|不属实|不对|不是您|非您本人)"
_SUBMIT = (
    rf"(?:{_CALL}|书面|信函|邮寄|寄至|寄送|网点|柜台|在线|联系我行|与我行联系|[向由]本行"
    "|[向由]我行(?:提出|反映|申请|说明))"
)
_DENIED = re.compile(
    r"请勿|切勿|勿|不要|不得|不能|不可|不会|不予|不收|不受理|不接受|不再|不提供|暂不|无权|无法|无需|无须|不必|并非|不是|禁止|严禁"
    r"|谨防|拒绝|停止|概不|没有|丧失|放弃|取消|不享有|[详参请]?见.{0,10}(?:合约|合同|协议|章程|条款|背面|附件)|另行通知|另行告知"
)
_SUPPOSED = re.compile(r"^(?:如|若|倘|假如|假使|一旦|万一|为避免|为防止|以免|避免)")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A statement that must be made within two neighbouring sentences, in clauses that do not match `void`."""

    what: str
    """What is missing, in both languages."""
    mend: str
    """Such as what to write, in Chinese."""
    meets: tuple[re.Pattern[str], ...]
    void: re.Pattern[str] | None = None
    waits: bool = False
    """It is shown to the approvers and stops nothing."""


def _needs(what: str, mend: str, *meets: str, void: re.Pattern[str] | None = None, waits: bool = False) -> Requirement:
    return Requirement(what, mend, tuple(map(re.compile, meets)), void, waits)


REQUIREMENTS = (
    _needs("持卡人姓名。The holder's name", "尊敬的{name}：（类型 NAME）", "⟦RECIPIENT_NAME⟧"),
    _needs(
        "卡号或账号末四位。The account's last four digits",
        "卡号末四位{last_four}（类型 LAST_FOUR）",
        "⟦ACCOUNT_LAST_FOUR⟧",
        "[尾末后]|卡号|账号|账户",
    ),
    _needs("欠款余额。The balance", "账户欠款余额{outstanding}元（来源 OUTSTANDING_AMOUNT）", "⟦OUTSTANDING_AMOUNT⟧"),
    _needs("逾期金额。The overdue amount", "已逾期金额{overdue}元（来源 OVERDUE_AMOUNT）", "⟦OVERDUE_AMOUNT⟧"),
    _needs(
        "金额的截止日期。The date that the amounts are of",
        "截至{as_of}（来源 AS_OF_DATE）",
        "⟦AS_OF_DATE⟧",
        "截|至⟦AS|⟦AS_OF_DATE⟧.{0,4}(?:止|为准|当日|的)|计至|算至|为止|统计|结算|基准日|数据|时点|更新|日期",
    ),
    _needs(
        "致函（催收）的原因。The reason for the letter",
        "您未能按期足额还款，已构成逾期。",
        "(?<![将会免防])逾期(?!金额|应还|部分|本金|欠款|款|利息|费|账|提|的?异议|记录|数)|拖欠|违约(?!金)|超过.{0,8}(?:还款日|期限)"
        "|(?:未|没有|尚未|仍未).{0,12}(?:按期|按时|如期|按约|依约|足额|全额|及时)?.{0,12}(?:还款|偿还|归还|缴付|缴款|缴纳|清偿|还清|还上|缴清|付清|结清|入账)",
        "您|持卡人|贵?客户|账户|该卡|信用卡|欠款|应还",
        void=_SUPPOSED,
    ),
    _needs(
        "法律依据。The law it rests on",
        "根据《中华人民共和国民法典》第六百七十五条和《商业银行信用卡业务监督管理办法》",
        "《[^》]*(?:法典|法|办法|条例|规定|准则|解释)(?:[(（][^》]*[)）])?》|民法典|信用卡业务监督管理办法|第[一二三四五六七八九十百千零〇0-9]+条",
        "根据|依据|依照|按照|遵照|基于|依",
    ),
    _needs(
        "持卡人的权利。The holder's rights",
        "您有权查询账户信息、提出异议、协商还款和投诉。",
        "(?:您|你|持卡人|客户|本人).{0,20}(?:有权|享有|得随时|可随时|可依法|可以依法|的权利|权利包括|权利如下|权利有)|(?:享有|有权).{0,30}(?:查询|异议|协商|投诉|核实|申诉|分期)",
        "查询|知情|异议|协商|投诉|核实|申诉|分期|复核|更正|隐私|保密",
        void=_DENIED,
    ),
    _needs(
        "持卡人的义务。The holder's duties",
        "您有义务按照领用合约的约定按期足额还款。",
        "(?<!权利与)(?<!权利和)(?<!权利及)(?<!权利、)(?:义务|责任)|应当|应按|应依|应于|应在|应及时|须按|须于|负有|负责",
        "还款|偿还|归还|缴款|缴付|缴清|清偿|偿付|履行|还上|还清|还钱|付清|支付",
        void=_DENIED,
    ),
    _needs(
        "查询账户的办法。How to check the account",
        "您可以通过手机银行、营业网点或客户服务热线查询账单、余额和还款记录。",
        rf"{_LOOK}[^。]{{0,40}}{_CHANNEL}|{_CHANNEL}[^。]{{0,40}}{_LOOK}|(?:(?:查询|查账)(?:方式|渠道|途径|办法)|怎么查|如何查).*{_CHANNEL}",
        "账户|账单|余额|欠款|还款记录|明细|账务|应还|金额|查询方式|查询渠道|怎么查|如何查",
        void=_DENIED,
    ),
    _needs(
        "还款的办法。How to repay",
        "请通过手机银行或营业网点，将款项存入您本人名下的信用卡账户。",
        rf"{_PAY}[^。]{{0,40}}{_PAID_BY}|{_PAID_BY}[^。]{{0,40}}{_PAY}"
        rf"|(?<![与和及、])(?:(?:还款|缴款)(?:方式|渠道|途径|办法)|怎么还|如何还).*{_PAID_BY}|{_INTO_ACCOUNT}",
        "请|可|应|方式|渠道|途径|办法|通过|经由",
        void=_DENIED,
    ),
    _needs(
        "提出异议的办法。How to dispute",
        "如您对欠款有异议，请致电010-××××××××或以书面方式向我行提出。",
        rf"{_DOUBT}[^。]{{0,80}}{_SUBMIT}|{_SUBMIT}[^。]{{0,40}}{_DOUBT}|{_DOUBT}[^。]{{0,30}}。(?:请|您?可)[^。]{{0,20}}{_SUBMIT}",
        void=_DENIED,
    ),
    _needs(
        "提交证据的办法。How to file evidence",
        "并提交还款凭证、交易凭证等证明材料。",
        "证据|凭证|凭据|证明|材料|资料|单据|票据|小票|(?:请|可|应|予以|进行|自行)举证",
        "提交|提供|携带|附|寄|递交|出示|交至|送至|上传|发给|发送|传真|举证",
        rf"{_DOUBT}|核实|申诉|举证|说明|理由|情况",
        void=_DENIED,
    ),
    _needs(
        "发卡银行的联系方式。The issuer's contact",
        "客户服务热线010-××××××××，或 HOTLINE 类型的变量",
        r"热线|电话|致电|电询|拨|客服|来电|联系|咨询|打",
        _PHONE,
    ),
    _needs(
        "防诈骗提示。The line against fraud",
        "我行和受托机构的工作人员不收取现金，也不会要求您向任何个人账户转账。",
        r"(?:不|勿|谨防|警惕|拒绝|防范|莫|没有).{0,20}(?:现金|现钞|个人账户|私人账户|他人账户|个人银行|个人名下|私人转账|个人转账|私下)"
        r"|(?:现金|个人账户|私人账户).{0,16}(?:谨防|警惕|不|勿|诈骗|拒绝)",
    ),
    _needs(
        "“如已还款请忽略”。The line for who has paid already",
        "如您在收到本函前已经还款，请忽略本函。",
        "已.{0,12}(?:还|缴|偿|结清|付|清偿)|(?:还款|缴款|付款).{0,6}(?:完毕|完成)",
        "忽略|(?:无需|无须|不必|毋须|不用|请勿|毋庸|不予|免予).{0,6}(?:理会|处理|回复|回应|再|理睬|管)|不再适用|自动失效|视为(?:撤回|失效|无效)|敬请谅解",
    ),
    _needs(
        "存入持卡人本人名下账户的说明。That payments go to an account in the holder's own name",
        "存入您本人名下的信用卡账户",
        "本人(?:名下|的|信用卡|账户)|您名下|您的(?:信用卡|账户|还款账户)",
        "存入|转入|汇入|存到|还款|缴款",
        waits=True,
    ),
    _needs(
        "协商还款（个性化分期）的联系办法。How to agree on instalments",
        "如暂时还款有困难，请致电热线与我行协商还款安排。",
        "协商|分期|困难|展期|还款安排|还款方案",
        _CALL,
        waits=True,
    ),
    _needs(
        "投诉渠道。The line for complaints",
        "您可以拨打我行热线反映，也可以拨打12378投诉。",
        "投诉|12378|意见|监督电话",
        rf"{_CALL}|12378|信箱|邮箱|网点",
        waits=True,
    ),
)


def missing(letter: Sequence[Passage]) -> Iterator[Requirement]:
    """The requirements that no two neighbouring sentences of the letter meet. The title is no statement."""
    pairs = list(_pairs([passage for passage in letter if passage.part is not Part.TITLE]))
    for requirement in REQUIREMENTS:
        if not any(_meets(requirement, pair) for pair in pairs):
            yield requirement


def _pairs(letter: Sequence[Passage]) -> Iterator[tuple[str, ...]]:
    """A heading goes with what follows it, never with what stands before."""
    said = [(passage.part, sentence) for passage in letter for sentence in sentences([passage])]
    for place, (_, sentence) in enumerate(said):
        following = said[place + 1 : place + 2]
        yield (sentence, *(text for part, text in following if part is not Part.HEADING))


def _meets(requirement: Requirement, pair: Iterable[str]) -> bool:
    void = requirement.void
    told = [
        "，".join(clause for clause in clauses(sentence) if not (void and void.search(clause))) for sentence in pair
    ]
    joined = "。".join(told)
    return all(pattern.search(joined) for pattern in requirement.meets)
