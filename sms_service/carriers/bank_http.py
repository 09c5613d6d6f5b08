"""A bank's own HTTP gateway, described by configuration alone (docs/carriers.md): where to post which fields, how the
request is signed, and how the answer, receipts and replies are read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
import orjson

from outreach.domain.templating import signed
from outreach.runtime.logs import EventLogger
from outreach.v1.worker_service_pb2 import Lookup, Receipt
from sms_service.carriers.account import Account, FieldError
from sms_service.carriers.posting import HttpReply, MaybeWrittenError, NotWrittenError, open_session, post
from sms_service.carriers.reading import bare, positive
from sms_service.carriers.seam import (
    ACCEPTED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    UNREADABLE_REPLY,
    Message,
    Reply,
    SendResult,
    UnreadableError,
)

_log = EventLogger("sms_service.carriers")

SOURCES: dict[str, Callable[[Message], str]] = {
    "phone_number": lambda m: m.permit.phone_number,
    "text": lambda m: m.text,
    "signed_text": lambda m: signed(m.permit.signature, m.text),
    "attempt_id": lambda m: m.permit.attempt_id,
    "signature": lambda m: m.permit.signature,
    "template_digest": lambda m: m.permit.template_digest,
    "template_code": lambda m: m.permit.carrier_template_code,
    "values_json": lambda m: orjson.dumps(dict(m.values), option=orjson.OPT_SORT_KEYS).decode(),
}
"""What a field of the request can be filled with."""

THROTTLE_PAUSE_MS = 1_000
HALT_PAUSE_MS = 60_000
_PART = re.compile(r"\{(\w+)\}")
_SIGNED_PARTS = ("method", "path", "timestamp", "nonce", "body", "body_sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMapping:
    """`fields` maps the bank's field names to SOURCES, `constants` to fixed texts; `body` is json or form."""

    path: str
    fields: dict[str, str]
    method: str = "POST"
    body: str = "json"
    constants: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.body not in ("json", "form"):
            raise FieldError("body", "must be json or form")
        for name, source in self.fields.items():
            if source not in SOURCES:
                raise FieldError(f"fields.{name}", f"must be one of {', '.join(SOURCES)}")
        if "attempt_id" not in self.fields.values():
            raise FieldError("fields", "must pass attempt_id on, by which receipts are matched")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """HMAC-SHA256 with `secret` over `payload`, in which {method} {path} {timestamp} {nonce} {body} {body_sha256} are
    filled in, written to `header` as hex or base64. The timestamp is Unix seconds."""

    secret: str = field(repr=False)
    header: str = "X-Signature"
    timestamp_header: str = "X-Timestamp"
    nonce_header: str = "X-Nonce"
    payload: str = "{timestamp}\n{nonce}\n{body}"
    encoding: str = "hex"

    def __post_init__(self) -> None:
        if self.encoding not in ("hex", "base64"):
            raise FieldError("encoding", "must be hex or base64")
        for part in _PART.findall(self.payload):
            if part not in _SIGNED_PARTS:
                raise FieldError("payload", f"knows only {', '.join(_SIGNED_PARTS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseMapping:
    """Paths into the JSON answer (names joined by dots) and what its codes mean. A reply without a readable code has
    the code http_<status>, which may be listed too. Codes listed nowhere tell nothing."""

    code: str
    accepted_codes: tuple[str, ...]
    message_id: str = ""
    segments: str = ""
    refused_codes: tuple[str, ...] = ()
    number_throttled_codes: tuple[str, ...] = ()
    channel_throttled_codes: tuple[str, ...] = ()
    halted_codes: tuple[str, ...] = ()
    number_throttle_ms: int = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptMapping:
    """How a pushed body is read. `items` is the path to the list; empty if the body is the list, or one receipt."""

    code: str
    delivered_codes: tuple[str, ...]
    items: str = ""
    attempt_id: str = ""
    message_id: str = ""
    phone_number: str = ""
    segments: str = ""
    pending_codes: tuple[str, ...] = ()
    number_dead_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyMapping:
    """How a pushed reply is read."""

    phone_number: str
    text: str
    items: str = ""
    reply_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankHttpAccount(Account):
    """An account at a bank's own gateway."""

    request: RequestMapping
    response: ResponseMapping
    receipts: ReceiptMapping
    signing: Signing | None = None
    replies: ReplyMapping | None = None


def signature_headers(
    signing: Signing, body: bytes, *, method: str, path: str, timestamp: str, nonce: str
) -> dict[str, str]:
    """The headers that prove who sent this body, and when."""
    parts = {
        "method": method.encode(),
        "path": path.encode(),
        "timestamp": timestamp.encode(),
        "nonce": nonce.encode(),
        "body": body,
        "body_sha256": hashlib.sha256(body).hexdigest().encode(),
    }
    pieces = _PART.split(signing.payload)
    payload = b"".join(parts[piece] if index % 2 else piece.encode() for index, piece in enumerate(pieces))
    digest = hmac.new(signing.secret.encode(), payload, hashlib.sha256).digest()
    text = digest.hex() if signing.encoding == "hex" else base64.b64encode(digest).decode()
    return {signing.header: text, signing.timestamp_header: timestamp, signing.nonce_header: nonce}


class BankHttp:
    """One account at a bank's own gateway."""

    records_days = 0
    can_send = True

    def __init__(self, account: BankHttpAccount) -> None:
        self.carrier_id = account.carrier_id
        self._account = account
        self._url = account.base_url.rstrip("/") + account.request.path

    async def start(self) -> None:
        self._session: aiohttp.ClientSession = open_session(self._account.timeout_s, self._account.ca_file)

    async def close(self) -> None:
        await self._session.close()

    async def send(self, message: Message) -> SendResult:
        request = self._account.request
        fields = request.constants | {name: SOURCES[source](message) for name, source in request.fields.items()}
        body = orjson.dumps(fields) if request.body == "json" else urlencode(fields).encode()
        kind = "application/json" if request.body == "json" else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind} | request.headers
        if self._account.signing is not None:
            headers |= signature_headers(
                self._account.signing,
                body,
                method=request.method,
                path=request.path,
                timestamp=str(int(time.time())),
                nonce=uuid.uuid4().hex,
            )
        try:
            reply = await post(
                self._session, self._url, headers, body, method=request.method, write_before=message.send_before
            )
        except NotWrittenError as error:
            return SendResult(NOT_SENT, error.code)
        except MaybeWrittenError as error:
            return SendResult(UNKNOWN, error.code)
        return self._outcome(reply)

    def _outcome(self, reply: HttpReply) -> SendResult:
        mapping = self._account.response
        answer = _json_or_none(reply.body)
        code = _text_at(answer, mapping.code)
        if not code:
            code = UNREADABLE_REPLY if reply.status == 200 else f"http_{reply.status}"
        if code in mapping.accepted_codes and reply.status < 300:
            message_id, segments = _text_at(answer, mapping.message_id), positive(_text_at(answer, mapping.segments))
            return SendResult(ACCEPTED, code, carrier_message_id=message_id, segments=segments)
        if code in mapping.refused_codes:
            return SendResult(REFUSED, code)
        if code in mapping.number_throttled_codes:
            return SendResult(NOT_SENT, code, retry_after_ms=mapping.number_throttle_ms)
        if code in mapping.channel_throttled_codes:
            pause_ms = positive(reply.headers.get("Retry-After", "")) * 1000 or THROTTLE_PAUSE_MS
            return SendResult(NOT_SENT, code, retry_after_ms=pause_ms, pause_ms=pause_ms)
        if code in mapping.halted_codes:
            _log.error("carrier_account_stopped", carrier_id=self.carrier_id, carrier_code=code)
            return SendResult(NOT_SENT, code, retry_after_ms=HALT_PAUSE_MS, pause_ms=HALT_PAUSE_MS)
        return SendResult(UNKNOWN, code)

    async def query(self, lookup: Lookup) -> Receipt | None:  # noqa: ARG002 - the seam's
        return None

    def parse_receipts(self, body: bytes, headers: Mapping[str, str]) -> list[Receipt]:
        mapping = self._account.receipts
        return [self._receipt(mapping, item) for item in _items(body, headers, mapping.items)]

    def _receipt(self, mapping: ReceiptMapping, item: object) -> Receipt:
        code = _text_at(item, mapping.code)
        if not code:
            raise UnreadableError(f"a receipt has no {mapping.code}")
        return Receipt(
            carrier_id=self.carrier_id,
            attempt_id=_text_at(item, mapping.attempt_id)[:64],
            carrier_message_id=_text_at(item, mapping.message_id)[:128],
            phone_number=bare(_text_at(item, mapping.phone_number)),
            carrier_code=code[:128],
            segments=positive(_text_at(item, mapping.segments)),
            delivered=code in mapping.delivered_codes,
            pending=code in mapping.pending_codes,
            number_dead=code in mapping.number_dead_codes,
        )

    def parse_replies(self, body: bytes, headers: Mapping[str, str]) -> list[Reply]:
        mapping = self._account.replies
        if mapping is None:
            raise UnreadableError("this account configures no replies")
        return [
            Reply(
                self.carrier_id,
                _text_at(item, mapping.phone_number),
                _text_at(item, mapping.text),
                _text_at(item, mapping.reply_id),
            )
            for item in _items(body, headers, mapping.items)
        ]


def _items(body: bytes, headers: Mapping[str, str], path: str) -> list[Any]:
    kinds = [value for name, value in headers.items() if name.lower() == "content-type"]
    if kinds and kinds[0].startswith("application/x-www-form-urlencoded"):
        return [dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))]
    found = _at(_json_or_none(body), path) if path else _json_or_none(body)
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in items):
        raise UnreadableError("holds no object where the account's configuration expects one")
    return items


def _json_or_none(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text_at(value: Any, path: str) -> str:
    """The text or number at a path; empty if there is none."""
    found = _at(value, path) if path else None
    return str(found) if isinstance(found, str | int | float) else ""
