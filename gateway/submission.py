"""Submit, SubmitBatch and SubmitLetters: checked item by item here, decided together by the authority."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import grpc
from google.rpc import code_pb2  # type: ignore[import-untyped]  # googleapis-common-protos ships no types

from gateway.admission import UNKNOWN_STATUSES, Admission, unknown_outcome
from gateway.door import Door
from gateway.shape import Shape, in_words, is_odd, malformed, parse
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.server import Context
from outreach.runtime.tokens import check_bank
from outreach.v1.admission_service_pb2 import AdmitLettersRequest, AdmitLettersResponse, AdmitResponse, AdmitResult
from outreach.v1.common_pb2 import Principal
from outreach.v1.outreach_service_pb2 import (
    Decision,
    ItemError,
    ItemResult,
    LetterItem,
    SmsItem,
    SubmitBatchRequest,
    SubmitLettersRequest,
    SubmitLettersResponse,
    SubmitRequest,
    SubmitResponse,
)
from outreach.validation import Violation, oddities, violations

_SUBMIT = Shape(SubmitRequest.DESCRIPTOR)

Result = TypeVar("Result", AdmitResult, ItemResult)
Decide = Callable[[Principal, Sequence[Any]], Awaitable[Sequence[Result]]]
AdmitLetters = Callable[[AdmitLettersRequest], Awaitable[AdmitLettersResponse]]


class Submission:
    """The rpcs that do not go to the authority one to one."""

    def __init__(self, door: Door, admission: Admission, admit_letters: AdmitLetters) -> None:
        self._door = door
        self._admission = admission
        self._admit_letters = admit_letters

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        """By full method name, for gateway.forwarding."""
        return {
            "/outreach.v1.OutreachService/Submit": grpc.unary_unary_rpc_method_handler(
                self.submit, response_serializer=SubmitResponse.SerializeToString
            ),
            "/outreach.v1.OutreachService/SubmitBatch": grpc.unary_unary_rpc_method_handler(
                self.submit_batch, response_serializer=AdmitResponse.SerializeToString
            ),
            "/outreach.v1.OutreachService/SubmitLetters": grpc.unary_unary_rpc_method_handler(
                self.submit_letters, response_serializer=SubmitLettersResponse.SerializeToString
            ),
        }

    async def submit(self, raw: bytes, context: Context) -> SubmitResponse:
        principal = self._door.enter(context)
        request: Any = _SUBMIT.read(raw)
        check_bank(principal, request.item.bank_id)
        (result,) = await self._admission.decide(principal, (request.item,))
        if result.WhichOneof("result") == "error":
            raise _refusal(result.error)
        return SubmitResponse(decision=Decision.FromString(result.decision))

    async def submit_batch(self, raw: bytes, context: Context) -> AdmitResponse:
        """Whose bytes are those of the SubmitBatchResponse: decisions pass through unread."""
        results = await self._submit_each(raw, context, SubmitBatchRequest, AdmitResult, self._admission.decide)
        return AdmitResponse(results=results)

    async def submit_letters(self, raw: bytes, context: Context) -> SubmitLettersResponse:
        results = await self._submit_each(raw, context, SubmitLettersRequest, ItemResult, self._decide_letters)
        return SubmitLettersResponse(results=results)

    async def _submit_each(
        self, raw: bytes, context: Context, kind: type[Any], answer: type[Result], decide: Decide[Result]
    ) -> list[Result]:
        """The answers to the items of a batch; those of a bad shape are answered here."""
        principal = self._door.enter(context)
        request: Any = parse(kind, raw)
        odd: bool = is_odd(raw, request)
        if odd:
            request = parse(kind, raw)
        found = [*_own_oddities(request, odd), *violations(request)]
        if found:
            raise malformed(found)
        self._door.count_items(principal, len(request.items))
        errors = [_item_error(principal, item, odd) for item in request.items]
        good = [item for item, error in zip(request.items, errors, strict=True) if error is None]
        decided = iter(await decide(principal, good) if good else ())
        return [next(decided) if error is None else answer(error=error) for error in errors]

    async def _decide_letters(self, principal: Principal, items: Sequence[LetterItem]) -> Sequence[ItemResult]:
        try:
            response = await self._admit_letters(AdmitLettersRequest(principal=principal, items=items))
        except grpc.aio.AioRpcError as error:
            raise unknown_outcome() if error.code() in UNKNOWN_STATUSES else error from error
        return response.results


def _own_oddities(request: SubmitBatchRequest | SubmitLettersRequest, odd: bool) -> list[Violation]:
    """What is odd about the batch itself; its items are answered one by one."""
    return [found for found in oddities(request) if not found[0].startswith("items[")] if odd else []


def _item_error(principal: Principal, item: SmsItem | LetterItem, odd: bool) -> ItemError | None:
    """Why the item is not handed on; None if it is."""
    found = [*(oddities(item) if odd else ()), *violations(item)]
    if found:
        words, reason = "; ".join(map(in_words, found)), Kind.INVALID.name
        return ItemError(code=code_pb2.INVALID_ARGUMENT, message=words, field=found[0][0], reason=reason)
    try:
        check_bank(principal, item.bank_id)
    except Refusal as refusal:
        return ItemError(
            code=code_pb2.PERMISSION_DENIED, message=refusal.message, field="bank_id", reason=refusal.reason
        )
    return None


def _refusal(error: ItemError) -> Refusal:
    """The error of a single item as the error of its call."""
    kind, field = Kind(code_pb2.Code.Name(error.code)), error.field and f"item.{error.field}"
    return Refusal(kind, error.message, field=field, reason=error.reason)
