"""Case systems that show a client certificate instead of a token, over real TLS; and what becomes of a bad one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from gateway.main import gateway
from outreach.domain.errors import Refusal
from outreach.runtime import client_certificates, tls, tokens
from outreach.runtime.client import open_channel
from outreach.runtime.config import SettingError
from outreach.runtime.errors import refusal_of
from outreach.v1.outreach_service_pb2 import CancelRequest, CancelResponse, WatchRequest, WatchResponse
from tests.service.gateway.conftest import FakeAuthority, as_caller, settings_for

CANCEL = "/outreach.v1.OutreachService/Cancel"
WATCH = "/outreach.v1.OutreachService/Watch"
NAME, STRANGER = "cases.agency.example", "others.agency.example"
CLERK = (("outreach-employee", "e-1001"), ("outreach-team", "north"))
PATIENCE_S = 30.0
SOON_S = 1.1
"""After so long a changed file is known."""


def register(state_dir: Path, **changes: Any) -> None:
    """A caller with a certificate and no key, beside those of the fixture."""
    path = state_dir / "callers.yaml"
    document = yaml.safe_load(path.read_text())
    document["callers"]["certified"] = {
        "active": True,
        "certificates": [NAME],
        "roles": ["case_system"],
        "banks": ["demo-bank"],
        "requests_per_second": 1000,
        **changes,
    }
    path.write_text(yaml.safe_dump(document))


def issue(folder: Path, name: str) -> None:
    """A certificate of the authority in that folder, which is made first."""
    tls.ensure_local_ca(folder)
    tls.ensure_certificate(folder, name)


@pytest.fixture
def issuer(state_dir: Path, tmp_path: Path) -> Path:
    """The authority of case systems, which the gateway knows, and a certificate of it."""
    folder = tmp_path / "issuer"
    issue(folder, NAME)
    (state_dir / client_certificates.FOLDER).mkdir()
    (state_dir / client_certificates.FOLDER / "ca.pem").write_bytes(tls.ca_certificate(folder))
    register(state_dir)
    return folder


@pytest.fixture
async def port(state_dir: Path, issuer: Path, authority: FakeAuthority) -> AsyncIterator[int]:
    settings = replace(settings_for(state_dir, authority.address), certificate_address="127.0.0.1:0")
    async with gateway(settings) as running:
        yield running.certificate_port


def channel(state_dir: Path, port: int, folder: Path | None, name: str = NAME) -> grpc.aio.Channel:
    """To the port, trusting the gateway's authority; with a certificate that lies in the folder, if one is named."""
    pair = [path.read_bytes() for path in tls.certificate_files(folder, name)] if folder else [None, None]
    return open_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(tls.ca_certificate(state_dir), *pair))


async def cancel(opened: grpc.aio.Channel, bank: str = "demo-bank", metadata: Any = CLERK) -> CancelResponse:
    rpc: Any = opened.unary_unary(
        CANCEL, request_serializer=CancelRequest.SerializeToString, response_deserializer=CancelResponse.FromString
    )
    request = CancelRequest(bank_id=bank, account_number="6222000000001", reason="paid")
    response: CancelResponse = await rpc(request, timeout=3, metadata=metadata)
    return response


async def refusal(opened: grpc.aio.Channel, **options: Any) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await cancel(opened, **options)
    return refusal_of(raised.value)


async def test_a_certificate_names_the_caller_and_the_call_the_clerk(
    state_dir: Path, issuer: Path, port: int, authority: FakeAuthority
) -> None:
    """With the roles and banks that the caller is registered for."""
    async with channel(state_dir, port, issuer) as opened:
        assert list((await cancel(opened)).cancelled_ids) == ["1"]
        principal, _ = authority.forwarded[0]
        assert (principal.caller_id, principal.employee_id, principal.team) == ("certified", "e-1001", "north")
        assert (list(principal.roles), list(principal.bank_ids)) == (["case_system"], ["demo-bank"])
        assert (await refusal(opened, bank="other-bank")).reason == "BANK_NOT_ALLOWED"
        malformed = (("outreach-employee", "two words"),)
        assert (await refusal(opened, metadata=malformed)).reason == "EMPLOYEE_INVALID"


async def test_who_shows_no_good_certificate_does_not_connect(
    state_dir: Path, issuer: Path, port: int, tmp_path: Path
) -> None:
    """None at all, one of a stranger's authority under the right name, and one of our own services."""
    issue(tmp_path / "stranger", NAME)
    wrong = ((None, NAME), (tmp_path / "stranger", NAME), (state_dir, "gateway"))
    for folder, name in wrong:
        async with channel(state_dir, port, folder, name) as opened:
            assert (await refusal(opened)).kind == "UNAVAILABLE"


async def test_a_name_that_nobody_has_is_refused(state_dir: Path, issuer: Path, port: int) -> None:
    """The authority issues to others as well."""
    issue(issuer, STRANGER)
    async with channel(state_dir, port, issuer, STRANGER) as opened:
        assert (await refusal(opened)).reason == "CALLER_UNKNOWN"


async def test_a_certificate_that_names_two_callers_is_nobodys(state_dir: Path, issuer: Path, port: int) -> None:
    """Every certificate here is for localhost, too."""
    document = yaml.safe_load((state_dir / "callers.yaml").read_text())
    document["callers"]["another"] = {**document["callers"]["certified"], "certificates": ["localhost"]}
    (state_dir / "callers.yaml").write_text(yaml.safe_dump(document))
    await asyncio.sleep(SOON_S)
    async with channel(state_dir, port, issuer) as opened:
        assert (await refusal(opened)).reason == "CALLER_UNKNOWN"


async def test_a_clerk_s_name_alone_is_worth_nothing(state_dir: Path, issuer: Path, authority: FakeAuthority) -> None:
    """At the port of tokens nobody is asked for a certificate, and the metadata says nothing."""
    async with (
        gateway(settings_for(state_dir, authority.address)) as running,
        channel(state_dir, running.grpc_port, issuer) as opened,
    ):
        assert running.certificate_port == 0
        assert (await refusal(opened)).reason == "TOKEN_MISSING"
        assert (await refusal(opened, metadata=(*CLERK, ("outreach-roles", "operator")))).reason == "TOKEN_MISSING"
    assert not authority.forwarded


async def test_a_token_at_the_port_of_certificates_speaks_for_itself(
    state_dir: Path, issuer: Path, port: int, authority: FakeAuthority
) -> None:
    """It is verified as everywhere; the certificate gives it nothing, nor does the metadata."""
    async with channel(state_dir, port, issuer) as opened:
        await cancel(opened, metadata=(*as_caller("cases"), ("outreach-employee", "e-9")))
        assert authority.forwarded[0][0].caller_id == "cases"
        assert authority.forwarded[0][0].employee_id == "e-1001"
        assert (await refusal(opened, metadata=(("authorization", "Bearer x.y.z"), *CLERK))).reason == "TOKEN_INVALID"


async def test_a_deactivated_caller_is_out_within_seconds(state_dir: Path, issuer: Path, port: int) -> None:
    """Also on a connection that is open; so is one whose certificate is taken from the registry."""
    async with channel(state_dir, port, issuer) as opened:
        for changes in ({"active": False}, {"certificates": [STRANGER]}):
            register(state_dir)
            await asyncio.sleep(SOON_S)
            await cancel(opened)
            register(state_dir, **changes)
            await asyncio.sleep(SOON_S)
            assert (await refusal(opened)).reason == "CALLER_UNKNOWN"


async def test_a_caller_that_the_authority_shut_out_is_out(
    state_dir: Path, issuer: Path, port: int, authority: FakeAuthority
) -> None:
    """With what it has open, as with a token."""
    async with channel(state_dir, port, issuer) as opened:
        opening: Any = opened.unary_stream(WATCH, response_deserializer=WatchResponse.FromString)
        watch = opening(WatchRequest(bank_id="demo-bank").SerializeToString(), metadata=CLERK)
        for _ in range(2):
            await watch.read()
        authority.deactivated.append("certified")
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            async with asyncio.timeout(PATIENCE_S):
                await watch.read()
        assert refusal_of(raised.value).reason == "CALLER_DEACTIVATED"
        assert (await refusal(opened)).reason == "CALLER_DEACTIVATED"


async def test_an_expired_certificate_is_out(
    state_dir: Path, issuer: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an open connection, too; and it opens no other."""
    async with channel(state_dir, port, issuer) as opened:
        await cancel(opened)
        late = SimpleNamespace(
            monotonic=time.monotonic, time=lambda: time.time() + tls.CERTIFICATE_LIFE.total_seconds()
        )
        monkeypatch.setattr(client_certificates, "time", late)
        assert (await refusal(opened)).reason == "CERTIFICATE_EXPIRED"
    monkeypatch.setattr(tls, "CERTIFICATE_LIFE", timedelta(seconds=-1))
    issue(issuer, STRANGER)
    async with channel(state_dir, port, issuer, STRANGER) as opened:
        assert (await refusal(opened)).kind == "UNAVAILABLE"


def test_it_is_known_when_a_certificate_ends_that_was_shown(state_dir: Path, issuer: Path) -> None:
    """By its name; of one that nobody showed nothing is."""
    certificates, names = client_certificates.ClientCertificates(state_dir), frozenset({NAME})
    assert certificates.end_of(names) == 0
    pem = tls.certificate_files(issuer, NAME)[1].read_bytes()
    certificates.names(pem)
    ends = x509.load_pem_x509_certificate(pem).not_valid_after_utc
    assert certificates.end_of(names) == ends.timestamp()
    assert certificates.end_of(frozenset({STRANGER})) == 0


def revoke(state_dir: Path, folder: Path, *names: str, life: timedelta = timedelta(days=1)) -> None:
    """The folder's authority publishes a list of these certificates."""
    authority = x509.load_pem_x509_certificate(tls.ca_certificate(folder))
    key = load_pem_private_key((folder / "tls" / "ca.key").read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
    builder = builder.last_update(now - timedelta(days=2)).next_update(now + life)
    for name in names:
        certificate = x509.load_pem_x509_certificate(tls.certificate_files(folder, name)[1].read_bytes())
        entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(now)
        builder = builder.add_revoked_certificate(entry.build())
    crl = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    (state_dir / client_certificates.FOLDER / "crl.pem").write_bytes(crl)


async def test_a_revoked_certificate_is_out_within_seconds(
    state_dir: Path, issuer: Path, port: int, tmp_path: Path
) -> None:
    """Nobody revokes but the authority itself, and an old list is none."""
    issue(issuer, STRANGER)
    issue(tmp_path / "stranger", NAME)
    async with channel(state_dir, port, issuer) as opened:
        await cancel(opened)
        revoke(state_dir, issuer, STRANGER)
        await asyncio.sleep(SOON_S)
        await cancel(opened)
        revoke(state_dir, tmp_path / "stranger", NAME)
        await asyncio.sleep(SOON_S)
        await cancel(opened)
        revoke(state_dir, issuer, STRANGER, NAME)
        await asyncio.sleep(SOON_S)
        assert (await refusal(opened)).reason == "CERTIFICATE_REVOKED"
        revoke(state_dir, issuer, life=timedelta(days=-1))
        await asyncio.sleep(SOON_S)
        assert (await refusal(opened)).reason == "REVOCATION_UNKNOWN"


def test_a_name_is_one_callers(state_dir: Path, issuer: Path) -> None:
    """A registry that gives it to two is refused, and the message names the way out."""
    path = state_dir / "callers.yaml"
    document = yaml.safe_load(path.read_text())
    document["callers"]["another"] = document["callers"]["certified"]
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(SettingError, match="each name is one caller's"):
        tokens.read_callers(path)


async def test_without_its_authorities_the_port_is_not_opened(state_dir: Path, authority: FakeAuthority) -> None:
    """The message names the setting and the file."""
    settings = replace(settings_for(state_dir, authority.address), certificate_address="127.0.0.1:0")
    with pytest.raises(SettingError, match=r"OUTREACH_CERTIFICATE_ADDRESS: .*case_systems/ca.pem"):
        async with gateway(settings):
            pass
