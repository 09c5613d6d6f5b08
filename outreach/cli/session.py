"""What one run of a command knows: where the installation is, in whose name it acts, and how it shows its answer."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer
from nats.aio.client import Client as NatsClient

from outreach.cli.failures import Failure
from outreach.cli.output import Output
from outreach.client import Client, Identity, identity_names, read_identity
from outreach.runtime import bus
from outreach.runtime.config import Settings
from outreach.runtime.tls import ca_certificate
from outreach.runtime.tokens import ALL_BANKS

_CONNECT_TIMEOUT_S = 5.0
_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CliSettings(Settings):
    """The command line's settings; its options override them."""

    identity: str = ""
    """The name of the identity to act as."""


@dataclass(frozen=True, slots=True)
class Session:
    """Given to every command as its first argument."""

    settings: CliSettings = field(default_factory=CliSettings)
    output: Output = field(default_factory=lambda: Output(as_json=False))
    _read: dict[str, Identity] = field(default_factory=dict)

    @property
    def state_dir(self) -> Path:
        return self.settings.state_dir

    def identity_name(self) -> str:
        """Who acts: as asked for, or the only one there is. Raises Failure."""
        if self.settings.identity:
            return self.settings.identity
        names = identity_names(self.state_dir)
        if len(names) != 1:
            raise Failure(_which_identity(names, self.state_dir), reason="IDENTITY_MISSING")
        return names[0]

    def identity(self) -> Identity:
        """The one who acts. Raises Failure, IdentityError."""
        name = self.identity_name()
        if name not in self._read:
            self._read[name] = read_identity(self.state_dir, name, lambda: _ask_passphrase(name))
        return self._read[name]

    def bank(self, option: str) -> str:
        """The bank that is meant: as asked for, or the only one the identity speaks of. Raises Failure."""
        if option:
            return option
        banks = self.identity().banks
        if len(banks) != 1 or banks[0] == ALL_BANKS:
            known = ", ".join(banks) or "-"
            raise Failure(f"请用 --bank 指明银行，此身份可用：{known}。Say which bank by --bank.", field="bank")
        return banks[0]

    @asynccontextmanager
    async def client(self, *, patience_s: float = _PATIENCE_S) -> AsyncIterator[Client]:
        """A connection to the gateway that answers. Raises Failure if it does not."""
        address, identity = self.settings.gateway_address, self.identity()
        try:
            ca = ca_certificate(self.state_dir)
        except FileNotFoundError:
            raise Failure(_no_installation(self.state_dir), reason="STATE_DIR_EMPTY") from None
        # Whoever has the key, and its passphrase if it is locked, is at the terminal now.
        async with Client(address, ca, identity, patience_s=patience_s, authenticated_s=time.time()) as client:
            try:
                await asyncio.wait_for(client.channel.channel_ready(), _CONNECT_TIMEOUT_S)
            except TimeoutError:
                raise Failure(
                    f"{address} 上没有本安装的网关：请先 `make run`，或用 --address 指明地址。"
                    "No gateway of this installation answers there: start it, or name its address.",
                    reason="UNREACHABLE",
                ) from None
            yield client

    @asynccontextmanager
    async def nats(self, user: str) -> AsyncIterator[NatsClient]:
        """A connection to NATS as one of its users. Raises Failure."""
        if not (self.state_dir / "secrets" / f"nats-{user}").exists():
            raise Failure(
                f"{self.state_dir} 中没有 NATS 用户 {user} 的口令：请核对 --state-dir 与银行。"
                "No NATS credential of that user there: is it the right folder and bank?",
                reason="CREDENTIAL_MISSING",
            )
        try:
            client = await asyncio.wait_for(bus.connect(self.settings, user), _CONNECT_TIMEOUT_S)
        except TimeoutError:
            raise Failure(
                f"NATS 用户 {user} 无法登录 {self.settings.nats_url}：请先 `make run`，或设置 OUTREACH_NATS_URL。"
                "NATS does not let that user in: start it, or set the variable.",
                reason="UNREACHABLE",
            ) from None
        try:
            yield client
        finally:
            await client.close()


def at_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _ask_passphrase(name: str) -> str:
    if not at_terminal():
        raise Failure(
            f"身份 {name} 已上锁，须在终端输入口令。It is locked: a terminal is needed, which asks for its passphrase.",
            reason="IDENTITY_LOCKED",
        )
    typed: str = typer.prompt(f"{name} 的口令 passphrase", hide_input=True, err=True)
    return typed


def _which_identity(names: list[str], state_dir: Path) -> str:
    if not names:
        return _no_installation(state_dir)
    return f"请用 --as 或 OUTREACH_IDENTITY 指明身份：{', '.join(names)}。Say in whose name."


def _no_installation(state_dir: Path) -> str:
    return (
        f"{state_dir} 中没有安装：请先 `make run`，或用 --state-dir 指明目录。"
        "It holds no installation: start one, or name its folder."
    )
