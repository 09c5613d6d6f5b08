"""Accounts of people: two operators make one, and a session is worth what the account is worth now."""

from __future__ import annotations

from urllib.parse import parse_qs, urlparse

import pyotp
import pytest
from sqlalchemy import select, update

from approval_service import credentials, holds, operations, schema, sessions, users
from approval_service.authority import Authority
from approval_service.calls import Call
from approval_service.servers.users import SessionServer
from approval_service.sessions import IDLE_MS, LOCK_MS, MAX_FAILURES, MINUTE_MS, TOUCH_MS, Proof
from approval_service.store import users as store
from approval_service.users import Secrets
from outreach.domain.clocks import real_ms
from outreach.domain.errors import Kind, Refusal
from outreach.v1.hold_service_pb2 import HoldKind, PlaceHoldRequest, RequestLiftRequest
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.session_service_pb2 import CheckSessionRequest, LogInResponse, Session
from outreach.v1.user_service_pb2 import (
    ApproveUserRequest,
    ChangeUserRequest,
    CreateUserRequest,
    DeactivateUserRequest,
    FirstCredentials,
    ListUsersRequest,
    ResetUserRequest,
    UserState,
)
from tests.service.approval_service.world import PEOPLE, World, principal

MAKER, CHECKER = PEOPLE[0], PEOPLE[1]
USER = "zhou.li"
ALL = ["*"]


def code_of(first: FirstCredentials, step: int = 0) -> str:
    secret = parse_qs(urlparse(first.totp_uri).query)["secret"][0]
    return pyotp.TOTP(secret).at(real_ms() // 1000 + step * credentials.TOTP_STEP_S)


async def make_secrets() -> Secrets:
    password = credentials.first_password()
    return Secrets(password, credentials.hash_password(password), credentials.totp_secret())


async def create(world: World, user_id: str = USER, roles: tuple[str, ...] = ("reviewer",)) -> FirstCredentials:
    request = CreateUserRequest(user_id=user_id, team="t1", roles=roles, bank_ids=["demo-bank"])
    call = Call(principal(MAKER, banks=ALL), request)
    return (await world.authority.write(users.create_user, (call, await make_secrets()))).credentials


async def approve(world: World, user_id: str = USER, by: str = CHECKER) -> None:
    await world.write(users.approve_user, by, ApproveUserRequest(user_id=user_id), banks=ALL)


async def session_of(world: World, token: str, *, by_itself: bool = False) -> Session:
    request = CheckSessionRequest(token=token, by_itself=by_itself)
    return (await SessionServer(world.authority).CheckSession(request, None)).session  # type: ignore[arg-type]  # not asked


async def sign_in(authority: Authority, password: str, code: str, user_id: str = USER) -> LogInResponse:
    stored = await authority.read(sessions.password_hash, user_id)
    proof = Proof(user_id, stored, credentials.is_password(stored, password), code)
    return await authority.write(sessions.log_in, proof)


@pytest.fixture
async def first(world: World) -> FirstCredentials:
    """What an approved account was handed."""
    made = await create(world)
    await approve(world)
    return made


async def test_an_account_needs_a_second_operator(world: World) -> None:
    """Nobody signs in before another operator approved it, and its maker is not that other one."""
    made = await create(world)
    with pytest.raises(Refusal) as refused:
        await sign_in(world.authority, made.password, code_of(made))
    assert refused.value.kind is Kind.UNAUTHENTICATED
    with pytest.raises(Refusal, match="Maker and checker differ"):
        await approve(world, by=MAKER)
    await approve(world)
    session = (await sign_in(world.authority, made.password, code_of(made))).session
    assert session.must_change_password
    assert (session.principal.employee_id, list(session.principal.roles)) == (USER, ["reviewer"])


async def test_a_code_is_good_once(world: World, first: FirstCredentials) -> None:
    """The same code does not open a second session, nor does an older one."""
    now, before = code_of(first), code_of(first, -1)
    await sign_in(world.authority, first.password, now)
    for code in (now, before):
        with pytest.raises(Refusal, match="a code is good once"):
            await sign_in(world.authority, first.password, code)


async def test_many_failures_lock_the_account(world: World, first: FirstCredentials) -> None:
    """After the fifth failure the right password is refused too, and the ledger tells of it."""
    for _ in range(MAX_FAILURES):
        with pytest.raises(Refusal, match="Wrong name, password or code"):
            await sign_in(world.authority, "wrong", code_of(first))
    with pytest.raises(Refusal) as refused:
        await sign_in(world.authority, first.password, code_of(first))
    assert refused.value.reason == "ACCOUNT_LOCKED"
    account = await world.authority.read(store.get, USER)
    assert account is not None
    assert account.locked_until_real_ms == pytest.approx(real_ms() + LOCK_MS, abs=60_000)
    assert len(await world.entries("user_locked")) == 1


async def test_an_unknown_name_gets_the_same_answer(world: World, first: FirstCredentials) -> None:
    """Whether the name, the password or the code was wrong is not told."""
    messages = set()
    for name, password, code in ((USER, "wrong", code_of(first)), ("nobody", first.password, code_of(first))):
        with pytest.raises(Refusal) as refused:
            await sign_in(world.authority, password, code, name)
        messages.add(refused.value.message)
    assert len(messages) == 1


async def test_an_open_page_alone_keeps_no_session_alive(world: World, first: FirstCredentials) -> None:
    """A page that looks again by itself is answered and noted as nobody's act; what a person does is noted."""
    token = (await sign_in(world.authority, first.password, code_of(first))).token
    seen_ms = seen(world, real_ms() - IDLE_MS + MINUTE_MS)
    session = await session_of(world, token, by_itself=True)
    assert (session.expire_time.ToMilliseconds(), seen(world)) == (seen_ms + IDLE_MS, seen_ms)
    await session_of(world, token)
    assert seen(world) > seen_ms + TOUCH_MS
    seen(world, real_ms() - IDLE_MS - 1)
    for by_itself in (True, False):
        with pytest.raises(Refusal, match="The session is over"):
            await session_of(world, token, by_itself=by_itself)


def seen(world: World, changed_ms: int | None = None) -> int:
    """When the one session was used last."""
    column = schema.user_session.c.seen_real_ms
    with world.authority.database.writer.begin() as connection:
        if changed_ms is not None:
            connection.execute(update(schema.user_session).values(seen_real_ms=changed_ms))
        return int(connection.execute(select(column)).scalar_one())


async def test_deactivation_ends_open_sessions_and_lists_what_waited(world: World, first: FirstCredentials) -> None:
    """The session of somebody who is shut out is over at once; what that person had begun is listed."""
    await world.ready("1001")
    token = (await sign_in(world.authority, first.password, code_of(first))).token
    held = await world.write(
        holds.place_hold,
        MAKER,
        PlaceHoldRequest(
            bank_id="demo-bank", account_number="1001", kind=HoldKind.HOLD_KIND_COMPLAINT, reason="客户投诉"
        ),
    )
    session = await session_of(world, token)
    lift = Call(session.principal, RequestLiftRequest(hold_id=held.hold.hold_id, reason="已处理"))
    await world.authority.write(holds.request_lift, lift)
    done = await world.write(users.deactivate_user, CHECKER, DeactivateUserRequest(user_id=USER), banks=ALL)
    assert done.ended_sessions == 1
    assert [(item.kind, item.id) for item in done.waiting] == [("hold_lift", held.hold.hold_id)]
    with pytest.raises(Refusal, match="The session is over"):
        await session_of(world, token)
    with pytest.raises(Refusal) as refused:
        await world.authority.write(holds.request_lift, lift)
    assert refused.value.reason == "OPERATOR_MISSING"


async def test_a_changed_account_waits_for_approval_again(world: World, first: FirstCredentials) -> None:
    """More roles end the sessions, and hold only after somebody else approved them."""
    token = (await sign_in(world.authority, first.password, code_of(first))).token
    request = ChangeUserRequest(user_id=USER, roles=["reviewer", "operator"], bank_ids=ALL)
    changed = await world.write(users.change_user, MAKER, request, banks=ALL)
    assert changed.user.state == UserState.USER_STATE_PENDING
    with pytest.raises(Refusal, match="The session is over"):
        await session_of(world, token)
    await approve(world)
    again = await sign_in(world.authority, first.password, code_of(first, 1))
    assert list(again.session.principal.roles) == ["reviewer", "operator"]


async def test_nobody_gets_a_role_that_is_a_systems(world: World) -> None:
    """case_system and bank are no roles of people; the refusal names those that are."""
    with pytest.raises(Refusal) as refused:
        await create(world, roles=("bank",))
    assert refused.value.field == "roles"
    assert "mailroom" in refused.value.message


async def test_a_new_password_ends_the_other_sessions(world: World, first: FirstCredentials) -> None:
    """The old password is worth nothing afterwards; the session that changed it goes on."""
    old = (await sign_in(world.authority, first.password, code_of(first))).token
    token = (await sign_in(world.authority, first.password, code_of(first, 1))).token
    stored = await world.authority.read(sessions.password_hash, USER)
    proof = Proof(USER, stored, password_right=True, totp_code="")
    new = credentials.hash_password("correct horse battery")
    await world.authority.write(sessions.change_password, (token, proof, new))
    assert not (await session_of(world, token)).must_change_password
    with pytest.raises(Refusal, match="The session is over"):
        await session_of(world, old)
    with pytest.raises(Refusal, match="Wrong name, password or code"):
        await sign_in(world.authority, first.password, code_of(first, 1))


async def test_a_reset_hands_out_new_credentials(world: World, first: FirstCredentials) -> None:
    """Password and authenticator of before are worth nothing once the account was reset and approved."""
    call = Call(principal(MAKER, banks=ALL), ResetUserRequest(user_id=USER))
    fresh = (await world.authority.write(users.reset_user, (call, await make_secrets()))).credentials
    await approve(world)
    with pytest.raises(Refusal, match="Wrong name, password or code"):
        await sign_in(world.authority, first.password, code_of(first))
    assert (await sign_in(world.authority, fresh.password, code_of(fresh))).session.must_change_password


async def test_accounts_are_listed_for_those_who_oversee_all_banks(world: World, first: FirstCredentials) -> None:
    """By name, page by page, without secrets; not for somebody of one bank."""
    await create(world, "an.other")
    seen, token = [], ""
    for _ in range(2):
        call = Call(principal(MAKER, banks=ALL), ListUsersRequest(page_size=1, page_token=token))
        page = await world.authority.read(users.list_users, call)
        seen += [user.user_id for user in page.users]
        token = page.next_page_token
    assert seen == ["an.other", USER]
    with pytest.raises(Refusal):
        await world.authority.read(users.list_users, Call(principal(MAKER), ListUsersRequest()))


async def test_weak_passwords_are_refused() -> None:
    """Few different characters, or the account's name inside."""
    for weak in ("aaaaaaaaaaaaaaaa", "zhou.li-zhou.li-1"):
        with pytest.raises(Refusal, match="Too simple"):
            credentials.require_strong("new_password", weak, USER)
    assert credentials.require_strong("new_password", "correct horse battery", USER)


async def test_an_account_is_not_changed_as_an_employee(world: World, first: FirstCredentials) -> None:
    """One operator alone can neither move somebody to another team nor revive an account by SetEmployee."""
    request = SetEmployeeRequest(caller_id=users.CONSOLE, employee_id=USER, team="t2", active=True)
    with pytest.raises(Refusal) as refused:
        await world.write(operations.set_employee, MAKER, request, banks=ALL)
    assert (refused.value.reason, refused.value.field) == ("IS_AN_ACCOUNT", "caller_id")
