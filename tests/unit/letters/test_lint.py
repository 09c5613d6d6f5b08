"""The lint of letters: complete ones pass in whatever words, and each thing that is missing or wrong is told."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approval_service.screening.content import screen
from outreach.domain.codes import Code
from outreach.letters.lint import Identity, lint
from outreach.letters.source import read
from outreach.v1.common_pb2 import Finding
from tests.unit.letters.versions import EXAMPLE, FORMAL, GOOD, LISTED, ORDINARY, TERSE, WITHOUT_AGENCY, source

POLICY = Identity("示例银行", "示范服务公司", ("010-00000001",))


def _lint(text: bytes, identity: Identity | None = POLICY) -> list[Finding]:
    return lint(read(text, b"", b""), screen, identity)


def _stops(text: bytes, identity: Identity | None = POLICY) -> list[Finding]:
    return [finding for finding in _lint(text, identity) if not finding.waits]


@pytest.mark.parametrize("name", GOOD)
def test_a_complete_letter_passes(name: str) -> None:
    """What says all that it must is stopped by nothing, in whatever words."""
    assert _stops(GOOD[name]) == []


def test_the_example_has_no_finding_at_all() -> None:
    """The example is what a drafter copies: not even a note."""
    assert _lint(GOOD["example"]) == []


MISSING = [
    (TERSE, "{name}先生/女士：", "尊敬的客户：", "持卡人姓名"),
    (TERSE, "您名下尾号{last_four}的", "您名下的", "末四位"),
    (TERSE, "人民币{outstanding}元（{outstanding:capitals}）", "若干元", "欠款余额"),
    (TERSE, "逾期金额{overdue}元（{overdue:capitals}）", "一部分已经逾期", "逾期金额"),
    (TERSE, "（{overdue:capitals}）", "", "逾期金额须同时"),
    (TERSE, "截止{as_of}，", "", "金额的截止日期"),
    (TERSE, "由于您超过到期还款日仍未全额归还，", "", "原因"),
    (TERSE, "依照《商业银行信用卡业务监督管理办法》及《民法典》合同编之规定，", "", "法律依据"),
    (TERSE, "您享有查询、申诉、要求更正和协商分期的权利，同时", "您", "持卡人的权利"),
    (TERSE, "，同时负有按约清偿欠款的义务", "", "持卡人的义务"),
    (
        TERSE,
        "您享有查询、申诉、要求更正和协商分期的权利，同时负有按约清偿欠款的义务",
        "您的权利义务详见领用合约",
        "权利",
    ),
    (TERSE, "您享有查询、申诉、要求更正和协商分期的权利，同时负有按约清偿欠款的义务", "您的权利义务见背面条款", "义务"),
    (TERSE, "由于您超过到期还款日仍未全额归还，", "如您未按时还款，将逾期，", "原因"),
    (TERSE, "对上述金额有疑问的，请致电010-00000001向我行说明，", "异议办法另行通知，请", "提出异议的办法"),
    (TERSE, "账户明细请登录示例银行APP查看，也可到任一网点柜台查询；", "", "查询账户的办法"),
    (TERSE, "还款请使用手机银行或在柜台存入您的信用卡账户", "请尽快处理", "还款的办法"),
    (TERSE, "对上述金额有疑问的，请致电010-00000001向我行说明，并", "请", "提出异议的办法"),
    (TERSE, "，并邮寄或当面提交相关凭证，我行核实后回复", "", "提交证据的办法"),
    (TERSE, "致电010-00000001", "来函", "联系方式"),
    (TERSE, "任何人向您收取现金或者要求转入私人账户的，请拒绝并拨打上述热线。", "", "防诈骗提示"),
    (TERSE, "若您在收函前已结清，本函无须理会。", "", "如已还款请忽略"),
    (TERSE, "[盖章] 示例银行股份有限公司", "示例银行股份有限公司", "盖章处"),
    (TERSE, "[盖章] 示例银行股份有限公司", "[盖章] 示例银行", "银行全称"),
    (TERSE, "本行已授权示范服务公司（授权书编号SQ2026-15，期限至2026年12月31日）代为寄送本函。", "", "未说明银行委托"),
    (
        LISTED,
        "本函依据《中华人民共和国民法典》《商业银行信用卡业务监督管理办法》和双方签署的领用合约作出。",
        "本函依据双方签署的合约作出。",
        "法律依据",
    ),
    (LISTED, "您享有以下权利：", "您须知悉：", "持卡人的权利"),
    (LISTED, "您应当按照合约约定及时偿还欠款，并保证", "您须保证", "持卡人的义务"),
    (LISTED, "查询：客服热线{hotline}、网上银行均可核对账单。", "", "查询账户的办法"),
    (LISTED, "还款：请通过网点柜台、自助设备或约定还款账户办理还款。", "", "还款的办法"),
    (LISTED, "，同时附上交易单据", "", "提交证据的办法"),
    (LISTED, "谨防冒充我行工作人员要求向个人账户付款。", "", "防诈骗提示"),
    (LISTED, "若款项已于近日缴清，请不必理会本函，并谅解打扰。", "", "如已还款请忽略"),
    (WITHOUT_AGENCY, "根据《中华人民共和国民法典》第五百七十七条", "", "法律依据"),
    (WITHOUT_AGENCY, "您有权要求核实欠款、提起异议和投诉。", "", "持卡人的权利"),
    (WITHOUT_AGENCY, "您负有依约还款的责任。", "", "持卡人的义务"),
    (WITHOUT_AGENCY, "如对欠款存在争议，请以书面形式向我行提出，并提供证明材料。", "", "提出异议的办法"),
]


_EXAMPLE = EXAMPLE.read_text(encoding="utf-8").partition("\n# ")[2].partition("\n")[2]
STATEMENTS = [
    (_EXAMPLE, "尊敬的{name}：", "持卡人姓名"),
    (_EXAMPLE, "（卡号末四位{last_four}）", "末四位"),
    (_EXAMPLE, "截至{as_of}的数额", "金额的截止日期"),
    (_EXAMPLE, "根据《中华人民共和国民法典》第六百七十五条", "法律依据"),
    (_EXAMPLE, "您有权查询账户信息", "持卡人的权利"),
    (_EXAMPLE, "您有义务按照领用合约", "持卡人的义务"),
    (_EXAMPLE, "　　查询：", "查询账户的办法"),
    (_EXAMPLE, "　　还款：", "还款的办法"),
    (_EXAMPLE, "如您对欠款金额", "提出异议的办法"),
    (_EXAMPLE, "如您对欠款金额", "提交证据的办法"),
    (_EXAMPLE, "我行委托示范服务公司", "未说明银行委托"),
    (_EXAMPLE, "不收取现金", "防诈骗提示"),
    (_EXAMPLE, "请忽略本函", "如已还款请忽略"),
    (_EXAMPLE, "[盖章]", "盖章处"),
    (ORDINARY, "持卡人有权了解", "持卡人的权利"),
    (ORDINARY, "账户查询方式", "查询账户的办法"),
    (ORDINARY, "若您对上述欠款有疑义", "提出异议的办法"),
    (ORDINARY, "我行已委托", "未说明银行委托"),
    (ORDINARY, "均不会收取现金", "防诈骗提示"),
    (FORMAL, "至今未缴清", "原因"),
    (FORMAL, "享有知情", "持卡人的权利"),
    (FORMAL, "电询", "联系方式"),
    (FORMAL, "电询", "查询账户的办法"),
    (FORMAL, "缴款途径", "还款的办法"),
    (FORMAL, "倘对账款有所争议", "提出异议的办法"),
    (FORMAL, "请检附单据", "提交证据的办法"),
    (FORMAL, "请勿交付现金", "防诈骗提示"),
    (FORMAL, "毋庸理会", "如已还款请忽略"),
]


@pytest.mark.parametrize(("body", "words", "told"), STATEMENTS, ids=range(len(STATEMENTS)))
def test_each_statement_is_needed(body: str, words: str, told: str) -> None:
    """A complete letter that loses the one sentence with these words is stopped, and told what it lost."""
    sentence = next(found for found in re.findall(r"[^。；\n]+[。；]?", body) if words in found)
    stops = _stops(source(body.replace(sentence, "")))
    assert any(told in finding.reason for finding in stops), stops


@pytest.mark.parametrize(("body", "old", "new", "told"), MISSING, ids=range(len(MISSING)))
def test_what_is_missing_is_told(body: str, old: str, new: str, told: str) -> None:
    """Each thing that Art. 69 and the checklist want stops the version when it alone is left out."""
    assert old in body
    agency = "" if body is WITHOUT_AGENCY else "示范服务公司"
    stops = _stops(source(body.replace(old, new), agency=agency))
    assert any(told in finding.reason for finding in stops), stops
    assert {finding.code for finding in stops} == {Code.LETTER_NOT_AUTHORIZED}


WRONG = [
    ("本函系律师函，请您重视。", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("特此送达起诉状副本。", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("法院传票（副本）", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("律·师·函", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("律師函", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("诉前告知书", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("这是我行对您的最后通牒。", "最后通牒", Code.LETTER_NOT_AUTHORIZED),
    ("现向您发出最后一次通知，请立即处理。", "最后通牒", Code.LETTER_NOT_AUTHORIZED),
    ("（2026）京0105民初12345号", "案号", Code.LETTER_NOT_AUTHORIZED),
    ("经办律师：张某", "律师", Code.LETTER_NOT_AUTHORIZED),
    ("示例德正律师事务所接受示例银行委托，代表该行致函。", "发函人", Code.LETTER_NOT_AUTHORIZED),
    ("示例市某某资产管理有限公司", "发函人", Code.LETTER_NOT_AUTHORIZED),
    (
        "我行已将该债权转让给长河资产管理有限公司，由长河资产管理有限公司向您函告。",
        "发函人",
        Code.LETTER_NOT_AUTHORIZED,
    ),
    ("示例市公安局经侦支队", "发函人", Code.LETTER_NOT_AUTHORIZED),
    ("[盖章] 长河资产管理有限公司", "盖章单位", Code.LETTER_NOT_AUTHORIZED),
    ("本函无需盖章即具有效力。", "加盖公章", Code.LETTER_NOT_AUTHORIZED),
    ("您无权对本函提出异议。", "否认", Code.LETTER_NOT_AUTHORIZED),
    ("逾期提出的异议概不受理，视为放弃权利。", "否认", Code.LETTER_NOT_AUTHORIZED),
    ("您的身份证号码为110101199003070000。", "证件号", Code.CONTENT_PROHIBITED),
    ("您的卡号为6222020200011112222。", "证件号", Code.CONTENT_PROHIBITED),
    ("您的卡号为6222 0202 0001 1112。", "证件号", Code.CONTENT_PROHIBITED),
    ("身份证号：110101********0000", "证件号", Code.CONTENT_PROHIBITED),
    ("请联系李经理13800138000。", "手机号", Code.CONTENT_PROHIBITED),
    ("请加微信号abc12345。", "聊天", Code.CONTENT_PROHIBITED),
    ("请致电021-00000009。", "热线", Code.CONTENT_PROHIBITED),
    ("您的欠款为12,345.67元。", "固定", Code.VARIABLE_INVALID),
    ("上述金额截至2026年3月17日。", "固定", Code.VARIABLE_INVALID),
    ("联系人：XX，编号（  ）。", "空白", Code.VARIABLE_INVALID),
    ("本函由示例金桥法律咨询有限公司出具。", "发函人", Code.LETTER_NOT_AUTHORIZED),
    ("示例市中级人民法院", "发函人", Code.LETTER_NOT_AUTHORIZED),
    ("我所受示例银行委托，现就您的欠款事宜郑重函告。", "律师", Code.LETTER_NOT_AUTHORIZED),
    ("委托人：示例银行股份有限公司 代理人：王某某律师", "律师", Code.LETTER_NOT_AUTHORIZED),
    ("律师已介入，准备起诉材料。", "律师", Code.LETTER_NOT_AUTHORIZED),
    ("长河催收中心 2026年3月", "发函人", Code.LETTER_NOT_AUTHORIZED),
    ("示范服务公司法务部", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("这是最后一次提醒，过期不候。", "最后通牒", Code.LETTER_NOT_AUTHORIZED),
    ("本通知书与法院传票具有同等效力。", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("编号：（2026）示0102执1234号", "案号", Code.LETTER_NOT_AUTHORIZED),
    ("持卡人不享有异议权。", "否认", Code.LETTER_NOT_AUTHORIZED),
    ("若在三日内未还款，将移送公安机关追究刑事责任。", "impersonation", Code.CONTENT_PROHIBITED),
    ("请将款项存入以下账户：6222021234567890123，户名：李某。", "private_payment", Code.CONTENT_PROHIBITED),
    ("还清后可为您消除征信不良记录。", "waiver_promise", Code.CONTENT_PROHIBITED),
    ("您的家人和单位已被告知欠款情况。", "third_party_disclosure", Code.CONTENT_PROHIBITED),
    ("卡号：6222 **** **** 1234", "证件号", Code.CONTENT_PROHIBITED),
    ("今欠款金额：￥5,000元", "固定", Code.VARIABLE_INVALID),
    ("发函单位：北方信达资产管理有限公司", "发函人", Code.LETTER_NOT_AUTHORIZED),
    ("北方信达资产管理有限公司受示例银行委托向您催收。", "发函人", Code.LETTER_NOT_AUTHORIZED),
    ("本公司（北方信达）已受让上述债权。", "债权人", Code.LETTER_NOT_AUTHORIZED),
    ("债权人已变更为北方信达资产管理有限公司。", "债权人", Code.LETTER_NOT_AUTHORIZED),
    ("特委托张三律师全权处理。", "律师", Code.LETTER_NOT_AUTHORIZED),
    ("现依法向您送达本律师函。", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("示例区人民检察院 协助执行", "发函人", Code.LETTER_NOT_AUTHORIZED),
    ("本通知等同于法院支付令。", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("债务催收决定书", "法律文书", Code.LETTER_NOT_AUTHORIZED),
    ("最后期限为收函之日。", "最后通牒", Code.LETTER_NOT_AUTHORIZED),
    ("持卡人放弃一切抗辩。", "否认", Code.LETTER_NOT_AUTHORIZED),
    ("我行对异议不再处理。", "否认", Code.LETTER_NOT_AUTHORIZED),
    ("请勿就本函投诉。", "否认", Code.LETTER_NOT_AUTHORIZED),
    ("您的证件号码：{case}", "证件号", Code.CONTENT_PROHIBITED),
    ("身份证尾号1234", "证件号", Code.CONTENT_PROHIBITED),
    ("退款请联系400-888-9999", "热线", Code.CONTENT_PROHIBITED),
    ("再不还款，我们就上门找你家人要钱。", "threat", Code.CONTENT_PROHIBITED),
]


@pytest.mark.parametrize("body", [TERSE, LISTED], ids=["terse", "listed"])
@pytest.mark.parametrize(("line", "told", "code"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told(body: str, line: str, told: str, code: Code) -> None:
    """One line that a letter must not have stops it, with its code, wherever the rest is complete."""
    stops = _stops(source(f"{body}\n{line}"))
    assert any(told in finding.reason and finding.code == code for finding in stops), stops


HARMLESS = [
    "本函不是律师函，也不代表任何司法机关。",
    "请警惕假冒法院传票、律师函的诈骗。",
    "如您收到自称公安机关的通知，请先拨打110核实。",
    "任何冒充长河资产管理有限公司或其他公司名义向您收款的，均与我行无关。",
    "您也有权向有管辖权的人民法院提起诉讼。",
    "您可以向国家金融监督管理总局或其派出机构反映。",
    "请您尽快通过手机银行、网上银行或者任何一家银行办理。",
    "本行客户服务热线010-00000001全天开通。",
    "对您的个人信息，我行依法保密。",
    "到期还款日为{due_date}。",
    "我行将按照法律法规的规定，如实向金融信用信息基础数据库报送信息。",
    "如需纸质合同副本，可向我行任一网点申请。",
    "您也可通过中国人民银行征信中心查询本人信用报告。",
    "本函仅向持卡人本人寄送，如您并非收件人，请退回或致电010-00000001告知。",
    "请勿向自称“银行内部人员”的人提供验证码、密码。",
    "如收到自称律师、法院的短信要求转账，请勿相信。",
    "我行不会通过微信、QQ要求您还款。",
    "您的还款将按照先息后本的顺序入账，以账单为准。",
    "如您正在与我行协商，或已签订分期还款协议，请按协议履行。",
    "我行客服热线（010-00000001）每日9:00至18:00接受咨询。",
    "您可拨打12378银行保险消费者投诉维权热线。",
    "请您于10日内与我行联系。",
    "如您对本函有任何疑问，请联系示例银行信用卡中心。",
    "银行账户信息变更请到网点办理。",
    "您亦可依法向人民法院起诉或申请仲裁解决争议。",
    "利息按日利率万分之五计收，违约金最低10元。",
    "国家金融监督管理总局及其派出机构负责监管本行。",
    "本函一式一份，加盖公章有效。",
    "函件内容与此前通知不一致的，以本函为准。",
    "我行未委托任何律师事务所向您发函。",
    "如您委托他人代为还款，请务必使用本人账户。",
    "您的信息受《中华人民共和国个人信息保护法》保护。",
    "我行将依法保护您的个人信息，不会向无关第三人透露。",
    "如您因失业、疾病等原因暂时无法还款，请致电010-00000001申请协商。",
    "请认准示例银行官方客服热线010-00000001。",
    "查询个人征信报告可到当地人民银行分支机构。",
    "如已签署分期协议，请按协议还款；本函不影响协议效力。",
    "我行保留依法采取进一步措施的权利。",
    "您也可以选择支付宝、微信等第三方支付渠道向本人信用卡还款。",
    "请妥善保管本函，以备查询。",
    "如地址有变，请及时告知我行，以免影响信函送达。",
    "本函仅为还款提醒，并非法律文书。",
    "如对受托机构服务不满意，可拨打010-00000001投诉。",
    "人民法院的任何文书均由法院直接送达，我行不会代为转递。",
    "请警惕假冒公安、法院名义的诈骗电话。",
    "款项入账后，系统将自动更新欠款金额。",
    "还款成功后，请保留凭证。",
    "请在3个工作日内完成还款，以减少利息支出。",
    "示范服务公司联系电话由我行统一提供，请以010-00000001为准。",
    "受托机构：示范服务公司",
    "发函机构：示例银行股份有限公司信用卡中心",
    "示例银行信用卡中心",
    "本函共2页。",
    "客户经理仅在工作日联系您，不会在夜间致电。",
    "请携带身份证2份复印件到网点办理。",
    "我行未转让您名下的任何债权。",
]


@pytest.mark.parametrize("body", [TERSE, LISTED], ids=["terse", "listed"])
@pytest.mark.parametrize("line", HARMLESS, ids=range(len(HARMLESS)))
def test_what_warns_or_denies_is_no_pretence(body: str, line: str) -> None:
    """A warning of fraud, a denial and a lawful right stop nothing."""
    assert _stops(source(f"{body}\n{line}")) == []


@pytest.mark.parametrize(
    "title", ["律师函", "法院传票", "最后通牒", "公安机关协查通知", "诉前告知书", "最终警告通知", "律 师 催 告 函"]
)
def test_a_title_that_passes_for_a_legal_notice(title: str) -> None:
    """A letter is not called what it is not."""
    stops = _stops(source(TERSE, title=title))
    assert any(finding.field == "title" for finding in stops)


@pytest.mark.parametrize(
    "title", ["缴款告知函", "信用卡欠款提醒函", "还款提示", "信用卡逾期通知书", "账款催收函", "欠款催告函"]
)
def test_an_honest_title(title: str) -> None:
    """What the letter is may be its title."""
    assert _stops(source(TERSE, title=title)) == []


def test_names_are_those_of_the_policy() -> None:
    """A version of another bank or another agency is stopped."""
    other = Identity("样本银行", "别的服务公司", ("010-00000001",))
    fields = {finding.field for finding in _stops(GOOD["terse"], other)}
    assert fields == {"bank", "agency"}


def test_an_agency_that_the_head_does_not_name() -> None:
    """An agency spoken of is named in the head, so that it can be checked."""
    assert any("agency" in finding.reason for finding in _stops(source(TERSE, agency="")))


def test_the_return_address_tells_of_no_debt() -> None:
    """The outside of an envelope shows nothing of a debt."""
    text = GOOD["terse"].decode().replace("示例大道1号", "示例大道1号催收中心").encode()
    assert [finding.field for finding in _stops(text)] == ["return_address"]


def test_what_the_screening_notes_is_shown() -> None:
    """A note of the content screening stops nothing."""

    class Note:
        category, severity, why, span = "policy", "note", "核对 check", "账户"

    found = lint(read(GOOD["example"], b"", b""), lambda _: [Note()])
    assert {(finding.code, finding.waits) for finding in found} == {(Code.CONTENT_PROHIBITED, True)}


@pytest.mark.parametrize("word", ["公司", "银行", "异议", "还款", "律师", "1", "，", "（2026）执", "身份证号"])
def test_no_text_takes_long(word: str) -> None:
    """The longest body there is, made of one word, is judged in a moment."""
    text = source("\n".join([word * (38 // len(word))] * 290))
    begin = time.monotonic()
    assert _stops(text)
    assert time.monotonic() - begin < 10


@given(st.lists(st.sampled_from(TERSE.strip().split("\n") + LISTED.strip().split("\n")), max_size=12))
def test_any_mixture_of_lines_is_judged(lines: list[str]) -> None:
    """No order of paragraphs breaks the lint, and the same letter gets the same findings."""
    body = "\n\n".join(line for line in lines if not line.startswith("|"))
    text = source(body)
    assert _lint(text) == _lint(text)
