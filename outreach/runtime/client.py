"""Channels to our services: keepalive, quick reconnects, and calls that wait for a connection until their deadline."""

from __future__ import annotations

import grpc
import orjson

from outreach.runtime.server import MAX_MESSAGE_BYTES

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
