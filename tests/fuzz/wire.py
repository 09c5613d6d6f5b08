"""Targets behind sockets: the public gRPC edge and the authority behind it, tokens, webhooks, the bank's events on
NATS, the console. A target takes a Mutator and returns what became of it; it raises Wrong for what a caller must not
meet: an internal error, our insides, silence, or something accepted that should not have been."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import nats
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from nats.aio.client import Client as Nats
from starlette.routing import compile_path

import gateway.console
from gateway.console.app import PAGES
from gateway.console.pages import sign_in
from outreach.runtime import bus, nats_server, tokens
from outreach.v1.bank_service_pb2 import BankEvent
from tests.fuzz.mutating import Mutator
from tests.fuzz.office import BANKS, CALLER, EMPLOYEES, METHODS, Office
from tests.fuzz.reading import Wrong

CALL_TIMEOUT_S = 25.0
FORBIDDEN = {"INTERNAL", "UNKNOWN", "DATA_LOSS", "DEADLINE_EXCEEDED", "CANCELLED"}
INSIDES = re.compile(rb"Traceback|File \"/|line \d+, in |sqlalchemy|object at 0x|psycopg|sqlite3")
LEFT_OUT = {"OperationsService/SetBusinessClock", "OperationsService/ConfirmWallClock"}
"""A clock that is turned would end everything else."""
RARE = {"LedgerService/Export", "UserService/CreateUser", "UserService/ResetUser"}
"""They cost a hundred times as much as the others."""
ATTACKED = [name for name in METHODS if name not in LEFT_OUT]
GET = "/outreach.v1.OutreachService/Get"
STRANGER = Ed25519PrivateKey.generate()
TEMPLATES = Path(gateway.console.__file__).parent / "templates"
Attack = Callable[[Mutator], Awaitable[str]]


class Edge:
    """Requests to the public edge."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._names = ATTACKED

    async def messages(self, mutator: Mutator) -> str:
        """Messages of the contract whose leaves are spoilt; some pass, and the authority answers.

        Returns "Service/Rpc STATUS"."""
        method = self._chosen(mutator)
        request: Any = mutator.mutated(method.input_type)
        if "only_past" in method.input_type.fields_by_name:
            request.only_past = True
        return await self._call(mutator, method, request.SerializeToString())

    async def damaged(self, mutator: Mutator) -> str:
        """The bytes of messages, damaged."""
        method = self._chosen(mutator)
        return await self._call(mutator, method, mutator.bytes(mutator.message(method.input_type).SerializeToString()))

    def _chosen(self, mutator: Mutator) -> MethodDescriptor:
        name = mutator.chance.choice(self._names)
        return METHODS[name if name not in RARE or mutator.chance.random() < 0.02 else "OutreachService/Submit"]

    async def _call(self, mutator: Mutator, method: MethodDescriptor, raw: bytes) -> str:
        banks = ("*",) if mutator.chance.random() < 0.3 else BANKS[: mutator.chance.choice((1, 2))]
        metadata = self._office.metadata(mutator.chance.choice(EMPLOYEES), *banks)
        path = f"/{method.containing_service.full_name}/{method.name}"
        streaming = method.server_streaming
        timeout = 2.0 if method.name == "Watch" else CALL_TIMEOUT_S
        status = await called(self._office.channel, path, raw, metadata, streaming=streaming, timeout_s=timeout)
        return f"{method.containing_service.name}/{method.name} {status}"


async def called(
    channel: grpc.aio.Channel, path: str, raw: bytes, metadata: Any, *, streaming: bool = False, timeout_s: float
) -> str:
    """The status of a call that ended as calls may. Raises Wrong."""
    call: Any = channel.unary_stream(path) if streaming else channel.unary_unary(path)
    try:
        if streaming:
            async for _ in call(raw, timeout=timeout_s, metadata=metadata):
                pass
        else:
            await call(raw, timeout=timeout_s, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        name = error.code().name
        told = (error.details() or "").encode() + b"".join(
            value for _, value in error.trailing_metadata() or () if isinstance(value, bytes)
        )
        watching = path.endswith("/Watch") and name == "DEADLINE_EXCEEDED"  # a stream that was not to end
        if (name in FORBIDDEN and not watching) or INSIDES.search(told):
            raise Wrong(f"{path}: {name} {(error.details() or '')[:160]}") from None
        return name
    return "OK"


class Tokens:
    """Tokens that are damaged, forged, misdirected, too old or too wide."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._good = office.metadata(EMPLOYEES[0], *BANKS)[0][1].removeprefix("Bearer ")

    async def tokens(self, mutator: Mutator) -> str:
        made, may_pass = self._made(mutator)
        sent = made.encode("ascii", "replace").translate(None, bytes((*range(32), 127))).decode()  # as headers allow
        may_pass = may_pass or _parts(sent) == _parts(self._good)
        metadata = (("authorization", f"{mutator.chance.choice(('Bearer', 'bearer', 'BEARER'))} {sent}"),)
        request = mutator.message(METHODS["OutreachService/Get"].input_type).SerializeToString()
        outcome = await called(self._office.channel, GET, request, metadata, timeout_s=CALL_TIMEOUT_S)
        refused = ("UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED")  # the last: more than a header holds
        if outcome not in refused and not may_pass:
            raise Wrong(f"a token was taken: {sent}")
        return outcome

    def _made(self, mutator: Mutator) -> tuple[str, bool]:
        """A token, and whether it may pass."""
        header, claims, signature = self._good.split(".")
        match mutator.chance.randrange(6):
            case 0:
                return mutator.bytes(self._good.encode()).decode("ascii", "replace"), False
            case 1:  # other claims under the old signature
                return f"{header}.{_encoded(mutator.json(_claims(self._good)))}.{signature}", False
            case 2:  # other claims, rightly signed: what the verifier must judge
                made = mutator.json(_claims(self._good))
                return _signed(made, self._office.key), _is_sound(made)
            case 3:
                return _signed(_claims(self._good), STRANGER), False
            case 4:  # no algorithm, or a secret that everybody knows
                names = ({"alg": "none"}, {"alg": "HS256"}, {"alg": "ES256"}, mutator.json({"alg": "EdDSA", "jwk": {}}))
                head = _encoded(mutator.chance.choice(names))
                public = tokens.public_key_text(self._office.key).encode()
                proof = hmac.new(public, f"{head}.{claims}".encode(), hashlib.sha256).digest()
                return f"{head}.{claims}.{mutator.chance.choice(('', _base64(proof)))}", False
            case _:
                return mutator.text(self._good), False


class Pushes:
    """What strangers and carriers push over HTTP."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._secrets = {
            name: (office.state_dir / "secrets" / f"webhook-{name}").read_text().strip()
            for name in ("bank-demo", "aliyun-demo")
        }

    async def webhooks(self, mutator: Mutator) -> str:
        carrier = mutator.chance.choice(list(self._secrets))
        secret, known = self._secrets[carrier], mutator.chance.random() < 0.6
        if not known:
            secret = mutator.text(secret)
        what = mutator.chance.choice(("receipts", "replies", "receipts", mutator.text("receipts")))
        body = orjson.dumps(mutator.json(_PUSHED[mutator.chance.randrange(len(_PUSHED))]), default=str)
        if mutator.chance.random() < 0.4:
            body = mutator.bytes(body)
        path = "/".join(map(_quoted, ("carriers", carrier, secret, what)))
        url, headers = f"{self._office.webhooks}/{path}", {"Content-Type": "application/json"}
        async with self._office.http.post(url, data=body, headers=headers) as answer:
            told = await answer.read()
        right = secret == self._secrets[carrier] and what in ("receipts", "replies")
        if (answer.status == 200 and not right) or answer.status >= 500 or INSIDES.search(told):
            raise Wrong(f"webhook answered {answer.status}, secret {'right' if right else 'wrong'}")
        return str(answer.status)


class Events:
    """A bank's events, as the bank publishes them."""

    def __init__(self, office: Office, connection: Nats, lines: list[Any]) -> None:
        self._office = office
        self._js = connection.jetstream()
        self._lines = lines
        self._published = 0

    @classmethod
    async def open(cls, office: Office) -> Events:
        lines = [orjson.loads(line) for line in _EVENTS.read_bytes().splitlines()]
        user = nats_server.bank_user(BANKS[0])
        connection = await nats.connect(
            office.addresses["OUTREACH_NATS_URL"],
            user=user,
            password=(office.state_dir / "secrets" / f"nats-{user}").read_text().strip(),
            inbox_prefix=bus.inbox_prefix(user).encode(),
        )
        return cls(office, connection, lines)

    async def events(self, mutator: Mutator) -> str:
        if mutator.chance.random() < 0.5:
            value: Any = dict(mutator.chance.choice(self._lines))
            value["eventId"] = f"fuzz-{mutator.chance.getrandbits(60)}"
            payload = orjson.dumps(mutator.json(value), default=str)
        else:
            made: Any = mutator.mutated(BankEvent.DESCRIPTOR)
            try:
                payload = json_format.MessageToJson(made).encode()
            except (ValueError, json_format.SerializeToJsonError):  # a time that ProtoJSON cannot write
                payload = made.SerializeToString()
        if mutator.chance.random() < 0.4:
            payload = mutator.bytes(payload)
        await self._js.publish(bus.events_subject(BANKS[0]), payload, timeout=20)
        self._published += 1
        return "published"


class Pages:
    """The console's pages and forms, by people who are signed in."""

    def __init__(self, office: Office) -> None:
        self._office = office
        found = [route for module in (*PAGES, sign_in) for route in module.ROUTES] + list(sign_in.OPEN_ROUTES)
        self._routes = [(path, methods) for path, methods, _ in found if path not in ("/sign-out", "/events/stream")]
        text = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.html"))
        self._fields = sorted(set(re.findall(r'name="([a-z0-9_]+)"', text)))

    async def pages(self, mutator: Mutator) -> str:
        path, methods = mutator.chance.choice(self._routes)
        method = mutator.chance.choice(methods)
        cookie, token = mutator.chance.choice(self._office.sessions)
        address = self._office.console + _filled(mutator, path) + self._query(mutator)
        headers = {
            "Cookie": cookie + mutator.chance.choice(("", "", f"; bank={mutator.chance.randrange(9)}; done=%%%"))
        }
        fields = self._form(mutator, token) if method == "POST" else None
        http = self._office.http
        async with http.request(method, address, data=fields, headers=headers, allow_redirects=False) as answer:
            told = await answer.read()
        if answer.status >= 500 or INSIDES.search(told):
            raise Wrong(f"{method} {path} answered {answer.status}")
        if answer.headers.get("Location", "").startswith("/sign-in?"):
            return "signed out"
        return str(answer.status)

    def _query(self, mutator: Mutator) -> str:
        names = mutator.chance.sample(_QUERY, mutator.chance.choice((0, 0, 1, 2)))
        pairs = [f"{name}={_quoted(mutator.text(str(mutator.pooled(name, '1'))))}" for name in names]
        return "?" + "&".join(pairs) if pairs else ""

    def _form(self, mutator: Mutator, token: str) -> dict[str, str]:
        names = mutator.chance.sample(self._fields, mutator.chance.choice((2, 5, 12)))
        form = {name: str(mutator.pooled(name, mutator.chance.choice(("1", "2026-03-20", "通过")))) for name in names}
        for name in mutator.chance.sample(names, min(2, len(names))):
            form[name] = mutator.text(form[name])
        form["form_token"] = token if mutator.chance.random() < 0.9 else mutator.text(token)
        return {name: value.encode("utf-8", "replace").decode() for name, value in form.items()}


_EVENTS = Path(__file__).parents[2] / "examples" / "demo-bank" / "events.jsonl"
_QUERY = (
    "bank",
    "account",
    "search",
    "state",
    "case",
    "page",
    "from",
    "before",
    "word",
    "seed",
    "count",
    "to",
    "after",
)
_PUSHED: tuple[Any, ...] = (
    {"reports": [{"msgId": "x", "messageId": "y", "mobile": "15400011001", "status": "DELIVRD", "segments": 1}]},
    {"replies": [{"mobile": "15400011001", "content": "T", "id": "1"}]},
    [{"phone_number": "15400011001", "success": True, "err_code": "DELIVERED", "out_id": "x", "biz_id": "y"}],
    [{"phone_number": "15400011001", "content": "退订", "sequence_id": 5}],
)


def _filled(mutator: Mutator, path: str) -> str:
    """The route's path with its parameters filled in, some of them wrongly."""
    _, template, convertors = compile_path(path)
    values = {}
    for name, convertor in convertors.items():
        known = str(mutator.pooled(name, "1"))
        whole = str(mutator.chance.choice((1, 0, 2**31, 2**63, 2**64, 10**30)))
        spoilt = whole if "Integer" in type(convertor).__name__ else mutator.text(known)
        values[name] = _quoted(spoilt if mutator.chance.random() < 0.4 else known)
    return template.format(**values) if values else path


def _quoted(text: str) -> str:
    return quote(text[:1500].encode("utf-8", "replace"), safe="") or "-"


def _parts(token: str) -> list[bytes] | None:
    """What the token says: two spellings of the same bytes are the same token."""
    try:
        return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]
    except (binascii.Error, ValueError):
        return None


def _claims(token: str) -> Any:
    parts = _parts(token)
    try:
        return orjson.loads(parts[1]) if parts else None
    except (orjson.JSONDecodeError, IndexError):
        return None


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _encoded(value: Any) -> str:
    return _base64(orjson.dumps(value, default=str))


def _signed(claims: Any, key: Ed25519PrivateKey) -> str:
    signed = f"{_encoded({'alg': 'EdDSA', 'typ': 'JWT'})}.{_encoded(claims)}"
    return f"{signed}.{_base64(key.sign(signed.encode()))}"


def _is_sound(claims: Any) -> bool:
    """True if a token with these claims, rightly signed, may be taken."""
    try:
        return bool(
            claims["iss"] == claims["sub"] == CALLER
            and tokens.AUDIENCE in (claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]])
            and time.time() - tokens.LEEWAY_S - 60 < int(claims["exp"]) <= int(claims["iat"]) + tokens.MAX_LIFE_S
            and claims["jti"] is not None
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
