"""The client of case systems: submit, look, cancel, follow."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import grpc

from outreach.client.backoff import Backoff
from outreach.client.connection import Connection
from outreach.domain.masking import mask_name
from outreach.v1.common_pb2 import State
from outreach.v1.outreach_service_pb2 import (
    CancelRequest,
    CancelResponse,
    Decision,
    GetRequest,
    ItemResult,
    LetterItem,
    ListRepliesRequest,
    ListRequest,
    Outreach,
    OutreachIds,
    PreflightLetterRequest,
    PreflightLetterResponse,
    PreflightRequest,
    PreflightResponse,
    Reply,
    SmsItem,
    StatusChange,
    SubmitBatchRequest,
    SubmitLettersRequest,
    SubmitRequest,
    WatchRequest,
)
from outreach.v1.outreach_service_pb2_grpc import OutreachServiceStub

if TYPE_CHECKING:
    from outreach.v1.outreach_service_pb2_grpc import OutreachServiceAsyncStub

MAX_BATCH = 1_000
_REOPEN_S = 1.0
_Item = TypeVar("_Item", SmsItem, LetterItem)


class Client(Connection):
    """Talks to the gateway as one identity.

        async with Client("127.0.0.1:17443", ca, read_identity(Path(".run"), "clerk-1")) as client:
            decision = await client.submit(SmsItem(request_id="a-1", ...))

    Calls are made again when the gateway is busy, restarts, or an answer is lost; request ids make that safe. What
    fails for good raises outreach.domain.errors.Refusal; an SMS that a rule forbids is no failure, but a Decision in
    state BLOCKED.
    """

    @cached_property
    def _stub(self) -> OutreachServiceAsyncStub:
        return OutreachServiceStub(self.channel)

    async def submit(self, item: SmsItem) -> Decision:
        """Submits one SMS. The same item again gets the same answer."""
        response = await self.call(self._stub.Submit, SubmitRequest(item=item), repeatable=True)
        return response.decision

    def submit_many(
        self, items: Iterable[SmsItem], *, batch_size: int = MAX_BATCH, concurrency: int = 4
    ) -> AsyncIterator[tuple[SmsItem, ItemResult]]:
        """Submits any number of SMS, and yields each with its decision or its own error, in their order.

        At most `concurrency` batches of `batch_size` items are under way. If a batch fails for good, Refusal is raised
        in its place; what was not yielded by then may be stored or not, and can be submitted again.
        """
        return _submit_each(items, self._submit_batch, batch_size, concurrency)

    def submit_letters(
        self, items: Iterable[LetterItem], *, batch_size: int = MAX_BATCH, concurrency: int = 4
    ) -> AsyncIterator[tuple[LetterItem, ItemResult]]:
        """Submits any number of letters, as submit_many does SMS."""
        return _submit_each(items, self._submit_letters, batch_size, concurrency)

    async def preflight(self, item: SmsItem) -> PreflightResponse:
        """What submit would decide now. Stores nothing."""
        return await self.call(self._stub.Preflight, PreflightRequest(item=item), repeatable=True)

    async def preflight_letter(self, item: LetterItem) -> PreflightLetterResponse:
        """What submit_letters would decide on a letter now. Stores nothing."""
        return await self.call(self._stub.PreflightLetter, PreflightLetterRequest(item=item), repeatable=True)

    async def get(self, *, outreach_id: str = "", request_id: str = "") -> Outreach:
        """One outreach, by the gateway's id or by the caller's own."""
        request = GetRequest(outreach_id=outreach_id) if outreach_id else GetRequest(request_id=request_id)
        return (await self.call(self._stub.Get, request, repeatable=True)).outreach

    async def list(
        self,
        bank_id: str,
        *,
        case_id: str = "",
        account_number: str = "",
        masked_name: str = "",
        state: State.ValueType = State.STATE_UNSPECIFIED,
    ) -> AsyncIterator[Outreach]:
        """All outreach of a bank, or of one case, account, masked name or state, newest first. Fetches pages as
        they are needed. Of a name given in full only the masked form is sent."""
        request = ListRequest(bank_id=bank_id, case_id=case_id, account_number=account_number, state=state)
        if name := masked_name.strip():
            request.masked_name = mask_name(name)
        while True:
            response = await self.call(self._stub.List, request, repeatable=True)
            for outreach in response.outreach:
                yield outreach
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    async def cancel(
        self,
        bank_id: str,
        reason: str,
        *,
        outreach_ids: Sequence[str] = (),
        account_number: str = "",
        case_id: str = "",
    ) -> CancelResponse:
        """Withdraws by ids (up to 1,000), by account or by case: name one. The answer names what may be leaving.

        If an answer is lost, the repeated call counts what the first one withdrew as ended.
        """
        request = CancelRequest(bank_id=bank_id, reason=reason)
        if outreach_ids:
            request.outreach_ids.CopyFrom(OutreachIds(ids=outreach_ids))
        elif account_number:
            request.account_number = account_number
        elif case_id:
            request.case_id = case_id
        return await self.call(self._stub.Cancel, request, repeatable=True)

    async def watch(
        self, bank_id: str, *, after_position: int = 0, case_id: str = "", only_past: bool = False
    ) -> AsyncIterator[StatusChange]:
        """Status changes after a position, in ledger order, for ever; with `only_past`, those that there are now.

        Survives the gateway's restarts without losing or repeating a change. To survive one's own, store `position`
        once a change is dealt with, and begin after it.
        """
        request = WatchRequest(bank_id=bank_id, after_position=after_position, case_id=case_id, only_past=only_past)
        backoff = Backoff(math.inf)
        while True:
            call = self._stub.Watch(request, metadata=self.metadata())
            try:
                async for response in call:
                    backoff.reset()
                    request.after_position = response.change.position
                    yield response.change
            except grpc.aio.AioRpcError as error:
                await backoff.pause(error, repeatable=True)
            else:
                if only_past:
                    return
                await asyncio.sleep(_REOPEN_S)
            finally:
                call.cancel()

    async def list_replies(self, bank_id: str, *, after_reply_id: str = "", page_size: int = 100) -> Sequence[Reply]:
        """What people wrote back after a reply, in order of arrival, in clear; at most 1,000. Each look is recorded."""
        request = ListRepliesRequest(bank_id=bank_id, after_reply_id=after_reply_id, page_size=page_size)
        response = await self.call(self._stub.ListReplies, request, repeatable=True)
        return response.replies

    async def _submit_batch(self, batch: Sequence[SmsItem]) -> Sequence[ItemResult]:
        response = await self.call(self._stub.SubmitBatch, SubmitBatchRequest(items=batch), repeatable=True)
        return response.results

    async def _submit_letters(self, batch: Sequence[LetterItem]) -> Sequence[ItemResult]:
        response = await self.call(self._stub.SubmitLetters, SubmitLettersRequest(items=batch), repeatable=True)
        return response.results


async def _submit_each(
    items: Iterable[_Item],
    submit: Callable[[Sequence[_Item]], Awaitable[Sequence[ItemResult]]],
    batch_size: int,
    concurrency: int,
) -> AsyncIterator[tuple[_Item, ItemResult]]:

    async def answers(batch: Sequence[_Item]) -> list[tuple[_Item, ItemResult]]:
        return list(zip(batch, await submit(batch), strict=True))

    running: deque[asyncio.Task[list[tuple[_Item, ItemResult]]]] = deque()
    try:
        for batch in _batches(items, batch_size):
            running.append(asyncio.create_task(answers(batch)))
            if len(running) >= concurrency:
                for answer in await running.popleft():
                    yield answer
        while running:
            for answer in await running.popleft():
                yield answer
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
