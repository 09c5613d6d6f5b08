"""Values for a preview: ordinary ones, and the worst that a letter may have to hold."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from letter_service.layout.permit import Permit
from outreach.letters.model import Letter
from outreach.v1.letter_service_pb2 import PreviewValues
from outreach.v1.template_service_pb2 import PlaceholderType as Type

MARK = "样张 SAMPLE"
_DATE = datetime.date(2026, 12, 28)

_ORDINARY: Mapping[Type.ValueType, str] = {
    Type.PLACEHOLDER_TYPE_NAME: "张三",
    Type.PLACEHOLDER_TYPE_AMOUNT: "16,409.02",
    Type.PLACEHOLDER_TYPE_DATE: "2026-12-28",
    Type.PLACEHOLDER_TYPE_LAST_FOUR: "1234",
    Type.PLACEHOLDER_TYPE_HOTLINE: "010-00000001",
    Type.PLACEHOLDER_TYPE_REFERENCE: "REF-2026-0001",
}
_WORST: Mapping[Type.ValueType, str] = {
    Type.PLACEHOLDER_TYPE_NAME: "阿卜杜热合曼·买买提吐尔逊·䶮㛃𬱖堃喆犇古丽仙木",
    Type.PLACEHOLDER_TYPE_AMOUNT: "999,999,999.99",
    Type.PLACEHOLDER_TYPE_DATE: "2026-12-28",
    Type.PLACEHOLDER_TYPE_LAST_FOUR: "WWWW",
    Type.PLACEHOLDER_TYPE_HOTLINE: "0000-00000000-00000",
    Type.PLACEHOLDER_TYPE_REFERENCE: "WWWW-WWWWWWW-WWWWWWW",
}
"""The types' own limits, but for names: 24 characters is longer than any on an identity card that we know of."""


def permit(letter: Letter, values: PreviewValues.ValueType) -> Permit:
    """Leave to lay out a sample of the version. The persons, numbers and places in it do not exist."""
    worst = values == PreviewValues.PREVIEW_VALUES_WORST_CASE
    by_type = _WORST if worst else _ORDINARY
    return Permit(
        letter_number="SAMPLE-00000000",
        run_id="SAMPLE",
        letter_date=_DATE,
        recipient_name=by_type[Type.PLACEHOLDER_TYPE_NAME],
        address=(
            "示例省示例族示例族自治州示例市示例经济技术开发区示例街道示例大道东段8888号示例国际花园"
            "二期88号楼3单元2808室（示例商业广场西侧）"
            if worst
            else "示例省示例市示例区示例路1号示例花园2栋3单元402室",
        ),
        postcode="000000",
        values={p.name: by_type[p.type] for p in letter.head.placeholders},
        authorization="HQ-2026-" + "0" * 16 if worst else "HQ-2026-001",
        mark=MARK,
    )
