"""Channels to our services: keepalive, quick reconnects, and calls that wait for a connection until their deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import orjson

from outreach.runtime import tls
from outreach.runtime.server import MAX_MESSAGE_BYTES
from outreach.runtime.tls_files import Material, TlsFiles

_WAIT_FOR_READY = orjson.dumps({"methodConfig": [{"name": [{}], "waitForReady": True}]}).decode()
_OPTIONS = (
    ("grpc.service_config", _WAIT_FOR_READY),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


def open_channel(address: str, credentials: grpc.ChannelCredentials) -> grpc.aio.Channel:
    """A channel to host:port, with credentials from outreach.runtime.tls.

    Give every unary call a timeout: a call waits for a server that is down as long as that, and for ever without.
    """
    return grpc.aio.secure_channel(address, credentials, options=_OPTIONS)


class RenewingChannel(grpc.aio.Channel):
    """A channel that goes over to a new certificate, or to other authorities, once the files hold them: the next call
    is made on a new connection, and the old one ends with the last call on it.
    """

    def __init__(self, address: str, files: TlsFiles) -> None:
        self._address = address
        self._files = files
        self._held = self._open(files.current())
        self._older: set[Held] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        return _Rpc(self.held, lambda channel: channel.unary_unary(*arguments, **options))

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        return _Rpc(self.held, lambda channel: channel.unary_stream(*arguments, **options))

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        return _Rpc(self.held, lambda channel: channel.stream_unary(*arguments, **options))

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        return _Rpc(self.held, lambda channel: channel.stream_stream(*arguments, **options))

    def held(self) -> Held:
        """The connection for a call that is made now."""
        material = self._files.current()
        if material is not self._held.material:
            older, self._held = self._held, self._open(material)
            self._older.add(older)
            self._close_if_idle(older)
        return self._held

    def _open(self, material: Material) -> Held:
        return Held(open_channel(self._address, tls.credentials_of(material)), material, self._close_if_idle)

    def _close_if_idle(self, held: Held) -> None:
        if held in self._older and not held.calls:
            self._older.discard(held)
            task = asyncio.get_running_loop().create_task(held.channel.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def __aenter__(self) -> RenewingChannel:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        for held in (self._held, *self._older):
            await held.channel.close(grace)
        await asyncio.gather(*self._closing)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self.held().channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._held.channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self.held().channel.channel_ready()


@dataclass(slots=True, eq=False)
class Held:
    """One connection of a RenewingChannel, and how many calls are on it."""

    channel: grpc.aio.Channel
    material: Material
    ended: Callable[[Held], None]
    calls: int = 0

    def begin(self, call: Any) -> None:
        self.calls += 1
        call.add_done_callback(self._end)

    def _end(self, _: Any) -> None:
        self.calls -= 1
        self.ended(self)


class _Rpc:
    """An rpc on whichever connection is the present one."""

    def __init__(self, held: Callable[[], Held], make: Callable[[grpc.aio.Channel], Any]) -> None:
        self._held = held
        self._make = make
        self._made: tuple[Held | None, Any] = (None, None)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        held = self._held()
        if held is not self._made[0]:
            self._made = (held, self._make(held.channel))
        call = self._made[1](*arguments, **options)
        held.begin(call)
        return call
