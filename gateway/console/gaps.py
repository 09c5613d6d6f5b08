"""What may fill a gap in a text, as the console offers it; and what it looks like, usually and at worst."""

from __future__ import annotations

from typing import NamedTuple

from outreach.domain.templating import placeholders
from outreach.v1.template_service_pb2 import Placeholder, PlaceholderType, RecordField

_T, _F = PlaceholderType, RecordField


class Filling(NamedTuple):
    """One kind of value."""

    key: str
    name: str
    type: PlaceholderType.ValueType
    record_field: RecordField.ValueType
    sample: str
    worst: str


FILLINGS = (
    Filling(
        "recipient",
        "收件人姓名",
        _T.PLACEHOLDER_TYPE_NAME,
        _F.RECORD_FIELD_RECIPIENT_NAME,
        "张三",
        "阿卜杜热合曼·麦麦提明",
    ),
    Filling(
        "overdue", "逾期金额", _T.PLACEHOLDER_TYPE_AMOUNT, _F.RECORD_FIELD_OVERDUE_AMOUNT, "1234.56", "999999999.99"
    ),
    Filling(
        "outstanding",
        "欠款总额",
        _T.PLACEHOLDER_TYPE_AMOUNT,
        _F.RECORD_FIELD_OUTSTANDING_AMOUNT,
        "8888.00",
        "999999999.99",
    ),
    Filling(
        "minimum", "最低还款额", _T.PLACEHOLDER_TYPE_AMOUNT, _F.RECORD_FIELD_MINIMUM_PAYMENT, "500.00", "999999999.99"
    ),
    Filling("due_date", "到期还款日", _T.PLACEHOLDER_TYPE_DATE, _F.RECORD_FIELD_DUE_DATE, "2026-03-05", "2026-12-31"),
    Filling("as_of", "金额截止日", _T.PLACEHOLDER_TYPE_DATE, _F.RECORD_FIELD_AS_OF_DATE, "2026-03-16", "2026-12-31"),
    Filling(
        "last_four", "账号尾号四位", _T.PLACEHOLDER_TYPE_LAST_FOUR, _F.RECORD_FIELD_ACCOUNT_LAST_FOUR, "6688", "6688"
    ),
    Filling(
        "hotline",
        "银行热线",
        _T.PLACEHOLDER_TYPE_HOTLINE,
        _F.RECORD_FIELD_UNSPECIFIED,
        "010-00000001",
        "010-000000000001",
    ),
    Filling(
        "reference",
        "业务编号",
        _T.PLACEHOLDER_TYPE_REFERENCE,
        _F.RECORD_FIELD_UNSPECIFIED,
        "REF-2026-001",
        "REF-2026-AAAAAA-00001",
    ),
)
_BY_KEY = {filling.key: filling for filling in FILLINGS}
_BY_TYPE = {(filling.type, filling.record_field): filling for filling in FILLINGS}


def filling_of(placeholder: Placeholder) -> Filling:
    return _BY_TYPE[placeholder.type, placeholder.record_field]


def chosen(text: str, keys: dict[str, str]) -> list[Placeholder]:
    """The placeholders of a text, each with the filling chosen for it, or the likeliest one by its name."""
    found = []
    for name in dict.fromkeys(placeholders(text)):
        filling = _BY_KEY.get(keys.get(name, "")) or _likeliest(name)
        found.append(Placeholder(name=name, type=filling.type, record_field=filling.record_field))
    return found


def _likeliest(name: str) -> Filling:
    for filling in FILLINGS:
        if filling.key in name or name in filling.key:
            return filling
    return _BY_KEY["overdue"] if "amount" in name else _BY_KEY["recipient"] if "name" in name else _BY_KEY["reference"]


def filled(text: str, gaps: list[Placeholder], *, worst: bool) -> str:
    """The text with a sample value in each gap, or the longest."""
    for gap in gaps:
        filling = filling_of(gap)
        text = text.replace(f"{{{gap.name}}}", filling.worst if worst else filling.sample)
    return text
