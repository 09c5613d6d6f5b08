"""The colours of states, as the tables show them."""

from __future__ import annotations

STATE_STYLES = {
    "ADMITTED": "blue",
    "RELEASED": "cyan",
    "SENT": "cyan",
    "DELIVERED": "green",
    "UNDELIVERED": "red",
    "UNCONFIRMED": "bold red",
    "BLOCKED": "yellow",
    "CANCELLED": "magenta",
    "EXPIRED": "bright_black",
    "AWAITING_QUANTITY": "blue",
    "PRINTED": "cyan",
    "MAILED": "green",
    "RETURNED": "red",
    "TO_PULL": "bold yellow",
    "PULLED": "magenta",
}

RUN_STATE_STYLES = {"RENDERING": "blue", "READY": "green", "CLOSED": "bright_black"}

TEMPLATE_STATE_STYLES = {
    "DRAFT": "blue",
    "REVIEWED": "cyan",
    "DOCUMENTED": "cyan",
    "APPROVED": "green",
    "SUSPENDED": "yellow",
    "REJECTED": "red",
    "RETIRED": "bright_black",
}

QUANTITY_STATE_STYLES = {"ASKED": "blue", "GRANTED": "green", "REFUSED": "red"}

PERSON_STATE_STYLES = {"NORMAL": "green", "RESTRICTED": "yellow", "ERASURE_ASKED": "magenta", "ERASED": "bright_black"}

PERSON_REQUEST_STATE_STYLES = {
    "ASKED": "blue",
    "APPROVED": "cyan",
    "DONE": "green",
    "REFUSED": "red",
    "STOPPED": "yellow",
    "EXPIRED": "bright_black",
}
