"""CMPP 2.0 and 3.0, the operators' direct link: one long connection, over which receipts and replies come too.

CMPP carries no id of ours: the gateway's message ids, reported with the outcome, are what receipts are matched by.
Nothing here sends twice: what was written and not answered is UNKNOWN.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlsplit

from outreach.domain.templating import MAX_CHARACTERS, segments, signed
from outreach.runtime.logs import EventLogger
from outreach.v1.worker_service_pb2 import Lookup, Receipt
from sms_service.carriers import cmpp_codes, cmpp_inbound
from sms_service.carriers import cmpp_coding as coding
from sms_service.carriers.account import Account, FieldError
from sms_service.carriers.cmpp_connection import Connection, LoginError, NotSubmittedError
from sms_service.carriers.seam import CONNECT_FAILED, NOT_SENT, REFUSED, Keep, Message, Reply, SendResult

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
LEAST_WINDOW = segments(MAX_CHARACTERS)
"""The parts of one message are written together."""
TEXT_TOO_LONG = "text_too_long"

_log = EventLogger("sms_service.carriers")


@dataclass(frozen=True, slots=True, kw_only=True)
class CmppAccount(Account):
    """An account at an operator's gateway. `base_url` is cmpp://host:port, `max_in_flight` the window in PDUs.

    `source_addr` is the account (SP_Id), `sender` the number that the handset shows (Src_Id).
    """

    SCHEMES: ClassVar[tuple[str, ...]] = ("cmpp://",)

    source_addr: str
    secret: str = field(repr=False)
    sender: str
    service_id: str
    version: str = "2.0"
    max_in_flight: int = 16
    heartbeat_s: float = 30.0

    def __post_init__(self) -> None:
        super(CmppAccount, self).__post_init__()
        if urlsplit(self.base_url).port is None:
            raise FieldError("base_url", "must name host and port, as in cmpp://10.0.0.1:7890")
        if self.version not in coding.VERSIONS:
            raise FieldError("version", f"must be one of {', '.join(coding.VERSIONS)}")
        for name, size in (("source_addr", 6), ("sender", 21), ("service_id", 10)):
            text = getattr(self, name)
            if not text.isascii() or not 0 < len(text) <= size:
                raise FieldError(name, f"must be 1 to {size} ASCII characters")
        if self.ca_file:
            raise FieldError("ca_file", "is of no use: CMPP has no TLS; protect the line (leased line or VPN)")
        if self.max_in_flight < LEAST_WINDOW:
            raise FieldError("max_in_flight", f"must be at least {LEAST_WINDOW}, the parts of the longest text")


class Cmpp:
    """One account at an operator's gateway."""

    records_days = 0

    def __init__(self, account: CmppAccount, keep: Keep) -> None:
        self.carrier_id = account.carrier_id
        self._account = account
        self._version = coding.VERSIONS[account.version]
        self._inbound = cmpp_inbound.Inbound(account.carrier_id, self._version, keep)
        self._connection: Connection | None = None
        self._reference = 0

    @property
    def can_send(self) -> bool:
        return self._connection is not None and self._connection.is_open

    async def start(self) -> None:
        """Tries to log in once before it returns, and from then on again and again."""
        await self._connect()
        self._connecting = asyncio.create_task(self._stay_connected())

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        self._connecting.cancel()
        await asyncio.gather(self._connecting, return_exceptions=True)
        await self._inbound.close()

    async def send(self, message: Message) -> SendResult:
        permit, account = message.permit, self._account
        self._reference = (self._reference + 1) % 256
        parts = coding.parts(signed(permit.signature, message.text), self._reference)
        bodies = [
            coding.submit(
                self._version,
                coding.Submit(permit.phone_number, part, account.service_id, account.source_addr, account.sender),
            )
            for part in parts
        ]
        if len(parts) > account.max_in_flight:
            return SendResult(REFUSED, TEXT_TOO_LONG)
        if self._connection is None:
            return SendResult(NOT_SENT, CONNECT_FAILED)
        try:
            answers = await self._connection.submit(bodies, message.send_before, account.timeout_s)
        except NotSubmittedError as error:
            return SendResult(NOT_SENT, error.code)
        result = cmpp_codes.outcome(account.version, answers)
        if result.pause_ms > cmpp_codes.THROTTLE_PAUSE_MS:
            _log.error("carrier_account_stopped", carrier_id=self.carrier_id, carrier_code=result.code)
        return result

    def parse_receipts(self, body: bytes, headers: Mapping[str, str]) -> list[Receipt]:
        return cmpp_inbound.read_receipts(self.carrier_id, self._version, body, headers)

    def parse_replies(self, body: bytes, headers: Mapping[str, str]) -> list[Reply]:  # noqa: ARG002 - the seam's
        return cmpp_inbound.read_replies(self.carrier_id, self._version, body)

    async def query(self, lookup: Lookup) -> Receipt | None:  # noqa: ARG002 - the seam's
        return None

    async def _connect(self) -> None:
        account, url = self._account, urlsplit(self._account.base_url)
        writer = None
        try:
            async with asyncio.timeout(account.timeout_s):
                reader, writer = await asyncio.open_connection(url.hostname, url.port)
                connection = Connection(self._version, reader, writer, account.max_in_flight)
                await connection.log_in(account.source_addr, account.secret)
        except (LoginError, OSError) as error:
            if writer is not None:
                writer.close()
            status = error.status if isinstance(error, LoginError) else CONNECT_FAILED
            _log.error("cmpp_login_failed", carrier_id=self.carrier_id, carrier_code=status)
            return
        self._connection = connection

    async def _stay_connected(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            if self._connection is not None:
                connection, pause_s = self._connection, FIRST_PAUSE_S
                _log.info("cmpp_connected", carrier_id=self.carrier_id)
                end = await connection.run(self._inbound.take, self._account.heartbeat_s)
                self._connection = None
                _log.warning("cmpp_disconnected", carrier_id=self.carrier_id, reason=end)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            await self._connect()
