"""Every public rpc, by every role, of its own bank and of another one, through the real gateway and authority."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import grpc
import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gateway.forwarding import SERVICES
from outreach.domain import roles
from outreach.domain.errors import Kind
from outreach.runtime import tls
from outreach.runtime.access import APPROVALS, GATEWAY, NOT_PROVEN_LATELY, OF_ALL_BANKS, RECENT_S, ROLES
from outreach.runtime.client import open_channel
from outreach.runtime.errors import refusal_of
from outreach.runtime.tokens import principal_metadata
from outreach.v1.common_pb2 import Principal
from tests.service.access.bank_a import BankA
from tests.service.access.rows import ROWS, Reach, Row
from tests.service.access.stack import OTHER_BANK, Stack
from tests.service.approval_service.world import BANK, CALLER

METHODS = {f"{service.name}/{method.name}": method for service in SERVICES for method in service.methods}
STRANGER = "stranger"
NOT_AUTHORIZATION = {kind.value for kind in Kind} - {Kind.DENIED.value, Kind.UNAUTHENTICATED.value}
TIMEOUT_S = 20.0
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Answer(NamedTuple):
    """What a call came to: its code, the reason of a refusal, and every byte of it."""

    code: str
    reason: str
    content: bytes
    messages: list[Any]


class Channels(NamedTuple):
    """The way in for everybody, and the ways behind it that only the gateway's certificate opens."""

    edge: grpc.aio.Channel
    authority: grpc.aio.Channel
    letters: grpc.aio.Channel


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def channels(stack: Stack) -> AsyncIterator[Channels]:
    await stack.world.hire(STRANGER, *map(employee_of, roles.ALL_ROLES))
    as_gateway = tls.channel_credentials(stack.state_dir, GATEWAY)
    async with (
        open_channel(f"127.0.0.1:{stack.edge.grpc_port}", tls.channel_credentials(stack.state_dir)) as edge,
        open_channel(stack.authority_address, as_gateway) as authority,
        open_channel(stack.letters_address, as_gateway) as letters,
    ):
        yield Channels(edge, authority, letters)


def employee_of(role: str) -> str:
    return f"own-{role}"


class Case(NamedTuple):
    """A request about something of the bank, and all values that only the bank's own people may be told."""

    row: Row
    request: Message
    values: set[bytes]


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    """What was made so far."""
    return {}


async def case_of(name: str, bank_a: BankA, cases: dict[str, Case]) -> Case:
    """Made once: the first two tests of an rpc leave it as it was."""
    assert name in ROWS, f"{name} is a new rpc: give it a row in tests/service/access/rows.py"
    if name not in cases:
        request = await ROWS[name].make(bank_a)
        cases[name] = Case(ROWS[name], request, await bank_a.values())
    return cases[name]


def roles_of(method: MethodDescriptor) -> list[str]:
    return sorted(ROLES[f"/{method.containing_service.full_name}/{method.name}"])


async def call(channel: grpc.aio.Channel, method: MethodDescriptor, request: Message, metadata: Any) -> Answer:
    kind = GetMessageClass(method.output_type)
    path = f"/{method.containing_service.full_name}/{method.name}"
    open_call: Any = channel.unary_stream if method.server_streaming else channel.unary_unary
    started = open_call(path, type(request).SerializeToString, kind.FromString)(
        request, timeout=TIMEOUT_S, metadata=metadata
    )
    try:
        messages = [one async for one in started] if method.server_streaming else [await started]
    except grpc.aio.AioRpcError as error:
        details = b"".join(value for _, value in error.trailing_metadata() or () if isinstance(value, bytes))
        return Answer(error.code().name, refusal_of(error).reason, (error.details() or "").encode() + details, [])
    return Answer("OK", "", b"".join(one.SerializeToString() for one in messages), messages)


def moved(request: Message, bank_id: str) -> Message:
    """The same request in the name of another bank wherever it names one; a caller's own id is good once."""
    copy = type(request)()
    copy.CopyFrom(request)
    for part in _parts(copy):
        if "bank_id" in part.DESCRIPTOR.fields_by_name:
            part.bank_id = bank_id
        if getattr(part, "request_id", ""):
            part.request_id += "-moved"
    return copy


def _parts(message: Message) -> Iterator[Any]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for part in value if field.is_repeated else (value,):
                yield from _parts(part)


def leaks(case: Case, asked: Message, answer: Answer) -> list[bytes]:
    """What the answer tells of the bank, beyond what was asked."""
    known = asked.SerializeToString()
    return [value for value in case.values if value in answer.content and value not in known]


async def traces_of_strangers(bank_a: BankA) -> list[Any]:
    """What the ledger has of a stranger's deeds at the bank, or at none."""
    hired = await bank_a.world.entries("employee_set")
    return [
        entry
        for entry in await bank_a.world.entries()
        if STRANGER in str(entry) and entry["bank"] in (BANK, "") and entry not in hired
    ]


async def test_every_public_rpc_has_a_row() -> None:
    """A new rpc fails here until somebody has thought of who may call it; a row of one that is gone fails too."""
    assert set(ROWS) == set(METHODS)
    of_all_banks = {f"/outreach.v1.{name}" for name, row in ROWS.items() if row.reach is Reach.ALL}
    assert of_all_banks == OF_ALL_BANKS


@pytest.mark.parametrize("name", METHODS)
async def test_only_the_roles_of_the_table_may_call(
    name: str, stack: Stack, bank_a: BankA, channels: Channels, cases: dict[str, Case]
) -> None:
    """Every other role is refused at the gateway, and by the service behind it even if the gateway failed to."""
    method, request = METHODS[name], (await case_of(name, bank_a, cases)).request
    behind = channels.letters if name.startswith("LetterService/") else channels.authority
    others = sorted(roles.ALL_ROLES - set(roles_of(method)))
    for role in ("", *others):
        answer = await call(channels.edge, method, request, stack.metadata(STRANGER, role, "*"))
        assert (answer.code, answer.reason) == (Kind.DENIED.value, "ROLE_NOT_ALLOWED"), role
        principal = Principal(
            caller_id=CALLER, employee_id=STRANGER, team="t1", roles=filter(None, [role]), bank_ids=["*"]
        )
        answer = await call(behind, method, request, principal_metadata(principal))
        assert (answer.code, answer.reason) == (Kind.DENIED.value, "ROLE_NOT_ALLOWED"), role
    assert await traces_of_strangers(bank_a) == []


@pytest.mark.parametrize("path", sorted(APPROVALS))
async def test_an_approval_wants_a_fresh_proof_of_the_person(
    path: str, stack: Stack, bank_a: BankA, channels: Channels, cases: dict[str, Case]
) -> None:
    """By token: refused at the gateway, and by the authority even if the gateway failed to."""
    name = path.removeprefix("/outreach.v1.")
    method, request = METHODS[name], (await case_of(name, bank_a, cases)).request
    role, old_s = roles_of(method)[0], time.time() - RECENT_S - 1
    for authenticated_s in (0.0, old_s):
        metadata = stack.issuer.metadata(STRANGER, "t1", (role,), ("*",), authenticated_s)
        answer = await call(channels.edge, method, request, metadata)
        assert (answer.code, answer.reason) == (Kind.DENIED.value, NOT_PROVEN_LATELY)
        principal = Principal(caller_id=CALLER, employee_id=STRANGER, team="t1", roles=[role], bank_ids=["*"])
        principal.authenticate_time.FromMilliseconds(int(authenticated_s * 1000))
        answer = await call(channels.authority, method, request, principal_metadata(principal))
        assert (answer.code, answer.reason) == (Kind.DENIED.value, NOT_PROVEN_LATELY)
    assert await traces_of_strangers(bank_a) == []


@pytest.mark.parametrize("name", METHODS)
async def test_another_banks_people_see_and_change_nothing(
    name: str, stack: Stack, bank_a: BankA, channels: Channels, cases: dict[str, Case]
) -> None:
    """With each role of the table, for another bank and for none: asked about this bank's thing as it stands, and about
    the same thing in the other bank's name. It is as if it did not exist."""
    method, case = METHODS[name], await case_of(name, bank_a, cases)
    row, request, _ = case
    renamed = moved(request, OTHER_BANK)
    for role in roles_of(method):
        for banks in ((OTHER_BANK,), ()) + (((BANK,),) if row.reach is Reach.ALL else ()):
            metadata = stack.metadata(STRANGER, role, *banks)
            answer = await call(channels.edge, method, request, metadata)
            assert leaks(case, request, answer) == [], (role, banks)
            if row.reach is not Reach.ANY and not all(map(refuses, answer.messages)):
                assert answer.code in (Kind.DENIED.value, Kind.NOT_FOUND.value), (role, banks, answer)
            answer = await call(channels.edge, method, renamed, metadata)
            assert leaks(case, renamed, answer) == [], (role, banks)
            assert answer.code in {"OK", Kind.DENIED.value, *NOT_AUTHORIZATION}, (role, banks, answer)
    assert await traces_of_strangers(bank_a) == []


def refuses(message: Any) -> bool:
    """True if a batch's answer takes none of its items."""
    results = list(getattr(message, "results", ())) or ([message.result] if hasattr(message, "result") else [])
    return bool(results) and all(not getattr(one, "ok", True) or one.WhichOneof("result") == "error" for one in results)


@pytest.mark.parametrize("name", METHODS)
async def test_the_roles_of_the_table_get_through(
    name: str, stack: Stack, bank_a: BankA, channels: Channels, cases: dict[str, Case]
) -> None:
    """At its own bank each role of the table passes; the first one is answered."""
    method, (row, request, _) = METHODS[name], await case_of(name, bank_a, cases)
    banks = ("*",) if row.reach is Reach.ALL else (BANK,)
    for position, role in enumerate(roles_of(method)):
        answer = await call(channels.edge, method, request, stack.metadata(employee_of(role), role, *banks))
        assert answer.code in {"OK", *NOT_AUTHORIZATION}, (role, answer)
        assert answer.code == "OK" or position, (role, answer)
