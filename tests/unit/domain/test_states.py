"""The table of states and its picture."""

from pathlib import Path

from outreach.domain import states
from outreach.v1.common_pb2 import State

DOCUMENT = Path(__file__).parents[3] / "docs/states.md"


def test_the_document_shows_the_table() -> None:
    """docs/states.md draws what the table says."""
    assert f"```mermaid\n{states.mermaid()}```" in DOCUMENT.read_text()


def test_final_states_are_never_left() -> None:
    """A final state has no way out, and every other has one."""
    every = {State.ValueType(value) for value in State.values()} - {State.STATE_UNSPECIFIED}
    assert every - states.TRANSITIONS.keys() == states.FINAL


def test_only_certainty_returns_a_message_to_the_queue() -> None:
    """What may have left becomes due again only from RELEASED or UNCONFIRMED, or as a letter that is destroyed; never
    once the carrier or the post took it."""
    assert {old for old, moves in states.TRANSITIONS.items() if states.ADMITTED in moves} == {
        states.AWAITING_QUANTITY,
        states.RELEASED,
        states.UNCONFIRMED,
        states.PRINTED,
        states.TO_PULL,
    }
