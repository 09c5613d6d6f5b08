"""How the lint of letters words what it finds."""

from __future__ import annotations

from outreach.domain.codes import Code
from outreach.v1.common_pb2 import Finding

__all__ = ["Finding", "show", "stop"]


def stop(code: Code, reason: str, field: str = "text") -> Finding:
    """What stops a version."""
    return Finding(code=code, reason=reason, field=field)


def show(code: Code, reason: str, field: str = "text") -> Finding:
    """What is shown to its approvers and stops nothing."""
    return Finding(code=code, reason=reason, field=field, waits=True)
