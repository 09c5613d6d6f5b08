"""outreach key: the installation's keys, and their rotation by two operators."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.output import details, plain, table
from outreach.cli.session import Session
from outreach.client import Client
from outreach.runtime.secret_files import new_key_line, write_private
from outreach.v1.key_service_pb2 import (
    ApproveRotationRequest,
    AskRotationRequest,
    KeyKind,
    KeyRequest,
    ListKeysRequest,
    ListKeysResponse,
    MasterKey,
    Rewrapping,
)
from outreach.v1.key_service_pb2_grpc import KeyServiceStub
from outreach.wording.formats import enum_name, when

_POLL_S = 0.5


class Kind(StrEnum):
    """What can be rotated, as it is typed."""

    MASTER = "master"
    LEDGER = "ledger"

    @property
    def number(self) -> KeyKind.ValueType:
        return KeyKind.Value(f"KEY_KIND_{self.name}")


_KINDS = {"MASTER": "主密钥 Master key", "LEDGER": "账本签名密钥 Ledger key"}
_Kind = Annotated[Kind, typer.Argument(help="主密钥或账本签名密钥 Of which key.")]


async def list_keys(session: Session) -> None:
    """列出密钥 Master keys and what still needs them, the ledger's keys, and what waits for approval."""
    async with session.client() as client:
        keys = await _keys(client)
    ledger = [(key.verifier_key, key.from_size) for key in keys.ledger_keys]
    asked = [(_kind(request), request.asked_by, when(request.ask_time)) for request in keys.requests]
    session.output.show(
        plain(keys),
        table("主密钥 Master keys", ("编号 Id", "状态 State", "包裹的密钥 Keys wrapped"), map(_master, keys.masters)),
        table("账本公钥 Ledger's verifier keys", ("公钥 Key", "自第几条起 From entry"), ledger),
        table("待批准的轮换 Rotations to approve", ("密钥 Key", "申请人 Asked by", "时间 Time"), asked),
        _rewrapping(keys.rewrapping),
    )


async def rotate(session: Session, kind: _Kind) -> None:
    """申请轮换 Ask for a rotation; another operator approves it. A new master key must be there first."""
    async with session.client() as client:
        response = await client.call(KeyServiceStub(client.channel).AskRotation, AskRotationRequest(kind=kind.number))
    shown = details(
        "已申请，待另一名运维批准 Asked for; another operator approves it",
        [("密钥 Key", _kind(response.request)), ("申请人 Asked by", response.request.asked_by)],
    )
    session.output.show(plain(response), shown)


async def approve(session: Session, kind: _Kind) -> None:
    """批准轮换 Approve the rotation that another operator asked for; it begins at once, nothing is restarted."""
    async with session.client() as client:
        stub = KeyServiceStub(client.channel)
        response = await client.call(stub.ApproveRotation, ApproveRotationRequest(kind=kind.number))
    session.output.show(plain(response), details("已启用 Now in use", [(_KINDS[kind.name], response.key)]))


async def status(
    session: Session,
    wait: Annotated[bool, typer.Option("--wait", help="等到完成 Wait until it is done.")] = False,
) -> None:
    """轮换进度 How far the newest rotation of the master key has come."""
    async with session.client() as client:
        found = (await _keys(client)).rewrapping
        if wait and _runs(found):
            found = await _followed(session, client)
    session.output.show(plain(found), _rewrapping(found))


async def new_master(session: Session) -> None:
    """新主密钥 Put a new master key first in this machine's secrets/master-key; the others stay. Not used yet."""
    path = session.state_dir / "secrets" / "master-key"
    line = new_key_line()
    write_private(path, line + path.read_bytes())
    key_id = line.split()[0].decode()
    shown = details(
        "已放在首行；请备份此文件，再用 key rotate master 申请启用 Put first: back the file up, then ask for its use",
        [("编号 Id", key_id), ("文件 File", str(path))],
    )
    session.output.show({"key_id": key_id, "file": str(path)}, shown)


def register(app: typer.Typer) -> None:
    key = typer.Typer(help="密钥及其轮换 Keys and their rotation.", no_args_is_help=True)
    command(key, "list")(list_keys)
    command(key, "rotate")(rotate)
    command(key, "approve")(approve)
    command(key, "status")(status)
    command(key, "new-master")(new_master)
    app.add_typer(key, name="key")


async def _keys(client: Client) -> ListKeysResponse:
    return await client.call(KeyServiceStub(client.channel).ListKeys, ListKeysRequest(), repeatable=True)


async def _followed(session: Session, client: Client) -> Rewrapping:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    quiet = session.output.as_json or not session.output.errors.is_terminal
    with Progress(*columns, console=session.output.errors, transient=True, disable=quiet) as progress:
        task = progress.add_task("重新包裹 rewrapping")
        while _runs(found := (await _keys(client)).rewrapping):
            progress.update(task, completed=found.done, total=max(found.total, found.done))
            await asyncio.sleep(_POLL_S)
    return found


def _runs(found: Rewrapping) -> bool:
    return bool(found.master_id) and not found.HasField("finish_time")


def _master(key: MasterKey) -> tuple[str | Text, ...]:
    if not key.known:
        state = Text("缺失，请放回 missing here: put it back", style="red")
    elif key.wraps:
        state = Text("在用 in force" if key.wrapped_keys else "已备好，可申请启用 ready to be rotated to")
    elif key.wrapped_keys:
        state = Text("仍有数据需要它 still needed")
    else:
        state = Text("已无数据需要，可移除 nothing needs it any more: may be removed")
    return key.key_id, state, str(key.wrapped_keys)


def _kind(request: KeyRequest) -> str:
    return _KINDS[enum_name(KeyKind.DESCRIPTOR, request.kind)]


def _rewrapping(found: Rewrapping) -> RenderableType:
    if not found.master_id:
        return Text("主密钥从未轮换 the master key was never rotated")
    return details(
        "主密钥轮换 Rotation of the master key",
        [
            ("新主密钥 New master", found.master_id),
            ("进度 Progress", f"{found.done} / {max(found.total, found.done)}"),
            ("批准 Approved by", found.approved_by),
            ("开始 Began", when(found.start_time)),
            ("完成 Done", when(found.finish_time) or "进行中 running"),
        ],
    )
