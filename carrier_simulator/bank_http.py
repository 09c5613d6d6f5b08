"""The far end of an imaginary bank's own gateway, as docs/carriers.md describes it: JSON in, HMAC over what came."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import dataclass, field
from itertools import takewhile

import orjson
from aiohttp import web

from carrier_simulator.core import DELIVERED, NUMBER_DEAD, PENDING, REJECTED, Core, Handler, Receipt
from carrier_simulator.faults import Answer
from carrier_simulator.replies import broken

CARRIER = "bank"
SKEW_S = 300
FIELDS = ("msgId", "mobile", "content", "signature", "template")
STATUSES = {DELIVERED: "DELIVRD", PENDING: "ACCEPTD", NUMBER_DEAD: "DEADNUM", REJECTED: "REJECTD"}
ANSWERS: dict[Answer, tuple[int, str, str]] = {
    Answer.REFUSE: (200, "2001", "number not accepted"),
    Answer.THROTTLE_NUMBER: (200, "3001", "too many to this number"),
    Answer.THROTTLE_CHANNEL: (429, "3002", "too many"),
    Answer.HALT: (200, "4001", "account stopped"),
    Answer.TRANSIENT: (200, "9001", "busy"),
    Answer.UNLISTED_CODE: (200, "7777", "unlisted"),
}
_MOBILE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)


@dataclass(slots=True)
class Account:
    """The application it knows, and the nonces it saw while a request with them could still be in time."""

    app_id: str = "simulated-app"
    secret: str = "simulated-secret"  # noqa: S105 - opens nothing
    nonces: dict[str, float] = field(default_factory=dict)


def form(receipts: list[Receipt]) -> bytes:
    """A JSON object with the list under `reports`."""
    return orjson.dumps({"reports": [_report(receipt) for receipt in receipts]})


def _report(receipt: Receipt) -> dict[str, object]:
    message = receipt.message
    report: dict[str, object] = {
        "messageId": message.message_id,
        "mobile": message.phone,
        "status": STATUSES[receipt.status],
        "segments": 1,
    }
    return report | {"msgId": message.out_id} if receipt.with_out_id else report


def handler(core: Core, account: Account) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fields = _fields(body)
        number, out_id = fields.get("mobile", ""), fields.get("msgId", "")
        content = {name: fields[name] for name in FIELDS[2:] if name in fields}
        refusal = verify(request, body, account) or _malformed(fields)
        if refusal:
            await core.write_down(CARRIER, out_id, number, content, verdict=refusal[1], taken=False)
            return _answer(*refusal)
        behaviour, message = await core.receive(CARRIER, out_id, number, content)
        reply = await broken(request, behaviour.answer, core.answer_delay_s)
        if reply is not None:
            return reply
        if behaviour.answer in ANSWERS:
            return _answer(*ANSWERS[behaviour.answer])
        return _answer(200, "0000", "ok", data={"messageId": message.message_id, "segments": 1})

    return handle


def _fields(body: bytes) -> dict[str, str]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return {str(k): v for k, v in fields.items() if isinstance(v, str)} if isinstance(fields, dict) else {}


def verify(request: web.Request, body: bytes, account: Account) -> tuple[int, str, str] | None:
    """Status, code and text of a request that is not proven to come, once and in time, from the application."""
    timestamp, nonce = request.headers.get("X-Timestamp", ""), request.headers.get("X-Nonce", "")
    if request.headers.get("X-App-Id") != account.app_id or not nonce:
        return 401, "1001", "unknown application or no nonce"
    payload = timestamp.encode() + b"\n" + nonce.encode() + b"\n" + body
    expected = hmac.new(account.secret.encode(), payload, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), request.headers.get("X-Signature", "").encode()):
        return 401, "1001", "signature"
    now = time.time()
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > SKEW_S:
        return 401, "1002", "timestamp"
    for seen in [seen for seen, _ in takewhile(lambda item: item[1] < now, account.nonces.items())]:
        del account.nonces[seen]
    if nonce in account.nonces:
        return 401, "1003", "nonce used"
    account.nonces[nonce] = now + 2 * SKEW_S
    return None


def _malformed(fields: dict[str, str]) -> tuple[int, str, str] | None:
    missing = [name for name in FIELDS if not fields.get(name)]
    if missing:
        return 400, "2002", f"missing: {', '.join(missing)}"
    if _MOBILE.fullmatch(fields["mobile"]) is None:
        return 200, "2001", "number not accepted"
    return None


def _answer(status: int, code: str, text: str, **more: object) -> web.Response:
    headers = {"Retry-After": "2"} if status == 429 else {}
    body = orjson.dumps({"code": code, "message": text, **more})
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
