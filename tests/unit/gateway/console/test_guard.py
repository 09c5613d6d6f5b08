"""The guard around every answer of the console."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.console.pages.sign_in import own_path
from gateway.console.security import MAX_BODY_BYTES, Guard


async def answered(
    headers: list[tuple[bytes, bytes]], *bodies: bytes, method: str = "POST"
) -> tuple[int, dict[str, str], int]:
    """Status, headers and how many bytes of the body the application was given."""
    received = 0
    sent: list[Any] = []
    waiting = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal received
        for _ in bodies:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            received += len(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/accounts", "headers": headers}
    await Guard(application, secure=True)(scope, receive, send)
    start = sent[0]
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, received


async def test_every_answer_is_guarded() -> None:
    """A refusal, too; elsewhere than on loopback the browser is told to stay with TLS."""
    for headers, status in (([], 200), ([(b"origin", b"https://evil.example"), (b"host", b"ours")], 403)):
        found, sent, _ = await answered(headers)
        assert found == status
        assert sent["content-security-policy"].startswith("default-src 'none'")
        assert (sent["cache-control"], sent["x-frame-options"]) == ("no-store", "DENY")
        assert "max-age" in sent["strict-transport-security"]


@pytest.mark.parametrize(
    ("origin", "status"), [(b"https://ours", 200), (b"null", 403), (b"https://ours.evil.example", 403)]
)
async def test_only_our_own_pages_post(origin: bytes, status: int) -> None:
    """The origin has to be the host itself."""
    assert (await answered([(b"origin", origin), (b"host", b"ours")]))[0] == status


async def test_a_large_body_is_not_read() -> None:
    """Neither one that says how long it is nor one that does not."""
    status, _, received = await answered([(b"content-length", str(MAX_BODY_BYTES + 1).encode())], b"x")
    assert (status, received) == (413, 0)
    piece = b"x" * (MAX_BODY_BYTES // 4)
    _, _, received = await asyncio.wait_for(answered([], *[piece] * 8), 10)
    assert received <= MAX_BODY_BYTES


@pytest.mark.parametrize("to", ["", "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_only_our_own_paths_are_gone_to(to: str) -> None:
    """Everything else is the home page."""
    assert own_path(to) == "/"
    assert own_path("/templates?x=1") == "/templates?x=1"
