"""Packs of evidence wait for who asked, for a while, and say why there is none."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.console import packs
from gateway.console.packs import MAX_OF_ONE, Order, Packs
from outreach.domain.errors import Kind, Refusal
from outreach.evidence.assembly import Made, Step, Tell
from outreach.v1.evidence_service_pb2 import Evidence

MADE = Made(Evidence(evidence_id="E1"), b"PK", 3, 0, "key")


def order(purpose: str = "TS-1") -> Order:
    return Order("subject", purpose, "/evidence?outreach_id=X")


async def settled(one: Order) -> None:
    while one.ended_s is None:  # noqa: ASYNC110  # nothing else is to be told of it
        await asyncio.sleep(0)


async def test_a_pack_is_made_while_nobody_looks() -> None:
    """Its progress is told meanwhile; nobody else sees it."""
    kept, going_on = Packs(), asyncio.Event()

    async def make(tell: Tell) -> Made:
        tell(Step.ORIGINALS, 1, 2)
        await going_on.wait()
        return MADE

    one = kept.order("agency/ann", order(), make)
    await asyncio.sleep(0)
    assert (one.step, one.done, one.total, one.made) == (Step.ORIGINALS, 1, 2, None)
    going_on.set()
    await settled(one)
    assert (kept.of("agency/ann"), one.made) == ([one], MADE)
    assert kept.of("agency/ben") == []


async def test_what_goes_wrong_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal as it is; anything else as an incident, without its words."""
    kept, refusal = Packs(), Refusal(Kind.NOT_FOUND, "没有。None.")
    for error in (refusal, RuntimeError("secret")):

        async def make(tell: Tell, error: Exception = error) -> Made:
            raise error

        one = kept.order("agency/ann", order(), make)
        await settled(one)
        assert one.refusal is not None
    assert [one.refusal for one in kept.of("agency/ann")][1] is refusal
    (incident, *_) = [one.refusal.message for one in kept.of("agency/ann") if one.refusal]
    assert "事故号" in incident
    assert "secret" not in incident


async def test_a_person_has_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """More are refused while those are being made; finished ones make room, and go after a while."""
    kept, going_on = Packs(), asyncio.Event()

    async def make(tell: Tell) -> Made:
        await going_on.wait()
        return MADE

    orders = [kept.order("agency/ann", order(), make) for _ in range(MAX_OF_ONE)]
    with pytest.raises(Refusal, match="at a time"):
        kept.order("agency/ann", order(), make)
    going_on.set()
    for one in orders:
        await settled(one)
    last = kept.order("agency/ann", order("the last"), make)
    await settled(last)
    assert len(kept.of("agency/ann")) == MAX_OF_ONE
    assert kept.of("agency/ann")[0] is last
    later = time.monotonic() + packs.KEEP_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert kept.of("agency/ann") == []
