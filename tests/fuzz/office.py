"""What the campaign knows of an installation: where its doors are, whom it may pose as, and what lies behind them."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import orjson
import pyotp
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gateway.forwarding import SERVICES
from outreach.cli.addresses import read_addresses
from outreach.client import read_identity
from outreach.domain import roles
from outreach.runtime import tls, tokens
from outreach.runtime.client import open_channel
from outreach.v1.operations_service_pb2 import GetSummaryRequest, SetEmployeeRequest

CALLER = "fuzz"
EMPLOYEES = ("fuzz-1", "fuzz-2")
PEOPLE = ("operator-1", "supervisor-1", "mailroom-1", "drafter-1", "reviewer-1", "policy-maker", "inspector-1")
"""They are signed in at the console: no request is to shut them out."""
BANKS = ("demo-bank", "sample-bank")
EXAMPLES = Path(__file__).parents[2] / "examples"
METHODS = {f"{service.name}/{method.name}": method for service in SERVICES for method in service.methods}
SIGN_IN_PAUSE_S = 1.6
_MOST = 400
_SAME = {
    "digest": ("template_digest", "version_digest"),
    "TemplateContent.name": ("template_name",),
    "LetterContent.name": ("letter_name",),
}


@dataclass
class Office:
    """An installation that runs, and the values that its lists tell."""

    state_dir: Path
    addresses: dict[str, str]
    channel: grpc.aio.Channel
    http: aiohttp.ClientSession
    key: Ed25519PrivateKey
    pool: dict[str, list[Any]] = field(default_factory=dict)
    sessions: list[tuple[str, str]] = field(default_factory=list)
    """Cookie and form token of each person who is signed in."""

    @property
    def console(self) -> str:
        return f"http://{self.addresses['OUTREACH_CONSOLE_ADDRESS']}"

    @property
    def webhooks(self) -> str:
        return f"http://{self.addresses['OUTREACH_WEBHOOK_ADDRESS']}"

    def metadata(self, employee: str, *banks: str) -> tuple[tuple[str, str], ...]:
        """The token of somebody with every role."""
        return self._issuer.metadata(employee, "team-a", sorted(roles.ALL_ROLES), banks, time.time())

    def __post_init__(self) -> None:
        self._issuer = tokens.Issuer(CALLER, self.key)

    async def ask(self, name: str, request: Message) -> Any:
        """An answer that must come."""
        method = METHODS[name]
        call: Any = self.channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return await call(request.SerializeToString(), timeout=30, metadata=self.metadata(EMPLOYEES[0], "*"))

    async def harvest(self) -> None:
        """Fills the pool with what the lists tell now."""
        found: dict[str, dict[Any, None]] = {}
        for name, method in METHODS.items():
            if not name.partition("/")[2].startswith("List") or method.server_streaming:
                continue
            for bank in BANKS:
                request: Any = GetMessageClass(method.input_type)()
                if "bank_id" in method.input_type.fields_by_name:
                    request.bank_id = bank
                try:
                    _gather(await self.ask(name, request), found)
                except grpc.aio.AioRpcError:
                    continue
        for row in _placements():
            told = {**row, "phone_number": row["phone_numbers"].partition(";")[0], "address": row["addresses"]}
            for column in ("account_number", "customer_id", "name", "phone_number", "address"):
                found.setdefault(column, {})[told[column]] = None
        for name, others in _SAME.items():
            for other in others:
                found.setdefault(other, {}).update(found.get(name, {}))
        summary = await self.ask("OperationsService/GetSummary", GetSummaryRequest(bank_id=BANKS[0]))
        self.pool = {name: list(values)[-_MOST:] for name, values in found.items()}
        self.pool |= {
            "bank_id": [*BANKS] * 4 + ["no-bank"],
            "user_id": [user for user in self.pool.get("user_id", ()) if user not in PEOPLE],
            "addresses": self.pool.get("address", []),
            "seconds": [summary.business_time.seconds],
            "key": ["hotline", "reference", "amount"],
            "value": ["010-00000001", "A-1", "100.00"],
            "reason": ["客户来电说明", "银行要求"],
            "evidence_reference": ["rec-1"],
            "purpose": ["投诉核对"],
            "station": ["room-1"],
            "roles": sorted(roles.ROLES_OF_PEOPLE),
            "bank_ids": [*BANKS],
            "source": [(EXAMPLES / "demo-bank/letters/payment-notice.md").read_bytes()],
            "official_pdf": [b"", b"", b"", (EXAMPLES / "sample-bank/letters/payment-notice.pdf").read_bytes()],
            "letterhead_image": [b""],
            "date": ["2026-03-17"],
        }

    async def sign_in(self) -> None:
        """Opens a session at the console for each of PEOPLE, with the codes that the example left, and with the
        password that an earlier run chose."""
        known = orjson.loads((self.state_dir / "console-users.json").read_bytes())
        for name in PEOPLE:
            old, chosen = known[name]["password"], f"correct horse battery {len(name)}"
            codes = pyotp.TOTP(known[name]["totp_secret"])
            cookie = await self._session(name, chosen, codes.at(int(time.time())))
            if not cookie:
                cookie = await self._session(name, old, codes.at(int(time.time()) + 30))
                changed = {"old": old, "new": chosen, "again": chosen, "form_token": await self._form_token(cookie)}
                async with self.http.post(
                    f"{self.console}/password", data=changed, headers={"Cookie": cookie}
                ) as answer:
                    answer.raise_for_status()
            self.sessions.append((cookie, await self._form_token(cookie)))

    async def _session(self, name: str, password: str, code: str) -> str:
        """The cookie, or empty. One attempt a second is all that the console takes."""
        await asyncio.sleep(SIGN_IN_PAUSE_S)
        form = {"name": name, "password": password, "code": code, "to": "/"}
        async with self.http.post(f"{self.console}/sign-in", data=form, allow_redirects=False) as answer:
            return answer.headers.get("Set-Cookie", "").partition(";")[0]

    async def _form_token(self, cookie: str) -> str:
        async with self.http.get(f"{self.console}/password", headers={"Cookie": cookie}) as answer:
            page = await answer.text()
        return page.partition('name="form-token" content="')[2].partition('"')[0]


@asynccontextmanager
async def open_office(state_dir: Path) -> AsyncIterator[Office]:
    """The installation of the state directory, which runs; the campaign becomes one of its callers."""
    key = Ed25519PrivateKey.generate()
    registry = state_dir / "callers.yaml"
    callers = yaml.safe_load(registry.read_text(encoding="utf-8"))
    callers["callers"][CALLER] = {
        "active": True,
        "public_keys": [tokens.public_key_text(key)],
        "roles": sorted(roles.ALL_ROLES),
        "banks": ["*"],
        "requests_per_second": 1_000_000,
    }
    registry.write_text(yaml.safe_dump(callers), encoding="utf-8")
    addresses = read_addresses(state_dir)
    async with AsyncExitStack() as stack:
        address = addresses["OUTREACH_GATEWAY_ADDRESS"]
        channel = await stack.enter_async_context(open_channel(address, tls.channel_credentials(state_dir)))
        connector = aiohttp.TCPConnector(keepalive_timeout=2)  # the servers close after five seconds
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30))
        )
        office = Office(state_dir, addresses, channel, http, key)
        await _hire(office)
        await office.harvest()
        yield office


async def _hire(office: Office) -> None:
    """The employees in whose names the campaign acts, registered by one who is known already."""
    identity = read_identity(office.state_dir, "operator-1")
    issuer = tokens.Issuer(identity.caller_id, identity.private_key)
    metadata = issuer.metadata(identity.employee, identity.team, identity.roles, identity.banks)
    call: Any = office.channel.unary_unary("/outreach.v1.OperationsService/SetEmployee")
    for employee in EMPLOYEES:
        request = SetEmployeeRequest(caller_id=CALLER, employee_id=employee, team="team-a", active=True)
        await call(request.SerializeToString(), timeout=30, metadata=metadata)


def _gather(message: Message, found: dict[str, dict[Any, None]]) -> None:
    """Every text and number in it, by the name of its field."""
    for part, value in message.ListFields():
        if part.message_type is not None and part.message_type.GetOptions().map_entry:
            continue
        for one in value if part.is_repeated else (value,):
            if part.message_type is not None:
                _gather(one, found)
            elif isinstance(one, str | bytes) and len(one) < 20_000:
                for name in (part.name, f"{message.DESCRIPTOR.name}.{part.name}"):
                    found.setdefault(name, {})[one] = None


def _placements() -> list[dict[str, str]]:
    with (EXAMPLES / "demo-bank" / "placements.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
