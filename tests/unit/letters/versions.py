"""Letter versions for tests: one that is complete, and others that say the same in other words."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples/demo-bank/letters/payment-notice.md"

_PLACEHOLDERS = {
    "name": "type: NAME, record_field: RECIPIENT_NAME",
    "last_four": "type: LAST_FOUR, record_field: ACCOUNT_LAST_FOUR",
    "overdue": "type: AMOUNT, record_field: OVERDUE_AMOUNT",
    "outstanding": "type: AMOUNT, record_field: OUTSTANDING_AMOUNT",
    "minimum": "type: AMOUNT, record_field: MINIMUM_PAYMENT",
    "as_of": "type: DATE, record_field: AS_OF_DATE",
    "due_date": "type: DATE, record_field: DUE_DATE",
    "hotline": "type: HOTLINE",
    "case": "type: REFERENCE",
}


def source(
    body: str, *, title: str = "信用卡缴款告知函", bank: str = "示例银行股份有限公司", agency: str = "示范服务公司"
) -> bytes:
    """The source of a text letter: a head that declares what the body uses, its title, and the body."""
    used = [f"  - {{name: {name}, {kind}}}" for name, kind in _PLACEHOLDERS.items() if f"{{{name}" in body]
    head = [
        f"title: {title}",
        f"bank: {bank}",
        f"agency: {agency}",
        "return_address: 示例省示例市示例区示例大道1号",
        "envelope: DL",
        "duplex: true",
        *(["placeholders:", *used] if used else []),
    ]
    return "\n".join(["---", *head, "---", f"# {title}", body]).encode()


TERSE = """
{name}先生/女士：
　　截止{as_of}，您名下尾号{last_four}的示例银行信用卡账户透支未还金额共计人民币{outstanding}元（{outstanding:capitals}），其中逾期金额{overdue}元（{overdue:capitals}）。
　　由于您超过到期还款日仍未全额归还，依照《商业银行信用卡业务监督管理办法》及《民法典》合同编之规定，特致此函。
　　作为持卡人，您享有查询、申诉、要求更正和协商分期的权利，同时负有按约清偿欠款的义务。
　　账户明细请登录示例银行APP查看，也可到任一网点柜台查询；还款请使用手机银行或在柜台存入您的信用卡账户。
　　对上述金额有疑问的，请致电010-00000001向我行说明，并邮寄或当面提交相关凭证，我行核实后回复。
　　本行已授权示范服务公司（授权书编号SQ2026-15，期限至2026年12月31日）代为寄送本函。任何人向您收取现金或者要求转入私人账户的，请拒绝并拨打上述热线。
　　若您在收函前已结清，本函无须理会。投诉请拨12378。
[盖章] 示例银行股份有限公司
{letter_date}
"""

LISTED = """
尊敬的{name}客户：
　　我行郑重提示：您持有的末四位为{last_four}的信用卡，截至{as_of}尚未足额还款，已发生逾期，应还情况如下：
| 类别 | 小写（元） | 大写 |
| --- | --- | --- |
| 逾期应还 | {overdue} | {overdue:capitals} |
| 全部欠款 | {outstanding} | {outstanding:capitals} |
## 一、依据
　　本函依据《中华人民共和国民法典》《商业银行信用卡业务监督管理办法》和双方签署的领用合约作出。
## 二、您的权利
　　您享有以下权利：
　　（一）查询账户和欠款明细；
　　（二）对金额提出异议；
　　（三）与我行协商个性化分期还款。
## 三、您的义务
　　您应当按照合约约定及时偿还欠款，并保证所留联系方式真实有效。
## 四、渠道
　　查询：客服热线{hotline}、网上银行均可核对账单。
　　还款：请通过网点柜台、自助设备或约定还款账户办理还款。
## 五、异议
　　您认为欠款有误的，可拨打{hotline}反映，也可以书面寄至本函退信地址，同时附上交易单据。
## 六、提示
　　示范服务公司受我行委托提供还款提醒服务，委托期限自2026年1月1日起至2026年12月31日止。谨防冒充我行工作人员要求向个人账户付款。
　　若款项已于近日缴清，请不必理会本函，并谅解打扰。
[盖章] 示例银行股份有限公司信用卡中心
"""

WITHOUT_AGENCY = """
{name}：
　　您在本行开立的信用卡账户（账号后四位{last_four}）未依约还款，欠款本息及费用合计{outstanding}元，大写{outstanding:capitals}；逾期部分为{overdue}元，大写{overdue:capitals}。以上数据统计至{as_of}当日。
　　本行根据《中华人民共和国民法典》第五百七十七条函告如下：请尽快归还。
　　您有权要求核实欠款、提起异议和投诉。您负有依约还款的责任。
　　查询余额可致电客服热线010-00000001。还款可以通过本行网点或手机银行办理，款项应存入您本人的信用卡账户。
　　如对欠款存在争议，请以书面形式向我行提出，并提供证明材料。
　　本行不接受现金上门收款，亦不会让您把钱转到任何私人账户。您已付清的，请忽略此函。
[盖章] 示例银行股份有限公司
"""

ORDINARY = """
尊敬的{name}先生/女士：
您好！感谢您一直以来对示例银行信用卡的支持。
我行系统显示，截至{as_of}，您尾号为{last_four}的信用卡已逾期未还，逾期金额为人民币{overdue}元（大写：{overdue:capitals}），未偿还欠款总额为人民币{outstanding}元（大写：{outstanding:capitals}）。
依照《商业银行信用卡业务监督管理办法》《中华人民共和国民法典》等法律法规以及《示例银行信用卡领用合约》的约定，持卡人应承担按时还款的责任；持卡人有权了解账户信息、对账务提出疑义，并可申请个性化分期还款。
请您在收到本函后，尽快通过以下任一方式还款：1.示例银行手机银行转账还款；2.示例银行各营业网点柜台还款；3.绑定本人借记卡自动还款。
账户查询方式：示例银行手机银行、微信公众号、24小时客服热线010-00000001。
若您对上述欠款有疑义，请于收函后拨打客服热线010-00000001，并提供相关证明文件，我行将及时核实处理。
为协助您处理还款事宜，我行已委托示范服务公司（委托编号：2026-01号）为您提供服务。我行及示范服务公司均不会收取现金，更不会要求您将款项转至私人账户。
如您已还款，请忽略此函，并对由此给您带来的不便深表歉意。
投诉电话：010-00000001。
[盖章] 示例银行股份有限公司
"""

FORMAL = """
{name}女士/先生：
　　贵客户所持示例银行信用卡（尾号{last_four}）于{due_date}到期的账单至今未缴清。依据《中华人民共和国民法典》、《商业银行信用卡业务监督管理办法》第六十七条、第六十八条、第六十九条，特此告知：
　　一、至{as_of}止，账户应还总额{outstanding}元，大写{outstanding:capitals}；其中已过期未付{overdue}元，大写{overdue:capitals}。
　　二、贵客户依法享有知情、质询、要求复核、协商及投诉之权利；亦须依约履行偿付义务。
　　三、余额及明细，可于掌上银行「我的账单」查看，或电询010-00000001。
　　四、缴款途径：掌上银行、全国各网点、约定账户自动扣款。请勿交付现金予任何人员，亦勿汇入任何个人户头。
　　五、倘对账款有所争议，请检附单据，以信函或电话向本行信用卡中心提出，本行将先行注记该账户并查核。
　　六、本行授权示范服务公司代为通知，授权期间自2026年1月1日起至2026年12月31日。
　　七、倘贵客户已于近日缴付，请毋庸理会本函。
[盖章] 示例银行股份有限公司
"""

SECTIONED = """
尊敬的{name}：
　　截至{as_of}，您的示例银行信用卡（末四位：{last_four}）累计欠款￥{outstanding}（人民币大写：{outstanding:capitals}），其中已逾期￥{overdue}（人民币大写：{overdue:capitals}）。由于您未在{due_date}前归还最低还款额，账户已进入逾期状态。
　　【法律依据】《中华人民共和国民法典》第五百零九条、第五百七十九条；《商业银行信用卡业务监督管理办法》。我行依照上述规定致函。
　　【您的权利】查询账务、申请复核、要求协商、投诉举报，均为您依法享有的权利。
　　【您的义务】依约偿还欠款、更新联系方式。
　　【账户查询】登录示例银行手机银行，或致电客服热线{hotline}，或前往任一营业网点。
　　【还款渠道】示例银行手机银行、网上银行、网点柜台、ATM。请确认收款账户为您本人名下信用卡账户。
　　【异议处理】如您认为欠款信息有误，请于30日内通过客服热线{hotline}或信函方式提出，并附相关证据材料。
　　【温馨提示】示范服务公司系我行委托的合作机构（授权委托书：2026-SQ-018，有效期至2026年12月31日），其工作人员无权收取任何现金，亦不得要求您向个人账户汇款。
　　如您在收函之日前已足额还款，请勿理会本函。
[盖章] 示例银行股份有限公司
"""

PLAIN = """
{name}客户，您好：
　　首先感谢您选用示例银行信用卡。经核对，您尾号{last_four}的账户出现逾期，详情如下（数据更新至{as_of}）：
| 应还情况 | 数字 | 汉字 |
| --- | --- | --- |
| 全部应还 | {outstanding}元 | {outstanding:capitals} |
| 逾期应还 | {overdue}元 | {overdue:capitals} |
　　按照《商业银行信用卡业务监督管理办法》以及民法典关于借款合同的规定，持卡人应当按照合同约定偿还透支款项。为此，我行致函提醒您尽快还款。
　　作为持卡人，您对账户信息享有查询权，对有争议的交易享有异议权，并可就还款困难与我行协商。
　　若需查看账单明细，可使用示例银行APP“账单”功能；若需还款，可使用APP“还款”功能，或到柜面存入您的信用卡。
　　若您不认可本函所列金额，请携带交易小票等资料到网点，或拨打010-00000001申请核查。
　　受我行委托，示范服务公司参与本次提醒工作。凡要求您付现金或者转账给个人的，都不是我行人员。
　　若函到时您已付清，可不予理会。
　　联系我们：010-00000001。
[盖章] 示例银行股份有限公司
"""

COLLOQUIAL = """
{name}：
　　这是示例银行给您的还款通知。您的信用卡（尾号{last_four}）本期账单已过还款日，还没有还清。到{as_of}为止，总共欠{outstanding}元（{outstanding:capitals}），其中过期的是{overdue}元（{overdue:capitals}）。
　　《民法典》和《商业银行信用卡业务监督管理办法》规定，借款应当按约定期限返还，我们依据这些规定通知您。
　　您有权利查账、有权利对金额提出不同意见、有权利和我们商量分期；您也有义务按约定还钱。
　　想查账，请打开示例银行手机银行，或者打客服电话010-00000001。
　　想还款，请用示例银行手机银行还款，或者到我行网点还款，钱要还到您本人的信用卡里。
　　如果您觉得金额不对，请打010-00000001告诉我们，并把还款凭证等材料寄给我们。
　　示范服务公司受我们委托给您寄这封信。我们和示范服务公司都不收现金，也不会让您往个人账户打钱。
　　如果您已经还清了，请忽略这封信。
[盖章] 示例银行股份有限公司
"""

LABELLED = """
尊敬的持卡人{name}：
　　首先感谢您对我行信用卡的信任。贵卡末四位{last_four}，截至{as_of}，应还欠款总额人民币{outstanding}元整（大写{outstanding:capitals}），逾期款项人民币{overdue}元（大写{overdue:capitals}）。
　　发函缘由：贵卡未在约定的还款日内存足应还款项。
　　法规依据：《中华人民共和国民法典》第六百七十四条至第六百七十六条；《商业银行信用卡业务监督管理办法》第六十七条至第七十条。
　　您的权利：查询、质疑、复核、协商、投诉。
　　您的义务：按期足额还款；通讯信息变更须告知我行。
　　账户查询：手机银行首页“信用卡”栏目；客服热线010-00000001。
　　还款途径：手机银行、网上银行、营业网点；存入您本人信用卡账户。
　　异议与证据：对账务存疑，请致电010-00000001，或携相关证据至就近网点，我行先予标注，再行核查。
　　受托机构：示范服务公司，经我行授权（授权书SQ-2026-9），仅负责寄送与提醒，不经手任何款项。
　　谨防诈骗：切勿将现金交予任何人，切勿向个人账户转账。
　　来函前已还款者，请忽略本函。
[盖章] 示例银行股份有限公司
"""

GOOD = {
    "example": EXAMPLE.read_bytes(),
    "terse": source(TERSE),
    "listed": source(LISTED),
    "sectioned": source(SECTIONED),
    "plain": source(PLAIN),
    "colloquial": source(COLLOQUIAL),
    "labelled": source(LABELLED),
    "ordinary": source(ORDINARY),
    "formal": source(FORMAL),
    "without agency": source(WITHOUT_AGENCY, agency=""),
}
