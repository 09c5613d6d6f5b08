"""Which outreach a step is about."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import ColumnElement, and_

from approval_service.schema import outreach


@dataclass(frozen=True, slots=True)
class Scope:
    """The outreach that agree in all that is set here. At least one field must be."""

    bank_id: str = ""
    account_id: str = ""
    person_id: str = ""
    phone_hash: str = ""
    template_digest: str = ""
    case_id: str = ""
    caller_id: str = ""
    state: int = 0
    outreach_id: tuple[str, ...] = ()

    def condition(self) -> ColumnElement[bool]:
        """The SQL condition. ValueError if nothing is set: that would be every outreach of every bank."""
        parts = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value:
                column = outreach.c[field.name]
                parts.append(column.in_(value) if isinstance(value, tuple) else column == value)
        if not parts:
            raise ValueError("a scope needs at least one field")
        return and_(*parts)
