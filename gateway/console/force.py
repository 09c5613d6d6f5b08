"""Which of several versions is in force: templates and letter versions alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.template_service_pb2 import Template, TemplateState

V = TypeVar("V", Template, LetterVersion)
_USABLE = (TemplateState.TEMPLATE_STATE_APPROVED, TemplateState.TEMPLATE_STATE_SUSPENDED)


def in_force(versions: Iterable[V], now: Timestamp) -> V | None:
    """Of versions of one name that are approved and whose time it is, the latest to take effect."""
    usable = [one for one in versions if one.state in _USABLE and _begun(one, now) and not _over(one, now)]
    return max(usable, key=lambda one: one.content.effective_from.ToMilliseconds(), default=None)


def force_marks(versions: Iterable[V], now: Timestamp) -> Iterator[tuple[V, str]]:
    """Each version that is in force, that will be, or whose time is over, with the words for it."""
    by_name: dict[str, list[V]] = defaultdict(list)
    for version in versions:
        by_name[version.content.name].append(version)
    for named in by_name.values():
        current = in_force(named, now)
        for one in named:
            if one.state not in _USABLE:
                continue
            if one is current:
                yield one, "现行"
            elif not _begun(one, now):
                yield one, "尚未生效"
            elif _over(one, now):
                yield one, "已过期"


def _begun(version: Any, now: Timestamp) -> bool:
    begun: bool = version.content.effective_from.ToMilliseconds() <= now.ToMilliseconds()
    return begun


def _over(version: Any, now: Timestamp) -> bool:
    ends = [at for at in (version.content.effective_until, version.approved_until) if at.ByteSize()]
    return any(at.ToMilliseconds() <= now.ToMilliseconds() for at in ends)
