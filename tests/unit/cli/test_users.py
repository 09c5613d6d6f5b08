"""The commands of console accounts: what they ask for, and what they show once."""

from __future__ import annotations

import json

import pyotp
import pytest

from outreach.cli.users import EXAMPLE_FILE, read_example_users, totp_secret
from outreach.runtime.secret_files import write_private
from outreach.v1.user_service_pb2 import (
    ApproveUserResponse,
    ChangeUserResponse,
    CreateUserResponse,
    DeactivateUserResponse,
    FirstCredentials,
    ListUsersResponse,
    ResetUserResponse,
    User,
    UserState,
    WaitingItem,
)
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
FIRST = FirstCredentials(password="first-password-1", totp_uri=f"otpauth://totp/outreach:lin?secret={SECRET}")


def account(state: UserState.ValueType = UserState.USER_STATE_PENDING, *, locked: bool = False) -> User:
    return User(
        user_id="lin",
        state=state,
        team="team-a",
        roles=["drafter", "mailroom"],
        bank_ids=["demo-bank"],
        changed_by="agency/operator-1",
        locked=locked,
    )


def test_an_account_is_made(gateway: FakeGateway, run: Run) -> None:
    """Name, team, roles and banks are sent; the first credentials are shown."""
    gateway.answers["CreateUser"] = lambda request: CreateUserResponse(user=account(), credentials=FIRST)
    arguments = ("lin", "--role", "drafter", "--role", "mailroom", "--bank", "demo-bank", "--team", "team-a")
    shown = run("user", "create", *arguments).stdout
    (request,) = gateway.asked("CreateUser")
    assert (request.user_id, request.team) == ("lin", "team-a")
    assert (list(request.roles), list(request.bank_ids)) == (["drafter", "mailroom"], ["demo-bank"])
    assert all(word in shown for word in ("待批准 PENDING", "first-password-1", f"secret={SECRET}"))
    assert run("user", "create", "lin", "--bank", "demo-bank").exit_code == 2


def test_an_account_of_a_provider_is_made(gateway: FakeGateway, run: Run) -> None:
    """Who the person is there is sent and shown; no credentials are handed out. One without the other is refused."""
    shown_account = account()
    shown_account.identity.issuer, shown_account.identity.subject = "https://sign-in.example", "a-0017"
    gateway.answers["CreateUser"] = lambda request: CreateUserResponse(user=shown_account)
    arguments = ("lin", "--role", "drafter", "--bank", "demo-bank", "--issuer", "https://sign-in.example")
    shown = run("user", "create", *arguments, "--subject", "a-0017").stdout
    (request,) = gateway.asked("CreateUser")
    assert request.identity == shown_account.identity
    assert "https://sign-in.example a-0017" in shown
    assert "First password" not in shown
    assert run("user", "create", *arguments).exit_code != 0
    gateway.answers["ResetUser"] = lambda request: ResetUserResponse(user=shown_account)
    run("user", "reset", "lin", "--issuer", "https://sign-in.example", "--subject", "a-0018")
    assert gateway.asked("ResetUser")[0].identity.subject == "a-0018"


def test_an_account_is_changed_and_approved(gateway: FakeGateway, run: Run) -> None:
    """The whole new set of roles and banks is sent; the answer tells that another operator must approve it."""
    active = account(UserState.USER_STATE_ACTIVE)
    gateway.answers["ChangeUser"] = lambda request: ChangeUserResponse(user=account())
    gateway.answers["ApproveUser"] = lambda request: ApproveUserResponse(user=active)
    assert "PENDING" in run("user", "change", "lin", "--role", "reviewer", "--bank", "*").stdout
    (request,) = gateway.asked("ChangeUser")
    assert (list(request.roles), list(request.bank_ids), request.team) == (["reviewer"], ["*"], "")
    assert "可用 ACTIVE" in run("user", "approve", "lin").stdout
    assert [one.user_id for one in gateway.asked("ApproveUser")] == ["lin"]


def test_credentials_are_made_anew(gateway: FakeGateway, run: Run) -> None:
    """The new first credentials are shown, in JSON too."""
    gateway.answers["ResetUser"] = lambda request: ResetUserResponse(user=account(), credentials=FIRST)
    assert "first-password-1" in run("user", "reset", "lin").stdout
    answer = json.loads(run("user", "reset", "lin", "--json").stdout)
    assert answer["credentials"]["password"] == "first-password-1"


def test_a_person_is_shut_out(gateway: FakeGateway, run: Run) -> None:
    """How many sessions ended, and what that person had begun, is shown."""
    gone = account(UserState.USER_STATE_DEACTIVATED)
    waiting = [WaitingItem(kind="template", id="a1b2c3", bank_id="demo-bank")]
    gateway.answers["DeactivateUser"] = lambda request: DeactivateUserResponse(
        user=gone, ended_sessions=2, waiting=waiting
    )
    shown = run("user", "deactivate", "lin").stdout
    assert [one.user_id for one in gateway.asked("DeactivateUser")] == ["lin"]
    assert all(word in shown for word in ("已停用 DEACTIVATED", "Sessions ended  2", "template", "a1b2c3"))


def test_accounts_are_listed(gateway: FakeGateway, run: Run) -> None:
    """State and lock stand beside the name; a dash for who never signed in."""
    active = account(UserState.USER_STATE_ACTIVE, locked=True)
    gateway.answers["ListUsers"] = lambda request: ListUsersResponse(users=[active])
    shown = run("user", "list", "--limit", 5).stdout
    assert gateway.asked("ListUsers")[0].page_size == 5
    assert all(word in shown for word in ("lin", "可用 ACTIVE", "locked", "drafter"))


def test_example_accounts_tell_their_code(gateway: FakeGateway, run: Run) -> None:
    """Password and present code of an example account; another name is refused with those that there are."""
    assert run("user", "code", "lin").exit_code == 1
    known = {"lin": {"password": "p-1", "totp_secret": SECRET}}
    write_private(gateway.state_dir / EXAMPLE_FILE, json.dumps(known).encode())
    answer = json.loads(run("user", "code", "lin", "--json").stdout)
    assert answer["password"] == "p-1"
    assert pyotp.TOTP(SECRET).verify(answer["code"], valid_window=1)
    refused = run("user", "code", "wang")
    assert refused.exit_code == 1
    assert "lin" in refused.stderr
    assert read_example_users(gateway.state_dir / EXAMPLE_FILE) == {"lin": ("p-1", SECRET)}


@pytest.mark.parametrize("order", ["secret={}&issuer=Outreach", "issuer=Outreach&secret={}"])
def test_the_secret_is_read_from_the_address(order: str) -> None:
    """Wherever it stands in the otpauth:// address."""
    credentials = FirstCredentials(totp_uri=f"otpauth://totp/outreach:lin?{order.format(SECRET)}")
    assert totp_secret(credentials) == SECRET
