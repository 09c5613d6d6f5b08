"""Back-Channel Logout: a provider ends its people's sessions, and nobody else does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from gateway.console.pages import provider_sign_in
from outreach.v1.session_service_pb2 import ProviderSession
from tests.fakes.oidc_provider import OidcProvider
from tests.service.gateway.oidc_desk import SUBJECT, Desk, desk_of
from tests.service.gateway.test_oidc import signed, unsigned

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
async def desk(state_dir: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    provider = OidcProvider(tmp_path / "provider")
    async with provider.serving(), desk_of(state_dir, provider) as opened:
        yield opened


async def tell(desk: Desk, token: str) -> tuple[int, str]:
    """As the provider's server does: no cookie, no form token, no Origin. The status and the body."""
    desk.browser.cookie_jar.clear()
    address = f"{desk.url}/oidc/agency/back-channel-logout"
    async with desk.browser.post(address, data={"logout_token": token}, allow_redirects=False) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
        return answer.status, await answer.text()


async def test_a_session_ends_with_the_providers(desk: Desk) -> None:
    """Sessions are known by what their ID tokens said; by the same ones they end."""
    desk.provider.spoil = lambda claims: claims.update(sid="s-1")
    assert (await desk.sign_in()).status == 303
    (begun,) = desk.authority.told
    assert (begun.subject, begun.session) == (SUBJECT, "s-1")
    claims = desk.provider.logout_claims(sub=SUBJECT, sid="s-1")
    assert await tell(desk, desk.provider.sign(claims)) == (200, "")
    ended = desk.authority.told[-1]
    assert (ended.issuer, ended.provider_session) == (desk.provider.issuer, begun)
    assert ended.issue_time.ToSeconds() == claims["iat"]
    assert not desk.authority.sessions


@pytest.mark.parametrize("named", [{"sub": SUBJECT}, {"sid": "s-1"}])
async def test_one_name_is_enough(desk: Desk, named: dict[str, str]) -> None:
    """Before anybody has signed in through this gateway, too: a replica that has just started knows no key yet."""
    assert (await tell(desk, desk.provider.sign(desk.provider.logout_claims(**named))))[0] == 200
    expected = ProviderSession(subject=named.get("sub", ""), session=named.get("sid", ""))
    assert [one.provider_session for one in desk.authority.told] == [expected]


SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://another.example"}, "TOKEN_INVALID"),
    "another's audience": ({"aud": "another"}, "TOKEN_AUDIENCE"),
    "another's audience, too": ({"aud": ["outreach-console", "another"]}, "TOKEN_AUDIENCE"),
    "no audience": ({"aud": None}, "TOKEN_INVALID"),
    "expired": ({"exp": int(time.time()) - 60}, "TOKEN_INVALID"),
    "no end": ({"exp": None}, "TOKEN_INVALID"),
    "of the future": ({"iat": int(time.time()) + 6000}, "TOKEN_INVALID"),
    "old, whenever it ends": ({"iat": int(time.time()) - 700}, "TOKEN_INVALID"),
    "never issued": ({"iat": None}, "TOKEN_INVALID"),
    "no time": ({"iat": "now"}, "TOKEN_INVALID"),
    "with a nonce, as an ID token": ({"nonce": "x"}, "TOKEN_INVALID"),
    "without an event": ({"events": None}, "TOKEN_INVALID"),
    "of another event": ({"events": {"https://another.example": {}}}, "TOKEN_INVALID"),
    "an event that is no object": ({"events": {EVENT: "yes"}}, "TOKEN_INVALID"),
    "events in a list": ({"events": [EVENT]}, "TOKEN_INVALID"),
    "without an id": ({"jti": None}, "TOKEN_INVALID"),
    "a number as id": ({"jti": 17}, "TOKEN_INVALID"),
    "of nobody": ({"sub": None}, "TOKEN_INVALID"),
    "of the empty name": ({"sub": "", "sid": ""}, "TOKEN_INVALID"),
    "a number as subject": ({"sub": 17}, "TOKEN_INVALID"),
    "a number as session": ({"sid": 17}, "TOKEN_INVALID"),
    "an endless session": ({"sid": "x" * 300}, "TOKEN_INVALID"),
}


@pytest.mark.parametrize("what", SPOILED)
async def test_a_spoiled_token_ends_nothing(desk: Desk, what: str) -> None:
    """Signed by the provider, and yet no logout token for us."""
    changes, reason = SPOILED[what]
    claims = desk.provider.logout_claims(**{"sub": SUBJECT, **changes})
    status, body = await tell(desk, desk.provider.sign(claims))
    assert (status, f'"{reason}"' in body) == (400, True), body
    assert not desk.authority.told


async def test_a_forged_token_ends_nothing(desk: Desk) -> None:
    """Unsigned, by the public key as a secret, by a stranger's key, or no token at all."""
    provider, claims = desk.provider, desk.provider.logout_claims(sub=SUBJECT)
    stranger = RSAKey.generate_key(2048, {"kid": str(provider.keys[0].kid)})
    by_stranger = signed(provider, stranger, claims)
    for token in (unsigned(claims), provider.signed_by_public_key(claims), by_stranger, "no.token", ""):
        status, body = await tell(desk, token)
        assert (status, "TOKEN_INVALID" in body) == (400, True), body
    assert not desk.authority.told


async def test_an_id_token_is_no_logout_token(desk: Desk) -> None:
    """Nor is a logout token good to sign in: it has no nonce."""
    id_token: dict[str, Any] = {}
    desk.provider.spoil = id_token.update
    assert (await desk.sign_in()).status == 303
    assert (await tell(desk, desk.provider.sign({**id_token, "jti": "x"})))[0] == 400
    assert desk.authority.sessions

    def swap(claims: dict[str, Any]) -> None:
        claims.clear()
        claims.update(desk.provider.logout_claims(sub=SUBJECT))

    desk.provider.spoil = swap
    response = await desk.sign_in()
    assert (response.status, "TOKEN_INVALID" in await response.text()) == (401, True)


async def test_a_token_is_good_once(desk: Desk) -> None:
    """And worth the same again if it could not be acted upon: the provider may repeat it."""
    token = desk.provider.sign(desk.provider.logout_claims(sub=SUBJECT))
    desk.authority.away = True
    assert (await tell(desk, token))[0] == 503
    desk.authority.away = False
    assert (await tell(desk, token))[0] == 200
    status, body = await tell(desk, token)
    assert (status, "TOKEN_USED" in body) == (400, True)
    assert len(desk.authority.told) == 1


async def test_a_flood_is_stemmed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_sign_in, "LOGOUTS_PER_SECOND", 0.001)
    assert [(await tell(desk, "x"))[0] for _ in range(2)] == [400, 429]


async def test_an_unknown_provider_has_no_such_address(desk: Desk) -> None:
    async with desk.browser.post(f"{desk.url}/oidc/nobody/back-channel-logout", data={}) as answer:
        assert answer.status == 404
