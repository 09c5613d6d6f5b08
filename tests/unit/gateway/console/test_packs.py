"""Packs of evidence wait for who asked, for a while, and say why there is none; an order that is not here is made."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.console import packs
from gateway.console.packs import Pack, Packs
from outreach.domain.errors import Kind, Refusal
from outreach.evidence.assembly import Made, Step, Tell
from outreach.v1.evidence_service_pb2 import Evidence, EvidenceOrder

MADE = Made(Evidence(evidence_id="E1"), b"PK", 3, 0, "key")
ANN = "console/ann"
AWAY = Refusal(Kind.UNAVAILABLE, "稍后再试。Try later.")
ONE, TWO = (EvidenceOrder(order_id=name, purpose="TS-1") for name in ("one", "two"))


class Maker:
    """Makes packs once it may, and knows what it was asked for."""

    def __init__(self, *failures: Exception) -> None:
        self.asked: list[str] = []
        self.going_on = asyncio.Event()
        self._failures = list(failures)

    async def __call__(self, order: EvidenceOrder, tell: Tell) -> Made:
        self.asked.append(order.order_id)
        tell(Step.ORIGINALS, 1, 2)
        await self.going_on.wait()
        if self._failures:
            raise self._failures.pop(0)
        return MADE


async def settled(*these: Pack) -> None:
    for pack in these:
        assert pack.task is not None
        await pack.task


async def test_a_pack_is_made_while_nobody_looks() -> None:
    """Once, however often one looks; its progress is told meanwhile; nobody else sees it."""
    kept, make = Packs(), Maker()
    (pack,) = kept.of(ANN, [ONE], make)
    await asyncio.sleep(0)
    assert (pack.step, pack.done, pack.total, pack.made) == (Step.ORIGINALS, 1, 2, None)
    make.going_on.set()
    await settled(pack)
    assert kept.of(ANN, [ONE], make) == [pack]
    assert (pack.made, make.asked) == (MADE, ["one"])
    assert (kept.get(ANN, "one"), kept.get("console/ben", "one")) == (pack, None)


async def test_what_another_gateway_was_asked_for_is_made_here() -> None:
    """As after a restart: the order alone is known."""
    before, after, make = Packs(), Packs(), Maker()
    make.going_on.set()
    await settled(*before.of(ANN, [ONE], make))
    assert after.get(ANN, "one") is None
    (pack,) = after.of(ANN, [ONE], make)
    await settled(pack)
    assert (pack.made, make.asked) == (MADE, ["one", "one"])


async def test_what_goes_wrong_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal as it is; anything else as an incident, without its words. Making it again is one step."""
    refusal = Refusal(Kind.NOT_FOUND, "没有。None.")
    kept, make = Packs(), Maker(refusal, RuntimeError("secret"))
    make.going_on.set()
    first, second = kept.of(ANN, [ONE, TWO], make)
    await settled(first, second)
    assert first.refusal is refusal
    assert second.refusal is not None
    assert "事故号" in second.refusal.message
    assert "secret" not in second.refusal.message + capsys.readouterr().out
    kept.forget(ANN, "one")
    again, same = kept.of(ANN, [ONE, TWO], make)
    await settled(again)
    assert (again.made, same) == (MADE, second)


async def test_a_service_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through its restart, and not for ever."""
    monkeypatch.setattr(packs, "PAUSE_S", 0)
    kept, make = Packs(), Maker(AWAY, AWAY)
    make.going_on.set()
    (pack,) = kept.of(ANN, [ONE], make)
    await settled(pack)
    assert (pack.made, make.asked) == (MADE, ["one"] * 3)
    monkeypatch.setattr(packs, "TRY_S", -1)
    make = Maker(AWAY)
    make.going_on.set()
    _, pack = kept.of(ANN, [ONE, TWO], make)
    await settled(pack)
    assert (pack.refusal, make.asked) == (AWAY, ["two"])


async def test_what_is_not_wanted_any_more_goes() -> None:
    """By the list of orders once it ended; by its person at once, also while it is being made."""
    kept, make = Packs(), Maker()
    make.going_on.set()
    first, second = kept.of(ANN, [ONE, TWO], make)
    await settled(first, second)
    assert kept.of("console/ben", [], make) == []
    assert kept.of(ANN, [TWO], make) == [second]
    assert kept.get(ANN, "one") is None
    make.going_on.clear()
    kept.forget("console/ben", "two")
    kept.forget(ANN, "two")
    (pack,) = kept.of(ANN, [TWO], make)
    await asyncio.sleep(0)
    kept.forget(ANN, "two")
    assert pack.task is not None
    await asyncio.wait([pack.task])
    assert (pack.task.cancelled(), kept.get(ANN, "two")) == (True, None)


async def test_a_pack_stays_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, make = Packs(), Maker()
    make.going_on.set()
    await settled(*kept.of(ANN, [ONE], make))
    later = time.monotonic() + packs.KEEP_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert kept.get(ANN, "one") is None
