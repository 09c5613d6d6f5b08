"""What a message would say, personal data masked: for a preflight."""

from __future__ import annotations

from approval_service.admission import Judged
from approval_service.context import Context
from outreach.domain.masking import mask_name
from outreach.domain.templating import render, segments, signed
from outreach.v1.template_service_pb2 import PlaceholderType


def masked_text(context: Context, judged: Judged) -> tuple[str, int]:
    """The text as it would leave now, names masked, and its segments; empty and 0 if it cannot be rendered."""
    message, facts = judged.message, judged.facts
    template = facts.template
    if template is None or message.account is None or message.person is None or facts.value_problems:
        return "", 0
    if facts.policy is None:
        return "", 0
    texts = {**message.variables, **context.record_values(message)[0]}
    content = template.content
    count = segments(len(signed(content.signature, render(content.text, texts))))
    for placeholder in content.placeholders:
        if placeholder.type == PlaceholderType.PLACEHOLDER_TYPE_NAME:
            texts[placeholder.name] = mask_name(texts[placeholder.name])
    return signed(content.signature, render(content.text, texts)), count
