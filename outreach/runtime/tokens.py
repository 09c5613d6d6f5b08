"""Who is calling: signed tokens and client certificates at the public edge, and the verified principal that the gateway
hands on.

A token is a JWT signed with Ed25519 (EdDSA): iss and sub name the caller, aud is outreach-gateway, exp lies at most
10 minutes after iat, jti is its id; employee, team, roles and banks are what the caller vouches for. With a client
certificate instead of a token, the metadata outreach-employee and outreach-team say for whom the caller asks, and roles
and banks are all that it is registered for. The registry <state_dir>/callers.yaml says what each caller may claim:

    callers:
      case-system-1:
        active: true
        public_keys: ["<base64 of the 32 raw bytes>"]   # several, for rotation; none with certificates alone
        certificates: [cases.agency.example]            # names of its client certificates, if it has any
        roles: [case_system]
        banks: [demo-bank]                              # "*" for all
        requests_per_second: 500
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from google.protobuf.message import DecodeError

from outreach.domain.callers import require_active
from outreach.domain.errors import Kind, Refusal, denied
from outreach.domain.ids import new_id
from outreach.runtime.client_certificates import ClientCertificates
from outreach.runtime.config import SettingError
from outreach.runtime.file_stamps import Stamps, stamps
from outreach.runtime.logs import EventLogger
from outreach.v1.common_pb2 import Principal
from outreach.validation import violations

AUDIENCE = "outreach-gateway"
MAX_LIFE_S = 600
LEEWAY_S = 5
ALL_BANKS = "*"
PRINCIPAL_KEY = "outreach-principal-bin"
EMPLOYEE_KEY, TEAM_KEY, AUTH_TIME_KEY = "outreach-employee", "outreach-team", "outreach-auth-time"
_log = EventLogger("tokens")
_RELOAD_S = 1.0
_MAX_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """A registered caller and what its tokens may claim."""

    caller_id: str
    public_keys: tuple[Ed25519PublicKey, ...]
    certificates: frozenset[str]
    roles: frozenset[str]
    banks: frozenset[str]
    requests_per_second: float
    active: bool


class Issuer:
    """A caller's side: signs tokens, and uses each again until it is near its end."""

    def __init__(self, caller_id: str, key: Ed25519PrivateKey, life_s: int = MAX_LIFE_S) -> None:
        self._caller_id = caller_id
        self._key = key
        self._life_s = life_s
        self._issued: dict[tuple[str, str, tuple[str, ...], tuple[str, ...], int], tuple[float, str]] = {}

    def token(
        self, employee: str, team: str, roles: Iterable[str], banks: Iterable[str], authenticated_s: float = 0.0
    ) -> str:
        """`authenticated_s`: when the employee last proved who they are, in seconds since 1970; 0 if nobody knows."""
        claims = (employee, team, tuple(roles), tuple(banks), int(authenticated_s))
        now = time.time()
        end, token = self._issued.get(claims, (0.0, ""))
        if now > end - self._life_s / 5:
            end, token = now + self._life_s, self._sign(*claims, now=int(now))
            self._issued = {key: kept for key, kept in self._issued.items() if kept[0] > now} | {claims: (end, token)}
        return token

    def metadata(
        self, employee: str, team: str, roles: Iterable[str], banks: Iterable[str], authenticated_s: float = 0.0
    ) -> tuple[tuple[str, str], ...]:
        """The metadata of a call that carries such a token."""
        return (("authorization", f"Bearer {self.token(employee, team, roles, banks, authenticated_s)}"),)

    def _sign(
        self, employee: str, team: str, roles: tuple[str, ...], banks: tuple[str, ...], authenticated_s: int, now: int
    ) -> str:
        claims = {
            "iss": self._caller_id,
            "sub": self._caller_id,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + self._life_s,
            "jti": new_id(),
            "employee": employee,
            "team": team,
            "roles": list(roles),
            "banks": list(banks),
        } | ({"auth_time": authenticated_s} if authenticated_s else {})
        return jwt.encode(claims, self._key, algorithm="EdDSA")


class Verifier:
    """The gateway's side: checks tokens and certificates against the registry, which it reads again when the file
    changes."""

    def __init__(self, registry: Path) -> None:
        self._path = registry
        self._certificates = ClientCertificates(registry.parent)
        self._verified: dict[str, tuple[float, Principal]] = {}
        self._deactivated: frozenset[str] = frozenset()
        self._stamps: Stamps = ()
        self._checked_at = time.monotonic()
        self._callers = read_callers(registry)

    def caller(self, caller_id: str) -> Caller:
        """A caller whose token was verified."""
        return self._callers[caller_id]

    def callers(self) -> list[Caller]:
        """All that are registered now, by their ids."""
        self._reload()
        return [caller for _, caller in sorted(self._callers.items())]

    def certificate_end(self, caller: Caller) -> float:
        """When the caller's certificate ends, as it showed one last, in seconds since 1970; 0 if it showed none."""
        return self._certificates.end_of(caller.certificates)

    def deactivate(self, caller_ids: Iterable[str]) -> None:
        """Lets these callers through no more, and all others again: the authority tells which are shut out."""
        self._deactivated = frozenset(caller_ids)

    def recheck(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Raises Refusal if a stream that was opened with this context's proof may not go on. That its token has ended
        since does not end it."""
        if _bearer(context) is None:
            self.principal_of(context)
        else:
            self._reload()
            caller_id = self.named(context)
            _require_registered(self._callers.get(caller_id))
            require_active(caller_id, self._deactivated)

    def principal_of(self, context: grpc.aio.ServicerContext[Any, Any]) -> Principal:
        """Who makes this call: by its `authorization: Bearer` metadata, or else by the client's certificate, which only
        the port that asks for one has. Raises Refusal UNAUTHENTICATED.
        """
        token = _bearer(context)
        if token is not None:
            return self.verify(token)
        shown = context.auth_context().get("x509_pem_cert", ())
        if shown:
            return self._principal_of_certificate(next(iter(shown)), context)
        raise _unauthenticated(
            "缺少令牌，请附带元数据 `authorization: Bearer <令牌>`。No token: send that metadata.", "TOKEN_MISSING"
        )

    def verify(self, token: str) -> Principal:
        """The principal of a token. Raises Refusal: UNAUTHENTICATED, or PERMISSION_DENIED for claims too wide and for a
        caller that is shut out."""
        self._reload()
        end, principal = self._verified.get(token, (0.0, None))
        if principal is None or time.time() >= end:
            claims = self._claims(token)
            principal = _principal(claims, self._callers[claims["iss"]])
            if len(self._verified) >= _MAX_CACHED:
                self._verified.clear()
            self._verified[token] = (float(claims["exp"]), principal)
        require_active(principal.caller_id, self._deactivated)
        return principal

    def named(self, context: grpc.aio.ServicerContext[Any, Any]) -> str:
        """For the log: the registered caller that a call names, whether or not it proves to be it; or nothing."""
        token = _bearer(context)
        try:
            if token is not None:
                named = jwt.decode(token, options={"verify_signature": False}).get("iss")
                return named if isinstance(named, str) and named in self._callers else ""
            shown = context.auth_context().get("x509_pem_cert", ())
            caller = self._holder(self._certificates.names(next(iter(shown)))) if shown else None
            return caller.caller_id if caller else ""
        except (jwt.PyJWTError, ValueError, Refusal):
            return ""

    def _principal_of_certificate(self, pem: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> Principal:
        self._reload()
        caller = _require_registered(self._holder(self._certificates.names(pem)))
        require_active(caller.caller_id, self._deactivated)
        given = {key: str(value) for key, value in context.invocation_metadata() or ()}
        principal = Principal(
            caller_id=caller.caller_id,
            employee_id=given.get(EMPLOYEE_KEY, ""),
            team=given.get(TEAM_KEY, ""),
            roles=sorted(caller.roles),
            bank_ids=sorted(caller.banks),
        )
        broken = violations(principal)
        if broken:
            raise _unauthenticated(
                f"元数据 {EMPLOYEE_KEY} 或 {TEAM_KEY} 不合规：{broken[0][1]}。That metadata is malformed: mend it.",
                "EMPLOYEE_INVALID",
            )
        _vouch(principal, given.get(AUTH_TIME_KEY), AUTH_TIME_KEY)
        return principal

    def _holder(self, names: frozenset[str]) -> Caller | None:
        """The caller whose certificate it is; none if it names several."""
        found = [one for one in self._callers.values() if not names.isdisjoint(one.certificates)]
        return found[0] if len(found) == 1 else None

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
            caller = _require_registered(self._callers.get(issuer) if isinstance(issuer, str) else None)
            claims = _signed_claims(token, caller.public_keys)
            life_s = int(claims["exp"]) - int(claims["iat"])
        except jwt.ExpiredSignatureError:
            raise _unauthenticated(
                "令牌已过期，请重新签发。The token is over: sign a new one.", "TOKEN_EXPIRED"
            ) from None
        except jwt.InvalidAudienceError:
            raise _unauthenticated(
                f"令牌的 aud 须为 {AUDIENCE}。The token's aud must be that.", "TOKEN_AUDIENCE"
            ) from None
        except (jwt.PyJWTError, ValueError):
            raise _unauthenticated(
                "令牌格式或签名有误，请核对私钥。The token is malformed or its signature is wrong: check the key.",
                "TOKEN_INVALID",
            ) from None
        if claims["sub"] != issuer or life_s > MAX_LIFE_S:
            raise _unauthenticated(
                f"令牌的 sub 须同 iss，有效期至多 {MAX_LIFE_S} 秒。Its sub must be its iss; it lives that long.",
                "TOKEN_INVALID",
            )
        return claims

    def _reload(self) -> None:
        now = time.monotonic()
        if now < self._checked_at + _RELOAD_S:
            return
        self._checked_at = now
        try:
            self._load()
        except (OSError, SettingError) as error:
            _log.error("registry_unreadable", error, kept="what was read before")

    def _load(self) -> None:
        found = stamps([self._path])
        if found != self._stamps:
            self._callers = read_callers(self._path)
            self._verified.clear()
            self._stamps = found


def principal_of(context: grpc.aio.ServicerContext[Any, Any]) -> Principal:
    """On whose behalf the gateway calls. Only for services behind mutual TLS, where the access table lets nobody else
    call. Raises Refusal UNAUTHENTICATED.
    """
    for key, value in context.invocation_metadata() or ():
        if key == PRINCIPAL_KEY:
            try:
                return Principal.FromString(value if isinstance(value, bytes) else value.encode())
            except DecodeError:
                break
    raise _unauthenticated(f"缺少元数据 {PRINCIPAL_KEY}。The metadata is missing.", "PRINCIPAL_MISSING")


def principal_metadata(principal: Principal) -> tuple[tuple[str, bytes], ...]:
    """The metadata by which the gateway names the principal."""
    return ((PRINCIPAL_KEY, principal.SerializeToString()),)


def check_bank(principal: Principal, bank_id: str) -> None:
    """Raises Refusal unless the principal may speak of the bank."""
    if bank_id not in principal.bank_ids and ALL_BANKS not in principal.bank_ids:
        raise denied("令牌不含此银行。The token does not speak for this bank.", "BANK_NOT_ALLOWED")


def read_callers(path: Path) -> dict[str, Caller]:
    """Reads the registry. Raises SettingError that names the file or the caller at fault."""
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["callers"].items()
    except OSError as error:
        raise SettingError(f"{path} cannot be read ({error.strerror}): it must list the callers") from None
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        raise SettingError(f"{path} must be YAML with a mapping `callers` from caller id to entry") from None
    callers = {str(name): _caller(str(name), entry) for name, entry in entries}
    names = [name for caller in callers.values() for name in caller.certificates]
    if len(names) != len(set(names)):
        raise SettingError(f"{path}: two callers have a certificate of the same name; each name is one caller's")
    return callers


def public_key_text(key: Ed25519PrivateKey) -> str:
    """The public key as the registry has it."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _caller(name: str, entry: Mapping[str, Any]) -> Caller:
    try:
        if entry["requests_per_second"] <= 0:
            raise ValueError("requests_per_second must be more than 0; active: false shuts a caller out")
        certificates = frozenset(entry.get("certificates", ()))
        texts = entry.get("public_keys", ()) if certificates else entry["public_keys"]
        keys = [Ed25519PublicKey.from_public_bytes(base64.b64decode(text)) for text in texts]
        return Caller(
            name,
            tuple(keys),
            certificates,
            frozenset(entry["roles"]),
            frozenset(entry["banks"]),
            float(entry["requests_per_second"]),
            entry["active"] is True,
        )
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise SettingError(f"callers.yaml, caller {name}: {type(error).__name__} {error}") from None


def _require_registered(caller: Caller | None) -> Caller:
    """The caller, if there is one and its entry is active."""
    if caller is None or not caller.active:
        raise _unauthenticated(
            "令牌或证书的调用方未登记或已停用，请联系运维。The caller of the token or certificate is not registered or "
            "not active: ask an operator.",
            "CALLER_UNKNOWN",
        )
    return caller


def _bearer(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            scheme, _, token = str(value).partition(" ")
            if scheme.lower() == "bearer":
                return token
    return None


def _signed_claims(token: str, keys: Sequence[Ed25519PublicKey]) -> dict[str, Any]:
    """The claims, if one of the keys signed them."""
    required = ["iss", "sub", "aud", "exp", "iat", "jti"]
    for key in keys:
        try:
            return jwt.decode(
                token, key, algorithms=["EdDSA"], audience=AUDIENCE, leeway=LEEWAY_S, options={"require": required}
            )
        except jwt.InvalidSignatureError:
            continue
    raise jwt.InvalidSignatureError


def _principal(claims: Mapping[str, Any], caller: Caller) -> Principal:
    try:
        principal = Principal(
            caller_id=caller.caller_id,
            employee_id=claims.get("employee", ""),
            team=claims.get("team", ""),
            roles=claims.get("roles", ()),
            bank_ids=claims.get("banks", ()),
        )
    except TypeError:
        raise _unauthenticated(
            "令牌的 employee、team 须为字符串，roles、banks 须为其列表。Those claims are strings, and lists of them.",
            "TOKEN_INVALID",
        ) from None
    broken = violations(principal)
    if broken:
        raise _unauthenticated(
            f"令牌的 {broken[0][0]} 不合规：{broken[0][1]}。That claim is malformed: mend it.", "TOKEN_INVALID"
        )
    if not caller.roles.issuperset(principal.roles):
        raise denied(
            "令牌中有调用方未登记的角色。The token claims a role that its caller is not registered for.",
            "ROLE_NOT_REGISTERED",
        )
    if ALL_BANKS not in caller.banks and not caller.banks.issuperset(principal.bank_ids):
        raise denied(
            "令牌中有调用方未登记的银行。The token claims a bank that its caller is not registered for.",
            "BANK_NOT_REGISTERED",
        )
    _vouch(principal, claims.get("auth_time"), "auth_time")
    return principal


def _vouch(principal: Principal, auth_time: object, name: str) -> None:
    """Takes the caller's word for when the employee was last proven. Raises Refusal UNAUTHENTICATED."""
    if auth_time is None:
        return
    try:
        seconds = -1 if isinstance(auth_time, bool) else int(auth_time)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        seconds = -1
    if not 0 <= seconds <= time.time() + LEEWAY_S:
        raise _unauthenticated(
            f"{name} 须为已过去的时刻，以 1970 年以来的秒数计。It is a time that has passed, in seconds since 1970.",
            "AUTH_TIME_INVALID",
        )
    principal.authenticate_time.FromSeconds(seconds)


def _unauthenticated(message: str, reason: str) -> Refusal:
    return Refusal(Kind.UNAUTHENTICATED, message, reason=reason)
