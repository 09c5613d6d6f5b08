"""A local certificate authority, one certificate per service, and the gRPC credentials made of them.

Services know one another by the common name of their certificates. Files lie in <state_dir>/tls: ca.pem, ca.key, and
<service>.pem, <service>.key. A deployment that has its own authority puts its files there instead. ca.pem may hold
several authorities, all trusted, of which the first one issues: so one follows another without a gap.
"""

from __future__ import annotations

import secrets
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from outreach.runtime.secret_files import write_private
from outreach.runtime.tls_files import Material, TlsFiles

CA_LIFE = timedelta(days=3650)
CERTIFICATE_LIFE = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)


def ensure_local_ca(state_dir: Path) -> None:
    """Makes the local authority unless one is there that is valid for 30 days more. An older one stays trusted until
    it ends; what it issued is made anew when ensured.
    """
    path = _certificate_path(state_dir, "ca")
    if _is_valid(path):
        return
    older = x509.load_pem_x509_certificates(path.read_bytes()) if path.exists() else []
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Outreach local CA {secrets.token_hex(4)}")  # its own, so that chains are told apart by names
    builder = _builder(name, name, key.public_key(), CA_LIFE).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())
    trusted = [one for one in older if one.not_valid_after_utc > datetime.now(UTC)]
    _write(state_dir, "ca", key, certificate, *trusted)


def ensure_certificate(state_dir: Path, service: str) -> None:
    """Makes the service's certificate unless one of the present authority is there and valid for 30 days more."""
    authority = _load(_certificate_path(state_dir, "ca"))
    path = _certificate_path(state_dir, service)
    if _is_valid(path) and _is_issued_by(_load(path), authority):
        return
    authority_key = serialization.load_pem_private_key(_key_path(state_dir, "ca").read_bytes(), None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise TypeError("ca.key is no elliptic-curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(service), x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _builder(_name(service), authority.subject, key.public_key(), CERTIFICATE_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write(state_dir, service, key, certificate)


def ca_certificate(state_dir: Path) -> bytes:
    """The authority's certificate (PEM), which callers of the public edge need."""
    return _certificate_path(state_dir, "ca").read_bytes()


def server_credentials(state_dir: Path, service: str, *, require_client: bool) -> grpc.ServerCredentials:
    """Mutual TLS among services (`require_client`), plain server TLS at the public edge. New connections get what the
    files hold then.
    """
    return renewing_server_credentials(service_files(state_dir, service), require_client=require_client)


def renewing_server_credentials(files: TlsFiles, *, require_client: bool) -> grpc.ServerCredentials:
    """A server's side; clients that must have a certificate need one of the files' authorities."""
    given = files.current()

    def configuration() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(given.key, given.chain)], root_certificates=given.roots if require_client else None
        )

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal given
        material = files.current()
        if material is given:
            return None
        given = material
        return configuration()

    return grpc.dynamic_ssl_server_credentials(configuration(), fetch, require_client)  # type: ignore[arg-type]  # None: unchanged


def service_files(state_dir: Path, service: str) -> TlsFiles:
    """The files of one service of this installation. Raises OSError or ValueError."""
    return TlsFiles(_certificate_path(state_dir, "ca"), *certificate_files(state_dir, service))


def channel_credentials(state_dir: Path, service: str | None = None) -> grpc.ChannelCredentials:
    """A client's side: as a service with its certificate, or as a caller of the public edge without one."""
    files = service_files(state_dir, service) if service else TlsFiles(_certificate_path(state_dir, "ca"))
    return credentials_of(files.current())


def credentials_of(material: Material) -> grpc.ChannelCredentials:
    """A client's side."""
    return grpc.ssl_channel_credentials(material.roots, material.key or None, material.chain or None)


def client_context(state_dir: Path) -> ssl.SSLContext:
    """A client's side outside of gRPC: trusts this authority, and no other."""
    return ssl.create_default_context(cafile=_certificate_path(state_dir, "ca"))


def certificate_files(state_dir: Path, service: str) -> tuple[Path, Path]:
    """The files of a service's key and certificate, for servers that read them themselves."""
    return _key_path(state_dir, service), _certificate_path(state_dir, service)


def _certificate_path(state_dir: Path, name: str) -> Path:
    return state_dir / "tls" / f"{name}.pem"


def _key_path(state_dir: Path, name: str) -> Path:
    return state_dir / "tls" / f"{name}.key"


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + life)
    )


def _write(state_dir: Path, name: str, key: ec.EllipticCurvePrivateKey, *certificates: x509.Certificate) -> None:
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(_key_path(state_dir, name), encoded)
    bundle = b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)
    write_private(_certificate_path(state_dir, name), bundle)


def _load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _is_valid(path: Path) -> bool:
    return path.exists() and _load(path).not_valid_after_utc - datetime.now(UTC) > RENEW_BEFORE


def _is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 any failure means the same: make it anew
        return False
    return True
