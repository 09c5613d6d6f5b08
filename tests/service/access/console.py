"""The console as browsers of several people see it, each the only one with a role at a bank or at all banks."""

from __future__ import annotations

import asyncio
import re
from typing import NamedTuple

import aiohttp
from sqlalchemy import update

from approval_service import schema, sessions, users
from approval_service.calls import Call
from approval_service.sessions import Proof
from outreach.v1.user_service_pb2 import ApproveUserRequest, CreateUserRequest
from tests.service.access.stack import Stack
from tests.service.approval_service.test_users import code_of, make_secrets
from tests.service.approval_service.world import principal

UNAVAILABLE = 503
AGAIN = 3
STREAM_S = 0.5


class Person(NamedTuple):
    """Somebody who is signed in."""

    cookie: str
    form_token: str


class Page(NamedTuple):
    """What came back."""

    status: int
    body: bytes
    to: str
    """Where it leads, if it does."""


class Console:
    """The console as browsers of several people see it."""

    def __init__(self, stack: Stack, http: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.http = http
        self.url = f"http://127.0.0.1:{stack.edge.console_port}"
        self._people: dict[tuple[str, str], Person] = {}

    async def person(self, role: str, bank: str) -> Person:
        """The only one with this role at the bank, or at all banks."""
        if (role, bank) not in self._people:
            token = await self._signed_in(role, bank)
            cookie = f"outreach={token}"
            async with self.http.get(f"{self.url}/password", headers={"Cookie": cookie}) as answer:
                page = await answer.text()
            found = re.search('name="form-token" content="([0-9a-f]+)"', page)
            assert found
            self._people[role, bank] = Person(cookie, found[1])
        return self._people[role, bank]

    async def _signed_in(self, role: str, bank: str) -> str:
        world = self.stack.world
        user_id = f"{role.replace('_', '-')}.{'all' if bank == '*' else bank}"
        request = CreateUserRequest(user_id=user_id, team="t1", roles=[role], bank_ids=[bank])
        secrets = await make_secrets()
        call = Call(principal("ann", banks=["*"]), request)
        first = (await world.authority.write(users.create_user, (call, secrets))).credentials
        await world.write(users.approve_user, "ben", ApproveUserRequest(user_id=user_id), banks=["*"])
        changed = update(schema.user_account).where(schema.user_account.c.user_id == user_id)
        with world.authority.database.writer.begin() as connection:
            connection.execute(changed.values(must_change_password=False))
        proof = Proof(user_id, secrets.password_hash, True, code_of(first))
        return (await world.authority.write(sessions.log_in, proof)).token

    async def ask(self, method: str, path: str, who: Person, form: dict[str, str] | None = None) -> Page:
        """The page; asked for again where a preview took the busy machine too long."""
        page = await self._once(method, path, who, form)
        for _ in range(AGAIN):
            if page.status != UNAVAILABLE:
                break
            page = await self._once(method, path, who, form)
        return page

    async def _once(self, method: str, path: str, who: Person, form: dict[str, str] | None) -> Page:
        fields = {**(form or {}), "form_token": who.form_token} if method == "POST" else None
        headers = {"Cookie": who.cookie}
        async with self.http.request(
            method, self.url + path, data=fields, headers=headers, allow_redirects=False
        ) as answer:
            if "event-stream" in answer.headers.get("Content-Type", ""):
                return Page(answer.status, await _beginning(answer), "")
            return Page(answer.status, await answer.read(), answer.headers.get("Location", ""))


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """What a stream that never ends brings at first."""
    try:
        return await asyncio.wait_for(answer.content.read(65_536), STREAM_S)
    except TimeoutError:
        return b""
