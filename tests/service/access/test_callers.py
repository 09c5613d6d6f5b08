"""Shutting a caller out, the whole way: an operator's word at the gateway, and nothing more by any way in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, NamedTuple

import grpc
import pytest
import pytest_asyncio

from outreach.domain.errors import Kind, Refusal
from outreach.domain.roles import OPERATOR, SUPERVISOR
from outreach.runtime import tls, tokens
from outreach.runtime.access import GATEWAY
from outreach.runtime.client import open_channel
from outreach.runtime.errors import refusal_of
from outreach.v1.caller_service_pb2 import (
    DeactivateCallerRequest,
    GetCallerRequest,
    ListCallersRequest,
    ReactivateCallerRequest,
)
from outreach.v1.caller_service_pb2_grpc import CallerServiceStub
from outreach.v1.common_pb2 import Principal
from outreach.v1.outreach_service_pb2 import ListRequest, WatchRequest
from outreach.v1.outreach_service_pb2_grpc import OutreachServiceStub
from tests.service.access.bank_a import BankA
from tests.service.access.stack import KEY, SPARE_CALLERS, Stack
from tests.service.approval_service.world import BANK

PATIENCE_S = 60.0
SHUT = SPARE_CALLERS[-1]
CLERK = partial(tokens.Issuer(SHUT, KEY).metadata, "clerk", "t1", (SUPERVISOR,), (BANK,))
BEHIND = tokens.principal_metadata(
    Principal(caller_id=SHUT, employee_id="clerk", team="t1", roles=[SUPERVISOR], bank_ids=[BANK])
)
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Ways(NamedTuple):
    """The way in for everybody, and the one behind it that only the gateway's certificate opens."""

    edge: Any
    authority: Any


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ways(stack: Stack, bank_a: BankA) -> AsyncIterator[Ways]:
    async with (
        open_channel(f"127.0.0.1:{stack.edge.grpc_port}", tls.channel_credentials(stack.state_dir)) as edge,
        open_channel(stack.authority_address, tls.channel_credentials(stack.state_dir, GATEWAY)) as authority,
    ):
        yield Ways(edge, authority)


async def refusal(call: Any) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        async with asyncio.timeout(PATIENCE_S):
            await call
    return refusal_of(raised.value)


async def test_a_caller_is_shut_out_and_let_in_again(stack: Stack, ways: Ways, bank_a: BankA) -> None:
    """Its open streams end, at the gateway and at the authority behind it; each answers it with the same reason. The
    other operator lets it in."""
    service: Any = CallerServiceStub(ways.edge)
    await bank_a.outreach_id()
    watches = [
        OutreachServiceStub(ways.edge).Watch(WatchRequest(bank_id=BANK), metadata=CLERK()),
        OutreachServiceStub(ways.authority).Watch(WatchRequest(bank_id=BANK), metadata=BEHIND),
    ]
    for watch in watches:
        await watch.read()
    request = DeactivateCallerRequest(caller_id=SHUT, reason="私钥疑似泄露")
    done = await service.DeactivateCaller(request, metadata=stack.metadata("ann", OPERATOR, "*"))
    assert (done.caller.registration.active, done.caller.deactivation.deactivated_by) == (True, "agency/ann")
    for watch in watches:
        assert (await refusal(_to_the_end(watch))).reason == "CALLER_DEACTIVATED"
    for channel, metadata in ((ways.edge, CLERK()), (ways.authority, BEHIND)):
        refused = await refusal(OutreachServiceStub(channel).List(ListRequest(bank_id=BANK), metadata=metadata))
        assert (refused.kind, refused.reason) == (Kind.DENIED, "CALLER_DEACTIVATED")
    again = ReactivateCallerRequest(caller_id=SHUT, reason="已换钥")
    same = await refusal(service.ReactivateCaller(again, metadata=stack.metadata("ann", OPERATOR, "*")))
    assert same.reason == "SAME_PERSON"
    back = await service.ReactivateCaller(again, metadata=stack.metadata("ben", OPERATOR, "*"))
    assert not back.caller.HasField("deactivation")
    await OutreachServiceStub(ways.authority).List(ListRequest(bank_id=BANK), metadata=BEHIND)


async def _to_the_end(watch: Any) -> None:
    while await watch.read() is not grpc.aio.EOF:
        continue


async def test_who_is_registered_is_told_with_who_is_shut_out(stack: Stack, ways: Ways, bank_a: BankA) -> None:
    """The list has both, one caller has both; a name that is misspelt is neither found nor shut out."""
    service: Any = CallerServiceStub(ways.edge)
    shut = await bank_a.caller(deactivated=True)
    metadata = stack.metadata("ann", OPERATOR, "*")
    listed = {
        one.caller_id: one for one in (await service.ListCallers(ListCallersRequest(), metadata=metadata)).callers
    }
    assert set(SPARE_CALLERS) < set(listed)
    assert (listed[shut].HasField("deactivation"), listed["agency"].HasField("deactivation")) == (True, False)
    assert list(listed["agency"].registration.bank_ids) == ["*"]
    one = (await service.GetCaller(GetCallerRequest(caller_id=shut), metadata=metadata)).caller
    assert one == listed[shut]
    for call in (
        service.GetCaller(GetCallerRequest(caller_id="spare-O"), metadata=metadata),
        service.DeactivateCaller(DeactivateCallerRequest(caller_id="spare-O", reason="停用"), metadata=metadata),
    ):
        assert (await refusal(call)).kind is Kind.NOT_FOUND
