"""The dates within which a version of a template or letter may be used, and how long its approval lasts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from google.protobuf.timestamp_pb2 import Timestamp

from approval_service.rules import DAY_MS
from outreach.domain.codes import Code
from outreach.domain.errors import invalid
from outreach.v1.common_pb2 import Finding
from outreach.v1.letter_version_service_pb2 import LetterContent, LetterVersion
from outreach.v1.policy_service_pb2 import PolicyVersion
from outreach.v1.template_service_pb2 import Template, TemplateContent

Content = TemplateContent | LetterContent


def includes(content: Content, now_ms: int) -> bool:
    """True if the content may be used at a business time."""
    if now_ms < content.effective_from.ToMilliseconds():
        return False
    return not content.HasField("effective_until") or now_ms < content.effective_until.ToMilliseconds()


def approved_until_ms(approved_ms: int, policy: PolicyVersion | None) -> int | None:
    """First moment an approval is over by the bank's policy; None for never."""
    days = policy.policy.approval_life_days if policy else 0
    return approved_ms + days * DAY_MS if days else None


def is_over(approved_ms: int, policy: PolicyVersion | None, now_ms: int) -> bool:
    """True if an approval is over at a business time."""
    until_ms = approved_until_ms(approved_ms, policy)
    return until_ms is not None and now_ms >= until_ms


def tell_approval(version: Template | LetterVersion, policy: PolicyVersion | None, now_ms: int) -> None:
    """Fills in until when a version is approved, as of a business time."""
    if not version.HasField("approve_time"):
        return
    until_ms = approved_until_ms(version.approve_time.ToMilliseconds(), policy)
    if until_ms is not None:
        version.approved_until.FromMilliseconds(until_ms)
        version.approval_days_left = -((now_ms - until_ms) // DAY_MS)


def as_texts(content: Content) -> dict[str, str]:
    """Both dates as a digest covers them, by field; empty for an unset one. Refusal for a time that no calendar has."""
    return {"effective_from": _text(content, "effective_from"), "effective_until": _text(content, "effective_until")}


def _text(content: Content, field: Literal["effective_from", "effective_until"]) -> str:
    if not content.HasField(field):
        return ""
    moment: Timestamp = getattr(content, field)
    try:
        return str(moment.ToJsonString())
    except ValueError:
        raise invalid(f"content.{field}", "日期超出范围。Must lie between the years 1 and 9999.") from None


def findings(content: Content, code: Code) -> Iterator[Finding]:
    """What is wrong with the dates, under the code of the rule that they belong to."""
    if not content.HasField("effective_until"):
        return
    begin, end = content.effective_from, content.effective_until
    if (begin.seconds, begin.nanos) >= (end.seconds, end.nanos):
        yield Finding(code=code, reason="失效时间不晚于生效时间。Ends before it begins.", field="effective_until")
