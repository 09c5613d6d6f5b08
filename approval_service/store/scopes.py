"""Which outreach a step is about."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, select, text

from approval_service.schema import outreach
from approval_service.store.lists import one_of


@dataclass(frozen=True, slots=True)
class Scope:
    """The outreach that agree in all that is set here. At least one field must be."""

    bank_id: str = ""
    account_id: str = ""
    person_id: str = ""
    phone_hash: str = ""
    address_hash: str = ""
    channel: int = 0
    template_digest: str = ""
    case_id: str = ""
    caller_id: str = ""
    state: int = 0
    outreach_id: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        """What is set, by column. ValueError if nothing is: that would be every outreach of every bank."""
        found = {field.name: value for field in fields(self) if (value := getattr(self, field.name))}
        if not found:
            raise ValueError("a scope needs at least one field")
        return found


@lru_cache
def select_in(columns: tuple[str, ...]) -> Select[tuple[Any, ...]]:
    """The outreach of a scope with these columns set; to be executed with its values."""
    found = select(outreach).where(
        *(
            one_of(outreach.c[name], name) if name == "outreach_id" else outreach.c[name] == bindparam(name)
            for name in columns
        )
    )
    # The index's own condition, word for word: a database sees only then that it may use it.
    return found.where(text("outreach.address_hash <> ''")) if "address_hash" in columns else found
