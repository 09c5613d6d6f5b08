"""How times, enums and codes are written for people, and what a spreadsheet may hold."""

from __future__ import annotations

from datetime import timedelta, timezone

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from outreach.domain import states
from outreach.wording import words

CHINA = timezone(timedelta(hours=8))
"""Times are shown in the banks' zone, wherever the reader is."""


def when(time: Timestamp) -> str:
    """Such as 2026-11-24 08:00:00, in China's time; empty if it is unset."""
    if not time.seconds and not time.nanos:
        return ""
    return time.ToDatetime(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def state_words(state: int) -> str:
    """Such as 已送达 DELIVERED."""
    name = states.name(state)
    return f"{words.STATES.get(name, '')} {name}".strip()


def code_text(code: str) -> str:
    return f"{words.CODES[code]} {code}" if code in words.CODES else code


def simulated_code_text(code: str) -> str:
    """A rule's code, or one that a simulation counts beside them."""
    return f"{words.SIMULATED_CODES[code]} {code}" if code in words.SIMULATED_CODES else code_text(code)


def inert(text: str) -> str:
    """The text as a spreadsheet program takes it for text, whatever it begins with, and runs no formula."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def enum_name(enum: EnumDescriptor, number: int) -> str:
    """The short name of an enum's value, such as DISPUTE for HOLD_KIND_DISPUTE; empty for the unspecified one."""
    value = enum.values_by_number.get(number)
    if value is None:
        return str(number)
    return value.name.removeprefix(enum_prefix(enum)) if number else ""


def enum_prefix(enum: EnumDescriptor) -> str:
    return enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
