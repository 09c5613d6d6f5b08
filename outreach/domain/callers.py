"""What a system that calls is told once an operator has shut it out."""

from __future__ import annotations

from collections.abc import Container

from outreach.domain.errors import denied


def require_active(caller_id: str, deactivated: Container[str]) -> None:
    """PERMISSION_DENIED if the caller is among those that are shut out."""
    if caller_id in deactivated:
        raise denied(
            f"调用方 {caller_id} 已被停用，不再受理其任何请求；请联系运维，由另一名运维恢复。This caller is "
            "deactivated: ask an operator; another one than who shut it out can reactivate it.",
            "CALLER_DEACTIVATED",
        )
