"""The commands of quantities: what they ask for, and what they show."""

from __future__ import annotations

import json
from typing import Any

from outreach.v1.quantity_service_pb2 import (
    AskQuantityResponse,
    DecideQuantityResponse,
    ListQuantitiesResponse,
    Quantity,
    QuantityState,
)
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

GRANTED = QuantityState.QUANTITY_STATE_GRANTED


def line(quantity_id: str, state: QuantityState.ValueType = GRANTED) -> Quantity:
    return Quantity(
        quantity_id=quantity_id,
        letter_name="payment-notice",
        team="team-1",
        state=state,
        asked=50,
        granted=30,
        used=12,
        left=18,
        asked_by="agency/lead",
        decided_by="agency/office",
    )


def test_a_quantity_is_asked_for(gateway: FakeGateway, run: Run) -> None:
    """Letter, number and reason are sent for the identity's bank; the line is shown."""
    asked = line("q-1", QuantityState.QUANTITY_STATE_ASKED)
    gateway.answers["AskQuantity"] = lambda request: AskQuantityResponse(quantity=asked)
    shown = run("quantity", "ask", "payment-notice", "--number", 50, "--reason", "三月寄函").stdout
    (request,) = gateway.asked("AskQuantity")
    assert (request.bank_id, request.letter_name) == ("demo-bank", "payment-notice")
    assert (request.number, request.reason) == (50, "三月寄函")
    assert "待审批 ASKED" in shown
    assert run("quantity", "ask", "payment-notice", "--number", 0, "--reason", "r").exit_code == 2


def test_a_quantity_is_cut(gateway: FakeGateway, run: Run) -> None:
    """The number granted and the comment are sent; the answer tells how many letters are due now."""
    gateway.answers["DecideQuantity"] = lambda request: DecideQuantityResponse(quantity=line("q-1"), resumed=12)
    shown = run("quantity", "decide", "q-1", "--grant", 30, "--comment", "按上月用量").stdout
    (request,) = gateway.asked("DecideQuantity")
    assert (request.quantity_id, request.granted, request.comment) == ("q-1", 30, "按上月用量")
    assert "恢复待打印 Due now  12" in shown
    assert run("quantity", "decide", "q-1").exit_code == 2


def test_the_register_follows_its_pages(gateway: FakeGateway, run: Run) -> None:
    """Asked, granted, used and left stand in a line each; a state may be asked for; the limit is kept."""

    def page(request: Any) -> ListQuantitiesResponse:
        first = not request.page_token
        return ListQuantitiesResponse(
            quantities=[line("q-2" if first else "q-1")], next_page_token="t" if first else ""
        )

    gateway.answers["ListQuantities"] = page
    shown = run("quantity", "list", "--state", "granted").stdout
    assert gateway.asked("ListQuantities")[0].state == GRANTED
    assert all(word in shown for word in ("q-2", "q-1", "已批准 GRANTED", "agency/lead", "agency/office", "18"))
    listed = json.loads(run("quantity", "list", "--limit", 1, "--json").stdout)
    assert [entry["quantity_id"] for entry in listed] == ["q-2"]
