"""A gRPC server as every service runs it: credentials, one interceptor, health, reflection, graceful shutdown.

async def main() -> None:
    async with running(address, credentials, services=[...], register=add_servicers, authorize=check) as server:
        await server.set_ready(True)
        await stop_signal()

run(main())
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from outreach.domain.errors import Kind, Refusal
from outreach.runtime.config import SettingError
from outreach.runtime.errors import abort, forwarded_status, internal_status, to_status
from outreach.runtime.refusal_log import RefusalLog

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Room for 1,000 items of the greatest size that the contract allows."""
DEFAULT_DEADLINE_S = 30.0
MAX_CONNECTION_AGE_MS = 3_600_000
"""A client then connects anew, and shows its certificate again; calls under way end undisturbed."""
GRACE_S = 10.0
_END = object()
_COLLECT_AFTER = 50_000
"""New objects between two looks for garbage: one group of requests makes tens of thousands, and hardly a cycle."""

Context = grpc.aio.ServicerContext[Any, Any]
Authorize = Callable[[str, Context], None]
"""Raises Refusal if the caller of this context may not call the method (`/package.Service/Rpc`)."""
CallerOf = Callable[[Context], str]
"""Whom a call names, for the log of what was refused; empty if nobody is known."""
_refusals = RefusalLog("server")


_RESTARTING = Refusal(
    Kind.UNAVAILABLE, "服务正在重启，请再次调用。The server restarts: call again.", reason="STOPPING", retry_after_s=1.0
)


class PortTaken(Exception):
    """The address cannot be listened on; the message says what to do."""


class _Stream:
    """An open stream. It is ended while it waits for what to send next, and nowhere else: one that is cancelled in
    gRPC's own write ends neither the call nor a stop."""

    def __init__(self, method: str, context: Context) -> None:
        self.method = method
        self.context = context
        self._task = asyncio.current_task()
        self._waiting = False
        self._ended: Refusal | None = None

    def end(self, why: Refusal) -> None:
        """Has the stream end with the refusal, if it is not ending already."""
        if self._ended is None:
            self._ended = why
            if self._waiting and self._task is not None:
                self._task.cancel()

    def require_open(self) -> None:
        if self._ended is not None:
            raise self._ended

    async def wait(self, work: Awaitable[Any]) -> Any:
        """The work's result; Refusal once the stream is ended."""
        self._waiting = True
        try:
            return await work
        except asyncio.CancelledError:
            self.require_open()
            raise
        finally:
            self._waiting = False


class Edge(grpc.aio.ServerInterceptor):
    """The one interceptor: authorizes each call, bounds its time, and translates what it raises."""

    def __init__(self, authorize: Authorize, deadline_s: float, caller_of: CallerOf) -> None:
        self._authorize = authorize
        self._caller_of = caller_of
        self._deadline_s = deadline_s
        self._guarded: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._streams: set[_Stream] = set()
        self._stopping = False

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = handler_call_details.method
        guarded = self._guarded.get(method)
        if guarded is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            guarded = self._guarded[method] = self._guard(method, handler)
        return guarded

    def _guard(self, method: str, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
        codec = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(self._stream(method, handler.stream_stream), **codec)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), **codec)
        return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), **codec)

    def _unary(self, method: str, behaviour: Callable[[Any, Context], Awaitable[Any]]) -> Any:
        async def guarded(request: Any, context: Context) -> Any:
            try:
                self._authorize(method, context)
                if context.time_remaining() is None:
                    async with asyncio.timeout(self._deadline_s):
                        return await behaviour(request, context)
                return await behaviour(request, context)
            except Exception as error:  # noqa: BLE001 the edge translates whatever comes
                self._note(error, method, context)
                await _translate(error, context)

        return guarded

    def _stream(self, method: str, behaviour: Callable[[Any, Context], Any]) -> Any:
        async def generator(request: Any, context: Context) -> AsyncIterator[Any]:
            async with self._open_stream(method, context) as stream:
                responses = behaviour(request, context)
                while (response := await stream.wait(anext(responses, _END))) is not _END:
                    yield response
                    stream.require_open()

        async def writer(request: Any, context: Context) -> None:
            async with self._open_stream(method, context) as stream:
                await stream.wait(behaviour(request, context))

        # grpc.aio knows two styles: an asynchronous generator, and a coroutine that calls context.write.
        return writer if inspect.iscoroutinefunction(behaviour) else generator

    @asynccontextmanager
    async def _open_stream(self, method: str, context: Context) -> AsyncIterator[_Stream]:
        stream = _Stream(method, context)
        try:
            if self._stopping:
                raise _RESTARTING
            self._authorize(method, context)
            self._streams.add(stream)
            yield stream
        except Exception as error:  # noqa: BLE001 the edge translates whatever comes
            self._note(error, method, context)
            await _translate(error, context)
        finally:
            self._streams.discard(stream)

    def _note(self, error: Exception, method: str, context: Context) -> None:
        """Who was not let in, or may not do this, is logged without what was sent."""
        if isinstance(error, Refusal) and error.kind in (Kind.UNAUTHENTICATED, Kind.DENIED):
            _refusals.note("call_refused", error.reason, method=method, caller=self._caller_of(context))

    def recheck_streams(self, still: Authorize) -> None:
        """Ends each open stream whose caller, by the same word as an Authorize, may not go on."""
        for stream in self._streams:
            try:
                still(stream.method, stream.context)
            except Refusal as refusal:
                stream.end(refusal)

    def end_streams(self) -> None:
        """Ends open streams with UNAVAILABLE, since they would outlast any grace period. Their callers resume."""
        self._stopping = True
        for stream in self._streams:
            stream.end(_RESTARTING)


def certificate_name(context: Context) -> str:
    """The name on the caller's certificate; empty without one."""
    return b",".join(context.auth_context().get("x509_common_name", ())).decode(errors="replace")


async def _translate(error: Exception, context: Context) -> None:
    match error:
        case grpc.aio.AbortError():
            raise error
        case Refusal():
            await abort(context, to_status(error))
        case grpc.aio.AioRpcError():
            await abort(context, forwarded_status(error))
        case TimeoutError():
            message = "处理超时，请设定期限后重发。It took too long: send it again, with a deadline of your own."
            await abort(context, to_status(Refusal(Kind.UNAVAILABLE, message, reason="TOOK_TOO_LONG", retry_after_s=1)))
        case _:
            await abort(context, internal_status(error))


class RunningServer:
    """A started server. `port` is the one it listens on, also where the address asked for port 0."""

    def __init__(
        self, server: grpc.aio.Server, edge: Edge, servicer: health.aio.HealthServicer, names: Sequence[str], port: int
    ) -> None:
        self.port = port
        self._server = server
        self._edge = edge
        self._health = servicer
        self._names = names

    async def set_ready(self, ready: bool) -> None:
        """Tells health checks of each service, and of the whole under the empty name, whether it can do its work."""
        serving = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", *self._names):
            await self._health.set(name, serving)

    def recheck_streams(self, still: Authorize) -> None:
        """Ends each open stream whose caller may not go on: `still` raises a Refusal for it."""
        self._edge.recheck_streams(still)

    async def stop(self, grace_s: float) -> None:
        """Takes no new calls, ends streams, and lets what else is in flight end within the grace period."""
        await self._health.enter_graceful_shutdown()
        self._edge.end_streams()
        await self._server.stop(grace_s)


@asynccontextmanager
async def running(
    address: str,
    credentials: grpc.ServerCredentials,
    *,
    services: Sequence[str],
    register: Callable[[grpc.aio.Server], None],
    authorize: Authorize,
    caller_of: CallerOf = certificate_name,
    deadline_s: float = DEFAULT_DEADLINE_S,
    grace_s: float = GRACE_S,
) -> AsyncIterator[RunningServer]:
    """Runs a server on host:port until the block ends, then stops it gracefully.

    `services` are full names, for health and reflection; `register` adds their servicers; `deadline_s` bounds unary
    calls that come without a deadline. Not ready until `set_ready(True)`. Raises PortTaken.
    """
    options = (
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.so_reuseport", 0),  # else two processes would share a taken port unseen
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.max_connection_age_ms", MAX_CONNECTION_AGE_MS),
    )
    edge = Edge(authorize, deadline_s, caller_of)
    server = grpc.aio.server(interceptors=(edge,), options=options)
    register(server)
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((*services, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError:
        raise PortTaken(
            f"cannot listen on {address}: is another process on that port? Stop it or set another"
        ) from None
    started = RunningServer(server, edge, servicer, services, port)
    await started.set_ready(False)
    await server.start()
    try:
        yield started
    finally:
        await started.stop(grace_s)


async def stop_signal() -> None:
    """Returns when the process is told to stop (SIGTERM or SIGINT)."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a process's main coroutine on uvloop. What its operator can mend ends it with the message alone."""
    gc.freeze()  # what the imports made stays: the collector need not look at it again
    gc.set_threshold(_COLLECT_AFTER)
    try:
        uvloop.run(main)
    except (SettingError, PortTaken) as error:
        sys.exit(str(error))
