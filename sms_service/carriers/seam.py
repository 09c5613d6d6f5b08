"""The seam between the worker and a carrier: what goes in, what comes out. Fit for one call a message (HTTP) and for
a long connection (CMPP), which keeps it between `start` and `close`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from outreach.v1.template_service_pb2 import Filing
from outreach.v1.worker_service_pb2 import FiledVersion, Lookup, Outcome, Permit, Receipt

ACCEPTED = Outcome.OUTCOME_ACCEPTED
REFUSED = Outcome.OUTCOME_REFUSED
NOT_SENT = Outcome.OUTCOME_NOT_SENT
UNKNOWN = Outcome.OUTCOME_UNKNOWN

CONNECT_FAILED = "connect_failed"
"""Our word for DNS, a refused connection and a failed handshake: no byte of the message was written."""
DEADLINE_PASSED = "send_deadline_passed"
"""Our word for a permit whose `send_within_ms` passed before the first byte."""
UNREADABLE_REPLY = "unreadable_reply"
"""Our word for a reply in which the carrier's code cannot be found."""


@dataclass(frozen=True, slots=True)
class Message:
    """One permit, rendered. `send_before` is the elapsed_s() after which no first byte may be written."""

    permit: Permit
    text: str
    values: Mapping[str, str]
    send_before: float


@dataclass(frozen=True, slots=True)
class SendResult:
    """What is known of one attempt.

    `code` is the carrier's, verbatim, or one of our words. `retry_after_ms` (NOT_SENT only) holds this message back,
    `pause_ms` the whole carrier: an account that was stopped or a throttled channel. `segment_ids` are the carrier's
    ids of a long message's segments, if it sends a receipt for each.
    """

    outcome: Outcome.ValueType
    code: str
    carrier_message_id: str = ""
    segments: int = 0
    retry_after_ms: int = 0
    pause_ms: int = 0
    segment_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person wrote back. `reply_id` is the carrier's, or empty."""

    carrier_id: str
    phone_number: str
    text: str
    reply_id: str = ""


class UnreadableError(Exception):
    """A pushed body or a query's answer that is not in the carrier's form. The message holds no personal data."""


class QueryError(Exception):
    """The carrier could not be asked, or did not answer; nothing is known. The message holds no personal data."""


class NotKeptError(Exception):
    """What a carrier brought could not be stored: it must not be told that it was taken."""


Keep = Callable[[str, bytes, Mapping[str, str]], Awaitable[None]]
"""Stores what a carrier brings over its own connection, as pushes are stored: "receipts" or "replies", body, headers.
Returns once it is on disk. NotKeptError."""


async def keep_nothing(what: str, body: bytes, headers: Mapping[str, str]) -> None:  # noqa: ARG001 - a Keep
    """For whoever only sends: nothing is taken, so the carrier keeps what it has."""
    raise NotKeptError("nothing is kept here")


class Carrier(Protocol):
    """One account at one carrier."""

    carrier_id: str
    records_days: int
    """How long the carrier keeps records that can be asked for; 0 if it keeps none."""

    @property
    def can_send(self) -> bool:
        """False while nothing could be written, as on a long connection that is down: ask for no permits then."""

    async def start(self) -> None:
        """Opens what sending needs. A carrier that cannot be reached yet is no error."""

    async def close(self) -> None:
        """Closes it, once nothing is in flight."""

    async def send(self, message: Message) -> SendResult:
        """Sends once, never twice, and raises nothing: whatever goes wrong is an outcome."""

    def parse_receipts(self, body: bytes, headers: Mapping[str, str]) -> list[Receipt]:
        """The receipts in a pushed body. UnreadableError if it is not in the carrier's form."""

    def parse_replies(self, body: bytes, headers: Mapping[str, str]) -> list[Reply]:
        """The replies in a pushed body. UnreadableError if it is not in the carrier's form."""

    async def query(self, lookup: Lookup) -> Receipt | None:
        """The carrier's record of an attempt; None if it has none, which is no evidence. QueryError."""


@runtime_checkable
class RegisteredCopies(Protocol):
    """A carrier that renders its own registered copy of a template, and shows it."""

    carrier_id: str

    async def read_copy(self, filed: FiledVersion) -> Filing:
        """The copy as it stands at the carrier, placeholders by our names; refused if it is gone. QueryError."""
