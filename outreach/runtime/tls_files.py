"""The files of a service's key, certificate and trusted authorities, read again when they change.

They may be replaced at any moment, by cert-manager's swapped symlink or by a local authority that renews, one file
after the other: what cannot be read, or does not fit together, is not used, and what was read before is kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from outreach.runtime.file_stamps import stamps
from outreach.runtime.logs import EventLogger

CHECK_S = 1.0
"""How often the files are looked at, at most."""
_log = EventLogger("tls")


@dataclass(frozen=True, slots=True)
class Material:
    """What the files hold, in PEM. Key and chain are empty for a caller without a certificate."""

    roots: bytes
    key: bytes = b""
    chain: bytes = b""


class TlsFiles:
    """Safe to use in several threads."""

    def __init__(self, roots: Path, key: Path | None = None, chain: Path | None = None) -> None:
        """Raises OSError or ValueError for files that are not there, or not what they should be."""
        self._roots, self._key, self._chain = roots, key, chain
        self._stamps = stamps(self._paths())
        self._material = self._read()
        self._looked_at = time.monotonic()
        self._unusable = False

    def current(self) -> Material:
        """The same object as long as nothing changes."""
        now = time.monotonic()
        if now >= self._looked_at + CHECK_S:
            self._looked_at = now
            try:
                self._renew()
                self._unusable = False
            except (OSError, ValueError) as error:
                if not self._unusable:
                    _log.error("certificate_unusable", error, kept="what was read before")
                self._unusable = True
        return self._material

    def _renew(self) -> None:
        found = stamps(self._paths())
        if found == self._stamps:
            return
        material = self._read()
        if found != stamps(self._paths()):
            return  # they are being replaced just now: the next look finds them whole
        self._stamps = found
        if material != self._material:
            self._material = material
            _log.info("certificate_renewed", ends=_end(material.chain or material.roots))

    def _paths(self) -> Iterable[Path]:
        return (path for path in (self._roots, self._key, self._chain) if path is not None)

    def _read(self) -> Material:
        roots = self._roots.read_bytes()
        x509.load_pem_x509_certificates(roots)
        if self._key is None or self._chain is None:
            return Material(roots)
        key, chain = self._key.read_bytes(), self._chain.read_bytes()
        certificate = x509.load_pem_x509_certificates(chain)[0]
        if load_pem_private_key(key, None).public_key() != certificate.public_key():
            raise ValueError("the certificate is not of the key")
        return Material(roots, key, chain)


def _end(pem: bytes) -> str:
    return x509.load_pem_x509_certificates(pem)[0].not_valid_after_utc.isoformat()
