"""Tencent's far end: checks the TC3 signature from the bytes received, then SendSms and the pulls.

Written from the vendor's description of the signature, and shares no code with what signs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
from aiohttp import web

from carrier_simulator.core import DELIVERED, NUMBER_DEAD, PENDING, REJECTED, Core, Handler, Message, Receipt
from carrier_simulator.faults import Answer
from carrier_simulator.replies import broken

CARRIER = "tencent"
SKEW_S = 300
MAX_NUMBERS = 200
BEIJING = timezone(timedelta(hours=8))
OK = "Ok"
STATES = {"passed": 0, "reviewing": 1, "refused": -1}
_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/sms/tc3_request, SignedHeaders=([^,]+), "
    r"Signature=([0-9a-f]{64})"
)
_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})", re.ASCII)

REQUEST_ERRORS = {
    Answer.THROTTLE_CHANNEL: "RequestLimitExceeded",
    Answer.HALT: "UnauthorizedOperation.ServiceSuspendDueToArrears",
    Answer.TRANSIENT: "InternalError.Timeout",
}
NUMBER_ERRORS = {
    Answer.REFUSE: "InvalidParameterValue.IncorrectPhoneNumber",
    Answer.THROTTLE_NUMBER: "LimitExceeded.PhoneNumberOneHourLimit",
    Answer.UNLISTED_CODE: "FailedOperation.NeverHeardOf",
}
STATUSES = {
    DELIVERED: ("SUCCESS", "DELIVRD"),
    PENDING: ("ACCEPT", "ACCEPTD"),
    NUMBER_DEAD: ("FAIL", "MK:0001"),
    REJECTED: ("FAIL", "REJECTD"),
}


@dataclass(slots=True)
class Account:
    """The key and the application that it accepts."""

    secret_id: str = "simulated-id"  # noqa: S105 - opens nothing
    secret_key: str = "simulated-secret"  # noqa: S105 - opens nothing
    sdk_app_id: str = "1400000000"


def form(receipts: list[Receipt]) -> bytes:
    """The callback's JSON array."""
    return orjson.dumps([_report(receipt) for receipt in receipts])


def _report(receipt: Receipt) -> dict[str, object]:
    message, (status, code) = receipt.message, STATUSES[receipt.status]
    report: dict[str, object] = {
        "user_receive_time": datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
        "nationcode": "86",
        "mobile": message.phone,
        "report_status": status,
        "errmsg": code,
        "description": "",
        "sid": message.message_id,
    }
    return report | {"ext": message.out_id} if receipt.with_out_id else report


def handler(core: Core, account: Account) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        refusal = verify(request, body, account)
        fields = _fields(body)
        match request.headers.get("X-TC-Action"):
            case "SendSms":
                return await _send(core, account, request, fields, refusal)
            case _ if refusal:
                return _failed(refusal)
            case "PullSmsSendStatusByPhoneNumber":
                return _answer(PullSmsSendStatusSet=_pulled(core, fields))
            case "DescribeSmsTemplateList":
                return _answer(DescribeTemplateStatusSet=_templates(core, fields.get("TemplateIdSet") or []))
            case _:
                return _failed("InvalidAction")

    return handle


def verify(request: web.Request, body: bytes, account: Account) -> str:
    """The code for a request that is not proven to come in time from the key's owner; empty if it is."""
    headers = {name.lower(): value.strip() for name, value in request.headers.items()}
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    timestamp = headers.get("x-tc-timestamp", "")
    if match is None or not timestamp.isdecimal():
        return "AuthFailure.InvalidAuthorization"
    secret_id, date, names, signature = match.groups()
    signed = names.split(";")
    if secret_id != account.secret_id:
        return "AuthFailure.SecretIdNotFound"
    if signed != sorted(set(signed)) or not {"content-type", "host"} <= set(signed) <= headers.keys():
        return "AuthFailure.InvalidAuthorization"
    if abs(time.time() - int(timestamp)) > SKEW_S or date != f"{datetime.fromtimestamp(int(timestamp), UTC):%Y-%m-%d}":
        return "AuthFailure.SignatureExpire"
    # The content type keeps its case: the vendor's SDK signs it as it is sent.
    values = {name: headers[name] if name == "content-type" else headers[name].lower() for name in signed}
    block = "".join(f"{name}:{values[name]}\n" for name in signed)
    canonical = f"{request.method}\n/\n\n{block}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"TC3-HMAC-SHA256\n{timestamp}\n{date}/sms/tc3_request\n{hashed}"
    day_key = hmac.digest(b"TC3" + account.secret_key.encode(), date.encode(), "sha256")
    signing_key = hmac.digest(hmac.digest(day_key, b"sms", "sha256"), b"tc3_request", "sha256")
    expected = hmac.digest(signing_key, text.encode(), "sha256").hex()
    return "" if hmac.compare_digest(expected, signature) else "AuthFailure.SignatureFailure"


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _malformed(account: Account, fields: dict[str, Any]) -> str:
    numbers, values = fields.get("PhoneNumberSet"), fields.get("TemplateParamSet", [])
    are_texts = isinstance(values, list) and all(isinstance(value, str) for value in values)
    sign_name = fields.get("SignName") or "【】"
    checks = {
        "UnauthorizedOperation.SmsSdkAppIdVerifyFail": fields.get("SmsSdkAppId") == account.sdk_app_id,
        "MissingParameter.EmptyPhoneNumberSet": isinstance(numbers, list) and bool(numbers),
        "LimitExceeded.PhoneNumberCountLimit": isinstance(numbers, list) and len(numbers) <= MAX_NUMBERS,
        "FailedOperation.SignatureIncorrectOrUnapproved": not set(sign_name) & set("【】"),
        "FailedOperation.TemplateIncorrectOrUnapproved": bool(fields.get("TemplateId")),
        "InvalidParameterValue.TemplateParameterFormatError": are_texts,
    }
    return next((code for code, holds in checks.items() if not holds), "")


async def _send(
    core: Core, account: Account, request: web.Request, fields: dict[str, Any], refusal: str
) -> web.StreamResponse:
    """One status a number; what concerns the request, and a broken answer, by the last number's behaviour."""
    refusal = refusal or _malformed(account, fields)
    context = str(fields.get("SessionContext") or "")
    content = {name: str(fields.get(name) or "") for name in ("SignName", "TemplateId")}
    content["TemplateParamSet"] = orjson.dumps(fields.get("TemplateParamSet") or []).decode()
    numbers = [str(number) for number in fields.get("PhoneNumberSet") or []]
    if refusal:
        for number in numbers:
            await core.write_down(CARRIER, context, _bare(number), content, verdict=refusal, taken=False)
        return _failed(refusal)
    statuses, answer = [], Answer.ACCEPT
    for number in numbers:
        if _MOBILE.fullmatch(number) is None:
            statuses.append(_status(number, context, NUMBER_ERRORS[Answer.REFUSE]))
            continue
        behaviour, message = await core.receive(CARRIER, context, _bare(number), content)
        answer = behaviour.answer
        code = NUMBER_ERRORS.get(answer, OK)
        statuses.append(_status(number, context, code, message.message_id if code == OK else ""))
    reply = await broken(request, answer, core.answer_delay_s)
    if reply is not None:
        return reply
    return _failed(REQUEST_ERRORS[answer]) if answer in REQUEST_ERRORS else _answer(SendStatusSet=statuses)


def _bare(number: str) -> str:
    match = _MOBILE.fullmatch(number)
    return match[1] if match else number


def _status(number: str, context: str, code: str, serial_no: str = "") -> dict[str, object]:
    return {
        "SerialNo": serial_no,
        "PhoneNumber": number,
        "Fee": 1 if serial_no else 0,
        "SessionContext": context,
        "Code": code,
        "Message": "send success" if serial_no else "failed",
        "IsoCode": "CN",
    }


def _pulled(core: Core, fields: dict[str, Any]) -> list[dict[str, object]]:
    """Only what the operator has reported by now: nothing is known before."""
    number, reported_by = _bare(str(fields.get("PhoneNumber"))), time.time() * 1000 - core.receipt_delay_s * 1000
    found = [
        message
        for message in core.messages
        if message.carrier == CARRIER
        and message.taken
        and message.phone == number
        and int(fields.get("BeginTime") or 0) * 1000 <= message.time_ms <= reported_by
    ]
    return [_pull(message) for message in found[: int(fields.get("Limit") or 0)]]


def _pull(message: Message) -> dict[str, object]:
    return {
        "UserReceiveTime": int(time.time()),
        "CountryCode": "86",
        "SubscriberNumber": message.phone,
        "PhoneNumber": f"+86{message.phone}",
        "SerialNo": message.message_id,
        "ReportStatus": "SUCCESS",
        "Description": "DELIVRD",
        "SessionContext": message.out_id,
    }


def _templates(core: Core, ids: Sequence[int]) -> list[dict[str, object]]:
    return [
        {"TemplateId": int(code), "StatusCode": STATES[template.state], "TemplateContent": template.text}
        for (carrier, code), template in core.templates.items()
        if carrier == CARRIER and int(code) in ids
    ]


def _failed(code: str) -> web.Response:
    return _answer(Error={"Code": code, "Message": "refused by the simulator"})


def _answer(**response: object) -> web.Response:
    """Errors come with status 200 too."""
    body = orjson.dumps({"Response": response | {"RequestId": "simulated"}})
    return web.Response(body=body, content_type="application/json")
