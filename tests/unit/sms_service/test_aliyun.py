from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from outreach.v1.worker_service_pb2 import Lookup, Receipt
from sms_service.carriers import aliyun_codes
from sms_service.carriers.aliyun import Aliyun, AliyunAccount, signed_request
from sms_service.carriers.seam import NOT_SENT, REFUSED, UNKNOWN, Reply, UnreadableError

ACCOUNT = AliyunAccount(
    carrier_id="aliyun-demo",
    kind="aliyun",
    base_url="https://dysmsapi.aliyuncs.com",
    rate_per_s=10.0,
    access_key_id="LTAI-example",
    access_key_secret="example-secret",
)
CARRIER = Aliyun(ACCOUNT)


def test_v3_signature_vector() -> None:
    """The signature of a fixed request, computed by hand (openssl) from the vendor's description of V3."""
    parameters = {"PhoneNumbers": "13800000001", "TemplateParam": '{"name":"张 三*~"}', "SignName": "示例银行"}
    now = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC)
    url, headers = signed_request(ACCOUNT, "SendSms", parameters, now, "nonce-1")
    assert url == (
        "https://dysmsapi.aliyuncs.com/?PhoneNumbers=13800000001"
        "&SignName=%E7%A4%BA%E4%BE%8B%E9%93%B6%E8%A1%8C"
        "&TemplateParam=%7B%22name%22%3A%22%E5%BC%A0%20%E4%B8%89%2A~%22%7D"
    )
    assert headers["host"] == "dysmsapi.aliyuncs.com"
    assert headers["x-acs-date"] == "2026-11-24T08:00:00Z"
    assert headers["Authorization"] == (
        "ACS3-HMAC-SHA256 Credential=LTAI-example,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce;x-acs-version,"
        "Signature=666f7e722d61474a4ddf436e5d791ad666337c325308fc342e900062ddabbf2b"
    )


@pytest.mark.parametrize(
    ("status", "code", "message", "retry_after_ms", "expected"),
    [
        (200, "isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1", 0, (NOT_SENT, 60_000, 0)),
        (200, "isv.BUSINESS_LIMIT_CONTROL", "触发小时级流控Permits:5", 0, (NOT_SENT, 3_600_000, 0)),
        (200, "isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:10", 0, (NOT_SENT, 86_400_000, 0)),
        (200, "isv.BUSINESS_LIMIT_CONTROL", "?", 0, (NOT_SENT, 86_400_000, 0)),
        (400, "Throttling.User", "", 0, (NOT_SENT, 1000, 1000)),
        (503, "Throttling", "", 700, (NOT_SENT, 700, 700)),
        (400, "Whatever", "", 300, (NOT_SENT, 300, 300)),
        (503, "ServiceUnavailable", "", 300, (UNKNOWN, 0, 0)),
        (500, "isv.MOBILE_NUMBER_ILLEGAL", "", 0, (UNKNOWN, 0, 0)),
        (400, "InvalidTimeStamp.Expired", "", 0, (NOT_SENT, 60_000, 60_000)),
        (400, "SignatureNonceUsed", "", 0, (UNKNOWN, 0, 0)),
        (200, "isp.SYSTEM_ERROR", "", 0, (UNKNOWN, 0, 0)),
        (200, "isp.GATEWAY_ERROR", "", 0, (UNKNOWN, 0, 0)),
        (200, "isv.SMS_TEMPLATE_ILLEGAL", "", 0, (REFUSED, 0, 0)),
        (200, "isv.SOMETHING_NEW", "", 0, (UNKNOWN, 0, 0)),
    ],
)
def test_codes(status: int, code: str, message: str, retry_after_ms: int, expected: tuple[int, int, int]) -> None:
    """A code's group decides outcome, the message's wait and the channel's pause; the code is kept verbatim."""
    result = aliyun_codes.outcome(status, code, message, retry_after_ms)
    assert result.code == code
    assert (result.outcome, result.retry_after_ms, result.pause_ms) == expected


def _push(**changes: object) -> bytes:
    item = {
        "phone_number": "8613800000001",
        "send_time": "2026-11-24 16:00:00",
        "report_time": "2026-11-24 16:00:05",
        "success": True,
        "err_code": "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "2",
        "biz_id": "9006^0",
        "out_id": "01ATTEMPT",
    }
    return orjson.dumps([item | changes])


def test_a_delivered_receipt() -> None:
    """SmsReport's fields become a receipt, the number bare."""
    assert CARRIER.parse_receipts(_push(), {}) == [
        Receipt(
            carrier_id="aliyun-demo",
            attempt_id="01ATTEMPT",
            carrier_message_id="9006^0",
            delivered=True,
            carrier_code="DELIVERED",
            segments=2,
            phone_number="13800000001",
        )
    ]


@pytest.mark.parametrize(
    ("code", "pending", "dead"),
    [
        ("INVALID_NUMBER", False, True),
        ("MOBILE_NOT_ON_SERVICE", False, False),
        ("USER_REJECT", False, False),
        ("REQUEST_SUCCESS", True, False),
        ("SP_UNKNOWN_ERROR", True, False),
        ("NEVER_HEARD_OF", False, False),
    ],
)
def test_undelivered_receipts(code: str, pending: bool, dead: bool) -> None:
    """Codes that tell nothing final are pending; only a number that does not exist is dead; all are kept verbatim."""
    (receipt,) = CARRIER.parse_receipts(_push(success=False, err_code=code), {})
    assert (receipt.delivered, receipt.pending, receipt.number_dead) == (False, pending, dead)
    assert receipt.carrier_code == code


def test_a_receipt_without_out_id_keeps_the_carriers_id() -> None:
    """Where out_id is missing or null, the BizId and the number are left to match by."""
    (receipt,) = CARRIER.parse_receipts(_push(out_id=None), {})
    assert (receipt.attempt_id, receipt.carrier_message_id) == ("", "9006^0")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff", b'[{"out_id": "\\ud800"}]', b"<html>"])
def test_unreadable_pushes(body: bytes) -> None:
    """What is not an array of objects in valid UTF-8 is unreadable, and says so without quoting it."""
    with pytest.raises(UnreadableError, match="JSON"):
        CARRIER.parse_receipts(body, {})


@pytest.mark.parametrize("sequence_id", [12345, "12345"])
def test_replies(sequence_id: object) -> None:
    """SmsUp's sequence_id is a number in older copies and a text now: both are taken."""
    body = orjson.dumps([{"phone_number": "13800000001", "content": "退订", "sequence_id": sequence_id}])
    assert CARRIER.parse_replies(body, {}) == [Reply("aliyun-demo", "13800000001", "退订", "12345")]


def test_secrets_are_not_shown() -> None:
    """An account that is printed shows no secret."""
    assert "example-secret" not in repr(ACCOUNT)


@pytest.mark.parametrize(
    ("status", "pending", "delivered"),
    [(1, True, False), (2, False, False), (3, False, True), (None, True, False), ("?", True, False), (7, True, False)],
)
def test_only_a_known_status_of_a_record_is_final(status: object, pending: bool, delivered: bool) -> None:
    """A status that is missing, or that the vendor never described, tells nothing."""
    record = CARRIER._record(Lookup(attempt_id="A1"), {"OutId": "A1", "SendStatus": status})
    assert (record.pending, record.delivered) == (pending, delivered)
