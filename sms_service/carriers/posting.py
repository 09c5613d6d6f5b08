"""One HTTP request, written at most once, that knows whether a byte of it may have left.

aiohttp asks `ClientRequest.send` to write, after the connection stands (checked in its source, client.py and
client_reqrep.py, 3.14). So everything before that call is certain not to have left, and everything after it may have.
A second call for the same request would be aiohttp's own repeat on a closed keep-alive connection: it is refused.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

import aiohttp
from aiohttp.client_reqrep import ClientResponse
from aiohttp.connector import Connection
from yarl import URL

from outreach.domain.clocks import elapsed_s
from sms_service.carriers.seam import CONNECT_FAILED, DEADLINE_PASSED

MAX_REPLY_BYTES = 1 << 20
KEEPALIVE_S = 10.0
"""Shorter than usual servers': a connection that the other side closes as we write to it leaves an outcome unknown."""


class NotWrittenError(Exception):
    """No byte of the request was written. `code` says why, in our words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class MaybeWrittenError(Exception):
    """A byte may have been written, and no whole reply came. `code` says why, in our words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class _Guard:
    write_before: float
    written: bool = False


_guard: ContextVar[_Guard] = ContextVar("guard")


class _GuardedRequest(aiohttp.ClientRequest):
    async def send(self, conn: Connection) -> ClientResponse:
        guard = _guard.get()
        if guard.written:
            raise MaybeWrittenError("connection_lost")
        if elapsed_s() > guard.write_before:
            raise NotWrittenError(DEADLINE_PASSED)
        if conn.transport is None or conn.transport.is_closing():
            raise NotWrittenError(CONNECT_FAILED)
        guard.written = True
        return await super().send(conn)


def open_session(timeout_s: float, ca_file: str) -> aiohttp.ClientSession:
    """A session whose requests `post` can send. The worker bounds how many are in flight, so the pool does not."""
    tls = ssl.create_default_context(cafile=ca_file or None)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, limit=0, keepalive_timeout=KEEPALIVE_S),
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=_GuardedRequest,
    )


async def post(
    session: aiohttp.ClientSession,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    method: str = "POST",
    write_before: float = float("inf"),
) -> HttpReply:
    """Sends `body` to `url` (sent as it stands) once, the first byte before `write_before` (elapsed_s()).

    NotWrittenError, MaybeWrittenError. Neither carries the cause, whose text may hold the URL and with it a number.
    """
    guard = _Guard(write_before)
    token = _guard.set(guard)
    try:
        # A redirect followed would be a second message.
        async with session.request(
            method,
            URL(url, encoded=True),
            headers=headers,
            skip_auto_headers=("Content-Type",),
            data=body or None,
            allow_redirects=False,
        ) as response:
            return HttpReply(response.status, response.headers, await _read(response))
    except TimeoutError:
        raise _failure(guard, "timeout") from None
    except (aiohttp.ClientError, OSError):
        raise _failure(guard, "connection_lost") from None
    finally:
        _guard.reset(token)


def _failure(guard: _Guard, code: str) -> Exception:
    return MaybeWrittenError(code) if guard.written else NotWrittenError(CONNECT_FAILED)


async def _read(response: ClientResponse) -> bytes:
    parts = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MAX_REPLY_BYTES:
            raise MaybeWrittenError("reply_too_long")
    return b"".join(parts)
