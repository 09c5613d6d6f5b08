"""send: messages a second from permit to taken report, through the authority, sms_service and the simulated carrier."""

from __future__ import annotations

import asyncio
import time
import uuid

import orjson

from bench import running, world
from bench.load import Metadata, Stub, in_flight, submit_batches
from bench.results import TURNS, Result, rate_by_turns
from bench.running import SENDS_IN_FLIGHT
from bench.world import BANK, acting, in_order, items
from outreach.domain import states
from outreach.runtime.config import Settings
from outreach.v1.operations_service_pb2 import GetSummaryRequest
from outreach.v1.operations_service_pb2_grpc import OperationsServiceStub
from outreach.v1.outreach_service_pb2 import WatchRequest
from outreach.v1.outreach_service_pb2_grpc import OutreachServiceStub
from sms_service.carriers.bank_http import SOURCES, BankHttpAccount, signature_headers
from sms_service.carriers.posting import open_session, post
from sms_service.carriers.registry import load_accounts
from sms_service.rendering import render

FIRST_ACCOUNT, ACCOUNTS_OF_A_TURN = 24_000, 2_700
END_OF_ACCOUNTS = FIRST_ACCOUNT + TURNS * ACCOUNTS_OF_A_TURN
WARM_UP = 500
DUE_IN_S = 10
"""Longer than submitting a run's messages takes."""
POLL_S = 1.0


async def measure(settings: Settings) -> Result:
    bare, sent = [], []
    async with running.sms_service(settings):
        for number in range(TURNS):
            bare.append(await _bare_posts(settings, number))
            sent.append(await _send(settings, number))
    return rate_by_turns("send", sent, "messages/s", bare)


async def _send(settings: Settings, number: int) -> float:
    """Submits messages that become due at one moment, and tells how fast they left and were reported from then on."""
    first = FIRST_ACCOUNT + number * ACCOUNTS_OF_A_TURN
    requests = items(f"send-{number}", in_order(range(first, first + ACCOUNTS_OF_A_TURN)))
    async with acting(settings, "operator-1") as operator, acting(settings, "clerk-1") as clerk:
        operations, stub = OperationsServiceStub(operator.channel), OutreachServiceStub(clerk.channel)
        due = await operator.call(operations.GetSummary, GetSummaryRequest(bank_id=BANK))
        due.business_time.seconds += DUE_IN_S
        for request in requests:
            request.not_before.CopyFrom(due.business_time)
        await submit_batches(stub, requests, clerk.metadata())
        sent, target = due.states["SENT"], due.states["SENT"] + len(requests)
        while sent < target:
            await asyncio.sleep(POLL_S)
            sent = (await operator.call(operations.GetSummary, GetSummaryRequest(bank_id=BANK))).states["SENT"]
        return len(requests) / await _duration_s(stub, f"send-{number}-", clerk.metadata())


async def _duration_s(stub: Stub, requests: str, metadata: Metadata) -> float:
    """From the first permit to the last report, by the commits' own times."""
    permits, reports = [], []
    async for response in stub.Watch(WatchRequest(bank_id=BANK, only_past=True), metadata=metadata):
        change = response.change
        if change.request_id.startswith(requests):
            if change.state == states.RELEASED:
                permits.append(change.change_time.ToMilliseconds())
            elif change.state == states.SENT:
                reports.append(change.change_time.ToMilliseconds())
    return (max(reports) - min(permits)) / 1000


async def _bare_posts(settings: Settings, number: int) -> float:
    """Posts as the carrier's adapter makes them, made ready before, as many at once."""
    (account,) = load_accounts(settings.state_dir / "carriers.yaml")
    if not isinstance(account, BankHttpAccount):
        raise TypeError("the bench sends through a bank's own gateway")
    url = account.base_url + account.request.path
    first = number * ACCOUNTS_OF_A_TURN
    requests = [_request(account, one) for one in in_order(range(first, first + ACCOUNTS_OF_A_TURN))]
    async with open_session(account.timeout_s, account.ca_file) as session:

        async def send(request: tuple[dict[str, str], bytes]) -> None:
            reply = await post(session, url, *request)
            if reply.status != 200:
                raise RuntimeError(f"the simulator answered {reply.status}")

        await in_flight(SENDS_IN_FLIGHT, requests[:WARM_UP], send)
        begun = time.perf_counter()
        await in_flight(SENDS_IN_FLIGHT, requests[WARM_UP:], send)
        return (len(requests) - WARM_UP) / (time.perf_counter() - begun)


def _request(account: BankHttpAccount, number: int) -> tuple[dict[str, str], bytes]:
    """Headers and body of a message, byte for byte of the length that the adapter posts."""
    message = render(world.permit(number), float("inf"))
    body = orjson.dumps({name: SOURCES[source](message) for name, source in account.request.fields.items()})
    headers = {"Content-Type": "application/json"} | account.request.headers
    if account.signing is not None:
        now, nonce = str(int(time.time())), uuid.uuid4().hex
        headers |= signature_headers(
            account.signing, body, method="POST", path=account.request.path, timestamp=now, nonce=nonce
        )
    return headers, body
