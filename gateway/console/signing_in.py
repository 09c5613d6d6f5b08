"""Who is signed in: the cookie, the session behind it, and the token that every form must bring back."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

import grpc
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.desk import refusal_at_page
from outreach.domain.errors import Kind, Refusal
from outreach.v1.session_service_pb2 import CheckSessionRequest, LogOutRequest, Session
from outreach.v1.session_service_pb2_grpc import SessionServiceStub

REMEMBER_S = 2.0
"""For how long a checked session is taken for good: within that time somebody who is shut out can still look."""
CALL_TIMEOUT_S = 10.0
_MAX_REMEMBERED = 10_000


class SignedOut(Exception):
    """Nobody is signed in, or the session is over."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session and the secret of its cookie."""

    token: str
    session: Session

    @property
    def form_token(self) -> str:
        """What every form brings back: another site cannot know it."""
        return hmac.new(self.token.encode(), b"form", hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A checked session; `by_itself` where no person's act was noted with it."""

    until_s: float
    by_itself: bool
    session: Session


def is_by_itself(request: Request) -> bool:
    """True if an open page asks and nobody acts: it follows a stream, or looks again. Such requests keep no session
    alive: console.js marks them."""
    return "event-stream" in request.headers.get("Accept", "") or "X-By-Itself" in request.headers


class Sessions:
    """Looks sessions up at the authority, and remembers them for a moment."""

    def __init__(self, channel: grpc.aio.Channel, *, secure: bool) -> None:
        self._stub: Any = SessionServiceStub(channel)
        self._remembered: dict[str, _Remembered] = {}
        self._secure = secure
        self.cookie = "__Host-outreach" if secure else "outreach"

    async def of(self, request: Request) -> SignedIn:
        """Who sends the request. Raises SignedOut, or Refusal UNAVAILABLE."""
        token = request.cookies.get(self.cookie, "")
        if not token or len(token) > 128:
            raise SignedOut
        found, by_itself = self._remembered.get(token), is_by_itself(request)
        if found is None or time.monotonic() > found.until_s or (found.by_itself and not by_itself):
            found = await self._check(token, by_itself)
        return SignedIn(token, found.session)

    async def call(self, name: str, request: Any) -> Any:
        """An rpc of SessionService. Raises Refusal."""
        try:
            return await getattr(self._stub, name)(request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise refusal_at_page(error) from None

    def open(self, response: Response, token: str) -> None:
        response.set_cookie(self.cookie, token, httponly=True, secure=self._secure, samesite="lax", path="/")

    async def close(self, request: Request, response: Response) -> None:
        token = request.cookies.get(self.cookie, "")
        self.forget(token)
        if token:
            await self.call("LogOut", LogOutRequest(token=token[:128]))
        response.delete_cookie(self.cookie, httponly=True, secure=self._secure, samesite="lax", path="/")

    def forget(self, token: str) -> None:
        """The next request asks the authority again."""
        self._remembered.pop(token, None)

    async def _check(self, token: str, by_itself: bool) -> _Remembered:
        asked = CheckSessionRequest(token=token, by_itself=by_itself)
        try:
            session: Session = (await self.call("CheckSession", asked)).session
        except Refusal as refusal:
            self.forget(token)
            if refusal.kind is Kind.UNAUTHENTICATED:
                raise SignedOut from None
            raise
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        found = self._remembered[token] = _Remembered(time.monotonic() + REMEMBER_S, by_itself, session)
        return found
