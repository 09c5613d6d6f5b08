"""CMPP 2.0 and 3.0 on the wire, from the protocol's description: packing and unpacking, nothing else.

Numbers are big-endian. Texts are ASCII, padded with NUL. A response has its request's command with the top bit set.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEADER = struct.Struct(">III")
MAX_PDU = 8192
"""Larger than any PDU of either version; more than this is not CMPP."""

CONNECT, TERMINATE, SUBMIT, DELIVER, ACTIVE_TEST = 1, 2, 4, 5, 8
RESPONSE = 0x8000_0000

UCS2 = 8
_ENCODINGS = {0: "ascii", UCS2: "utf-16-be", 15: "gbk"}
SINGLE_BYTES = 140
"""Content of a short message; a long one is cut so that it leaves room for the 6 bytes of the user data header."""
PART_BYTES = 134
_UDH = struct.Struct(">BBBBBB")


class CodingError(Exception):
    """The bytes are not the PDU that they should be. The message holds no personal data."""


@dataclass(frozen=True, slots=True)
class Version:
    """What differs: lengths in bytes, and whether a number is followed by its type."""

    number: int
    result_bytes: int
    address_bytes: int
    typed_addresses: bool
    tail_bytes: int


VERSIONS = {
    "2.0": Version(0x20, result_bytes=1, address_bytes=21, typed_addresses=False, tail_bytes=8),
    "3.0": Version(0x30, result_bytes=4, address_bytes=32, typed_addresses=True, tail_bytes=20),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One short message: the whole text, or the `number`-th of `total` with a user data header."""

    content: bytes
    total: int = 1
    number: int = 1


@dataclass(frozen=True, slots=True)
class Submit:
    """One part to one number. `sender` is the number that the handset shows, `source_addr` the account."""

    phone_number: str
    part: Part
    service_id: str
    source_addr: str
    sender: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """What the far end brings: a person's words, or a receipt."""

    message_id: bytes
    sender: str
    recipient: str
    is_receipt: bool
    has_udh: bool
    encoding: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Status:
    """A receipt's content."""

    message_id: bytes
    code: str
    phone_number: str


def frame(command: int, sequence: int, body: bytes = b"") -> bytes:
    """A whole PDU."""
    return HEADER.pack(HEADER.size + len(body), command, sequence) + body


def read_header(header: bytes) -> tuple[int, int, int]:
    """Bytes of the body, command, sequence. CodingError."""
    length, command, sequence = HEADER.unpack(header)
    if not HEADER.size <= length <= MAX_PDU:
        raise CodingError("a length that no PDU has")
    return length - HEADER.size, command, sequence


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Command and body of each PDU in whole PDUs that follow one another. CodingError."""
    while data:
        if len(data) < HEADER.size:
            raise CodingError("a cut header")
        size, command, _ = read_header(data[: HEADER.size])
        body, data = data[HEADER.size : HEADER.size + size], data[HEADER.size + size :]
        if len(body) < size:
            raise CodingError("a cut body")
        yield command, body


def authenticator(source_addr: str, secret: str, timestamp: int) -> bytes:
    """MD5 over account, nine NUL, secret and the timestamp MMDDHHMMSS as ten digits, as the protocol wants it."""
    text = source_addr.encode() + bytes(9) + secret.encode() + f"{timestamp:010d}".encode()
    return hashlib.md5(text).digest()  # noqa: S324 - the protocol's


def connect(version: Version, source_addr: str, secret: str, timestamp: int) -> bytes:
    proof = authenticator(source_addr, secret, timestamp)
    return _text(source_addr, 6) + proof + struct.pack(">BI", version.number, timestamp)


def read_connect_response(version: Version, body: bytes) -> int:
    """The status, 0 if logged in. CodingError."""
    if len(body) != version.result_bytes + 17:
        raise CodingError("a CONNECT_RESP of another length")
    return int.from_bytes(body[: version.result_bytes], "big")


def submit(version: Version, message: Submit) -> bytes:
    """The sender pays, nothing is charged to the handset, a receipt is asked for."""
    part, types = message.part, b"\0" if version.typed_addresses else b""
    return b"".join(
        (
            bytes(8),
            bytes((part.total, part.number, 1, 1)),
            _text(message.service_id, 10),
            b"\x02" + bytes(version.address_bytes) + types,
            bytes((0, int(part.total > 1), UCS2)),
            _text(message.source_addr, 6),
            b"01" + b"000000" + bytes(17 + 17),
            _text(message.sender, 21),
            b"\x01" + _text(message.phone_number, version.address_bytes) + types,
            bytes((len(part.content),)) + part.content,
            bytes(version.tail_bytes),
        )
    )


def read_submit_response(version: Version, body: bytes) -> tuple[bytes, int]:
    """The far end's message id and the result, 0 if it took the message. CodingError."""
    if len(body) != 8 + version.result_bytes:
        raise CodingError("a SUBMIT_RESP of another length")
    return body[:8], int.from_bytes(body[8:], "big")


def read_deliver(version: Version, body: bytes) -> Deliver:
    """CodingError."""
    fields = struct.Struct(f">8s21s10sBBB{version.address_bytes}s{int(version.typed_addresses)}xBB")
    if len(body) < fields.size:
        raise CodingError("a DELIVER that is cut")
    message_id, recipient, _, _, has_udh, encoding, sender, is_receipt, length = fields.unpack_from(body)
    if len(body) != fields.size + length + version.tail_bytes:
        raise CodingError("a DELIVER of another length")
    content = body[fields.size : fields.size + length]
    return Deliver(message_id, _plain(sender), _plain(recipient), is_receipt == 1, has_udh == 1, encoding, content)


def deliver_response(version: Version, message_id: bytes) -> bytes:
    return message_id + bytes(version.result_bytes)


def read_status(content: bytes) -> Status:
    """The number's field is as long as the rest: some 3.0 gateways write it as 2.0 does. CodingError."""
    if len(content) not in (60, 71):
        raise CodingError("a receipt of another length")
    return Status(content[:8], _plain(content[8:15]), _plain(content[35:-4]))


def parts(text: str, reference: int) -> list[Part]:
    """The text in UCS-2 (UTF-16, as handsets read it), in one part or in as many as it needs; no character is cut.

    `reference` (0..255) tells a handset which parts belong together.
    """
    encoded = text.encode("utf-16-be")
    if len(encoded) <= SINGLE_BYTES:
        return [Part(encoded)]
    pieces = []
    while encoded:
        end = PART_BYTES
        if encoded[end - 2 : end - 1] and 0xD8 <= encoded[end - 2] <= 0xDB:
            end -= 2
        pieces.append(encoded[:end])
        encoded = encoded[end:]
    total = len(pieces)
    return [
        Part(_UDH.pack(5, 0, 3, reference, total, number) + piece, total, number)
        for number, piece in enumerate(pieces, 1)
    ]


def place(deliver: Deliver) -> tuple[int, int, int]:
    """Reference, total and number of a part; (0, 1, 1) if it is none."""
    content = deliver.content
    if deliver.has_udh and content and len(content) > content[0]:
        if content[1:3] == b"\x00\x03" and len(content) >= 6:
            return content[3], content[4], content[5]
        if content[1:3] == b"\x08\x04" and len(content) >= 7:
            return int.from_bytes(content[3:5], "big"), content[5], content[6]
    return 0, 1, 1


def words(deliver: Deliver) -> str:
    """The text of a part, without its header. What is no text in the encoding that it names has U+FFFD instead."""
    content = deliver.content
    if deliver.has_udh and content:
        content = content[content[0] + 1 :]
    return content.decode(_ENCODINGS.get(deliver.encoding, "ascii"), "replace")


def _text(text: str, size: int) -> bytes:
    return text.encode("ascii").ljust(size, b"\0")[:size]


def _plain(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("ascii", "replace").strip()
