from __future__ import annotations

import pytest

from outreach.v1.worker_service_pb2 import PermitValue
from sms_service.rendering import RenderingError, render
from tests.service.sms_service.parts import permit


def test_a_permit_alone_makes_the_text() -> None:
    """The values appear as they are, are not expanded again, and those that the text does not use are left out."""
    values = [PermitValue(name="name", text="{amount}"), PermitValue(name="amount", text="1.00")]
    unused = PermitValue(name="unused", text="x")
    message = render(permit(template_text="{name}：{amount}元", values=[*values, unused]), 1.0)
    assert message.text == "{amount}：1.00元"
    assert message.values == {"name": "{amount}", "amount": "1.00"}


@pytest.mark.parametrize("text", ["{name}您好{missing}", "{name}{empty}", "{{name}}", "{name}}"])
def test_what_cannot_be_rendered_is_refused(text: str) -> None:
    """A missing value, an empty one, a stray brace: nothing is rendered."""
    values = [PermitValue(name="name", text="张三"), PermitValue(name="empty", text="")]
    with pytest.raises(RenderingError):
        render(permit(template_text=text, values=values), 1.0)
