"""Which version is in force is told by the business clock."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from gateway.console.force import force_marks, in_force
from outreach.v1.template_service_pb2 import Template, TemplateContent, TemplateState

NOW = Timestamp(seconds=1000)
APPROVED, DRAFT = TemplateState.TEMPLATE_STATE_APPROVED, TemplateState.TEMPLATE_STATE_DRAFT


def version(
    digest: str, begins: int, ends: int = 0, state: TemplateState.ValueType = APPROVED, until: int = 0
) -> Template:
    content = TemplateContent(name="reminder", effective_from=Timestamp(seconds=begins))
    if ends:
        content.effective_until.seconds = ends
    made = Template(digest=digest, content=content, state=state)
    if until:
        made.approved_until.seconds = until
    return made


def test_the_latest_that_has_begun_is_in_force() -> None:
    """Not one that begins later, is over, whose approval is over, or that nobody approved."""
    versions = [
        version("old", 100),
        version("current", 900),
        version("coming", 1001),
        version("ended", 950, ends=1000),
        version("unapproved since", 960, until=999),
        version("draft", 970, state=DRAFT),
    ]
    found = in_force(versions, NOW)
    assert found is not None
    assert found.digest == "current"
    marks = {one.digest: mark for one, mark in force_marks(versions, NOW)}
    assert marks == {"current": "现行", "coming": "尚未生效", "ended": "已过期", "unapproved since": "已过期"}


def test_nothing_may_be_in_force() -> None:
    """Before the first day of the only version."""
    assert in_force([version("coming", 1001)], NOW) is None
