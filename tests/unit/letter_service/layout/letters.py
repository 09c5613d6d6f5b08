"""A version like a bank's, and permits for it."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

from letter_service.layout.permit import Permit
from outreach.letters.model import Block, Envelope, Heading, LetterHead, Paragraph, Seal, Table, TextLetter
from outreach.v1.template_service_pb2 import Placeholder, PlaceholderType

_TYPES = {
    "name": PlaceholderType.PLACEHOLDER_TYPE_NAME,
    "last_four": PlaceholderType.PLACEHOLDER_TYPE_LAST_FOUR,
    "overdue": PlaceholderType.PLACEHOLDER_TYPE_AMOUNT,
    "outstanding": PlaceholderType.PLACEHOLDER_TYPE_AMOUNT,
    "due_date": PlaceholderType.PLACEHOLDER_TYPE_DATE,
    "as_of": PlaceholderType.PLACEHOLDER_TYPE_DATE,
    "hotline": PlaceholderType.PLACEHOLDER_TYPE_HOTLINE,
}
BLOCKS: tuple[Block, ...] = (
    Heading(1, "缴款告知函"),
    Paragraph("尊敬的{name}：", indent=False),
    Paragraph(
        "您在我行办理的信用卡（卡号末四位{last_four}）截至{as_of}已逾期，逾期金额为人民币{overdue}元（大写："
        "{overdue:capitals}），结欠总额为人民币{outstanding}元。我行已委托示例信用管理有限公司协助告知，现将有关事项通知如下："
    ),
    Heading(2, "一、账户情况"),
    Table(
        (
            ("项目", "内容"),
            ("账户末四位", "{last_four}"),
            ("最后还款日", "{due_date}"),
            ("逾期金额（元）", "{overdue}"),
            ("逾期金额（大写）", "{overdue:capitals}"),
            ("结欠总额（元）", "{outstanding}"),
            ("数据截止日", "{as_of}"),
        )
    ),
    Heading(2, "二、告知事由与依据"),
    Paragraph(
        "根据《中华人民共和国民法典》第六百七十五条、第六百七十六条以及您与我行签订的《信用卡领用合约》的约定，持卡人"
        "应当按期足额归还透支款项。截至上述数据截止日，我行尚未收到您的足额还款，特此告知。若您在收到本函前已经还款，请忽略本函。"
    ),
    Heading(2, "三、您的权利与义务"),
    Paragraph(
        "您有权查询账户明细、核对欠款构成、对金额提出异议并提交证据，也有权就分期还款与我行平等协商。您应当在{due_date}"
        "之前，将应还款项存入您本人的信用卡账户；无论何种情形，我行及受托机构均不收取现金，也不会要求您向任何个人账户转账。"
    ),
    Heading(2, "四、查询、还款与异议"),
    Paragraph(
        "查询与还款：请登录我行手机银行、网上银行（https://www.example.com/cards），或前往任一网点柜台办理。客服热线："
        "{hotline}；消费者投诉维权热线：12378。电子邮箱：service@example.com。"
    ),
    Paragraph(
        "如对本函所列金额有异议，请于收到本函之日起十五日内致电{hotline}或携带有效证件至我行网点提出，并提交相应证据；"
        "核实期间我行将对该笔款项作争议标识并暂停催告。"
    ),
    Seal("示例银行股份有限公司信用卡中心"),
)


def head(envelope: Envelope = Envelope.DL, *, duplex: bool = True) -> LetterHead:
    return LetterHead(
        title="缴款告知函",
        bank_name="示例银行股份有限公司信用卡中心",
        agency_name="示例信用管理有限公司",
        return_address="上海市浦东新区示例路100号示例银行信用卡中心（邮编200120）",
        envelope=envelope,
        duplex=duplex,
        placeholders=tuple(Placeholder(name=name, type=kind) for name, kind in _TYPES.items()),
    )


def letter(
    *blocks: Block, envelope: Envelope = Envelope.DL, duplex: bool = True, letterhead_image: bytes = b""
) -> TextLetter:
    return TextLetter(head(envelope, duplex=duplex), blocks or BLOCKS, letterhead_image)


def permit(number: int = 1, values: dict[str, str] | None = None, **changes: Any) -> Permit:
    """`values` replace single ones; the name stands in the address too."""
    filled = {
        "name": "欧阳𬱖堃",
        "last_four": "1234",
        "overdue": "16,409.02",
        "outstanding": "107,000.53",
        "due_date": "2026年12月15日",
        "as_of": "2026年11月24日",
        "hotline": "400-123-4567",
    }
    filled |= values or {}
    plain = Permit(
        letter_number=f"DEMO-2026-{number:07d}",
        run_id="01JDXY8Z3V9K6WQ2N4R7T5A1BC",
        letter_date=datetime.date(2026, 11, 25),
        recipient_name=filled["name"],
        address=("上海市浦东新区世纪大道1568号中建大厦东塔12栋2单元1502室",),
        postcode="200122",
        values=filled,
        authorization="HQ-2026-0117",
    )
    return replace(plain, **changes)
