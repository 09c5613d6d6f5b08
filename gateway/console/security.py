"""What every answer of the console carries, and what no request may do (OWASP ASVS 5.0: 3.4, 3.5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 8 * 1024 * 1024
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
PERMISSIONS = "Permissions-Policy"
WITH_CAMERA = "camera=(self), microphone=(), geolocation=()"
"""Of the one page on which a bank's policy allows it."""
_NO_CAMERA = "camera=(), microphone=(), geolocation=()"
_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_STRICT_TRANSPORT = "max-age=31536000"
_SAFE_METHODS = ("GET", "HEAD")


class Guard:
    """Wraps the application: headers on every answer, no large body, no post from another site."""

    def __init__(self, application: ASGIApp, *, secure: bool) -> None:
        self._application = application
        self._headers = {**_HEADERS, **({"Strict-Transport-Security": _STRICT_TRANSPORT} if secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = dict(scope["headers"])

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    sent[name] = value
                sent.setdefault(PERMISSIONS, _NO_CAMERA)
                if not scope["path"].startswith("/static/"):
                    sent["Cache-Control"] = "no-store"
            await send(message)

        refusal = _refusal(scope["method"], headers)
        if refusal is not None:
            await refusal(scope, receive, send_guarded)
            return
        await self._application(scope, _limited(receive), send_guarded)


def _refusal(method: str, headers: dict[bytes, bytes]) -> PlainTextResponse | None:
    if int(headers.get(b"content-length", b"0") or 0) > MAX_BODY_BYTES:
        return PlainTextResponse("文件过大，至多 8 MB。Too large: 8 MB at most.", 413)
    if method in _SAFE_METHODS:
        return None
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and origin.partition("://")[2] != headers.get(b"host", b"").decode("latin-1"):
        return PlainTextResponse("请求来自其他网站，已拒绝。Refused: the request comes from another site.", 403)
    return None


def _limited(receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Ends a body that grows beyond the limit without having said so."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if seen > MAX_BODY_BYTES else message

    return limited
