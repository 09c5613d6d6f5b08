from __future__ import annotations

from typing import Any

import orjson
import pytest

from outreach.v1.worker_service_pb2 import Receipt
from sms_service.carriers.bank_http import BankHttp, ReceiptMapping, ReplyMapping, Signing, signature_headers
from sms_service.carriers.seam import Reply, UnreadableError
from tests.service.sms_service.parts import bank_account


def test_signature_vectors() -> None:
    """HMAC-SHA256 over the configured payload, computed by hand (openssl), as hex and as base64."""
    given: dict[str, Any] = {"method": "POST", "path": "/sms", "timestamp": "1764000000", "nonce": "n-1"}
    body = '{"content":"您好{body}"}'.encode()
    headers = signature_headers(Signing(secret="bank-secret"), body, **given)
    assert headers == {
        "X-Signature": "f0b09b07c96096544ccab844f14f7130fff5335788ec2663272d1d9d77adf102",
        "X-Timestamp": "1764000000",
        "X-Nonce": "n-1",
    }
    other = Signing(secret="bank-secret", header="Sign", payload="{method}&{path}&{body_sha256}", encoding="base64")
    assert signature_headers(other, body, **given)["Sign"] == "TEQ5eCbAKpU3TL11VRIQgePaOmCkZWJ+kdiViEQm2/s="


def carrier(receipts: ReceiptMapping | None = None, replies: ReplyMapping | None = None) -> BankHttp:
    changes: dict[str, Any] = {"replies": replies} | ({"receipts": receipts} if receipts else {})
    return BankHttp(bank_account("http://127.0.0.1:1", **changes))


def test_receipts_by_paths() -> None:
    """A list under a path, each field by its path."""
    body = orjson.dumps(
        {"reports": [{"msgId": "A1", "messageId": 77, "mobile": "+8613800000001", "status": "DEADNUM", "segments": 3}]}
    )
    assert carrier().parse_receipts(body, {}) == [
        Receipt(
            carrier_id="bank-demo",
            attempt_id="A1",
            carrier_message_id="77",
            carrier_code="DEADNUM",
            segments=3,
            number_dead=True,
            phone_number="13800000001",
        )
    ]


@pytest.mark.parametrize(("status", "delivered", "pending"), [("DELIVRD", 1, 0), ("ACCEPTD", 0, 1), ("MK:0001", 0, 0)])
def test_receipt_codes(status: str, delivered: bool, pending: bool) -> None:
    """Delivered and pending codes are those listed; any other is not delivered, kept verbatim."""
    (receipt,) = carrier().parse_receipts(orjson.dumps({"reports": [{"msgId": "A1", "status": status}]}), {})
    assert (receipt.delivered, receipt.pending, receipt.carrier_code) == (delivered, pending, status)


def test_a_form_encoded_receipt() -> None:
    """A gateway that posts a form is read by the same mapping."""
    mapping = ReceiptMapping(code="stat", delivered_codes=("0",), attempt_id="id")
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    (receipt,) = carrier(mapping).parse_receipts(b"id=A1&stat=0", headers)
    assert (receipt.attempt_id, receipt.delivered) == ("A1", True)


@pytest.mark.parametrize("body", [b"", b"[]x", b'{"reports": 5}', b'{"other": []}', b'{"reports": [{"msgId": "A1"}]}'])
def test_unreadable_pushes(body: bytes) -> None:
    """A body without the configured list, or a receipt without its code, is unreadable."""
    with pytest.raises(UnreadableError):
        carrier().parse_receipts(body, {})


def test_replies() -> None:
    """Replies are read by their own mapping; an account without one cannot read them."""
    body = b'{"from": "13800000001", "msg": "N", "id": 9}'
    mapping = ReplyMapping(phone_number="from", text="msg", reply_id="id")
    assert carrier(replies=mapping).parse_replies(body, {}) == [Reply("bank-demo", "13800000001", "N", "9")]
    with pytest.raises(UnreadableError):
        carrier().parse_replies(body, {})
