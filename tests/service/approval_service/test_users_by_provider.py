"""Accounts of people whom an OpenID Connect provider proves: roles and banks stay ours, and none makes itself."""

from __future__ import annotations

from typing import Any

import pytest

from approval_service import credentials, sessions, users
from approval_service.calls import Call
from approval_service.sessions import Proof, ProviderProof
from approval_service.store import users as store
from approval_service.users import Secrets
from outreach.domain.clocks import real_ms
from outreach.domain.errors import Refusal
from outreach.v1.common_pb2 import ProviderIdentity
from outreach.v1.session_service_pb2 import EndProviderSessionsRequest, ProviderSession, Session
from outreach.v1.user_service_pb2 import (
    ApproveUserRequest,
    CreateUserRequest,
    DeactivateUserRequest,
    ResetUserRequest,
    User,
)
from tests.service.approval_service.test_users import session_of
from tests.service.approval_service.world import PEOPLE, World, principal

MAKER, CHECKER = PEOPLE[0], PEOPLE[1]
USER = "zhou.li"
ISSUER = "https://sign-in.example"
IDENTITY = ProviderIdentity(issuer=ISSUER, subject="a-0017")
ALL = ["*"]
MINUTE_MS = 60_000


async def create(world: World, user_id: str = USER, identity: ProviderIdentity = IDENTITY) -> User:
    request = CreateUserRequest(user_id=user_id, roles=["reviewer"], bank_ids=["demo-bank"], identity=identity)
    made = await world.authority.write(users.create_user, (Call(principal(MAKER, banks=ALL), request), None))
    assert not made.HasField("credentials")
    return made.user


async def approve(world: World, user_id: str = USER) -> None:
    await world.write(users.approve_user, CHECKER, ApproveUserRequest(user_id=user_id), banks=ALL)


async def sign_in(
    world: World, identity: ProviderIdentity = IDENTITY, proven_ms: int | None = None
) -> tuple[str, Session]:
    proof = ProviderProof(identity, real_ms() if proven_ms is None else proven_ms)
    opened = await world.authority.write(sessions.log_in_by_provider, proof)
    return opened.token, opened.session


async def test_who_has_an_account_signs_in(world: World) -> None:
    """With the roles that two operators gave; the ledger names the provider and commits to the subject."""
    assert (await create(world)).identity == IDENTITY
    with pytest.raises(Refusal, match="No account that can be used has this identity"):
        await sign_in(world)
    await approve(world)
    _, session = await sign_in(world)
    assert (session.principal.employee_id, list(session.principal.roles)) == (USER, ["reviewer"])
    assert (session.issuer, session.must_change_password) == (ISSUER, False)
    entries = [*await world.entries("user_approved"), *await world.entries("signed_in")]
    assert [entry["issuer"] for entry in entries] == [ISSUER, ISSUER]
    assert IDENTITY.subject not in str(entries)


@pytest.mark.parametrize(
    "stranger",
    [ProviderIdentity(issuer=ISSUER, subject="a-0018"), ProviderIdentity(issuer="https://o.example", subject="a-0017")],
)
async def test_nobody_makes_an_account_by_signing_in(world: World, stranger: ProviderIdentity) -> None:
    """Neither somebody else of the provider, nor the same subject of another provider."""
    await create(world)
    await approve(world)
    with pytest.raises(Refusal) as refused:
        await sign_in(world, stranger)
    assert refused.value.reason == "IDENTITY_UNKNOWN"


async def test_an_identity_has_one_account(world: World) -> None:
    """A second account cannot be made with it, nor can another be reset to it."""
    await create(world)
    with pytest.raises(Refusal, match="has that account already"):
        await create(world, "zhou.li-2")
    await create(world, "an.other", ProviderIdentity(issuer=ISSUER, subject="a-0018"))
    call = Call(principal(MAKER, banks=ALL), ResetUserRequest(user_id="an.other", identity=IDENTITY))
    with pytest.raises(Refusal) as refused:
        await world.authority.write(users.reset_user, (call, None))
    assert refused.value.field == "identity"


async def test_deactivation_ends_the_session_and_the_way_in(world: World) -> None:
    await create(world)
    await approve(world)
    token, _ = await sign_in(world)
    done = await world.write(users.deactivate_user, CHECKER, DeactivateUserRequest(user_id=USER), banks=ALL)
    assert done.ended_sessions == 1
    with pytest.raises(Refusal, match="The session is over"):
        await session_of(world, token)
    with pytest.raises(Refusal, match="No account that can be used"):
        await sign_in(world)


async def test_an_old_proof_is_no_fresh_one(world: World) -> None:
    """Whoever was proven hours ago signs in, but approves only after being proven again; never by a time to come."""
    await create(world)
    await approve(world)
    token, session = await sign_in(world, proven_ms=0)
    assert session.principal.authenticate_time.ToMilliseconds() == 0
    proof = ProviderProof(IDENTITY, real_ms() + MINUTE_MS)
    again = (await world.authority.write(sessions.reauthenticate_by_provider, (token, proof))).session
    assert 0 <= real_ms() - again.principal.authenticate_time.ToMilliseconds() < MINUTE_MS
    assert len(await world.entries("signed_in_again")) == 1


async def test_another_persons_proof_is_refused(world: World) -> None:
    """A colleague cannot confirm for whoever is signed in."""
    colleague = ProviderIdentity(issuer=ISSUER, subject="a-0018")
    for user_id, identity in ((USER, IDENTITY), ("an.other", colleague)):
        await create(world, user_id, identity)
        await approve(world, user_id)
    token, _ = await sign_in(world, proven_ms=0)
    with pytest.raises(Refusal) as refused:
        await world.authority.write(sessions.reauthenticate_by_provider, (token, ProviderProof(colleague, real_ms())))
    assert refused.value.reason == "ANOTHER_PERSON"


async def test_it_has_no_password(world: World) -> None:
    """Neither the empty one nor any other opens it, and it is not locked by trying; none can be set."""
    await create(world)
    await approve(world)
    token, _ = await sign_in(world)
    for _ in range(sessions.MAX_FAILURES):
        with pytest.raises(Refusal, match="Wrong name, password or code"):
            await world.authority.write(sessions.log_in, Proof(USER, "", password_right=True, totp_code="000000"))
    account = await world.authority.read(store.get, USER)
    assert account is not None
    assert account.locked_until_real_ms == 0
    new = credentials.hash_password("correct horse battery")
    with pytest.raises(Refusal, match="has no password here"):
        await world.authority.write(sessions.change_password, (token, Proof(USER, "", True, ""), new))


async def test_a_reset_changes_how_a_person_is_proven(world: World) -> None:
    """From the provider to a password: sessions end, two operators again, and the identity opens nothing any more."""
    await create(world)
    await approve(world)
    token, _ = await sign_in(world)
    password = credentials.first_password()
    secrets = Secrets(password, credentials.hash_password(password), credentials.totp_secret())
    call = Call(principal(MAKER, banks=ALL), ResetUserRequest(user_id=USER))
    fresh = await world.authority.write(users.reset_user, (call, secrets))
    assert fresh.credentials.password == password
    assert not fresh.user.HasField("identity")
    with pytest.raises(Refusal, match="The session is over"):
        await session_of(world, token)
    await approve(world)
    with pytest.raises(Refusal, match="No account that can be used"):
        await sign_in(world)


async def sessions_of(world: World, *names: tuple[str, str], proven_ms: int | None = None) -> list[str]:
    """Sessions of the one account by these names of the provider: subject, and session or empty."""
    await create(world)
    await approve(world)
    tokens = []
    for subject, session in names:
        named = ProviderSession(subject=subject, session=session)
        proof = ProviderProof(IDENTITY, real_ms() if proven_ms is None else proven_ms, named)
        tokens.append((await world.authority.write(sessions.log_in_by_provider, proof)).token)
    return tokens


async def end(world: World, issued_ms: int | None = None, issuer: str = ISSUER, **named: str) -> int:
    request = EndProviderSessionsRequest(issuer=issuer, provider_session=ProviderSession(**named))
    request.issue_time.FromMilliseconds(real_ms() if issued_ms is None else issued_ms)
    return (await world.authority.write(sessions.end_by_provider, request)).ended


async def open_ones(world: World, tokens: list[str]) -> list[int]:
    found = []
    for position, token in enumerate(tokens):
        try:
            await session_of(world, token)
        except Refusal:
            continue
        found.append(position)
    return found


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ({"subject": "a-0017"}, []),
        ({"session": "s-1"}, [1, 2]),
        ({"subject": "a-0017", "session": "s-1"}, [1]),
        ({"subject": "a-0018"}, [0, 1, 2]),
        ({"subject": "a-0018", "session": "s-1"}, [0, 1, 2]),
        ({"session": "s-3"}, [0, 1, 2]),
        ({"subject": "a-0017", "issuer": "https://another.example"}, [0, 1, 2]),
    ],
)
async def test_the_provider_ends_what_it_names(world: World, named: dict[str, Any], left: list[int]) -> None:
    """A person's, one session's, or both: then those of the person too of which no session there is known."""
    tokens = await sessions_of(world, ("a-0017", "s-1"), ("a-0017", "s-2"), ("a-0017", ""))
    ended = await end(world, **named)
    assert (await open_ones(world, tokens), ended) == (left, 3 - len(left))
    entries = await world.entries("signed_out_by_provider")
    assert [(one["user"], one["issuer"], one["ended_sessions"]) for one in entries] == [(USER, ISSUER, ended)] * bool(
        ended
    )


async def test_who_signed_in_anew_since_then_stays(world: World) -> None:
    """So that a repeated word of the provider, or one that comes late, ends nothing that began after it."""
    (token,) = await sessions_of(world, ("a-0017", "s-1"))
    assert await end(world, real_ms() - MINUTE_MS, subject="a-0017") == 0
    await session_of(world, token)


async def test_a_session_is_known_by_its_last_proof(world: World) -> None:
    """Being proven again may begin another session there; an unnamed end is none."""
    (token,) = await sessions_of(world, ("a-0017", "s-1"))
    again = ProviderProof(IDENTITY, real_ms(), ProviderSession(subject="a-0017", session="s-2"))
    await world.authority.write(sessions.reauthenticate_by_provider, (token, again))
    with pytest.raises(Refusal, match="Name the person or the session"):
        await end(world)
    assert await end(world, session="s-1") == 0
    assert await end(world, session="s-2") == 1
