"""Tencent Cloud SMS (sms 2021-01-11): SendSms, PullSmsSendStatusByPhoneNumber, and the receipts and replies it pushes.

One number a call, the attempt id as SessionContext. Tencent does not deduplicate: nothing here sends twice.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
from yarl import URL

from outreach.runtime.logs import EventLogger
from outreach.v1.template_service_pb2 import Filing
from outreach.v1.worker_service_pb2 import FiledVersion, Lookup, Receipt
from sms_service.carriers import operator_codes, tencent_codes
from sms_service.carriers.account import Account
from sms_service.carriers.posting import HttpReply, MaybeWrittenError, NotWrittenError, open_session, post
from sms_service.carriers.reading import MAX_COPY, bare, items, mapping, positive
from sms_service.carriers.seam import (
    ACCEPTED,
    NOT_SENT,
    UNKNOWN,
    UNREADABLE_REPLY,
    Message,
    QueryError,
    Reply,
    SendResult,
    UnreadableError,
)

_log = EventLogger("sms_service.carriers")

VERSION = "2021-01-11"
ALGORITHM = "TC3-HMAC-SHA256"
SERVICE = "sms"
CONTENT_TYPE = "application/json"
SIGNED_HEADERS = "content-type;host;x-tc-action"
PULL_LIMIT = 100
CLOCK_MARGIN_S = 60
OK = "Ok"
TEMPLATE_STATES = {
    "0": Filing.STATE_PASSED,
    "1": Filing.STATE_REVIEWING,
    "2": Filing.STATE_REVIEWING,  # passed, not in effect yet
    "-1": Filing.STATE_REFUSED,
}
_NUMBERED = re.compile(r"\{(\d{1,3})\}")
SUCCESS, FAIL = "SUCCESS", "FAIL"
TEMPLATE_CODE_MISSING = "template_code_missing"
MISCONFIGURED_RETRY_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TencentAccount(Account):
    """An account with its key. `base_url` is the endpoint, such as https://sms.tencentcloudapi.com."""

    secret_id: str
    secret_key: str = field(repr=False)
    sdk_app_id: str
    region: str = "ap-guangzhou"


def signed_headers(account: TencentAccount, action: str, body: bytes, timestamp: int) -> dict[str, str]:
    """Headers of one POST of `body` to /, signed by the vendor's TC3-HMAC-SHA256 at `timestamp` (Unix seconds).

    The action is signed too, which the vendor's SDK leaves out: a signed body cannot be passed off as another action's.
    """
    host = URL(account.base_url).host_port_subcomponent or ""
    canonical_headers = f"content-type:{CONTENT_TYPE}\nhost:{host.lower()}\nx-tc-action:{action.lower()}\n"
    body_sha256 = hashlib.sha256(body).hexdigest()
    canonical = "\n".join(["POST", "/", "", canonical_headers, SIGNED_HEADERS, body_sha256])
    date = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    scope = f"{date}/{SERVICE}/tc3_request"
    to_sign = f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{account.secret_key}".encode()
    for part in (date, SERVICE, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={account.secret_id}/{scope}, SignedHeaders={SIGNED_HEADERS}, Signature={signature}"
    return {
        "Authorization": f"{ALGORITHM} {credential}",
        "Content-Type": CONTENT_TYPE,
        "Host": host,
        "X-TC-Action": action,
        "X-TC-Region": account.region,
        "X-TC-Timestamp": str(timestamp),
        "X-TC-Version": VERSION,
    }


class Tencent:
    """One account at Tencent."""

    records_days = 7
    can_send = True

    def __init__(self, account: TencentAccount) -> None:
        self.carrier_id = account.carrier_id
        self._account = account

    async def start(self) -> None:
        self._session: aiohttp.ClientSession = open_session(self._account.timeout_s, self._account.ca_file)

    async def close(self) -> None:
        await self._session.close()

    async def send(self, message: Message) -> SendResult:
        permit = message.permit
        if not permit.carrier_template_code:
            return SendResult(NOT_SENT, TEMPLATE_CODE_MISSING, retry_after_ms=MISCONFIGURED_RETRY_MS)
        parameters = {
            "PhoneNumberSet": [f"+86{permit.phone_number}"],
            "SmsSdkAppId": self._account.sdk_app_id,
            "TemplateId": permit.carrier_template_code,
            "SignName": permit.signature,
            # {n} of the registered copy is the n-th placeholder of the approved text, by first appearance.
            "TemplateParamSet": list(message.values.values()),
            "SessionContext": permit.attempt_id,
        }
        try:
            reply = await self._call("SendSms", parameters, message.send_before)
        except NotWrittenError as error:
            return SendResult(NOT_SENT, error.code)
        except MaybeWrittenError as error:
            return SendResult(UNKNOWN, error.code)
        return self._outcome(reply)

    def _outcome(self, reply: HttpReply) -> SendResult:
        if reply.status != 200:
            return SendResult(UNKNOWN, f"http_{reply.status}")
        answer = _response(reply)
        statuses = answer.get("SendStatusSet")
        code = _error(answer)
        if not code and isinstance(statuses, list) and len(statuses) == 1 and isinstance(statuses[0], dict):
            code = str(statuses[0].get("Code") or "")
            if code == OK:
                message_id, segments = str(statuses[0].get("SerialNo") or ""), positive(statuses[0].get("Fee"))
                return SendResult(ACCEPTED, code, carrier_message_id=message_id, segments=segments)
        if tencent_codes.halts(code):
            _log.error("carrier_account_stopped", carrier_id=self.carrier_id, carrier_code=code)
        return tencent_codes.outcome(code or UNREADABLE_REPLY)

    async def query(self, lookup: Lookup) -> Receipt | None:
        parameters = {
            "BeginTime": lookup.release_time.seconds - CLOCK_MARGIN_S,
            "Offset": 0,
            "Limit": PULL_LIMIT,
            "PhoneNumber": f"+86{lookup.phone_number}",
            "SmsSdkAppId": self._account.sdk_app_id,
        }
        for record in await self._ask("PullSmsSendStatusByPhoneNumber", parameters, "PullSmsSendStatusSet"):
            if _is_of(record, lookup):
                return self._record(lookup, record)
        return None

    async def read_copy(self, filed: FiledVersion) -> Filing:
        copy = Filing()
        copy.CopyFrom(filed.filing)
        if not copy.template_code.isdecimal():
            raise QueryError("template_code_is_no_number")
        parameters = {"International": 0, "TemplateIdSet": [int(copy.template_code)]}
        found = await self._ask("DescribeSmsTemplateList", parameters, "DescribeTemplateStatusSet")
        if not found:
            copy.state = Filing.STATE_REFUSED
            return copy
        text, state = found[0].get("TemplateContent"), TEMPLATE_STATES.get(str(found[0].get("StatusCode")))
        if not text or state is None:
            raise QueryError(UNREADABLE_REPLY)
        names = dict(enumerate(filed.placeholders, 1))
        named = _NUMBERED.sub(lambda match: f"${{{names.get(int(match[1]), match[1])}}}", str(text))
        copy.registered_text, copy.state = named[:MAX_COPY], state
        return copy

    async def _ask(self, action: str, parameters: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
        """The list of that name in the answer. QueryError."""
        try:
            reply = await self._call(action, parameters)
        except (NotWrittenError, MaybeWrittenError) as error:
            raise QueryError(error.code) from None
        answer = _response(reply)
        found = answer.get(name)
        if reply.status != 200 or _error(answer) or not isinstance(found, list):
            raise QueryError(_error(answer) or f"http_{reply.status}")
        return [record for record in found if isinstance(record, dict)]

    def _record(self, lookup: Lookup, record: Mapping[str, Any]) -> Receipt:
        status, code = str(record.get("ReportStatus")), str(record.get("Description") or "")
        return Receipt(
            carrier_id=self.carrier_id,
            attempt_id=lookup.attempt_id,
            carrier_message_id=lookup.carrier_message_id or str(record.get("SerialNo") or "")[:128],
            phone_number=lookup.phone_number,
            carrier_code=(code or status)[:128],
            delivered=status == SUCCESS,
            pending=status not in (SUCCESS, FAIL),
            number_dead=status == FAIL and code in operator_codes.NUMBER_DEAD,
        )

    async def _call(self, action: str, parameters: Mapping[str, Any], write_before: float = float("inf")) -> HttpReply:
        body = orjson.dumps(parameters)
        headers = signed_headers(self._account, action, body, int(datetime.now(UTC).timestamp()))
        return await post(
            self._session, f"{self._account.base_url.rstrip('/')}/", headers, body, write_before=write_before
        )

    def parse_receipts(self, body: bytes, headers: Mapping[str, str]) -> list[Receipt]:  # noqa: ARG002 - the seam's
        return [self._receipt(item) for item in items(body)]

    def _receipt(self, item: Mapping[str, Any]) -> Receipt:
        status, code = str(item.get("report_status")), str(item.get("errmsg") or "")
        return Receipt(
            carrier_id=self.carrier_id,
            attempt_id=str(item.get("ext") or "")[:64],
            carrier_message_id=str(item.get("sid") or "")[:128],
            phone_number=bare(str(item.get("mobile") or "")),
            carrier_code=(code or status)[:128],
            delivered=status == SUCCESS,
            pending=status not in (SUCCESS, FAIL),
            number_dead=status == FAIL and code in operator_codes.NUMBER_DEAD,
        )

    def parse_replies(self, body: bytes, headers: Mapping[str, str]) -> list[Reply]:  # noqa: ARG002 - the seam's
        item = mapping(body)
        if not item:
            raise UnreadableError("not a JSON object")
        number, text = str(item.get("mobile") or ""), str(item.get("text") or "")
        # Tencent gives replies no id; a push that is repeated has the same number, time and text.
        reply_id = hashlib.sha256(f"{number}\n{item.get('time')}\n{text}".encode()).hexdigest()[:32]
        return [Reply(self.carrier_id, number, text, reply_id)]


def _response(reply: HttpReply) -> dict[str, Any]:
    answer = mapping(reply.body).get("Response")
    return answer if isinstance(answer, dict) else {}


def _error(answer: Mapping[str, Any]) -> str:
    error = answer.get("Error")
    return str(error.get("Code") or "") if isinstance(error, dict) else ""


def _is_of(record: Mapping[str, Any], lookup: Lookup) -> bool:
    """By our id where Tencent was asked to enable it, or by the one that it gave."""
    by_number = lookup.carrier_message_id and record.get("SerialNo") == lookup.carrier_message_id
    return bool(by_number) or record.get("SessionContext") == lookup.attempt_id
