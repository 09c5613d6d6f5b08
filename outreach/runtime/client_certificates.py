"""Client certificates of case systems: which names one stands for, and whether it has been revoked.

<state_dir>/case_systems/ca.pem holds the authorities that issue them, and the TLS layer takes no other certificate.
crl.pem beside it, if there is one, holds their revocation lists (RFC 5280, PEM, one for each authority): a certificate
whose authority has no list that is still valid is refused then. Both are read again when they change.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from outreach.domain.errors import Kind, Refusal
from outreach.runtime.file_stamps import Stamps, stamps
from outreach.runtime.logs import EventLogger

FOLDER = "case_systems"
_RELOAD_S = 1.0
_MAX_CACHED = 10_000
_PEM_LIST = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)
_log = EventLogger("client_certificates")


@dataclass(frozen=True, slots=True)
class _Shown:
    names: frozenset[str]
    issuer: x509.Name
    serial: int
    ends_s: float


@dataclass(frozen=True, slots=True)
class _RevocationList:
    serials: frozenset[int]
    ends_s: float


class ClientCertificates:
    """What certificates that TLS has verified are worth at this moment."""

    def __init__(self, state_dir: Path) -> None:
        """The folder need not be there: without it TLS verifies no certificate of a case system."""
        self._ca, self._crl = state_dir / FOLDER / "ca.pem", state_dir / FOLDER / "crl.pem"
        self._shown: dict[bytes, _Shown] = {}
        self._stamps: Stamps = ()
        self._lists: dict[x509.Name, _RevocationList] | None = None
        self._checked_at = 0.0

    def names(self, pem: bytes) -> frozenset[str]:
        """The DNS names and addresses (URI) that it was issued for; its common name if there are none. Raises Refusal
        UNAUTHENTICATED once it is over or revoked.
        """
        shown = self._shown.get(pem)
        if shown is None:
            if len(self._shown) >= _MAX_CACHED:
                self._shown.clear()
            try:
                shown = self._shown[pem] = _read(pem)
            except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
                raise _refused(
                    "证书无法读取，请重新签发。The certificate cannot be read: issue it anew.", "CERTIFICATE_INVALID"
                ) from None
        if time.time() > shown.ends_s:
            raise _refused("证书已过期，请更换。The certificate is over: use a new one.", "CERTIFICATE_EXPIRED")
        self._reload()
        if self._lists is not None:
            self._require_not_revoked(shown, self._lists)
        return shown.names

    def end_of(self, names: frozenset[str]) -> float:
        """When the newest certificate of one of these names ends, of those that were shown since the process started,
        in seconds since 1970; 0 if none was."""
        return max((one.ends_s for one in self._shown.values() if not names.isdisjoint(one.names)), default=0.0)

    def _require_not_revoked(self, shown: _Shown, lists: dict[x509.Name, _RevocationList]) -> None:
        revoked = lists.get(shown.issuer)
        if revoked is None or time.time() > revoked.ends_s:
            raise _refused(
                "吊销列表缺失或已过期，请联系运维。The revocation list is missing or over: tell the operator.",
                "REVOCATION_UNKNOWN",
            )
        if shown.serial in revoked.serials:
            raise _refused("证书已被吊销。The certificate has been revoked.", "CERTIFICATE_REVOKED")

    def _reload(self) -> None:
        now = time.monotonic()
        if self._checked_at and now < self._checked_at + _RELOAD_S:
            return
        self._checked_at = now
        try:
            if not self._crl.exists() and self._lists is None:
                return
            found = stamps([self._ca, self._crl])
            if found != self._stamps:
                self._lists = _read_lists(self._crl.read_bytes(), self._ca.read_bytes())
                self._stamps = found
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            self._lists = {} if self._lists is None else self._lists
            _log.error("revocation_list_unusable", error, kept="what was read before")


def _read(pem: bytes) -> _Shown:
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        issued_for = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [*issued_for.get_values_for_type(x509.DNSName)]
        names += issued_for.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        names = []
    common = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    ends_s = certificate.not_valid_after_utc.timestamp()
    return _Shown(frozenset(names or common), certificate.issuer, certificate.serial_number, ends_s)


def _read_lists(crl: bytes, ca: bytes) -> dict[x509.Name, _RevocationList]:
    """The lists that one of the authorities signed."""
    authorities = x509.load_pem_x509_certificates(ca)
    found = {}
    for pem in _PEM_LIST.findall(crl):
        one = x509.load_pem_x509_crl(pem)
        if not any(_is_signed_by(one, authority) for authority in authorities):
            raise ValueError("a revocation list is of none of the authorities")
        ends_s = one.next_update_utc.timestamp() if one.next_update_utc else 0.0
        found[one.issuer] = _RevocationList(frozenset(entry.serial_number for entry in one), ends_s)
    return found


def _is_signed_by(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        return crl.issuer == authority.subject and crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    except (InvalidSignature, TypeError):
        return False


def _refused(message: str, reason: str) -> Refusal:
    return Refusal(Kind.UNAUTHENTICATED, message, reason=reason)
