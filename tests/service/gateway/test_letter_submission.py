"""SubmitLetters through the gateway: letters of a bad shape are answered here, the others go to the authority."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from outreach.runtime.errors import refusal_of
from outreach.v1.outreach_service_pb2 import LetterItem, PostalClass, SubmitLettersRequest, SubmitLettersResponse
from tests.service.gateway.conftest import SUBMIT_LETTERS, Edge, FakeAuthority


def letter(request_id: str, **changes: Any) -> LetterItem:
    values = {
        "bank_id": "demo-bank",
        "account_number": "6222000000001",
        "address": "杭州市西湖区青梧路12号3栋402室",
        "letter_name": "payment-notice",
        "postal_class": PostalClass.POSTAL_CLASS_ORDINARY,
    }
    return LetterItem(request_id=request_id, **{**values, **changes})


async def submit(edge: Edge, *items: LetterItem) -> SubmitLettersResponse:
    response: SubmitLettersResponse = await edge.call(
        SUBMIT_LETTERS, SubmitLettersRequest(items=items), SubmitLettersResponse
    )
    return response


async def test_each_letter_is_answered_by_itself(edge: Edge, authority: FakeAuthority) -> None:
    """In order: what has a bad shape or another bank is answered at the edge, and the rest decided together."""
    answer = await submit(
        edge,
        letter("a"),
        letter("b", postcode="31000"),
        letter("c", bank_id="other-bank"),
        letter("conflict-d"),
        letter("e", postal_class=0),
        letter("f"),
    )
    found = [
        (result.decision.outreach_id, result.error.code, result.error.field.partition(".")[0])
        for result in answer.results
    ]
    assert found == [
        ("o-a", 0, ""),
        ("", 3, "postcode"),
        ("", 7, "bank_id"),
        ("", 6, "request_id"),
        ("", 3, "postal_class"),
        ("o-f", 0, ""),
    ]
    (admit,) = authority.letter_admits
    assert (admit.principal.caller_id, [item.request_id for item in admit.items]) == (
        "cases",
        ["a", "conflict-d", "f"],
    )


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_of_letters_of_a_wrong_size_is_refused(edge: Edge, authority: FakeAuthority, count: int) -> None:
    """At least one letter and at most a thousand."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await submit(edge, *(letter(f"r{n}") for n in range(count)))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert authority.letter_admits == []


async def test_when_the_authority_goes_away_the_outcome_is_unknown(edge: Edge, authority: FakeAuthority) -> None:
    """The caller is told to send the same ids again."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await submit(edge, letter("away"))
    assert refusal_of(raised.value).reason == "OUTCOME_UNKNOWN"
