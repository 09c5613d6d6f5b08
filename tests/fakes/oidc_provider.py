"""An OpenID Connect provider for tests: real TLS, codes that are good once, PKCE, client authentication, signed tokens.

It does what a good provider does, until a test sets `spoil`, `header` or `answer` to forge what it says.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from outreach.runtime import tls

CLIENT_ID, CLIENT_SECRET = "outreach-console", "a secret of the client"
SERVICE = "sign-in"


class OidcProvider:
    """Its people sign in by their subject, without a password; the browser's session lasts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tls.ensure_local_ca(folder)
        tls.ensure_certificate(folder, SERVICE)
        (folder / "client-secret").write_text(CLIENT_SECRET)
        self.issuer = ""
        self.keys: list[RSAKey | ECKey] = [RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})]
        self.client_key: ECKey | None = None
        """Where set, the client proves itself by it (private_key_jwt) instead of the secret."""
        self.spoil: Callable[[dict[str, Any]], None] = lambda claims: None
        """Changes an ID token's claims before it is signed."""
        self.sign: Callable[[dict[str, Any]], str] = self._signed
        self.answer: dict[str, str] = {}
        """Parameters that replace those of the answer to the browser."""
        self.metadata: dict[str, Any] = {}
        """What replaces parts of its description."""
        self.clock_s: Callable[[], float] = time.time
        self.asked: list[str] = []
        """The paths it was asked for."""
        self.delay_s = 0.0
        """How long its description is awaited."""
        self._codes: dict[str, dict[str, Any]] = {}

    def settings(self, **changes: Any) -> dict[str, Any]:
        """As OUTREACH_OIDC_FILE says it; None leaves a field out."""
        settings = {
            "name": "机构统一登录 · Agency sign-in",
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret_file": str(self.folder / "client-secret"),
            "ca_file": str(self.folder / "tls" / "ca.pem"),
            **changes,
        }
        return {name: value for name, value in settings.items() if value is not None}

    def write_settings(self, path: Path, console_url: str, *, local_accounts: bool = True, **changes: Any) -> None:
        """A file with this provider alone, named `agency`."""
        providers = {"agency": self.settings(**changes)}
        document = {"console_url": console_url, "local_accounts": local_accounts, "providers": providers}
        path.write_text(yaml.safe_dump(document, allow_unicode=True))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        application = web.Application()
        application.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._describe),
                web.get("/keys", self._key_set),
                web.get("/authorize", self._authorize),
                web.post("/authorize", self._authorize),
                web.post("/token", self._token),
                web.get("/end", self._end),
            ]
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        key, certificate = tls.certificate_files(self.folder, SERVICE)
        context.load_cert_chain(certificate, key)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.issuer = f"https://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield
        finally:
            await runner.cleanup()

    @contextmanager
    def in_thread(self) -> Iterator[None]:
        """Serves in a thread, for tests that have no event loop."""
        loop, ready, stopped = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

        async def serve() -> None:
            async with self.serving():
                ready.set()
                await stopped.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        assert ready.wait(10)
        try:
            yield
        finally:
            loop.call_soon_threadsafe(stopped.set)
            thread.join(10)
            loop.close()

    async def _describe(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        await asyncio.sleep(self.delay_s)
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/end",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return web.json_response({**document, **self.metadata})

    async def _key_set(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.json_response(KeySet(list(self.keys)).as_dict(private=False))

    async def _authorize(self, request: web.Request) -> web.Response:
        """Asks for a name unless the browser's session is to do; then sends it back with a code."""
        self.asked.append(request.path)
        query = request.query
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        subject, _, proven_at = request.cookies.get("provider", "").partition(" ")
        if request.method == "POST":
            subject, proven_at = str((await request.post())["subject"]), str(int(self.clock_s()))
        elif not subject or query.get("prompt") == "login":
            return web.Response(text=_page(str(request.rel_url)), content_type="text/html")
        code = secrets.token_urlsafe(16)
        self._codes[code] = {"query": dict(query), "subject": subject, "auth_time": int(proven_at)}
        answer = {"state": query["state"], "code": code, "iss": self.issuer, **self.answer}
        response = web.Response(status=303, headers={"location": f"{query['redirect_uri']}?{urlencode(answer)}"})
        response.set_cookie("provider", f"{subject} {proven_at}", httponly=True, secure=True)
        return response

    async def _token(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        form = await request.post()
        granted = self._codes.pop(str(form.get("code")), None)
        if not self._is_client(request, form):
            return web.json_response({"error": "invalid_client"}, status=401)
        if granted is None or form["redirect_uri"] != granted["query"]["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        challenge = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if base64.urlsafe_b64encode(challenge).decode().rstrip("=") != granted["query"]["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now, access = int(self.clock_s()), secrets.token_urlsafe(16)
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.issuer,
            "sub": granted["subject"],
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": granted["query"]["nonce"],
            "auth_time": granted["auth_time"],
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        }
        self.spoil(claims)
        return web.json_response({"access_token": access, "token_type": "Bearer", "id_token": self.sign(claims)})

    def logout_claims(self, **claims: Any) -> dict[str, Any]:
        """As it would tell a client that somebody is signed out; None leaves a claim out."""
        now = int(self.clock_s())
        told = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(16),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            **claims,
        }
        return {name: value for name, value in told.items() if value is not None}

    async def _end(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        response = web.Response(status=303, headers={"location": request.query["post_logout_redirect_uri"]})
        response.del_cookie("provider", httponly=True, secure=True)
        return response

    def _is_client(self, request: web.Request, form: Any) -> bool:
        if self.client_key is None:
            given = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            return request.headers.get("authorization") == f"Basic {given}"
        try:
            claims = jwt.decode(str(form["client_assertion"]), self.client_key, algorithms=["ES256"]).claims
        except JoseError:
            return False
        lives = 0 < claims["exp"] - time.time() <= 120
        return bool(claims["iss"] == claims["sub"] == CLIENT_ID and claims["aud"] == f"{self.issuer}/token" and lives)

    def _signed(self, claims: dict[str, Any]) -> str:
        key = self.keys[0]
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])

    def signed_by_public_key(self, claims: dict[str, Any]) -> str:
        """HS256 with the public key as if it were a shared secret."""
        shared = OctKey.import_key(base64.urlsafe_b64encode(self.keys[0].as_pem(private=False)).decode())
        return jwt.encode({"alg": "HS256", "kid": self.keys[0].kid}, claims, shared, algorithms=["HS256"])


def _page(here: str) -> str:
    return (
        '<!doctype html><html lang="zh-CN"><title>统一登录</title><main><h1>统一登录</h1>'
        f'<form method="post" action="{escape(here)}"><label for="subject">工号</label>'
        '<input id="subject" name="subject" autofocus><button>登录</button></form></main></html>'
    )
