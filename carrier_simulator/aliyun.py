"""Aliyun's far end: checks the V3 signature from the bytes received, then SendSms and QuerySendDetails.

Written from the vendor's description of the signature, and shares no code with what signs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import takewhile
from urllib.parse import parse_qsl, quote

import orjson
from aiohttp import web

from carrier_simulator.core import DELIVERED, NUMBER_DEAD, PENDING, REJECTED, Core, Handler, Message, Receipt
from carrier_simulator.faults import Answer
from carrier_simulator.replies import broken

CARRIER = "aliyun"
SKEW_S = 900
CONTENT: tuple[str, ...] = ("SignName", "TemplateCode", "TemplateParam")
BEIJING = timezone(timedelta(hours=8))
REQUIRED = {
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
}
_AUTHORIZATION = re.compile(r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})")
_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})", re.ASCII)

ANSWERS: dict[Answer, tuple[int, str, str]] = {
    Answer.REFUSE: (200, "isv.MOBILE_NUMBER_ILLEGAL", "非法手机号"),
    Answer.THROTTLE_NUMBER: (200, "isv.BUSINESS_LIMIT_CONTROL", "触发小时级流控Permits:5"),
    Answer.THROTTLE_CHANNEL: (429, "Throttling.User", "Request was denied due to user flow control."),
    Answer.HALT: (200, "isv.AMOUNT_NOT_ENOUGH", "账户余额不足"),
    Answer.TRANSIENT: (200, "isp.SYSTEM_ERROR", "系统错误"),
    Answer.UNLISTED_CODE: (200, "isv.NEVER_HEARD_OF", "未知"),
}
THROTTLE_RETRY_MS = 2000
TEMPLATE_STATES = {"reviewing": "0", "passed": "1", "refused": "2"}
ERR_CODES = {
    DELIVERED: "DELIVERED",
    PENDING: "REQUEST_SUCCESS",
    NUMBER_DEAD: "INVALID_NUMBER",
    REJECTED: "USER_REJECT",
}


@dataclass(slots=True)
class Account:
    """The key it accepts, and the nonces it saw while a request with them could still be in time."""

    access_key_id: str = "simulated-key"
    access_key_secret: str = "simulated-secret"  # noqa: S105 - opens nothing
    nonces: dict[str, float] = field(default_factory=dict)


def form(receipts: list[Receipt]) -> bytes:
    """SmsReport: a JSON array."""
    return orjson.dumps([_report(receipt) for receipt in receipts])


def _report(receipt: Receipt) -> dict[str, object]:
    message = receipt.message
    report: dict[str, object] = {
        "phone_number": message.phone,
        "send_time": _beijing(message.time_ms),
        "report_time": _beijing(int(time.time() * 1000)),
        "success": receipt.status == DELIVERED,
        "err_code": ERR_CODES[receipt.status],
        "err_msg": "",
        "sms_size": "1",
        "biz_id": message.message_id,
    }
    return report | {"out_id": message.out_id} if receipt.with_out_id else report


def _beijing(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def handler(core: Core, account: Account) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        parameters = dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
        refusal = verify(request, body, account)
        action = request.headers.get("x-acs-action", "")
        if action == "SendSms":
            return await _send(core, request, parameters, refusal)
        if refusal:
            return _answer(*refusal)
        if action == "QuerySendDetails":
            return _details(core, parameters)
        if action == "GetSmsTemplate":
            return _template(core, parameters)
        return _answer(404, "InvalidAction.NotFound", "Specified api is not found.")

    return handle


def verify(request: web.Request, body: bytes, account: Account) -> tuple[int, str, str] | None:
    """Status, code and message of a request that is not proven to come, once and in time, from the key's owner."""
    headers = {name.lower(): value.strip() for name, value in request.headers.items()}
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None or not headers.keys() >= REQUIRED:
        return 400, "MissingParameter", "A header of the signature is missing."
    key_id, names, signature = match.groups()
    if key_id != account.access_key_id:
        return 404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."
    signed = names.split(";")
    must_sign = {n for n in headers if n.startswith("x-acs-")} | {"host"} | (headers.keys() & {"content-type"})
    body_sha256 = hashlib.sha256(body).hexdigest()
    if signed != sorted(set(signed)) or not must_sign <= set(signed) <= headers.keys():
        return 400, "SignatureDoesNotMatch", "Not every header that must be signed is signed."
    if headers["x-acs-content-sha256"] != body_sha256:
        return 400, "SignatureDoesNotMatch", "The body is not the one that was signed."
    pairs = sorted(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
    query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
    block = "".join(f"{name}:{headers[name]}\n" for name in signed)
    canonical = f"{request.method}\n{request.rel_url.raw_path}\n{query}\n{block}\n{names}\n{body_sha256}"
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    expected = hmac.new(account.access_key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature):
        return 400, "SignatureDoesNotMatch", "The signature is not the expected one."
    return _out_of_time(headers, account)


def _out_of_time(headers: dict[str, str], account: Account) -> tuple[int, str, str] | None:
    now = time.time()
    try:
        signed_at = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 400, "InvalidTimeStamp.Format", "Specified time stamp is not well formatted."
    if abs(now - signed_at) > SKEW_S:
        return 400, "InvalidTimeStamp.Expired", "Specified time stamp is expired."
    for nonce in [nonce for nonce, _ in takewhile(lambda item: item[1] < now, account.nonces.items())]:
        del account.nonces[nonce]
    if headers["x-acs-signature-nonce"] in account.nonces:
        return 400, "SignatureNonceUsed", "Specified signature nonce was used already."
    account.nonces[headers["x-acs-signature-nonce"]] = now + 2 * SKEW_S
    return None


def _malformed(parameters: dict[str, str]) -> tuple[int, str, str] | None:
    if any(_MOBILE.fullmatch(number) is None for number in parameters.get("PhoneNumbers", "").split(",")):
        return 200, "isv.MOBILE_NUMBER_ILLEGAL", "非法手机号"
    if not parameters.get("SignName") or set(parameters["SignName"]) & set("【】[]"):
        return 200, "isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法"
    if not parameters.get("TemplateCode"):
        return 200, "isv.SMS_TEMPLATE_ILLEGAL", "短信模版不合法"
    try:
        values = orjson.loads(parameters.get("TemplateParam") or "{}")
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        return 200, "isv.INVALID_JSON_PARAM", "JSON参数不合法，只接受字符串值"
    return None


async def _send(
    core: Core, request: web.Request, parameters: dict[str, str], refusal: tuple[int, str, str] | None
) -> web.StreamResponse:
    number, out_id = parameters.get("PhoneNumbers", ""), parameters.get("OutId", "")
    content = {name: parameters[name] for name in CONTENT if name in parameters}
    refusal = refusal or _malformed(parameters)
    if refusal:
        await core.write_down(CARRIER, out_id, number, content, verdict=refusal[1], taken=False)
        return _answer(*refusal)
    behaviour, message = await core.receive(CARRIER, out_id, number, content)
    reply = await broken(request, behaviour.answer, core.answer_delay_s)
    if reply is not None:
        return reply
    if behaviour.answer in ANSWERS:
        return _answer(*ANSWERS[behaviour.answer])
    return _answer(200, "OK", "OK", BizId=message.message_id)


def _answer(status: int, code: str, text: str, **more: object) -> web.Response:
    headers = {"x-acs-retry-after": str(THROTTLE_RETRY_MS)} if status == 429 else {}
    body = orjson.dumps({"Code": code, "Message": text, "RequestId": "simulated", **more})
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def _details(core: Core, parameters: dict[str, str]) -> web.Response:
    found = [
        message
        for message in core.messages
        if message.carrier == CARRIER
        and message.taken
        and message.phone.endswith(parameters.get("PhoneNumber", ""))
        and _beijing(message.time_ms)[:10].replace("-", "") == parameters.get("SendDate")
        and parameters.get("BizId", message.message_id) == message.message_id
    ]
    size, page = int(parameters.get("PageSize", "10")), int(parameters.get("CurrentPage", "1"))
    shown = found[(page - 1) * size : page * size]
    details = [_detail(core, message) for message in shown]
    return _answer(200, "OK", "OK", TotalCount=str(len(found)), SmsSendDetailDTOs={"SmsSendDetailDTO": details})


def _detail(core: Core, message: Message) -> dict[str, object]:
    waiting = time.time() * 1000 - message.time_ms < core.receipt_delay_s * 1000
    return {
        "PhoneNum": message.phone,
        "SendStatus": 1 if waiting else 3,
        "ErrCode": "" if waiting else "DELIVERED",
        "TemplateCode": message.content.get("TemplateCode", ""),
        "Content": "",
        "SendDate": _beijing(message.time_ms),
        "OutId": message.out_id,
    }


def _template(core: Core, parameters: dict[str, str]) -> web.Response:
    code = parameters.get("TemplateCode", "")
    template = core.templates.get((CARRIER, code))
    if template is None:
        return _answer(200, "isv.SMS_TEMPLATE_ILLEGAL", "短信模版不合法")
    status = TEMPLATE_STATES[template.state]
    return _answer(200, "OK", "OK", TemplateCode=code, TemplateContent=template.text, TemplateStatus=status)
