"""Every rpc of every service by every certificate, over real mutual TLS."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from outreach.domain.errors import Kind
from outreach.runtime import access, tls
from outreach.runtime.errors import refusal_of
from tests.service.access.stack import SERVICES, Stack
from tests.unit.runtime.test_access import contract

TIMEOUT_S = 5.0
OF_LETTER_SERVICE = ("outreach.v1.ArchiveService", "outreach.v1.LetterService")
pytestmark = pytest.mark.asyncio(loop_scope="module")


def address_of(stack: Stack, service: str) -> str:
    return stack.letters_address if service in OF_LETTER_SERVICE else stack.authority_address


async def outcome(channel: grpc.aio.Channel, path: str) -> tuple[str, str]:
    """Code and reason of the answer to an empty request."""
    call: Any = channel.unary_stream(path)  # it reads an answer, whether it is one or many
    try:
        async for _ in call(b"", timeout=TIMEOUT_S):
            break
    except grpc.aio.AioRpcError as error:
        return error.code().name, refusal_of(error).reason
    return "OK", ""


@pytest.mark.parametrize("certificate", SERVICES)
async def test_a_certificate_opens_what_the_table_says(certificate: str, stack: Stack) -> None:
    """Each service's own certificate, at every rpc of the contract. What is in no row of it is refused before anything
    else is looked at; the gateway's does not stand for a person either."""
    credentials = tls.channel_credentials(stack.state_dir, certificate)
    for service, paths in contract().items():
        may = certificate in access.CERTIFICATES[service]
        async with grpc.aio.secure_channel(address_of(stack, service), credentials) as channel:
            for path in paths:
                code, reason = await outcome(channel, path)
                assert may or (code, reason) == (Kind.DENIED.value, "CERTIFICATE_NOT_ALLOWED"), (path, code, reason)
                assert reason != "CERTIFICATE_NOT_ALLOWED" or not may, path
                if path in access.ROLES and may:
                    assert (code, reason) == (Kind.UNAUTHENTICATED.value, "PRINCIPAL_MISSING"), path


async def test_who_has_no_certificate_of_ours_reaches_nothing(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None, one of another authority in a service's name, and one of ours that is over: the handshake fails."""
    tls.ensure_local_ca(tmp_path)
    tls.ensure_certificate(tmp_path, access.GATEWAY)
    ours = tls.ca_certificate(stack.state_dir)
    key, chain = (path.read_bytes() for path in tls.certificate_files(tmp_path, access.GATEWAY))
    monkeypatch.setattr(tls, "CERTIFICATE_LIFE", timedelta(seconds=-1))
    tls.ensure_certificate(stack.state_dir, "late")
    late_key, late_chain = (path.read_bytes() for path in tls.certificate_files(stack.state_dir, "late"))
    for credentials in (
        grpc.ssl_channel_credentials(ours),
        grpc.ssl_channel_credentials(ours, key, chain),
        grpc.ssl_channel_credentials(ours, late_key, late_chain),
    ):
        for service, paths in contract().items():
            async with grpc.aio.secure_channel(address_of(stack, service), credentials) as channel:
                code, _ = await outcome(channel, paths[0])
                assert code == "UNAVAILABLE", service
