"""What each of Tencent's codes means for the message (names from the vendor's SDK; the grouping is ours,
docs/carriers.md)."""

from __future__ import annotations

from sms_service.carriers.seam import NOT_SENT, REFUSED, UNKNOWN, SendResult

CHANNEL_THROTTLED = "RequestLimitExceeded"
AUTHENTICATION = "AuthFailure"
THROTTLE_PAUSE_MS = 1_000
HALT_PAUSE_MS = 60_000

WAITS_MS = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30_000,
    "LimitExceeded.PhoneNumberOneHourLimit": 3_600_000,
    "LimitExceeded.DeliveryFrequencyLimit": 3_600_000,
    # By the calendar day: 24 h later is the next day.
    "LimitExceeded.PhoneNumberDailyLimit": 86_400_000,
    "LimitExceeded.PhoneNumberSameContentDailyLimit": 86_400_000,
    # Marketing templates leave from 08:00 to 22:00.
    "FailedOperation.MarketingSendTimeConstraint": 3_600_000,
}
"""Not taken for this number now; the message waits so long."""

HALTS = frozenset({
    "LimitExceeded.AppDailyLimit",
    "LimitExceeded.AppMainlandChinaDailyLimit",
    "FailedOperation.InsufficientBalanceInSmsPackage",
    "UnauthorizedOperation.ServiceSuspendDueToArrears",
    "UnauthorizedOperation.SdkAppIdIsDisabled",
    "UnauthorizedOperation.SmsSdkAppIdVerifyFail",
    "UnauthorizedOperation.RequestIpNotInWhitelist",
    "UnauthorizedOperation.RequestPermissionDeny",
    # Our clock is wrong, as for every message until it is set right.
    "InternalError.RequestTimeException",
})  # fmt: skip

REFUSES = frozenset({
    # for the number
    "InvalidParameterValue.IncorrectPhoneNumber",
    "FailedOperation.PhoneNumberInBlacklist",
    "FailedOperation.PhoneNumberParseFail",
    "LimitExceeded.PhoneNumberCountLimit",
    # for content, template or signature
    "FailedOperation.ContainSensitiveWord",
    "FailedOperation.SignatureIncorrectOrUnapproved",
    "FailedOperation.TemplateIncorrectOrUnapproved",
    "FailedOperation.TemplateUnapprovedOrNotExist",
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
    "InvalidParameterValue.ContentLengthLimit",
    "InvalidParameterValue.TemplateParameterLengthLimit",
    "InvalidParameterValue.TemplateParameterFormatError",
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
})  # fmt: skip


def halts(code: str) -> bool:
    """True if no message would be taken until somebody has looked at the account, or at our clock."""
    return code in HALTS or code.partition(".")[0] == AUTHENTICATION


def outcome(code: str) -> SendResult:
    """The outcome of a code other than Ok, of the request or of the one number in it.

    Codes that nobody listed tell nothing, and are kept as they are; so do those of InternalError.
    """
    if code.partition(".")[0] == CHANNEL_THROTTLED:
        return SendResult(NOT_SENT, code, retry_after_ms=THROTTLE_PAUSE_MS, pause_ms=THROTTLE_PAUSE_MS)
    if code in WAITS_MS:
        return SendResult(NOT_SENT, code, retry_after_ms=WAITS_MS[code])
    if halts(code):
        return SendResult(NOT_SENT, code, retry_after_ms=HALT_PAUSE_MS, pause_ms=HALT_PAUSE_MS)
    return SendResult(REFUSED if code in REFUSES else UNKNOWN, code)
