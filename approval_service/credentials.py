"""Passwords (argon2id, RFC 9106) and one-time codes (TOTP, RFC 6238) of people's accounts."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import quote

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from outreach.domain.errors import invalid

TOTP_STEP_S = 30
_ISSUER = "outreach-gateway"
_DRIFT_STEPS = 1
_FIRST_PASSWORD_BYTES = 12
_hasher = PasswordHasher()
_DUMMY = _hasher.hash(secrets.token_urlsafe(16))
"""What is verified where there is no account, so that the time does not tell."""


def first_password() -> str:
    return secrets.token_urlsafe(_FIRST_PASSWORD_BYTES)


def hash_password(password: str) -> str:
    """Takes tens of milliseconds on purpose: never in a writing transaction."""
    return _hasher.hash(password)


def is_password(stored: str, password: str) -> bool:
    """True if the password is the one that was hashed. `stored` is empty where there is no account."""
    try:
        return _hasher.verify(stored or _DUMMY, password) and bool(stored)
    except (VerifyMismatchError, InvalidHashError):
        return False


def require_strong(field: str, password: str, user_id: str) -> str:
    """The password, if it can be taken: INVALID_ARGUMENT for one that is short of characters or holds the name."""
    if len(set(password)) < 6 or user_id.lower() in password.lower():
        raise invalid(
            field,
            "密码过于简单：至少 6 种不同字符，且不含账号名。Too simple: use 6 different characters or more, and "
            "leave the account's name out.",
        )
    return password


def totp_secret() -> str:
    return pyotp.random_base32()


def totp_uri(secret: str, user_id: str) -> str:
    """The otpauth:// address that an authenticator app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=quote(user_id), issuer_name=_ISSUER)


def matching_step(secret: str, code: str, now_ms: int) -> int:
    """The time step whose code it is, one step of drift allowed; 0 for none. A step is good for one use."""
    totp, now_step = pyotp.TOTP(secret), now_ms // 1000 // TOTP_STEP_S
    for step in range(now_step - _DRIFT_STEPS, now_step + _DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.at(step * TOTP_STEP_S), code):
            return step
    return 0
