"""Signing in by an OpenID Connect provider: the way there and back.

What was asked goes sealed into a cookie of its own for ten minutes, so that any replica of the gateway can take the
answer, and nobody else's browser can bring it. An answer is taken once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.oidc_provider import Asked, Proven, Provider, refused
from gateway.console.oidc_settings import SignInSettings, read_settings
from gateway.console.once import Once
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.sealing import Sealer, UnsealError

LIFE_S = 600
PATH = "/oidc/"
_CONTEXT = b"console sign-in by a provider"
_NAME_CHARACTERS = 12
_MAX_PATH = 500


@dataclass(frozen=True, slots=True)
class Attempt:
    """One round trip to a provider."""

    provider_id: str
    asked: Asked
    to: str
    """The page to go to afterwards."""
    begun_s: float
    session: str
    """A hash of the token of the session whose person is to be proven again; empty to sign in."""


class Providers:
    """The providers by the name in their addresses, and what was asked of them."""

    def __init__(self, settings: SignInSettings, providers: Mapping[str, Provider], sealer: Sealer) -> None:
        self.settings = settings
        self._providers = providers
        self._sealer = sealer
        self._taken = Once(LIFE_S)
        self._secure = settings.console_url.startswith("https://")

    def get(self, provider_id: str) -> Provider:
        """Raises Refusal NOT_FOUND."""
        if provider_id not in self._providers:
            message = "没有这个统一登录，请从登录页进入。No such provider: start from the sign-in page."
            raise Refusal(Kind.NOT_FOUND, message)
        return self._providers[provider_id]

    def of_issuer(self, issuer: str) -> Provider | None:
        return next((one for one in self._providers.values() if one.settings.issuer == issuer), None)

    async def send(self, response: Response, provider_id: str, to: str, session_token: str = "") -> None:
        """Makes the response lead to the provider, to sign in, or to prove a session's person again. Raises Refusal."""
        provider, now_s = self.get(provider_id), time.time()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = Asked(state, nonce, verifier, since_s=now_s if session_token else 0.0)
        attempt = Attempt(provider_id, asked, to if len(to) <= _MAX_PATH else "/", now_s, _hash(session_token))
        response.headers["location"] = await provider.sign_in_address(asked)
        sealed = self._sealer.seal(orjson.dumps(asdict(attempt)), _CONTEXT)
        response.set_cookie(
            self._cookie(asked.state),
            sealed.hex(),
            max_age=LIFE_S,
            path=PATH,
            httponly=True,
            secure=self._secure,
            samesite="lax",
        )

    async def prove(self, attempt: Attempt, request: Request) -> Proven:
        """Whom the answer proves. Raises Refusal UNAUTHENTICATED."""
        given, provider = request.query_params, self.get(attempt.provider_id)
        says_issuer = (await provider.metadata()).get("authorization_response_iss_parameter_supported") is True
        if given.get("iss", "" if says_issuer else provider.settings.issuer) != provider.settings.issuer:
            raise refused("ANOTHER_ISSUER")
        if "code" not in given:
            raise refused("PROVIDER_REFUSED")
        return await provider.prove(given["code"], attempt.asked)

    def forget(self, request: Request, response: Response) -> None:
        """The answer's cookie is of no use any more."""
        name = self._cookie(request.query_params.get("state", ""))
        if name in request.cookies:
            response.delete_cookie(name, path=PATH, httponly=True, secure=self._secure, samesite="lax")

    def taken(self, request: Request) -> Attempt:
        """What this browser asked for under the answer's state, once. Raises Refusal UNAUTHENTICATED."""
        state = request.query_params.get("state", "")
        try:
            sealed = bytes.fromhex(request.cookies.get(self._cookie(state), ""))
            found = orjson.loads(self._sealer.open(sealed, _CONTEXT))
        except (ValueError, UnsealError):
            raise refused("STATE_UNKNOWN") from None
        attempt = Attempt(**{**found, "asked": Asked(**found["asked"])})
        same = hmac.compare_digest(attempt.asked.state.encode(), state.encode())
        if not same or attempt.provider_id != request.path_params["provider"]:
            raise refused("STATE_UNKNOWN")
        if time.time() > attempt.begun_s + LIFE_S:
            raise refused("TOOK_TOO_LONG")
        if state in self._taken:
            raise refused("STATE_USED")
        self._taken.add(state)
        return attempt

    def _cookie(self, state: str) -> str:
        name = state[:_NAME_CHARACTERS]
        return f"{'__Secure-' if self._secure else ''}oidc-{name if name.isascii() else ''}"


def is_session(attempt: Attempt, token: str) -> bool:
    """True if it was this session whose person was to be proven again."""
    return hmac.compare_digest(attempt.session, _hash(token))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest() if token else ""


@asynccontextmanager
async def providers(path: Path | None, sealer: Sealer) -> AsyncIterator[Providers]:
    """The providers of that file until the block ends. Raises SettingError."""
    settings = read_settings(path)
    async with AsyncExitStack() as stack:
        made = {}
        for one in settings.providers:
            provider = Provider(one, f"{settings.console_url}{PATH}{one.provider_id}/callback")
            stack.push_async_callback(provider.close)
            made[one.provider_id] = provider
        yield Providers(settings, made, sealer)
