"""A permit becomes a message, from the permit alone."""

from __future__ import annotations

from outreach.domain import templating
from outreach.v1.worker_service_pb2 import Permit
from sms_service.carriers.seam import Message

PLACEHOLDER_MISSING = "placeholder_missing"


class RenderingError(Exception):
    """The permit cannot become a message; nothing may be sent. `code` is our word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def render(permit: Permit, send_before: float) -> Message:
    """The message with its text, without the signature, which the carrier puts before it. RenderingError."""
    given = {value.name: value.text for value in permit.values}
    names = templating.placeholders(permit.template_text)
    if any(not given.get(name) for name in names) or templating.has_stray_braces(permit.template_text):
        raise RenderingError(PLACEHOLDER_MISSING)
    values = {name: given[name] for name in names}
    return Message(permit, templating.render(permit.template_text, values), values, send_before)
