"""The fast canonical form is the standard's (RFC 8785) on everything that the schema allows."""

import datetime
import math
from enum import StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from outreach.ledger.entries import Form, decode, encode

LIMIT = 2**53 - 1
ascii_keys = st.text(st.characters(max_codepoint=127), max_size=12)
scalars = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.integers(-LIMIT, LIMIT),
    st.booleans(),
    st.none(),
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(ascii_keys, inner), max_leaves=10)
objects = st.dictionaries(ascii_keys, values, max_size=10)


@given(objects)
def test_equals_rfc_8785(entry: dict[str, Any]) -> None:
    """Same bytes as an independent implementation of the standard, on one line, and they read back."""
    body = encode(entry)
    assert body == rfc8785.dumps(entry)
    assert b"\n" not in body
    assert decode(body) == entry


class Colour(StrEnum):
    RED = "red"


def test_enum_members_are_their_text() -> None:
    """A StrEnum member, such as a rule's code, is written as its text."""
    assert encode({"codes": [Colour.RED], "code": Colour.RED}) == b'{"code":"red","codes":["red"]}'


@pytest.mark.parametrize(
    "value",
    [1.0, -0.0, math.nan, LIMIT + 1, -LIMIT - 1, 2**70, "\ud800", b"x", (1,), {1}, datetime.date(2026, 1, 1), object()],
)
@pytest.mark.parametrize("wrap", [lambda v: {"a": v}, lambda v: {"a": [{"b": v}]}], ids=["plain", "nested"])
def test_refuses_what_the_schema_excludes(value: object, wrap: Any) -> None:
    """Whatever the two encoders could write differently is refused, at any depth."""
    with pytest.raises(ValueError, match="ledger entry"):
        encode(wrap(value))


@pytest.mark.parametrize("entry", [{"é": 1}, {"a": [{"名": 1}]}, {1: 2}, {"\ud800": 1}])
def test_refuses_keys_beyond_ascii(entry: dict[str, Any]) -> None:
    """Keys beyond ASCII, where sort orders differ, are refused."""
    with pytest.raises(ValueError, match="ledger entry"):
        encode(entry)


@pytest.mark.parametrize(
    "fixed", [{"kind": "admitted", "by": 'a%s/"b', "codes": ["A", "B"]}, {"kind": "发送 100%"}, {}]
)
def test_a_form_gives_what_encoding_gives(fixed: dict[str, Any]) -> None:
    """Whatever stands in the fixed values; the varying ones in the order of their keys."""
    form = Form({**fixed, "time": "t"}, {"seq": int, "outreach": str, "attempt": str})
    varying: dict[str, int | str] = {"attempt": "01ATTEMPT", "outreach": "01OUTREACH", "seq": 7}
    assert form.fill(*varying.values()) == encode({**fixed, "time": "t"} | varying)


def test_refuses_what_contains_itself() -> None:
    """An endless entry is a ValueError, not a crash."""
    entry: dict[str, Any] = {}
    entry["a"] = [entry]
    with pytest.raises(ValueError, match="ledger entry"):
        encode(entry)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"5",
        b'"text"',
        b"[]",
        b'{"a":1',
        b'{"a": 1}',
        b'{"a":1}\r',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"\\u00e9":1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":-0}',
        b'{"a":9007199254740992}',
        b'{"a":"\xff"}',
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        '{"é":1}'.encode(),
        b'\xef\xbb\xbf{"a":1}',
    ],
)
def test_reads_canonical_bodies_only(body: bytes) -> None:
    """A body in any other spelling, or with anything the schema excludes, is refused."""
    with pytest.raises(ValueError, match=r"ledger entr|canonical|JSON"):
        decode(body)
