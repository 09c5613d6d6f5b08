from __future__ import annotations

import orjson
import pytest

from outreach.v1.worker_service_pb2 import Receipt
from sms_service.carriers import tencent_codes
from sms_service.carriers.seam import NOT_SENT, REFUSED, UNKNOWN, UnreadableError
from sms_service.carriers.tencent import Tencent, TencentAccount, signed_headers

ACCOUNT = TencentAccount(
    carrier_id="tencent-demo",
    kind="tencent",
    base_url="https://sms.tencentcloudapi.com",
    rate_per_s=10.0,
    secret_id="AKID-example",
    secret_key="example-secret",
    sdk_app_id="1400000000",
)
CARRIER = Tencent(ACCOUNT)


def test_tc3_headers() -> None:
    """The date of the scope is the UTC date of the timestamp, also when it is another day in Beijing."""
    headers = signed_headers(ACCOUNT, "SendSms", b"{}", 1_795_564_799)
    assert headers["Authorization"].startswith(
        "TC3-HMAC-SHA256 Credential=AKID-example/2026-11-24/sms/tc3_request, "
        "SignedHeaders=content-type;host;x-tc-action, Signature="
    )
    assert (headers["Host"], headers["X-TC-Timestamp"]) == ("sms.tencentcloudapi.com", "1795564799")


def test_the_action_is_signed() -> None:
    """A body that was signed for one action is not signed for another."""
    signatures = {signed_headers(ACCOUNT, action, b"{}", 1)["Authorization"] for action in ("SendSms", "DeleteSmsSign")}
    assert len(signatures) == 2


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("RequestLimitExceeded", (NOT_SENT, 1000, 1000)),
        ("RequestLimitExceeded.UinLimitExceeded", (NOT_SENT, 1000, 1000)),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", (NOT_SENT, 30_000, 0)),
        ("LimitExceeded.PhoneNumberDailyLimit", (NOT_SENT, 86_400_000, 0)),
        ("LimitExceeded.AppDailyLimit", (NOT_SENT, 60_000, 60_000)),
        ("AuthFailure.SignatureExpire", (NOT_SENT, 60_000, 60_000)),
        ("AuthFailure", (NOT_SENT, 60_000, 60_000)),
        ("InternalError.RequestTimeException", (NOT_SENT, 60_000, 60_000)),
        ("InternalError.Timeout", (UNKNOWN, 0, 0)),
        ("InternalError.NobodyKnows", (UNKNOWN, 0, 0)),
        ("FailedOperation.PhoneNumberInBlacklist", (REFUSED, 0, 0)),
        ("FailedOperation.ContainSensitiveWord", (REFUSED, 0, 0)),
        ("FailedOperation.MarketingSendTimeConstraint", (NOT_SENT, 3_600_000, 0)),
        ("ok", (UNKNOWN, 0, 0)),
        ("Something.New", (UNKNOWN, 0, 0)),
    ],
)
def test_codes(code: str, expected: tuple[int, int, int]) -> None:
    """A code's group decides outcome, the message's wait and the channel's pause; the code is kept verbatim."""
    result = tencent_codes.outcome(code)
    assert result.code == code
    assert (result.outcome, result.retry_after_ms, result.pause_ms) == expected


def push(**changes: object) -> bytes:
    item = {
        "user_receive_time": "2026-11-24 16:00:05",
        "nationcode": "86",
        "mobile": "13800000001",
        "report_status": "SUCCESS",
        "errmsg": "DELIVRD",
        "description": "用户短信送达成功",
        "sid": "8:abc",
        "ext": "01ATTEMPT",
    }
    return orjson.dumps([item | changes])


def test_a_delivered_receipt() -> None:
    """The callback's fields become a receipt."""
    assert CARRIER.parse_receipts(push(), {}) == [
        Receipt(
            carrier_id="tencent-demo",
            attempt_id="01ATTEMPT",
            carrier_message_id="8:abc",
            delivered=True,
            carrier_code="DELIVRD",
            phone_number="13800000001",
        )
    ]


@pytest.mark.parametrize(
    ("status", "code", "pending", "dead"),
    [
        ("FAIL", "MK:0001", False, True),
        ("FAIL", "UNDELIV", False, False),
        ("FAIL", "NEVER:1", False, False),
        ("ACCEPT", "ACCEPTD", True, False),
    ],
)
def test_undelivered_receipts(status: str, code: str, pending: bool, dead: bool) -> None:
    """FAIL is final, any other word tells nothing; operators' codes are kept verbatim."""
    (receipt,) = CARRIER.parse_receipts(push(report_status=status, errmsg=code), {})
    assert (receipt.delivered, receipt.pending, receipt.number_dead) == (False, pending, dead)
    assert receipt.carrier_code == code


def test_a_receipt_without_ext_keeps_the_carriers_id() -> None:
    """Tencent returns our id only if support enabled it: SerialNo and number are left to match by."""
    item = orjson.loads(push())
    del item[0]["ext"]
    (receipt,) = CARRIER.parse_receipts(orjson.dumps(item), {})
    assert (receipt.attempt_id, receipt.carrier_message_id) == ("", "8:abc")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff", b"<html>"])
def test_unreadable_receipts(body: bytes) -> None:
    """What is not an array of objects is unreadable."""
    with pytest.raises(UnreadableError, match="JSON"):
        CARRIER.parse_receipts(body, {})


def test_a_reply() -> None:
    """One object; it has no id, so the same number, time and text have the same one, and no other."""
    fields = {"extend": "", "mobile": "13800000001", "nationcode": "86", "sign": "示例银行", "text": "TD", "time": 1}
    (reply,) = CARRIER.parse_replies(orjson.dumps(fields), {})
    assert (reply.phone_number, reply.text) == ("13800000001", "TD")
    assert CARRIER.parse_replies(orjson.dumps(fields), {}) == [reply]
    assert CARRIER.parse_replies(orjson.dumps(fields | {"time": 2}), {}) != [reply]
    for body in (b"[]", b"", b"{}"):
        with pytest.raises(UnreadableError):
            CARRIER.parse_replies(body, {})


def test_secrets_are_not_shown() -> None:
    """An account that is printed shows no secret."""
    assert "example-secret" not in repr(ACCOUNT)
