"""A connection to the gateway, and calls on it in the name of an identity."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Self, TypeVar

import grpc

from outreach.client.backoff import Backoff
from outreach.client.identity import Identity
from outreach.runtime.client import open_channel
from outreach.runtime.errors import refusal_of
from outreach.runtime.tokens import Issuer

CALL_TIMEOUT_S = 30.0
PATIENCE_S = 60.0

Request = TypeVar("Request")
Response = TypeVar("Response")


class Connection:
    """Calls any service of the gateway: `connection.call(HoldServiceStub(connection.channel).ListHolds, request)`.

    Make it in a running event loop, and use it as an async context manager. Every failed call raises
    outreach.domain.errors.Refusal.
    """

    def __init__(
        self,
        address: str,
        ca: bytes,
        identity: Identity,
        *,
        patience_s: float = PATIENCE_S,
        authenticated_s: float = 0.0,
    ) -> None:
        """`address` is host:port, `ca` the PEM of the authority that issued the gateway's certificate, `patience_s` for
        how long failed calls are made again. `authenticated_s` is when the employee last proved who they are, in
        seconds since 1970: approvals want it to be recent.
        """
        self.channel = open_channel(address, grpc.ssl_channel_credentials(ca))
        self.identity = identity
        self._issuer = Issuer(identity.caller_id, identity.private_key)
        self._patience_s = patience_s
        self.authenticated_s = authenticated_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.channel.close()

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The metadata of a call: a token that lives for ten minutes, renewed in time."""
        who = self.identity
        return self._issuer.metadata(who.employee, who.team, who.roles, who.banks, self.authenticated_s)

    async def call(
        self,
        rpc: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        *,
        repeatable: bool = False,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> Response:
        """Makes a call, and makes it again as outreach.client.backoff says. Raises Refusal."""
        backoff = Backoff(self._patience_s)
        while True:
            try:
                return await rpc(request, timeout=timeout_s, metadata=self.metadata())
            except grpc.aio.AioRpcError as error:
                await backoff.pause(error, repeatable=repeatable)

    async def stream(
        self, rpc: grpc.aio.UnaryStreamMultiCallable[Request, Response], request: Request
    ) -> AsyncIterator[Response]:
        """The answers of a streaming call, which is made once. Raises Refusal."""
        call = rpc(request, metadata=self.metadata())
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise refusal_of(error) from None
        finally:
            call.cancel()
