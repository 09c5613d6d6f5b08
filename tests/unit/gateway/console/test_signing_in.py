"""What the gateway asks about a session: once in a moment, and whether a person acts or a page looks by itself."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from gateway.console.signing_in import Sessions
from outreach.v1.session_service_pb2 import CheckSessionResponse

ACT: dict[str, str] = {}
AGAIN = {"X-By-Itself": "1"}
STREAM = {"Accept": "text/event-stream"}


class Asking:
    """Stands for the authority's SessionService."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def unary_unary(self, path: str, *_: Any, **__: Any) -> Any:
        async def answer(request: Any, **_: Any) -> CheckSessionResponse:
            self.asked.append(request.by_itself)
            return CheckSessionResponse()

        return answer


@pytest.mark.parametrize(
    ("requests", "asked"),
    [
        ([ACT, ACT, AGAIN, STREAM], [False]),
        ([AGAIN, STREAM, AGAIN], [True]),
        ([AGAIN, ACT, AGAIN, ACT], [True, False]),
        ([STREAM, ACT], [True, False]),
    ],
)
async def test_an_act_is_told_although_the_page_has_just_looked(
    requests: list[dict[str, str]], asked: list[bool]
) -> None:
    """Else a page that looks again each second would hide what its person does, and end in the middle of it."""
    authority = Asking()
    sessions = Sessions(authority, secure=False)  # type: ignore[arg-type]  # as far as a channel is asked
    for headers in requests:
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await sessions.of(Request({"type": "http", "headers": [(b"cookie", b"outreach=token"), *pairs]}))
    assert authority.asked == asked
