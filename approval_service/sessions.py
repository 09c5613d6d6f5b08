"""Signing in and out. Passwords are verified before the transaction, which takes what was found and decides; what an
OpenID Connect provider says was verified by the gateway, which alone may call."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection

from approval_service.credentials import matching_step
from approval_service.people import ALL_BANKS
from approval_service.store import catalog as catalog_store
from approval_service.store import users as store
from approval_service.users import ACTIVE, CONSOLE, split
from approval_service.writer import Handler, Tx, one_by_one
from outreach.domain.clocks import real_ms
from outreach.domain.errors import Kind, Refusal, invalid, precondition
from outreach.v1.common_pb2 import Principal, ProviderIdentity
from outreach.v1.session_service_pb2 import (
    ChangePasswordResponse,
    CheckSessionRequest,
    CheckSessionResponse,
    EndProviderSessionsRequest,
    EndProviderSessionsResponse,
    LogInByProviderResponse,
    LogInResponse,
    LogOutResponse,
    ProviderSession,
    ReauthenticateByProviderResponse,
    ReauthenticateResponse,
    Session,
)

MINUTE_MS = 60_000
IDLE_MS = 30 * MINUTE_MS
LONGEST_MS = 12 * 60 * MINUTE_MS
TOUCH_MS = MINUTE_MS
MAX_FAILURES = 5
LOCK_MS = 15 * MINUTE_MS
PROVIDER_LEEWAY_MS = 30_000
"""How far a provider's clocks may differ from one another."""
_TOKEN_BYTES = 32
P = TypeVar("P")
R = TypeVar("R")


class Proof(NamedTuple):
    """What somebody gave to sign in, and whether the password was right."""

    user_id: str
    password_hash: str
    """The hash that the password was compared with; empty where there is no account."""
    password_right: bool
    totp_code: str


class ProviderProof(NamedTuple):
    """Whom a provider has proven to the gateway."""

    identity: ProviderIdentity
    authenticated_real_ms: int
    """When the provider proved the person; 0 if it does not say."""
    session: ProviderSession = ProviderSession()
    """By which names the provider will tell the end of it."""


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def password_hash(connection: Connection, user_id: str) -> str:
    """What a password is compared with; empty where there is no account."""
    account = store.get(connection, user_id)
    return account.password_hash if account is not None else ""


def counting(function: Callable[[Tx, P], R]) -> Handler[P, R]:
    """A handler like writer.one_by_one, whose refusals are counted in the same commit that answers them."""

    def handler(tx: Tx, payloads: Sequence[P]) -> Sequence[R | Exception]:
        results: list[R | Exception] = []
        for payload in payloads:
            try:
                results.append(function(tx, payload))
            except Refusal as refusal:
                results.append(refusal)
        return results

    return handler


def _log_in(tx: Tx, proof: Proof) -> LogInResponse:
    account = _prove(tx, proof)
    token = _begin(tx, account.user_id, tx.real_ms, ProviderSession())
    tx.record("signed_in", "", user=account.user_id)
    return LogInResponse(token=token, session=_session(tx.connection, _open(tx.connection, token)))


log_in = counting(_log_in)
"""Handler of LogIn: a Proof."""


def _log_in_by_provider(tx: Tx, proof: ProviderProof) -> LogInByProviderResponse:
    account = _proven(tx, proof)
    token = _begin(tx, account.user_id, min(proof.authenticated_real_ms, tx.real_ms), proof.session)
    tx.record("signed_in", "", user=account.user_id, issuer=account.issuer)
    return LogInByProviderResponse(token=token, session=_session(tx.connection, _open(tx.connection, token)))


log_in_by_provider = one_by_one(_log_in_by_provider)
"""Handler of LogInByProvider."""


def _begin(tx: Tx, user_id: str, authenticated_ms: int, provider: ProviderSession) -> str:
    """Opens a session. Returns its token."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    store.end_stale_sessions(tx.connection, tx.real_ms - LONGEST_MS)
    values = {
        "token_hash": hash_of(token),
        "user_id": user_id,
        "opened_real_ms": tx.real_ms,
        "seen_real_ms": tx.real_ms,
        "authenticated_real_ms": authenticated_ms,
        **_names(provider),
    }
    store.open_session(tx.connection, values)
    store.change(tx.connection, user_id, last_login_real_ms=tx.real_ms)
    return token


def _reauthenticate(tx: Tx, asked: tuple[str, Proof]) -> ReauthenticateResponse:
    token, proof = asked
    account = _prove(tx, proof)
    store.change_session(tx.connection, hash_of(token), authenticated_real_ms=tx.real_ms, seen_real_ms=tx.real_ms)
    tx.record("signed_in_again", "", user=account.user_id)
    return ReauthenticateResponse(session=_session(tx.connection, _open(tx.connection, token)))


reauthenticate = counting(_reauthenticate)
"""Handler of Reauthenticate: the session's token, and what was given."""


def _reauthenticate_by_provider(tx: Tx, asked: tuple[str, ProviderProof]) -> ReauthenticateByProviderResponse:
    token, proof = asked
    account, row = _proven(tx, proof), _open(tx.connection, token)
    if account.user_id != row.user_id:
        raise Refusal(
            Kind.UNAUTHENTICATED,
            "确认身份的是另一人，请用登录此会话的账号。Somebody else was proven: use the account of this session.",
            reason="ANOTHER_PERSON",
        )
    fresh = {
        "authenticated_real_ms": min(proof.authenticated_real_ms, tx.real_ms),
        "seen_real_ms": tx.real_ms,
        **_names(proof.session),
    }
    store.change_session(tx.connection, hash_of(token), **fresh)
    tx.record("signed_in_again", "", user=account.user_id, issuer=account.issuer)
    return ReauthenticateByProviderResponse(session=_session(tx.connection, _open(tx.connection, token)))


reauthenticate_by_provider = one_by_one(_reauthenticate_by_provider)
"""Handler of ReauthenticateByProvider: the session's token, and whom the provider proved."""


def _proven(tx: Tx, proof: ProviderProof) -> Any:
    """The account that has the identity. Raises Refusal UNAUTHENTICATED."""
    account = store.by_identity(tx.connection, proof.identity.issuer, proof.identity.subject)
    if account is None or account.state != ACTIVE:
        raise Refusal(
            Kind.UNAUTHENTICATED,
            "此身份没有可用的账号，请联系运维。No account that can be used has this identity: ask an operator.",
            reason="IDENTITY_UNKNOWN",
        )
    return account


def _prove(tx: Tx, proof: Proof) -> Any:
    """The account whose password and code are right. Raises Refusal UNAUTHENTICATED, after it has counted."""
    account = store.get(tx.connection, proof.user_id)
    if account is None or account.state != ACTIVE or account.issuer is not None:
        raise wrong_credentials()
    if account.locked_until_real_ms > tx.real_ms:
        raise Refusal(
            Kind.UNAUTHENTICATED,
            "密码或验证码多次错误，账号已锁定，15 分钟后再试。Too many failures: try again in 15 minutes.",
            reason="ACCOUNT_LOCKED",
        )
    secret = tx.keys.person(account.wrapped_key).unseal(account.totp_sealed).decode()
    step = matching_step(secret, proof.totp_code, tx.real_ms)
    right = proof.password_right and proof.password_hash == account.password_hash
    if not right or step <= account.totp_step:
        _count_failure(tx, account)
        raise wrong_credentials()
    store.change(tx.connection, account.user_id, totp_step=step, failures=0)
    return account


def _count_failure(tx: Tx, account: Any) -> None:
    failures = account.failures + 1
    if failures < MAX_FAILURES:
        store.change(tx.connection, account.user_id, failures=failures)
        return
    store.change(tx.connection, account.user_id, failures=0, locked_until_real_ms=tx.real_ms + LOCK_MS)
    tx.record("user_locked", "", user=account.user_id)


def wrong_credentials() -> Refusal:
    return Refusal(
        Kind.UNAUTHENTICATED,
        "账号、密码或验证码不对；验证码用过即失效，请等下一个。Wrong name, password or code; a code is good once: "
        "wait for the next.",
        reason="WRONG_CREDENTIALS",
    )


def check_session(connection: Connection, request: CheckSessionRequest) -> tuple[CheckSessionResponse, bool]:
    """Read of CheckSession: the session, and whether its being seen is to be noted."""
    row = _open(connection, request.token)
    unnoted = not request.by_itself and real_ms() - row.seen_real_ms > TOUCH_MS
    return CheckSessionResponse(session=_session(connection, row)), unnoted


def _touch(tx: Tx, token: str) -> None:
    store.change_session(tx.connection, hash_of(token), seen_real_ms=tx.real_ms)


touch = one_by_one(_touch)
"""Handler that keeps a session alive."""


def _change_password(tx: Tx, asked: tuple[str, Proof, str]) -> ChangePasswordResponse:
    token, proof, new_hash = asked
    row = _open(tx.connection, token)
    if row.issuer is not None:
        raise precondition("此账号的密码不在这里管理。This account has no password here.", "NOT_A_LOCAL_ACCOUNT")
    if not proof.password_right or proof.password_hash != row.password_hash:
        _count_failure(tx, row)
        raise wrong_credentials()
    store.change(tx.connection, row.user_id, password_hash=new_hash, must_change_password=False, failures=0)
    ended = store.end_sessions(tx.connection, row.user_id, but=hash_of(token))
    tx.record("password_changed", "", user=row.user_id, ended_sessions=ended)
    return ChangePasswordResponse(session=_session(tx.connection, _open(tx.connection, token)))


change_password = counting(_change_password)
"""Handler of ChangePassword: the session's token, the old password as a Proof, the new one's hash."""


def _log_out(tx: Tx, token: str) -> LogOutResponse:
    row = store.get_session(tx.connection, hash_of(token))
    if row is not None and store.end_session(tx.connection, hash_of(token)):
        tx.record("signed_out", "", user=row.user_id)
    return LogOutResponse()


log_out = one_by_one(_log_out)
"""Handler of LogOut: the session's token."""


def _end_by_provider(tx: Tx, request: EndProviderSessionsRequest) -> EndProviderSessionsResponse:
    if not request.provider_session.ByteSize():
        raise invalid("provider_session", "请写明何人或哪个会话。Name the person or the session.")
    until_ms = request.issue_time.ToMilliseconds() + PROVIDER_LEEWAY_MS
    rows = store.sessions_by_provider(tx.connection, request.issuer, until_ms, **_names(request.provider_session))
    for row in rows:
        store.end_session(tx.connection, row.token_hash)
    for user_id, ended in Counter(row.user_id for row in rows).items():
        tx.record("signed_out_by_provider", "", user=user_id, issuer=request.issuer, ended_sessions=ended)
    return EndProviderSessionsResponse(ended=len(rows))


end_by_provider = one_by_one(_end_by_provider)
"""Handler of EndProviderSessions."""


def _names(provider: ProviderSession) -> dict[str, str]:
    """As a session's row has them."""
    return {
        "provider_subject_hash": hash_of(provider.subject) if provider.subject else "",
        "provider_session_hash": hash_of(provider.session) if provider.session else "",
    }


def user_of(connection: Connection, token: str) -> str:
    """Whose open session it is. Raises Refusal UNAUTHENTICATED."""
    user_id: str = _open(connection, token).user_id
    return user_id


def _open(connection: Connection, token: str) -> Any:
    row = store.get_session(connection, hash_of(token))
    now_ms = real_ms()
    if (
        row is None
        or row.state != ACTIVE
        or now_ms - row.seen_real_ms > IDLE_MS
        or now_ms - row.opened_real_ms > LONGEST_MS
    ):
        raise Refusal(
            Kind.UNAUTHENTICATED, "会话已结束，请重新登录。The session is over: sign in again.", reason="SESSION_OVER"
        )
    return row


def _session(connection: Connection, row: Any) -> Session:
    covered = split(row.bank_ids)
    session = Session(
        principal=Principal(
            caller_id=CONSOLE,
            employee_id=row.user_id,
            team=row.team,
            roles=split(row.roles),
            bank_ids=covered,
        ),
        must_change_password=row.must_change_password,
        banks=[bank for bank in catalog_store.banks(connection) if bank in covered or ALL_BANKS in covered],
        issuer=row.issuer or "",
    )
    session.principal.authenticate_time.FromMilliseconds(row.authenticated_real_ms)
    session.expire_time.FromMilliseconds(min(row.seen_real_ms + IDLE_MS, row.opened_real_ms + LONGEST_MS))
    return session
