"""A caller that is shut out, by the authority's word or by the file, loses also what it has open."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from gateway import callers
from outreach.domain.errors import Kind, Refusal
from outreach.runtime import tokens
from outreach.runtime.errors import refusal_of
from outreach.v1.outreach_service_pb2 import CancelRequest, CancelResponse, OutreachIds, WatchRequest, WatchResponse
from tests.service.gateway.conftest import Edge, FakeAuthority, as_caller

CANCEL = "/outreach.v1.OutreachService/Cancel"
WATCH = "/outreach.v1.OutreachService/Watch"
CANCELLATION = CancelRequest(bank_id="demo-bank", outreach_ids=OutreachIds(ids=["1"]), reason="asked")
PEOPLE = partial(as_caller, "people")
PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "FOLLOW_S", 0.05)
    monkeypatch.setattr(tokens, "_RELOAD_S", 0.05)


async def open_watch(edge: Edge, metadata: Any) -> Any:
    """A stream that has sent what there is, and waits for more."""
    opening: Any = edge.channel.unary_stream(WATCH, response_deserializer=WatchResponse.FromString)
    call = opening(WatchRequest(bank_id="demo-bank").SerializeToString(), metadata=metadata)
    for _ in range(2):
        await call.read()
    return call


async def end_of(call: Any) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        async with asyncio.timeout(PATIENCE_S):
            await call.read()
    return refusal_of(raised.value)


async def let_in_again(edge: Edge) -> None:
    """Waits until its calls are answered."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                await edge.call(CANCEL, CANCELLATION, CancelResponse)
                return
            await asyncio.sleep(0.05)


async def test_an_open_stream_of_a_caller_that_is_shut_out_ends(edge: Edge, authority: FakeAuthority) -> None:
    """With the reason, at the authority too, while another caller's goes on. Its calls are refused until it is let in
    again."""
    theirs, others = await open_watch(edge, as_caller("cases")), await open_watch(edge, PEOPLE())
    authority.deactivated.append("cases")
    ended = await end_of(theirs)
    assert (ended.kind, ended.reason) == (Kind.DENIED, "CALLER_DEACTIVATED")
    async with asyncio.timeout(PATIENCE_S):
        await authority.watch_ended.wait()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await edge.call(CANCEL, CANCELLATION, CancelResponse)
    assert refusal_of(raised.value).reason == "CALLER_DEACTIVATED"
    assert not authority.forwarded
    assert not others.done()
    others.cancel()
    authority.deactivated.clear()
    await let_in_again(edge)


async def test_an_open_stream_ends_when_the_file_shuts_its_caller_out(edge: Edge, state_dir: Path) -> None:
    """Made inactive, or taken out."""
    path = state_dir / "callers.yaml"
    for change in ({"active": False}, None):
        registry = yaml.safe_load(path.read_text())
        call = await open_watch(edge, as_caller("cases"))
        changed = dict(registry["callers"])
        theirs = changed.pop("cases")
        if change is not None:
            changed["cases"] = theirs | change
        path.write_text(yaml.safe_dump({"callers": changed}))
        assert (await end_of(call)).reason == "CALLER_UNKNOWN"
        path.write_text(yaml.safe_dump(registry))
        await let_in_again(edge)
