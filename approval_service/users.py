"""People's accounts: one operator sets one up, another approves it.

A person is proven either here, by password and one-time code, or by an OpenID Connect provider: never by both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from approval_service.calls import Call
from approval_service.credentials import totp_uri
from approval_service.paging import page_size
from approval_service.people import require_all_banks, require_another, require_employee, same_person
from approval_service.store import catalog as catalog_store
from approval_service.store import users as store
from approval_service.waiting import waiting_for
from approval_service.writer import Tx, one_by_one
from outreach.domain.clocks import real_ms
from outreach.domain.errors import Kind, Refusal, denied, invalid, not_found, precondition
from outreach.domain.roles import ROLES_OF_PEOPLE
from outreach.v1.common_pb2 import ProviderIdentity
from outreach.v1.user_service_pb2 import (
    ApproveUserRequest,
    ApproveUserResponse,
    ChangeUserRequest,
    ChangeUserResponse,
    CreateUserRequest,
    CreateUserResponse,
    DeactivateUserRequest,
    DeactivateUserResponse,
    FirstCredentials,
    ListUsersRequest,
    ListUsersResponse,
    ResetUserRequest,
    ResetUserResponse,
    User,
    UserState,
)

CONSOLE = "console"
"""The caller in whose name the console acts for people."""
PENDING, ACTIVE = UserState.USER_STATE_PENDING, UserState.USER_STATE_ACTIVE
DEACTIVATED = UserState.USER_STATE_DEACTIVATED


class Secrets(NamedTuple):
    """What is made outside the transaction for a new or reset local account."""

    password: str
    password_hash: str
    totp_secret: str


def split(joined: str) -> list[str]:
    """A column that holds names separated by commas."""
    return [part for part in joined.split(",") if part]


def _create(tx: Tx, asked: tuple[Call[CreateUserRequest], Secrets | None]) -> CreateUserResponse:
    call, secrets = asked
    request, actor = call.request, _operator(tx, call)
    if store.get(tx.connection, request.user_id) is not None:
        raise Refusal(
            Kind.CONFLICT,
            "已有此账号，请另取名。There is such an account already: choose another name.",
            field="user_id",
        )
    roles, banks = _terms(request.roles, request.bank_ids)
    values = {
        "user_id": request.user_id,
        "state": PENDING,
        "team": request.team,
        "roles": roles,
        "bank_ids": banks,
        "changed_by": actor,
        "approved_by": "",
        "last_login_real_ms": 0,
        **_credentials(tx, request, secrets),
    }
    store.put_in(tx.connection, values)
    terms = {"team": request.team, "roles": roles, "banks": banks, **_proven_by(tx, request.user_id)}
    tx.record("user_created", "", user=request.user_id, **terms, by=actor)
    return CreateUserResponse(user=_shown(tx, request.user_id), credentials=_first(secrets, request.user_id))


create_user = one_by_one(_create)
"""Handler of CreateUser, with secrets for a local account."""


def _change(tx: Tx, call: Call[ChangeUserRequest]) -> ChangeUserResponse:
    request, actor = call.request, _operator(tx, call)
    _known(tx, request.user_id)
    roles, banks = _terms(request.roles, request.bank_ids)
    _shut(tx, request.user_id)
    terms = {"team": request.team, "roles": roles, "bank_ids": banks}
    store.change(tx.connection, request.user_id, state=PENDING, changed_by=actor, approved_by="", **terms)
    tx.record("user_changed", "", user=request.user_id, team=request.team, roles=roles, banks=banks, by=actor)
    return ChangeUserResponse(user=_shown(tx, request.user_id))


change_user = one_by_one(_change)
"""Handler of ChangeUser."""


def _reset(tx: Tx, asked: tuple[Call[ResetUserRequest], Secrets | None]) -> ResetUserResponse:
    call, secrets = asked
    request, actor = call.request, _operator(tx, call)
    _known(tx, request.user_id)
    _shut(tx, request.user_id)
    fresh = _credentials(tx, request, secrets)
    store.change(tx.connection, request.user_id, state=PENDING, changed_by=actor, approved_by="", **fresh)
    tx.record("user_reset", "", user=request.user_id, **_proven_by(tx, request.user_id), by=actor)
    return ResetUserResponse(user=_shown(tx, request.user_id), credentials=_first(secrets, request.user_id))


reset_user = one_by_one(_reset)
"""Handler of ResetUser, with secrets for a local account."""


def _approve(tx: Tx, call: Call[ApproveUserRequest]) -> ApproveUserResponse:
    request, actor = call.request, _operator(tx, call)
    account = _known(tx, request.user_id)
    if account.state != PENDING:
        raise precondition(
            "该账号无待批准的变更。Nothing of this account waits for approval.", "NOT_PENDING", "user_id"
        )
    require_another(actor, {"设立或变更此账号": account.changed_by, "持有此账号": f"{CONSOLE}/{account.user_id}"})
    store.change(tx.connection, request.user_id, state=ACTIVE, approved_by=actor)
    catalog_store.put_employee(tx.connection, CONSOLE, request.user_id, account.team, active=True)
    tx.touch_catalog()
    terms = {"roles": account.roles, "banks": account.bank_ids, **_proven_by(tx, request.user_id)}
    tx.record("user_approved", "", user=request.user_id, **terms, by=actor)
    return ApproveUserResponse(user=_shown(tx, request.user_id))


approve_user = one_by_one(_approve)
"""Handler of ApproveUser."""


def _deactivate(tx: Tx, call: Call[DeactivateUserRequest]) -> DeactivateUserResponse:
    request, actor = call.request, _operator(tx, call)
    _known(tx, request.user_id)
    if same_person(actor, f"{CONSOLE}/{request.user_id}"):
        raise denied("不可停用本人，请由他人操作。Another operator must do it.", "SAME_PERSON")
    ended = _shut(tx, request.user_id)
    store.change(tx.connection, request.user_id, state=DEACTIVATED, changed_by=actor)
    tx.record("user_deactivated", "", user=request.user_id, ended_sessions=ended, by=actor)
    waiting = waiting_for(tx.connection, request.user_id)
    return DeactivateUserResponse(user=_shown(tx, request.user_id), ended_sessions=ended, waiting=waiting)


deactivate_user = one_by_one(_deactivate)
"""Handler of DeactivateUser."""


def list_users(connection: Connection, call: Call[ListUsersRequest]) -> ListUsersResponse:
    """Read of ListUsers."""
    require_all_banks(call)
    size = page_size(call.request.page_size)
    rows = store.list_after(connection, call.request.page_token, size)
    response = ListUsersResponse(users=map(_user, rows))
    if len(rows) == size:
        response.next_page_token = rows[-1].user_id
    return response


def _operator(tx: Tx, call: Call[Any]) -> str:
    require_all_banks(call)
    return require_employee(tx, call)


def _known(tx: Tx, user_id: str) -> Any:
    account = store.get(tx.connection, user_id)
    if account is None:
        raise not_found("user_id: 没有此账号，可用 ListUsers 查看。No such account: ListUsers shows them.")
    return account


def _terms(roles: Sequence[str], banks: Sequence[str]) -> tuple[str, str]:
    unknown = set(roles) - ROLES_OF_PEOPLE
    if unknown:
        raise invalid(
            "roles",
            f"没有角色 {'、'.join(sorted(unknown))}；可用 {'、'.join(sorted(ROLES_OF_PEOPLE))}。No such roles: "
            "use those named second.",
        )
    return ",".join(roles), ",".join(banks)


def _credentials(tx: Tx, request: CreateUserRequest | ResetUserRequest, secrets: Secrets | None) -> dict[str, Any]:
    wrapped, key = tx.keys.new_person()
    identity = _identity(tx, request)
    return {
        "password_hash": secrets.password_hash if secrets else "",
        "must_change_password": secrets is not None,
        "wrapped_key": wrapped,
        "totp_sealed": key.seal(secrets.totp_secret.encode()) if secrets else b"",
        "totp_step": 0,
        "failures": 0,
        "locked_until_real_ms": 0,
        "issuer": identity.issuer if identity else None,
        "subject": identity.subject if identity else None,
    }


def _identity(tx: Tx, request: CreateUserRequest | ResetUserRequest) -> ProviderIdentity | None:
    """Who a provider says the person is; None for a local account. One identity has one account."""
    if not request.HasField("identity"):
        return None
    holder = store.by_identity(tx.connection, request.identity.issuer, request.identity.subject)
    if holder is not None and holder.user_id != request.user_id:
        raise Refusal(
            Kind.CONFLICT,
            f"此身份已属于账号 {holder.user_id}，请核对。This identity has that account already: check it.",
            field="identity",
        )
    return request.identity


def _proven_by(tx: Tx, user_id: str) -> dict[str, str]:
    """The provider, for the ledger; the subject as a commitment under the account's key."""
    account = _known(tx, user_id)
    if account.issuer is None:
        return {}
    subject = tx.keys.person(account.wrapped_key).commit(account.subject.encode())
    return {"issuer": account.issuer, "subject": subject}


def _first(secrets: Secrets | None, user_id: str) -> FirstCredentials | None:
    if secrets is None:
        return None
    return FirstCredentials(password=secrets.password, totp_uri=totp_uri(secrets.totp_secret, user_id))


def _shut(tx: Tx, user_id: str) -> int:
    """Nothing more is done in that name. Returns how many sessions were ended."""
    catalog_store.put_employee(tx.connection, CONSOLE, user_id, "", active=False)
    tx.touch_catalog()
    return store.end_sessions(tx.connection, user_id)


def _shown(tx: Tx, user_id: str) -> User:
    return _user(_known(tx, user_id))


def _user(row: Any) -> User:
    user = User(
        user_id=row.user_id,
        state=row.state,
        team=row.team,
        roles=split(row.roles),
        bank_ids=split(row.bank_ids),
        changed_by=row.changed_by,
        approved_by=row.approved_by,
        locked=row.locked_until_real_ms > real_ms(),
    )
    if row.issuer is not None:
        user.identity.issuer, user.identity.subject = row.issuer, row.subject
    if row.last_login_real_ms:
        user.last_login_time.FromMilliseconds(row.last_login_real_ms)
    return user
