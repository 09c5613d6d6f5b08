"""outreach user: the accounts with which people sign in to the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlparse

import orjson
import pyotp
import typer
from rich.console import RenderableType
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.messages import Limit
from outreach.cli.output import details, plain, table
from outreach.cli.session import Session
from outreach.v1.common_pb2 import ProviderIdentity
from outreach.v1.user_service_pb2 import (
    ApproveUserRequest,
    ChangeUserRequest,
    CreateUserRequest,
    CreateUserResponse,
    DeactivateUserRequest,
    FirstCredentials,
    ListUsersRequest,
    ResetUserRequest,
    ResetUserResponse,
    User,
    UserState,
)
from outreach.v1.user_service_pb2_grpc import UserServiceStub
from outreach.wording.formats import enum_name, when

EXAMPLE_FILE = "console-users.json"
"""Where an example run leaves the credentials of its accounts, in the state directory."""

_Name = Annotated[str, typer.Argument(metavar="NAME", help="账号 The name to sign in with.")]
_Roles = Annotated[list[str], typer.Option("--role", help="角色，可多次 A role; several times.")]
_Banks = Annotated[list[str], typer.Option("--bank", help="银行，* 为全部 A bank, * for all; several times.")]
_Team = Annotated[str, typer.Option("--team", help="团队 The team.")]
_Issuer = Annotated[str, typer.Option("--issuer", help="统一登录的 issuer Whose provider proves the person.")]
_Subject = Annotated[str, typer.Option("--subject", help="统一登录中此人的标识 Who the person is there.")]
_STATES = {"PENDING": "待批准", "ACTIVE": "可用", "DEACTIVATED": "已停用"}


async def create(
    session: Session,
    name: _Name,
    role: _Roles,
    bank: _Banks,
    team: _Team = "",
    issuer: _Issuer = "",
    subject: _Subject = "",
) -> None:
    """设立账号 Make an account; another operator approves it. Shows the first credentials of a local one once."""
    identity = _identity(issuer, subject)
    request = CreateUserRequest(user_id=name, team=team, roles=role, bank_ids=bank, identity=identity)
    async with session.client() as client:
        response = await client.call(UserServiceStub(client.channel).CreateUser, request)
    session.output.show(plain(response), _account(response.user), *_handed(response))


async def change(session: Session, name: _Name, role: _Roles, bank: _Banks, team: _Team = "") -> None:
    """变更角色 Change team, roles and banks; ends the person's sessions, and another operator approves it."""
    request = ChangeUserRequest(user_id=name, team=team, roles=role, bank_ids=bank)
    async with session.client() as client:
        response = await client.call(UserServiceStub(client.channel).ChangeUser, request)
    session.output.show(plain(response), _account(response.user))


async def reset(session: Session, name: _Name, issuer: _Issuer = "", subject: _Subject = "") -> None:
    """重置凭证 New first password and authenticator, or who proves the person; another operator approves it."""
    request = ResetUserRequest(user_id=name, identity=_identity(issuer, subject))
    async with session.client() as client:
        response = await client.call(UserServiceStub(client.channel).ResetUser, request)
    session.output.show(plain(response), _account(response.user), *_handed(response))


async def approve(session: Session, name: _Name) -> None:
    """批准账号 Approve what another operator set up or changed."""
    async with session.client() as client:
        stub = UserServiceStub(client.channel)
        response = await client.call(stub.ApproveUser, ApproveUserRequest(user_id=name))
    session.output.show(plain(response), _account(response.user))


async def deactivate(session: Session, name: _Name) -> None:
    """停用账号 Shut a person out at once, open sessions too; lists what was waiting for that person."""
    async with session.client() as client:
        stub = UserServiceStub(client.channel)
        response = await client.call(stub.DeactivateUser, DeactivateUserRequest(user_id=name))
    ended = details("", [("结束的会话 Sessions ended", response.ended_sessions)])
    rows = [(item.kind, item.id, item.bank_id) for item in response.waiting]
    waiting = table("其未了事项 What that person had begun", ("事项 What", "编号 Id", "银行 Bank"), rows)
    session.output.show(plain(response), _account(response.user), ended, waiting)


async def list_users(session: Session, limit: Limit = 100) -> None:
    """列出账号 The accounts, by name."""
    request = ListUsersRequest(page_size=min(limit, 1000))
    async with session.client() as client:
        response = await client.call(UserServiceStub(client.channel).ListUsers, request, repeatable=True)
    headings = ("账号 Name", "状态 State", "角色 Roles", "银行 Banks", "团队 Team", "上次登录 Last sign-in")
    shown = table(f"账号 Accounts ({len(response.users)})", headings, map(_row, response.users))
    session.output.show(plain(response), shown)


async def code(session: Session, name: _Name) -> None:
    """演示账号的密码与验证码 Password and present code of an account that the example run made."""
    path = session.state_dir / EXAMPLE_FILE
    known = read_example_users(path)
    if name not in known:
        raise Failure(
            f"{path} 中没有 {name}；有：{', '.join(known) or '-'}。Only accounts of an example run are there.",
            field="name",
        )
    password, secret = known[name]
    present = pyotp.TOTP(secret).now()
    shown = details(name, [("密码 Password", password), ("验证码 Code", present)])
    session.output.show({"password": password, "code": present}, shown)


def read_example_users(path: Path) -> dict[str, tuple[str, str]]:
    """Password and TOTP secret by name; none if no example run made accounts."""
    if not path.exists():
        return {}
    return {name: (one["password"], one["totp_secret"]) for name, one in orjson.loads(path.read_bytes()).items()}


def totp_secret(credentials: FirstCredentials) -> str:
    """The secret in the otpauth:// address."""
    return parse_qs(urlparse(credentials.totp_uri).query)["secret"][0]


def register(app: typer.Typer) -> None:
    user = typer.Typer(help="控制台账号 Accounts of the console.", no_args_is_help=True)
    command(user, "create")(create)
    command(user, "change")(change)
    command(user, "reset")(reset)
    command(user, "approve")(approve)
    command(user, "deactivate")(deactivate)
    command(user, "list")(list_users)
    command(user, "code")(code)
    app.add_typer(user, name="user")


def _identity(issuer: str, subject: str) -> ProviderIdentity | None:
    """None for a local account."""
    if bool(issuer) != bool(subject):
        raise Failure("--issuer 与 --subject 须同时给出。Give both, or neither for a local account.", field="issuer")
    return ProviderIdentity(issuer=issuer, subject=subject) if issuer else None


def _account(user: User) -> RenderableType:
    return details(
        f"账号 Account {user.user_id}",
        [
            ("状态 State", _state(user)),
            ("角色 Roles", ", ".join(user.roles)),
            ("银行 Banks", ", ".join(user.bank_ids)),
            ("团队 Team", user.team),
            ("登录 Signs in by", _proven_by(user)),
            ("设立或变更 Changed by", user.changed_by),
            ("批准 Approved by", user.approved_by),
        ],
    )


def _proven_by(user: User) -> str:
    if not user.HasField("identity"):
        return "密码与验证码 password and code"
    return f"{user.identity.issuer} {user.identity.subject}"


def _handed(response: CreateUserResponse | ResetUserResponse) -> Iterator[RenderableType]:
    """What a local account is handed; nothing where a provider proves the person."""
    if response.HasField("credentials"):
        given = response.credentials
        yield details(
            "交给本人，只显示这一次 To be handed to the person; shown this once",
            [("首个密码 First password", given.password), ("验证器 Authenticator", given.totp_uri)],
        )


def _state(user: User) -> Text:
    name = enum_name(UserState.DESCRIPTOR, user.state)
    locked = "，已锁定 locked" if user.locked else ""
    return Text(f"{_STATES.get(name, '')} {name}{locked}".strip())


def _row(user: User) -> tuple[str | Text, ...]:
    return (
        user.user_id,
        _state(user),
        ", ".join(user.roles),
        ", ".join(user.bank_ids),
        user.team,
        when(user.last_login_time),
    )
