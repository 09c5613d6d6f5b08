"""Signing in by an OpenID Connect provider over real TLS: the whole way, and everything that can be forged on it."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import orjson
import pytest
from joserfc.jwk import ECKey, RSAKey

from gateway.console import oidc_provider
from tests.fakes.oidc_provider import CLIENT_ID, OidcProvider
from tests.service.gateway.oidc_desk import SUBJECT, Desk, desk_of


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[OidcProvider]:
    made = OidcProvider(tmp_path / "provider")
    async with made.serving():
        yield made


@pytest.fixture
async def desk(state_dir: Path, provider: OidcProvider) -> AsyncIterator[Desk]:
    async with desk_of(state_dir, provider) as opened:
        yield opened


async def refusal(response: aiohttp.ClientResponse, reason: str) -> None:
    """The page names the reason, and nobody is signed in by it."""
    assert (response.status, reason in await response.text()) == (401, True), await response.text()
    assert "token-" not in str(response.headers)


async def test_the_whole_way(desk: Desk) -> None:
    """PKCE, state and nonce go along; back comes a session, and the page that was wanted."""
    address = await desk.leave()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert (asked["code_challenge_method"], asked["client_id"], asked["scope"]) == ("S256", CLIENT_ID, "openid")
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) == 43
    assert "prompt" not in asked
    response = await desk.get(await desk.at_provider(address))
    assert (response.status, response.headers["location"]) == (303, "/people")
    assert "HttpOnly" in response.headers["set-cookie"]
    assert list(desk.authority.sessions) == ["token-0"]
    assert abs(desk.authority.sessions["token-0"] - time.time()) < 5


async def test_who_has_no_account_is_not_let_in(desk: Desk) -> None:
    """The provider knows many people who are none of ours."""
    response = await desk.sign_in("a-9999")
    assert response.status == 401
    assert not desk.authority.sessions


async def test_another_browser_cannot_bring_the_answer(desk: Desk) -> None:
    """Whoever is made to open somebody else's answer is not signed in as that person."""
    back = await desk.at_provider(await desk.leave())
    desk.browser.cookie_jar.clear()
    await refusal(await desk.get(back), "STATE_UNKNOWN")


@pytest.mark.parametrize("state", ["", "x", "é" * 43, "x" * 43])
async def test_a_wrong_state_is_refused(desk: Desk, state: str) -> None:
    back = await desk.at_provider(await desk.leave())
    code = parse_qs(urlsplit(back).query)["code"][0]
    answer = f"{desk.url}/oidc/agency/callback"
    await refusal(await desk.browser.get(answer, params={"state": state, "code": code}), "STATE_UNKNOWN")


async def test_a_state_that_begins_alike_is_refused(desk: Desk) -> None:
    """The cookie is found by the first characters of the state; all of it must be right."""
    back = await desk.at_provider(await desk.leave())
    state = parse_qs(urlsplit(back).query)["state"][0]
    await refusal(await desk.get(back.replace(state, state[:12] + "é" * 31)), "STATE_UNKNOWN")


async def test_an_answer_is_taken_once(desk: Desk) -> None:
    """Also by a browser that kept its cookies, and the code is worth nothing under a state of its own."""
    back = await desk.at_provider(await desk.leave())
    kept = list(desk.browser.cookie_jar)
    assert (await desk.get(back)).status == 303
    desk.browser.cookie_jar.update_cookies({cookie.key: cookie for cookie in kept})
    desk.authority.sessions.clear()
    again = await desk.browser.get(back, allow_redirects=False, cookies={one.key: one.value for one in kept})
    await refusal(again, "STATE_USED")
    code = parse_qs(urlsplit(back).query)["code"][0]
    fresh = await desk.at_provider(await desk.leave())
    await refusal(await desk.get(fresh.replace(parse_qs(urlsplit(fresh).query)["code"][0], code)), "CODE_REFUSED")


async def test_no_answer_brings_the_console_down(desk: Desk) -> None:
    """Whatever stands in address and cookies, it is refused in words."""
    chance = random.Random(17)
    odd = ["", "x", "é" * 50, "\x00", "0" * 3000, "../..", "%%%", '"; Path=/', "None", "[]", "a=b&c"]
    back = await desk.at_provider(await desk.leave())
    good = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    for _ in range(150):
        given = {name: chance.choice([value, *odd]) for name, value in good.items() if chance.random() < 0.9}
        given["state"] = given.get("state", "") if given.get("state") != good["state"] else "x"
        name = given["state"][:12]
        brought = chance.choice(["", "zz", "00" * 40, "01" * 100])
        cookies = {f"oidc-{name}": brought} if name.isascii() and name.isalnum() else {}
        path = chance.choice(["agency", "nobody", "%00"])
        async with desk.browser.get(f"{desk.url}/oidc/{path}/callback", params=given, cookies=cookies) as response:
            assert response.status == 401, (given, await response.text())
    assert (await desk.get(back)).status == 303


async def test_a_late_answer_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if a browser keeps the cookie for longer than it was told to."""
    back = await desk.at_provider(await desk.leave())
    kept = "; ".join(f"{cookie.key}={cookie.value}" for cookie in desk.browser.cookie_jar)
    late = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: late)
    await refusal(await desk.browser.get(back, headers={"cookie": kept}), "TOOK_TOO_LONG")


def audience(*values: str, azp: str = "") -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.update({"aud": list(values), **({"azp": azp} if azp else {})})


SPOILED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "wrong nonce": (lambda claims: claims.update(nonce="x"), "TOKEN_INVALID"),
    "no nonce": (lambda claims: claims.pop("nonce"), "TOKEN_INVALID"),
    "another's audience": (lambda claims: claims.update(aud="another"), "TOKEN_INVALID"),
    "another's audience, too": (audience(CLIENT_ID, "another", azp=CLIENT_ID), "TOKEN_AUDIENCE"),
    "two audiences, no azp": (audience(CLIENT_ID, "another"), "TOKEN_INVALID"),
    "another's azp": (lambda claims: claims.update(azp="another"), "TOKEN_INVALID"),
    "no audience": (lambda claims: claims.pop("aud"), "TOKEN_INVALID"),
    "another issuer": (lambda claims: claims.update(iss="https://another.example"), "TOKEN_INVALID"),
    "expired": (lambda claims: claims.update(exp=int(time.time()) - 60), "TOKEN_INVALID"),
    "never ends": (lambda claims: claims.update(exp=float("nan")), "TOKEN_INVALID"),
    "no end": (lambda claims: claims.pop("exp"), "TOKEN_INVALID"),
    "of the future": (lambda claims: claims.update(iat=int(time.time()) + 600), "TOKEN_INVALID"),
    "of another access token": (lambda claims: claims.update(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), "TOKEN_INVALID"),
    "proven in the future": (lambda claims: claims.update(auth_time=int(time.time()) + 600), "NOT_PROVEN_ANEW"),
    "no subject": (lambda claims: claims.pop("sub"), "TOKEN_INVALID"),
    "a number as subject": (lambda claims: claims.update(sub=17), "TOKEN_INVALID"),
    "a subject of two lines": (lambda claims: claims.update(sub="a-0017\na-0018"), "IDENTITY_MISSING"),
    "no text as access token's hash": (lambda claims: claims.update(at_hash=17), "TOKEN_INVALID"),
    "no list of factors": (lambda claims: claims.update(amr="otp"), "TOKEN_INVALID"),
    "an endless subject": (lambda claims: claims.update(sub="x" * 300), "IDENTITY_MISSING"),
}


@pytest.mark.parametrize("what", SPOILED)
async def test_a_spoiled_token_is_refused(desk: Desk, what: str) -> None:
    """Signed by the provider, and yet not for this sign-in."""
    desk.provider.spoil, reason = SPOILED[what]
    await refusal(await desk.sign_in(), reason)


def unsigned(claims: dict[str, Any]) -> str:
    header, body = (
        base64.urlsafe_b64encode(orjson.dumps(part)).decode().rstrip("=") for part in ({"alg": "none"}, claims)
    )
    return f"{header}.{body}."


async def test_a_forged_signature_is_refused(desk: Desk) -> None:
    """None at all, one by the public key as a secret, one by a stranger's key under the known id, and an unknown id."""
    provider, known = desk.provider, desk.provider.keys
    stranger = RSAKey.generate_key(2048, {"kid": str(known[0].kid)})
    forgeries: list[tuple[Callable[[dict[str, Any]], str], str]] = [
        (unsigned, "TOKEN_INVALID"),
        (provider.signed_by_public_key, "TOKEN_INVALID"),
        (lambda claims: signed(provider, stranger, claims), "TOKEN_INVALID"),
        (lambda claims: signed(provider, RSAKey.generate_key(2048, {"kid": "unknown"}), claims), "KEY_UNKNOWN"),
        (lambda claims: "no.token", "TOKEN_INVALID"),
    ]
    for forged, reason in forgeries:
        provider.sign = forged
        await refusal(await desk.sign_in(), reason)


def signed(provider: OidcProvider, key: RSAKey | ECKey, claims: dict[str, Any]) -> str:
    provider.keys, known = [key], provider.keys
    try:
        return provider._signed(claims)
    finally:
        provider.keys = known


async def test_a_new_key_is_fetched(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider goes over to another key; strangers cannot make us ask for keys without end."""
    assert (await desk.sign_in()).status == 303
    desk.provider.keys = [ECKey.generate_key("P-256", {"kid": "ec-2", "use": "sig"})]
    await refusal(await desk.sign_in(), "KEY_UNKNOWN")
    assert desk.provider.asked.count("/keys") == 1
    monkeypatch.setattr(oidc_provider, "REFETCH_S", 0.0)
    assert (await desk.sign_in()).status == 303
    assert desk.provider.asked.count("/keys") == 2


async def test_another_providers_answer_is_refused(desk: Desk) -> None:
    """Mix-up: an answer that names another issuer, and one that names none though this provider always does."""
    desk.provider.answer = {"iss": "https://another.example"}
    await refusal(await desk.sign_in(), "ANOTHER_ISSUER")
    desk.provider.answer = {}
    back = await desk.at_provider(await desk.leave())
    await refusal(await desk.get(back[: back.index("&iss=")]), "ANOTHER_ISSUER")


async def test_a_refusal_of_the_provider_is_told_in_our_words(desk: Desk) -> None:
    """Nothing that stands in the address is shown."""
    back = await desk.at_provider(await desk.leave())
    state = parse_qs(urlsplit(back).query)["state"][0]
    answer = {"state": state, "error": "access_denied", "error_description": "<b>smuggled", "iss": desk.provider.issuer}
    response = await desk.browser.get(f"{desk.url}/oidc/agency/callback", params=answer)
    await refusal(response, "PROVIDER_REFUSED")
    assert "smuggled" not in await response.text()


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_nobody_is_sent_elsewhere(desk: Desk, to: str) -> None:
    response = await desk.get(await desk.at_provider(await desk.leave(f"/oidc/agency/start?to={to}")))
    assert (response.status, response.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://127.0.0.1:1/token"},
        {"jwks_uri": "not an address"},
    ],
)
async def test_a_provider_that_describes_itself_wrongly_is_not_used(desk: Desk, changes: dict[str, str]) -> None:
    desk.provider.metadata = changes
    await refusal(await desk.get(f"{desk.url}/oidc/agency/start"), "PROVIDER_MISCONFIGURED")


async def test_a_provider_with_a_strangers_certificate_is_not_used(state_dir: Path, provider: OidcProvider) -> None:
    """Only the authority that the settings name vouches for it."""
    async with desk_of(state_dir, provider, ca_file=str(state_dir / "tls" / "ca.pem")) as desk:
        await refusal(await desk.get(f"{desk.url}/oidc/agency/start"), "PROVIDER_UNREACHABLE")
    assert not provider.asked


async def test_a_provider_that_hangs_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sign-in fails in seconds."""
    monkeypatch.setattr(desk.provider, "delay_s", 30.0)
    began = time.monotonic()
    await refusal(await desk.get(f"{desk.url}/oidc/agency/start"), "PROVIDER_UNREACHABLE")
    assert time.monotonic() - began < oidc_provider.TIMEOUT_S + 2
    asked = len(desk.provider.asked)
    await refusal(await desk.get(f"{desk.url}/oidc/agency/start"), "PROVIDER_UNREACHABLE")
    assert len(desk.provider.asked) == asked


async def test_the_client_proves_itself_by_a_key(state_dir: Path, provider: OidcProvider) -> None:
    """private_key_jwt: an assertion for this token endpoint that lives a minute."""
    provider.client_key = ECKey.generate_key("P-256")
    path = state_dir / "client.pem"
    path.write_bytes(provider.client_key.as_pem(private=True))
    async with desk_of(state_dir, provider, client_secret_file=None, private_key_file=str(path)) as desk:
        assert (await desk.sign_in()).status == 303
        path.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))  # which is not registered there
        await refusal(await desk.sign_in(), "CODE_REFUSED")
        path.write_text("no key")
        await refusal(await desk.sign_in(), "PROVIDER_MISCONFIGURED")


async def test_a_second_factor_can_be_demanded(state_dir: Path, provider: OidcProvider) -> None:
    async with desk_of(state_dir, provider, acr=["two"], amr=["otp", "hwk"]) as desk:
        assert "acr_values=two" in await desk.leave()
        for given in ({}, {"acr": "two"}, {"acr": "one", "amr": ["otp"]}, {"acr": "two", "amr": ["pwd"]}):
            provider.spoil = lambda claims, given=given: claims.update(given)  # type: ignore[misc]
            await refusal(await desk.sign_in(), "FACTOR_MISSING")
        provider.spoil = lambda claims: claims.update({"acr": "two", "amr": ["pwd", "hwk"]})
        assert (await desk.sign_in()).status == 303


async def test_another_claim_can_name_people(state_dir: Path, provider: OidcProvider) -> None:
    async with desk_of(state_dir, provider, claim="employee_number") as desk:
        await refusal(await desk.sign_in(), "IDENTITY_MISSING")
        provider.spoil = lambda claims: claims.update(employee_number=SUBJECT, sub="opaque")
        assert (await desk.sign_in()).status == 303


async def test_being_proven_again(desk: Desk) -> None:
    """The provider is told to ask anew, and its word of before does not do."""
    assert (await desk.sign_in()).status == 303
    long_ago = desk.authority.sessions["token-0"] = int(time.time()) - 3600
    address = await desk.leave("/oidc/agency/again?to=/policies/new")
    asked = parse_qs(urlsplit(address).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    desk.provider.spoil = lambda claims: claims.update(auth_time=long_ago)
    await refusal(await desk.get(await desk.at_provider(address)), "NOT_PROVEN_ANEW")
    desk.provider.spoil = lambda claims: claims.pop("auth_time")
    address = await desk.leave("/oidc/agency/again?to=/policies/new")
    await refusal(await desk.get(await desk.at_provider(address)), "NOT_PROVEN_ANEW")
    assert desk.authority.sessions["token-0"] == long_ago
    desk.provider.spoil = lambda claims: None
    back = await desk.get(await desk.at_provider(await desk.leave("/oidc/agency/again?to=/policies/new")))
    assert (back.status, back.headers["location"]) == (303, "/policies/new")
    assert desk.authority.sessions["token-0"] > long_ago


async def test_the_proof_is_for_the_session_that_asked(desk: Desk) -> None:
    """Neither a session that was opened meanwhile nor one that is over gets it."""
    assert (await desk.sign_in()).status == 303
    back = await desk.at_provider(await desk.leave("/oidc/agency/again"))
    assert (await desk.sign_in()).status == 303
    await refusal(await desk.get(back), "ANOTHER_SESSION")
    back = await desk.at_provider(await desk.leave("/oidc/agency/again"))
    desk.authority.sessions.clear()
    await asyncio.sleep(2.1)  # the gateway takes a session for good so long
    await refusal(await desk.get(back), "SESSION_OVER")


async def test_nobody_is_proven_again_without_a_session(desk: Desk) -> None:
    response = await desk.get(f"{desk.url}/oidc/agency/again")
    assert (response.status, response.headers["location"][:8]) == (303, "/sign-in")


async def test_local_accounts_can_be_shut_out(state_dir: Path, provider: OidcProvider) -> None:
    """Then no password is asked for or taken."""
    async with desk_of(state_dir, provider) as desk:
        assert 'name="password"' in await (await desk.get(f"{desk.url}/sign-in")).text()
    settings = state_dir / "oidc.yaml"
    async with desk_of(state_dir, provider, local_accounts=False) as desk:
        assert "local_accounts: false" in settings.read_text()
        page = await (await desk.get(f"{desk.url}/sign-in")).text()
        assert ("/oidc/agency/start" in page, 'name="password"' in page) == (True, False)
        form = {"name": "zhou.li", "password": "x" * 12, "code": "000000"}
        response = await desk.browser.post(f"{desk.url}/sign-in", data=form, allow_redirects=False)
        assert (response.status, "请用统一登录" in await response.text()) == (401, True)


async def test_signing_out_at_the_provider_too(desk: Desk) -> None:
    """The page leads there and back to the sign-in page, wherever its address was taken from."""
    page = await (await desk.get(f"{desk.url}/signed-out/agency")).text()
    assert f"{desk.provider.issuer}/end?client_id={CLIENT_ID}&amp;post_logout_redirect_uri=" in page
    assert (await desk.get(f"{desk.url}/signed-out/nobody")).status == 404
