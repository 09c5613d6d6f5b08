"""What each of Aliyun's codes means for the message (vendor's error centre; the grouping is ours, docs/carriers.md)."""

from __future__ import annotations

from sms_service.carriers.seam import NOT_SENT, REFUSED, UNKNOWN, SendResult

NUMBER_LIMIT = "isv.BUSINESS_LIMIT_CONTROL"
"""Too many to one number. The message names the window in words: 触发分钟级流控, 小时级, 天级."""
WINDOWS_MS = {"分钟": 60_000, "小时": 3_600_000, "天": 86_400_000}
LONGEST_WINDOW_MS = 86_400_000
CHANNEL_THROTTLED = "Throttling"
THROTTLE_PAUSE_MS = 1_000
HALT_PAUSE_MS = 60_000

HALTS = frozenset({
    "isv.AMOUNT_NOT_ENOUGH",
    "isv.OUT_OF_SERVICE",
    "isv.DAY_LIMIT_CONTROL",
    "isv.MONTH_LIMIT_CONTROL",
    "isv.ACCOUNT_NOT_EXISTS",
    "isv.ACCOUNT_ABNORMAL",
    "isv.SECURITY_FROZEN_ACCOUNT",
    "isv.PRODUCT_UN_SUBSCRIPT",
    "isv.PRODUCT_UNSUBSCRIBE",
    "isp.RAM_PERMISSION_DENY",
    "isv.DENY_IP_RANGE",
    "InvalidAccessKeyId.NotFound",
    "SignatureDoesNotMatch",
    # Refused before anything was looked at, as every message will be until our clock is set right.
    "InvalidTimeStamp.Expired",
})  # fmt: skip

REFUSES = frozenset({
    # for the template or signature
    "isv.SMS_TEMPLATE_ILLEGAL",
    "isv.SMS_SIGNATURE_ILLEGAL",
    "isv.SMS_SIGN_ILLEGAL",
    "isv.SIGN_STATE_ILLEGAL",
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
    "isv.SMS_CONTENT_ILLEGAL",
    "isv.SMS_CONTENT_MISMATCH_TEMPLATE_TYPE",
    "isv.SIGN_SOURCE_ILLEGAL",
    "isv.EXTEND_CODE_ERROR",
    "isv.ONE_CODE_MULTIPLE_SIGN",
    # for the message
    "isv.MOBILE_NUMBER_ILLEGAL",
    "isv.MOBILE_COUNT_OVER_LIMIT",
    "isv.TEMPLATE_MISSING_PARAMETERS",
    "isv.TEMPLATE_PARAMS_ILLEGAL",
    "isv.INVALID_JSON_PARAM",
    "isv.INVALID_PARAMETERS",
    "isv.PARAM_LENGTH_LIMIT",
    "isv.PARAM_NOT_SUPPORT_URL",
    "isv.BLACK_KEY_CONTROL_LIMIT",
    "isv.UNSUPPORTED_CONTENT",
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
})  # fmt: skip

RECEIPT_PENDING = frozenset({"REQUEST_SUCCESS", "SP_UNKNOWN_ERROR"})
"""Receipts that tell nothing final: the operator has not said."""

NUMBER_DEAD = frozenset({"INVALID_NUMBER"})
"""MOBILE_NOT_ON_SERVICE is not here: it also stands for a handset that is switched off."""


def outcome(status: int, code: str, message: str, retry_after_ms: int) -> SendResult:
    """The outcome of a reply other than OK. Codes that nobody listed tell nothing, and are kept as they are.

    `retry_after_ms` is the reply's x-acs-retry-after, or 0. A 5xx may come from behind the sending, so that it tells
    something only where it names the throttle.
    """
    if code.startswith(CHANNEL_THROTTLED) or (retry_after_ms and status < 500):
        pause_ms = retry_after_ms or THROTTLE_PAUSE_MS
        return SendResult(NOT_SENT, code, retry_after_ms=pause_ms, pause_ms=pause_ms)
    if status >= 500:
        return SendResult(UNKNOWN, code)
    if code == NUMBER_LIMIT:
        window_ms = next((ms for word, ms in WINDOWS_MS.items() if word in message), LONGEST_WINDOW_MS)
        return SendResult(NOT_SENT, code, retry_after_ms=window_ms)
    if code in HALTS:
        return SendResult(NOT_SENT, code, retry_after_ms=HALT_PAUSE_MS, pause_ms=HALT_PAUSE_MS)
    return SendResult(REFUSED if code in REFUSES else UNKNOWN, code)
