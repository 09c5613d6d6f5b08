"""The client library of the outreach gateway: `Client` for case systems, `Connection` for every other service."""

from outreach.client.client import Client
from outreach.client.connection import Connection
from outreach.client.identity import (
    Identity,
    IdentityError,
    IdentityLocked,
    identity_names,
    read_identity,
    write_identity,
)
from outreach.domain.errors import Kind, Refusal

__all__ = [
    "Client",
    "Connection",
    "Identity",
    "IdentityError",
    "IdentityLocked",
    "Kind",
    "Refusal",
    "identity_names",
    "read_identity",
    "write_identity",
]
