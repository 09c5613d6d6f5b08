"""One OpenID Connect provider as we see it: where it is, what it signs with, and whom it proves.

Authlib and its joserfc do the protocol: what the provider says of itself, PKCE, how we prove ourselves, the ID token's
signature and claims. aiohttp carries it, over TLS alone. What a stranger can bring about raises Refusal
UNAUTHENTICATED with a reason for the log; no text of the provider is shown or logged.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, RSAKey
from joserfc.jwt import ClaimsOption

from gateway.console.oidc_settings import ProviderSettings
from gateway.console.once import Once
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.config import SettingError
from outreach.runtime.logs import EventLogger
from outreach.v1.common_pb2 import ProviderIdentity
from outreach.v1.session_service_pb2 import ProviderSession
from outreach.validation import violations

TIMEOUT_S = 5.0
"""For each answer of the provider."""
REMEMBER_S = 600.0
"""How long its description and its keys are taken for good: a key that it withdraws is worth nothing afterwards."""
PAUSE_S = 2.0
"""How long it is not asked again after it did not answer."""
REFETCH_S = 10.0
"""At most so often are its keys fetched for a token whose key is unknown."""
LEEWAY_S = 30
"""How far the provider's clock may be off."""
ASSERTION_S = 60
LOGOUT_S = 600
"""How old a logout token may be, whatever it says itself."""
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
_log = EventLogger("oidc")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_MAX_BYTES = 1024 * 1024
_FORM = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What we sent along, and what the answer must fit."""

    state: str
    nonce: str
    verifier: str
    since_s: float
    """If positive, the person must have been proven anew since then (seconds since 1970)."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Whom the provider proved, and when (seconds since 1970; 0 if it does not say)."""

    identity: ProviderIdentity
    authenticated_s: int
    session: ProviderSession
    """By which names it will tell the end of it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a provider says is over, by a logout token."""

    token_id: str
    session: ProviderSession
    issued_s: int


def refused(reason: str) -> Refusal:
    return Refusal(
        Kind.UNAUTHENTICATED,
        f"统一登录没有通过（{reason}），请重新开始；仍不行请告知运维。"
        f"Signing in did not succeed ({reason}): start again, and tell your operator if it stays so.",
        reason=reason,
    )


class Provider:
    """Make it in a running event loop, and close it."""

    def __init__(self, settings: ProviderSettings, redirect_uri: str) -> None:
        """Raises SettingError."""
        self.settings = settings
        self._redirect_uri = redirect_uri
        try:
            context = ssl.create_default_context(cafile=settings.ca_file)
        except OSError:
            raise SettingError(f"{settings.ca_file} of {settings.provider_id} holds no certificates in PEM") from None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context), timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
        )
        self._metadata: tuple[float, dict[str, Any]] = (0.0, {})
        self._keys: tuple[float, list[Key]] = (0.0, [])
        self._down_until = 0.0
        self._fetching = asyncio.Lock()
        self._ended = Once(LOGOUT_S + LEEWAY_S)

    async def close(self) -> None:
        await self._session.close()

    async def sign_in_address(self, asked: Asked) -> str:
        """Where the browser goes. Raises Refusal."""
        settings = self.settings
        anew = {"prompt": "login", "max_age": "0"} if asked.since_s else {}
        address: str = prepare_grant_uri(
            (await self.metadata())["authorization_endpoint"],
            client_id=settings.client_id,
            response_type="code",
            redirect_uri=self._redirect_uri,
            scope=settings.scope,
            state=asked.state,
            nonce=asked.nonce,
            code_challenge=create_s256_code_challenge(asked.verifier),
            code_challenge_method="S256",
            acr_values=" ".join(settings.acr) or None,
            **anew,
        )
        return address

    async def sign_out_address(self, back_to: str) -> str:
        """Where the browser ends the provider's own session; empty if it offers none. Raises Refusal."""
        endpoint = str((await self.metadata()).get("end_session_endpoint"))
        params = {"client_id": self.settings.client_id, "post_logout_redirect_uri": back_to}
        return str(add_params_to_uri(endpoint, list(params.items()))) if endpoint.startswith("https://") else ""

    async def prove(self, code: str, asked: Asked) -> Proven:
        """Exchanges the code, and verifies the ID token that comes for it. Raises Refusal."""
        metadata = await self.metadata()
        body = prepare_token_request(
            "authorization_code", code=code, redirect_uri=self._redirect_uri, code_verifier=asked.verifier
        )
        url, headers, body = self._client_auth(metadata).prepare("POST", metadata["token_endpoint"], dict(_FORM), body)
        answer = await self._fetch("POST", url, headers=headers, data=body)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise refused("CODE_REFUSED")
        try:
            return self._proven(await self._claims(token, asked, answer.get("access_token")), asked)
        except (JoseError, ValueError, TypeError, OverflowError, AttributeError):
            raise refused("TOKEN_INVALID") from None

    async def read_logout(self, token: str) -> Ended:
        """Verifies a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6). Raises Refusal."""
        await self.metadata()
        try:
            claims = (await self._decoded(token)).claims
            self._check_logout(claims)
            ended = Ended(claims["jti"], _session_of(claims), int(claims["iat"]))
        except (JoseError, ValueError, TypeError, KeyError, OverflowError, AttributeError):
            raise refused("TOKEN_INVALID") from None
        if ended.token_id in self._ended:
            raise refused("TOKEN_USED")
        return ended

    def _check_logout(self, claims: Mapping[str, Any]) -> None:
        needed: ClaimsOption = {"essential": True}
        issuer: ClaimsOption = {"essential": True, "value": self.settings.issuer}
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S, iss=issuer, aud=needed, iat=needed, exp=needed, jti=needed, events=needed
        )
        registry.validate(dict(claims))
        if not self._is_audience(claims):
            raise refused("TOKEN_AUDIENCE")
        meant = isinstance(claims["events"].get(LOGOUT), dict) and (claims.get("sub") or claims.get("sid"))
        if not meant or "nonce" in claims or claims["iat"] < time.time() - LOGOUT_S:
            raise refused("TOKEN_INVALID")

    def note_logout(self, ended: Ended) -> None:
        """Its token is worth nothing any more."""
        self._ended.add(ended.token_id)

    async def metadata(self) -> dict[str, Any]:
        """What the provider says of itself. Raises Refusal."""
        async with self._fetching:
            until, found = self._metadata
            if time.monotonic() > until:
                found = await self._described()
                self._metadata = (time.monotonic() + REMEMBER_S, found)
            return found

    async def _described(self) -> dict[str, Any]:
        """Its description, which must be of this issuer and name addresses with TLS. Raises Refusal: at once, if it did
        not answer a moment ago, so that not everybody waits for it in turn.
        """
        if time.monotonic() < self._down_until:
            raise refused("PROVIDER_UNREACHABLE")
        try:
            found = await self._fetch("GET", get_well_known_url(self.settings.issuer, external=True))
            OpenIDProviderMetadata(found).validate()
        except Refusal:
            self._down_until = time.monotonic() + PAUSE_S
            raise
        except (ValueError, TypeError, AttributeError):
            raise refused("PROVIDER_MISCONFIGURED") from None
        secure = all(str(found.get(name)).startswith("https://") for name in _ENDPOINTS)
        if found["issuer"] != self.settings.issuer or not secure:
            raise refused("PROVIDER_MISCONFIGURED")
        return found

    async def _claims(self, token: str, asked: Asked, access_token: Any) -> CodeIDToken:
        settings = self.settings
        decoded = await self._decoded(token)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": settings.issuer},
                "aud": {"essential": True, "value": settings.client_id},
            },
            {"nonce": asked.nonce, "client_id": settings.client_id, "access_token": access_token},
        )
        claims.validate(leeway=LEEWAY_S)
        if not self._is_audience(claims):
            raise refused("TOKEN_AUDIENCE")  # it is somebody else's, too
        return claims

    async def _decoded(self, token: str) -> jwt.Token:
        """The token with its signature verified. Raises Refusal, JoseError, ValueError."""
        key = await self._key(jws.extract_compact(token.encode()).headers().get("kid"))
        registry = jws.JWSRegistry(algorithms=self.settings.algorithms, strict_check_header=False)
        return jwt.decode(token, key, registry=registry)

    def _is_audience(self, claims: Mapping[str, Any]) -> bool:
        return claims["aud"] in (self.settings.client_id, [self.settings.client_id])

    def _proven(self, claims: CodeIDToken, asked: Asked) -> Proven:
        settings = self.settings
        if settings.acr and claims.get("acr") not in settings.acr:
            raise refused("FACTOR_MISSING")
        if settings.amr and set(settings.amr).isdisjoint(claims.get("amr", ())):
            raise refused("FACTOR_MISSING")
        authenticated_s = int(claims.get("auth_time", 0))
        if authenticated_s > time.time() + LEEWAY_S or authenticated_s < asked.since_s - LEEWAY_S:
            raise refused("NOT_PROVEN_ANEW")
        identity = ProviderIdentity(issuer=settings.issuer, subject=claims.get(settings.claim, ""))
        if violations(identity):
            raise refused("IDENTITY_MISSING")
        return Proven(identity, authenticated_s, _session_of(claims))

    async def _key(self, key_id: str | None) -> Key:
        """The one that the token names; the only one if it names none. Raises Refusal."""
        async with self._fetching:
            fetched_at, keys = self._keys
            now = time.monotonic()
            found = _only(keys, key_id) if now < fetched_at + REMEMBER_S else None
            if found is None and (not fetched_at or now > fetched_at + REFETCH_S):
                keys = _signing_keys(await self._fetch("GET", self._metadata[1]["jwks_uri"]))
                self._keys = (now, keys)
                found = _only(keys, key_id)
            if found is None:
                raise refused("KEY_UNKNOWN")
            return found

    def _client_auth(self, metadata: dict[str, Any]) -> ClientAuth:
        """How we prove ourselves. The files are read each time: a new secret needs no restart. Raises Refusal."""
        settings = self.settings
        try:
            if settings.private_key_file is not None:
                key, algorithm = _private_key(settings.private_key_file.read_bytes())
                claims = {"exp": int(time.time()) + ASSERTION_S}
                return ClientAuth(settings.client_id, key, PrivateKeyJWT(claims=claims, alg=algorithm))
            secret = settings.client_secret_file.read_text().strip() if settings.client_secret_file else ""
        except (OSError, ValueError, JoseError) as error:
            _log.error("client_credentials_unreadable", error, provider=settings.provider_id)
            raise refused("PROVIDER_MISCONFIGURED") from None
        offered = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        method = "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
        return ClientAuth(settings.client_id, secret, method)

    async def _fetch(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """A JSON object of the provider; the token endpoint's may be an error. Raises Refusal."""
        try:
            async with self._session.request(method, url, allow_redirects=False, **options) as response:
                body = b""
                async for chunk in response.content.iter_chunked(64 * 1024):
                    body += chunk
                    if len(body) > _MAX_BYTES:
                        raise refused("PROVIDER_UNREACHABLE")
                if method == "GET" and response.status != 200:
                    raise refused("PROVIDER_UNREACHABLE")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            raise refused("PROVIDER_UNREACHABLE") from None
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise refused("PROVIDER_UNREACHABLE") from None
        if not isinstance(found, dict):
            raise refused("PROVIDER_UNREACHABLE")
        return found


def _session_of(claims: Mapping[str, Any]) -> ProviderSession:
    """Raises ValueError or TypeError for names that are none."""
    session = ProviderSession(subject=claims.get("sub", ""), session=claims.get("sid", ""))
    if violations(session):
        raise ValueError("too long a name")
    return session


def _private_key(pem: bytes) -> tuple[RSAKey | ECKey, str]:
    """The key, and the algorithm by which we sign with it. Raises ValueError."""
    match load_pem_private_key(pem, None):
        case RSAPrivateKey():
            return RSAKey.import_key(pem), "RS256"
        case EllipticCurvePrivateKey() as key if key.curve.name == "secp256r1":
            return ECKey.import_key(pem), "ES256"
        case _:
            raise ValueError("neither an RSA key nor one of P-256")


def _signing_keys(key_set: dict[str, Any]) -> list[Key]:
    """The public keys that we know how to use; others are no reason to refuse these."""
    keys = []
    for entry in key_set.get("keys", ()):
        try:
            if entry.get("use", "sig") == "sig" and entry["kty"] in ("RSA", "EC"):
                keys.append(JWKRegistry.import_key(entry))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
    return keys


def _only(keys: list[Key], key_id: str | None) -> Key | None:
    found = [key for key in keys if key_id is None or key.kid == key_id]
    return found[0] if len(found) == 1 else None
