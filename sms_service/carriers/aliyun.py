"""Aliyun SMS (Dysmsapi 2017-05-25): SendSms, QuerySendDetails, and the receipts and replies that it pushes.

One number a call, the attempt id as OutId. Aliyun does not deduplicate: nothing here sends twice.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from outreach.runtime.logs import EventLogger
from outreach.v1.template_service_pb2 import Filing
from outreach.v1.worker_service_pb2 import FiledVersion, Lookup, Receipt
from sms_service.carriers import aliyun_codes
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
)

_log = EventLogger("sms_service.carriers")

VERSION = "2017-05-25"
ALGORITHM = "ACS3-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
BEIJING = timezone(timedelta(hours=8))
PAGE_SIZE = 50
TEMPLATE_CODE_MISSING = "template_code_missing"
MISCONFIGURED_RETRY_MS = 3_600_000
OK = "OK"
NO_SUCH_TEMPLATE = "isv.SMS_TEMPLATE_ILLEGAL"
TEMPLATE_STATES = {
    "0": Filing.STATE_REVIEWING,
    "1": Filing.STATE_PASSED,
    "2": Filing.STATE_REFUSED,
    "10": Filing.STATE_REFUSED,  # withdrawn
}
SEND_STATUS_FAILED, SEND_STATUS_DELIVERED = 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AliyunAccount(Account):
    """An account with its access key. `base_url` is the endpoint, such as https://dysmsapi.aliyuncs.com."""

    access_key_id: str
    access_key_secret: str = field(repr=False)


def signed_request(
    account: AliyunAccount, action: str, parameters: Mapping[str, str], now: datetime, nonce: str
) -> tuple[str, dict[str, str]]:
    """URL and headers of one POST with an empty body, signed by the vendor's V3 (ACS3-HMAC-SHA256)."""
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(parameters.items()))
    headers = {
        "host": URL(account.base_url).host_port_subcomponent or "",
        "x-acs-action": action,
        "x-acs-content-sha256": EMPTY_SHA256,
        "x-acs-date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": VERSION,
    }
    names = ";".join(sorted(headers))
    canonical_headers = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join(["POST", "/", query, canonical_headers, names, EMPTY_SHA256])
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(account.access_key_secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (
        f"{ALGORITHM} Credential={account.access_key_id},SignedHeaders={names},Signature={signature}"
    )
    return f"{account.base_url.rstrip('/')}/?{query}", headers


class Aliyun:
    """One account at Aliyun."""

    records_days = 30
    can_send = True

    def __init__(self, account: AliyunAccount) -> None:
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
            "PhoneNumbers": permit.phone_number,
            "SignName": permit.signature,
            "TemplateCode": permit.carrier_template_code,
            "OutId": permit.attempt_id,
        }
        if message.values:
            parameters["TemplateParam"] = orjson.dumps(dict(message.values)).decode()
        try:
            reply = await self._call("SendSms", parameters, message.send_before)
        except NotWrittenError as error:
            return SendResult(NOT_SENT, error.code)
        except MaybeWrittenError as error:
            return SendResult(UNKNOWN, error.code)
        return self._outcome(reply)

    def _outcome(self, reply: HttpReply) -> SendResult:
        answer = mapping(reply.body)
        code = str(answer.get("Code") or "")
        if reply.status == 200 and code == OK:
            return SendResult(ACCEPTED, code, carrier_message_id=str(answer.get("BizId") or ""))
        if not code:
            code = UNREADABLE_REPLY if reply.status == 200 else f"http_{reply.status}"
        if code in aliyun_codes.HALTS:
            _log.error("carrier_account_stopped", carrier_id=self.carrier_id, carrier_code=code)
        retry_after_ms = positive(reply.headers.get("x-acs-retry-after"))
        return aliyun_codes.outcome(reply.status, code, str(answer.get("Message") or ""), retry_after_ms)

    async def query(self, lookup: Lookup) -> Receipt | None:
        released = lookup.release_time.ToDatetime(UTC)
        # A message released just before midnight may be dated the day after.
        days = {
            (released + delay).astimezone(BEIJING).strftime("%Y%m%d") for delay in (timedelta(), timedelta(hours=1))
        }
        for day in sorted(days):
            async for detail in self._details(lookup, day):
                if detail.get("OutId") == lookup.attempt_id:
                    return self._record(lookup, detail)
        return None

    async def _details(self, lookup: Lookup, day: str) -> Any:
        page, seen = 1, 0
        while True:
            parameters = {
                "PhoneNumber": lookup.phone_number,
                "SendDate": day,
                "PageSize": str(PAGE_SIZE),
                "CurrentPage": str(page),
            }
            if lookup.carrier_message_id:
                parameters["BizId"] = lookup.carrier_message_id
            answer = await self._ask("QuerySendDetails", parameters)
            if answer.get("Code") != OK:
                raise QueryError(str(answer.get("Code")))
            details = (answer.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
            for detail in details:
                yield detail
            seen += len(details)
            if not details or seen >= positive(answer.get("TotalCount")):
                return
            page += 1

    async def _ask(self, action: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        try:
            reply = await self._call(action, parameters)
        except (NotWrittenError, MaybeWrittenError) as error:
            raise QueryError(error.code) from None
        answer = mapping(reply.body)
        if reply.status != 200 or not answer.get("Code"):
            raise QueryError(str(answer.get("Code") or f"http_{reply.status}"))
        return answer

    async def read_copy(self, filed: FiledVersion) -> Filing:
        copy = Filing()
        copy.CopyFrom(filed.filing)
        answer = await self._ask("GetSmsTemplate", {"TemplateCode": copy.template_code})
        if answer["Code"] == NO_SUCH_TEMPLATE:
            copy.state = Filing.STATE_REFUSED
            return copy
        text, state = answer.get("TemplateContent"), TEMPLATE_STATES.get(str(answer.get("TemplateStatus")))
        if answer["Code"] != OK or not text or state is None:
            raise QueryError(str(answer["Code"]))
        copy.registered_text, copy.state = str(text)[:MAX_COPY], state
        return copy

    def _record(self, lookup: Lookup, detail: Mapping[str, Any]) -> Receipt:
        code = str(detail.get("ErrCode") or "")
        status = positive(detail.get("SendStatus"))
        return Receipt(
            carrier_id=self.carrier_id,
            attempt_id=lookup.attempt_id,
            carrier_message_id=lookup.carrier_message_id,
            phone_number=lookup.phone_number,
            carrier_code=code[:128],
            delivered=status == SEND_STATUS_DELIVERED,
            pending=status not in (SEND_STATUS_FAILED, SEND_STATUS_DELIVERED),
            number_dead=code in aliyun_codes.NUMBER_DEAD,
        )

    async def _call(self, action: str, parameters: Mapping[str, str], write_before: float = float("inf")) -> HttpReply:
        url, headers = signed_request(self._account, action, parameters, datetime.now(UTC), uuid.uuid4().hex)
        return await post(self._session, url, headers, b"", write_before=write_before)

    def parse_receipts(self, body: bytes, headers: Mapping[str, str]) -> list[Receipt]:  # noqa: ARG002 - the seam's
        return [self._receipt(item) for item in items(body)]

    def _receipt(self, item: Mapping[str, Any]) -> Receipt:
        code = str(item.get("err_code") or "")
        delivered = item.get("success") is True
        return Receipt(
            carrier_id=self.carrier_id,
            attempt_id=str(item.get("out_id") or "")[:64],
            carrier_message_id=str(item.get("biz_id") or "")[:128],
            phone_number=bare(str(item.get("phone_number") or "")),
            carrier_code=code[:128],
            segments=positive(item.get("sms_size")),
            delivered=delivered,
            pending=not delivered and code in aliyun_codes.RECEIPT_PENDING,
            number_dead=not delivered and code in aliyun_codes.NUMBER_DEAD,
        )

    def parse_replies(self, body: bytes, headers: Mapping[str, str]) -> list[Reply]:  # noqa: ARG002 - the seam's
        return [
            Reply(
                self.carrier_id,
                str(item.get("phone_number") or ""),
                str(item.get("content") or ""),
                str(item.get("sequence_id") or ""),
            )
            for item in items(body)
        ]
