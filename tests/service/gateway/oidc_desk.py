"""A console whose people sign in by a provider: a real gateway, the authority as far as sessions go, and a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import grpc
from aiohttp.abc import AbstractCookieJar

from gateway.main import gateway
from outreach.domain.errors import Kind, Refusal
from outreach.runtime import access, server, tls
from outreach.v1.common_pb2 import Principal, ProviderIdentity
from outreach.v1.session_service_pb2 import (
    CheckSessionResponse,
    EndProviderSessionsRequest,
    EndProviderSessionsResponse,
    LogInByProviderRequest,
    LogInByProviderResponse,
    LogOutResponse,
    ReauthenticateByProviderRequest,
    ReauthenticateByProviderResponse,
    Session,
)
from outreach.v1.session_service_pb2_grpc import SessionServiceServicer, add_SessionServiceServicer_to_server
from tests.fakes.oidc_provider import OidcProvider
from tests.service.gateway.conftest import free_address, settings_for

SUBJECT = "a-0017"


async def unused(self: Any, request: Any, context: Any) -> Any:
    """No local account signs in here."""
    raise NotImplementedError


class SessionAuthority(SessionServiceServicer):
    """The authority as far as sessions go: one account, of the subject a-0017."""

    def __init__(self) -> None:
        self.sessions: dict[str, int] = {}
        """When the person of each was proven (seconds), by token."""
        self.issuer = ""
        self.away = False
        self.told: list[Any] = []
        """Each provider's session that began, and each that ended, in order."""

    def _require(self, identity: ProviderIdentity) -> None:
        if (identity.issuer, identity.subject) != (self.issuer, SUBJECT):
            raise Refusal(Kind.UNAUTHENTICATED, "没有账号。No account.", reason="IDENTITY_UNKNOWN")

    def _session(self, token: str) -> Session:
        if token not in self.sessions:
            raise Refusal(Kind.UNAUTHENTICATED, "会话已结束。It is over.", reason="SESSION_OVER")
        session = Session(principal=Principal(caller_id="console", employee_id="zhou.li"), issuer=self.issuer)
        session.principal.authenticate_time.FromSeconds(self.sessions[token])
        return session

    async def LogInByProvider(self, request: LogInByProviderRequest, context: Any) -> LogInByProviderResponse:
        self._require(request.identity)
        self.told.append(request.provider_session)
        token = f"token-{len(self.sessions)}"
        self.sessions[token] = request.authenticate_time.ToSeconds()
        return LogInByProviderResponse(token=token, session=self._session(token))

    async def ReauthenticateByProvider(
        self, request: ReauthenticateByProviderRequest, context: Any
    ) -> ReauthenticateByProviderResponse:
        self._require(request.identity)
        self.told.append(request.provider_session)
        self.sessions[request.token] = request.authenticate_time.ToSeconds()
        return ReauthenticateByProviderResponse(session=self._session(request.token))

    async def CheckSession(self, request: Any, context: Any) -> CheckSessionResponse:
        return CheckSessionResponse(session=self._session(request.token))

    async def LogOut(self, request: Any, context: Any) -> LogOutResponse:
        self.sessions.pop(request.token, None)
        return LogOutResponse()

    async def EndProviderSessions(
        self, request: EndProviderSessionsRequest, context: Any
    ) -> EndProviderSessionsResponse:
        if self.away:
            raise Refusal(Kind.UNAVAILABLE, "稍后再试。Try later.")
        self.told.append(request)
        ended = len(self.sessions)
        self.sessions.clear()
        return EndProviderSessionsResponse(ended=ended)

    LogIn = Reauthenticate = ChangePassword = unused


@dataclass
class Desk:
    """A console, the provider of its people, and a browser."""

    url: str
    provider: OidcProvider
    authority: SessionAuthority
    browser: aiohttp.ClientSession
    trust: Any = field(default=None)

    async def get(self, address: str) -> aiohttp.ClientResponse:
        """One step: no redirect is followed."""
        response = await self.browser.get(address, allow_redirects=False, ssl=self.trust)
        await response.read()
        return response

    async def leave(self, path: str = "/oidc/agency/start?to=/people") -> str:
        """Where the console sends the browser."""
        response = await self.get(f"{self.url}{path}")
        assert response.status == 303, await response.text()
        return response.headers["location"]

    async def at_provider(self, address: str, subject: str = SUBJECT) -> str:
        """Signs in there. Returns where the provider sends the browser."""
        form = {"subject": subject}
        async with self.browser.post(address, data=form, allow_redirects=False, ssl=self.trust) as response:
            assert response.status == 303, await response.text()
            return response.headers["location"]

    async def sign_in(self, subject: str = SUBJECT) -> aiohttp.ClientResponse:
        return await self.get(await self.at_provider(await self.leave(), subject))


@asynccontextmanager
async def desk_of(
    state_dir: Path, provider: OidcProvider, *, local_accounts: bool = True, **changes: Any
) -> AsyncIterator[Desk]:
    authority, console, address = SessionAuthority(), free_address(), free_address()
    authority.issuer = provider.issuer
    provider.write_settings(state_dir / "oidc.yaml", f"http://{console}", local_accounts=local_accounts, **changes)
    settings = replace(settings_for(state_dir, address), console_address=console, oidc_file=state_dir / "oidc.yaml")

    def register(grpc_server: grpc.aio.Server) -> None:
        add_SessionServiceServicer_to_server(authority, grpc_server)

    credentials = tls.server_credentials(state_dir, "approval_service", require_client=True)
    jar: AbstractCookieJar = aiohttp.CookieJar(unsafe=True)
    async with (
        server.running(
            address, credentials, services=[], register=register, authorize=access.check_certificate, grace_s=0.2
        ),
        gateway(settings),
        aiohttp.ClientSession(cookie_jar=jar) as browser,
    ):
        yield Desk(f"http://{console}", provider, authority, browser, tls.client_context(provider.folder))
