"""Callers' tokens: what the verifier takes and what it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.domain.errors import Kind, Refusal
from outreach.runtime import tokens
from outreach.runtime.config import SettingError
from outreach.runtime.tokens import Issuer, Verifier

KEY = Ed25519PrivateKey.generate()
NEXT_KEY = Ed25519PrivateKey.generate()


def write_registry(path: Path, **changes: Any) -> Path:
    entry = {
        "active": True,
        "public_keys": [tokens.public_key_text(KEY), tokens.public_key_text(NEXT_KEY)],
        "roles": ["case_system", "supervisor"],
        "banks": ["demo-bank"],
        "requests_per_second": 50,
        **changes,
    }
    path.write_text(yaml.safe_dump({"callers": {"cases": entry}}))
    return path


@pytest.fixture
def verifier(tmp_path: Path) -> Verifier:
    return Verifier(write_registry(tmp_path / "callers.yaml"))


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    base = {
        "iss": "cases",
        "sub": "cases",
        "aud": tokens.AUDIENCE,
        "iat": now,
        "exp": now + 60,
        "jti": "1",
        "employee": "e-1",
        "team": "t-1",
        "roles": ["case_system"],
        "banks": ["demo-bank"],
    }
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def signed(key: Ed25519PrivateKey = KEY, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm="EdDSA")


@pytest.mark.parametrize("key", [KEY, NEXT_KEY])
def test_a_good_token_names_caller_employee_roles_and_banks(verifier: Verifier, key: Ed25519PrivateKey) -> None:
    """A token signed with any registered key gives the principal, also the second time."""
    token = Issuer("cases", key).token("e-1", "t-1", ["case_system"], ["demo-bank"])
    for _ in range(2):
        principal = verifier.verify(token)
        assert (principal.caller_id, principal.employee_id, principal.team) == ("cases", "e-1", "t-1")
        assert list(principal.roles) == ["case_system"]
        assert list(principal.bank_ids) == ["demo-bank"]


def test_a_token_vouches_for_when_its_employee_was_proven(verifier: Verifier) -> None:
    """The caller's word reaches the principal; without it the principal has none."""
    issuer, lately = Issuer("cases", KEY), int(time.time()) - 60
    proven = verifier.verify(issuer.token("e", "", ["case_system"], [], lately + 0.5))
    assert proven.authenticate_time.ToSeconds() == lately
    assert not verifier.verify(issuer.token("e", "", ["case_system"], [])).HasField("authenticate_time")


def test_an_issuer_uses_a_token_again(verifier: Verifier) -> None:
    """The same claims give the same token while it has life left; other claims another."""
    issuer = Issuer("cases", KEY)
    assert issuer.token("e", "", ["case_system"], []) == issuer.token("e", "", ["case_system"], [])
    assert issuer.token("e", "", ["case_system"], []) != issuer.token("f", "", ["case_system"], [])


@pytest.mark.parametrize(
    ("make_token", "reason"),
    [
        (lambda: signed(Ed25519PrivateKey.generate()), "TOKEN_INVALID"),
        (lambda: jwt.encode(claims(), "x" * 32, algorithm="HS256"), "TOKEN_INVALID"),
        (lambda: jwt.encode(claims(), "", algorithm="none"), "TOKEN_INVALID"),
        (lambda: "not.a.token", "TOKEN_INVALID"),
        (lambda: "", "TOKEN_INVALID"),
        (lambda: signed()[:-6] + "AAAAAA", "TOKEN_INVALID"),
        (lambda: signed(exp=int(time.time()) - 60), "TOKEN_EXPIRED"),
        (lambda: signed(iat=int(time.time()) + 120, exp=int(time.time()) + 180), "TOKEN_INVALID"),
        (lambda: signed(exp=int(time.time()) + 3600), "TOKEN_INVALID"),
        (lambda: signed(exp=None), "TOKEN_INVALID"),
        (lambda: signed(jti=None), "TOKEN_INVALID"),
        (lambda: signed(aud="other-gateway"), "TOKEN_AUDIENCE"),
        (lambda: signed(aud=None), "TOKEN_INVALID"),
        (lambda: signed(iss="stranger", sub="stranger"), "CALLER_UNKNOWN"),
        (lambda: signed(sub="other"), "TOKEN_INVALID"),
        (lambda: signed(employee=7), "TOKEN_INVALID"),
        (lambda: signed(roles="case_system"), "ROLE_NOT_REGISTERED"),
        (lambda: signed(roles=7), "TOKEN_INVALID"),
        (lambda: signed(roles=["operator"]), "ROLE_NOT_REGISTERED"),
        (lambda: signed(banks=["demo-bank", "other-bank"]), "BANK_NOT_REGISTERED"),
        (lambda: signed(banks=["*"]), "BANK_NOT_REGISTERED"),
        (lambda: signed(auth_time=int(time.time()) + 60), "AUTH_TIME_INVALID"),
        (lambda: signed(auth_time=-1), "AUTH_TIME_INVALID"),
        (lambda: signed(auth_time=True), "AUTH_TIME_INVALID"),
        (lambda: signed(auth_time="now"), "AUTH_TIME_INVALID"),
        (lambda: signed(auth_time=[1]), "AUTH_TIME_INVALID"),
        (lambda: signed(auth_time=float("inf")), "AUTH_TIME_INVALID"),
    ],
)
def test_a_bad_token_is_refused(verifier: Verifier, make_token: Callable[[], str], reason: str) -> None:
    """Forged, altered, expired, too long-lived, incomplete, misdirected and too wide tokens give a reason each."""
    with pytest.raises(Refusal) as refused:
        verifier.verify(make_token())
    assert refused.value.reason == reason


def test_a_caller_made_inactive_is_refused_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the registry reaches tokens that were verified before."""
    monkeypatch.setattr(tokens, "_RELOAD_S", 0.0)
    verifier = Verifier(write_registry(tmp_path / "callers.yaml"))
    token = signed()
    verifier.verify(token)
    assert [(one.caller_id, one.active) for one in verifier.callers()] == [("cases", True)]
    write_registry(tmp_path / "callers.yaml", active=False)
    assert [(one.caller_id, one.active) for one in verifier.callers()] == [("cases", False)]
    with pytest.raises(Refusal) as refused:
        verifier.verify(token)
    assert refused.value.kind is Kind.UNAUTHENTICATED


def test_a_role_taken_from_a_caller_is_refused_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So approvals can be left to the console alone: a key that approved before approves no more."""
    monkeypatch.setattr(tokens, "_RELOAD_S", 0.0)
    verifier = Verifier(write_registry(tmp_path / "callers.yaml", roles=["case_system", "bank_approver"]))
    token = signed(roles=["bank_approver"])
    assert verifier.verify(token).roles == ["bank_approver"]
    write_registry(tmp_path / "callers.yaml")
    with pytest.raises(Refusal, check=lambda e: e.reason == "ROLE_NOT_REGISTERED"):
        verifier.verify(token)


def test_a_caller_that_is_shut_out_is_refused_whatever_was_verified(verifier: Verifier) -> None:
    """A stream outlives the token that opened it, but not its caller; let in again, the caller is as before."""
    token, ended = signed(), signed(exp=int(time.time()) - 60)
    context: Any = SimpleNamespace(invocation_metadata=lambda: (("authorization", f"Bearer {ended}"),))
    verifier.verify(token)
    verifier.recheck(context)
    verifier.deactivate(["cases"])
    for refused in (lambda: verifier.verify(token), lambda: verifier.recheck(context)):
        with pytest.raises(Refusal, check=lambda e: e.reason == "CALLER_DEACTIVATED"):
            refused()
    verifier.deactivate([])
    verifier.verify(token)
    verifier.recheck(context)


def test_a_broken_registry_keeps_the_last_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-edited file locks nobody out; a process does not start with one."""
    monkeypatch.setattr(tokens, "_RELOAD_S", 0.0)
    path = write_registry(tmp_path / "callers.yaml")
    verifier = Verifier(path)
    for broken in ("callers: [", "callers: 7", "callers: {cases: {active: true}}", ""):
        path.write_text(broken)
        assert verifier.verify(signed()).caller_id == "cases"
        with pytest.raises(SettingError, match=r"callers\.yaml"):
            Verifier(path)


def test_a_token_ends_also_in_the_cache(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verified token is not taken past its end."""
    monkeypatch.setattr(tokens, "LEEWAY_S", 0)
    end = int(time.time()) + 2
    token = signed(exp=end)
    verifier.verify(token)
    time.sleep(end - time.time() + 0.01)
    with pytest.raises(Refusal) as refused:
        verifier.verify(token)
    assert refused.value.reason == "TOKEN_EXPIRED"
