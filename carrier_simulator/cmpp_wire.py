"""The operator's side of CMPP 2.0 and 3.0 on the wire, from the protocol's description; shares no code with the client.

Offsets are counted in the body, behind the 12 bytes of the header.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

CONNECT, TERMINATE, SUBMIT, DELIVER, ACTIVE_TEST = 1, 2, 4, 5, 8
ANSWER = 1 << 31
V2, V3 = 0x20, 0x30


class NotCmppError(Exception):
    """The bytes are no PDU of the version that was agreed on."""


@dataclass(frozen=True, slots=True)
class Login:
    """A CONNECT."""

    account: str
    proof: bytes
    version: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Submitted:
    """A SUBMIT to one number. `place` is (reference, total, number); (0, 1, 1) for a text in one part."""

    account: str
    service: str
    sender: str
    phone: str
    wants_receipt: bool
    place: tuple[int, int, int]
    text: str


def pdu(command: int, sequence: int, body: bytes) -> bytes:
    return (len(body) + 12).to_bytes(4, "big") + command.to_bytes(4, "big") + sequence.to_bytes(4, "big") + body


def login(body: bytes) -> Login:
    if len(body) != 27:
        raise NotCmppError("CONNECT")
    return Login(_text(body[:6]), body[6:22], body[22], int.from_bytes(body[23:27], "big"))


def proof(account: str, secret: str, timestamp: int) -> bytes:
    seconds = str(timestamp).rjust(10, "0")
    return hashlib.md5(b"%b%b%b%b" % (account.encode(), b"\0" * 9, secret.encode(), seconds.encode())).digest()  # noqa: S324 - the protocol's


def login_answer(version: int, status: int, login_proof: bytes, secret: str) -> bytes:
    result = status.to_bytes(4 if version == V3 else 1, "big")
    own_proof = hashlib.md5(result + login_proof + secret.encode()).digest()  # noqa: S324 - the protocol's
    return result + own_proof + bytes([version])


def submitted(version: int, body: bytes) -> Submitted:
    """Fields at the offsets that the protocol's table gives: a number has 21 bytes in 2.0, 32 and a type in 3.0."""
    number_size, type_size, tail = (32, 1, 20) if version == V3 else (21, 0, 8)
    at = 8 + 4 + 10 + 1 + number_size + type_size
    if len(body) < at + 70 + number_size:
        raise NotCmppError("SUBMIT")
    has_header, encoding = body[at + 1], body[at + 2]
    sender_at = at + 3 + 6 + 2 + 6 + 17 + 17
    count_at = sender_at + 21
    size_at = count_at + 1 + number_size + type_size
    size = body[size_at]
    content = body[size_at + 1 : size_at + 1 + size]
    if body[count_at] != 1 or len(body) != size_at + 1 + size + tail or size > 140 or encoding != 8:
        raise NotCmppError("SUBMIT")
    place = (content[3], content[4], content[5]) if has_header else (0, 1, 1)
    if has_header and (content[:3] != b"\x05\x00\x03" or (place[1], place[2]) != (body[8], body[9])):
        raise NotCmppError("SUBMIT")
    return Submitted(
        account=_text(body[at + 3 : at + 9]),
        service=_text(body[12:22]),
        sender=_text(body[sender_at:count_at]),
        phone=_text(body[count_at + 1 : count_at + 1 + number_size]),
        wants_receipt=body[10] == 1,
        place=place,
        text=content[6 if has_header else 0 :].decode("utf-16-be"),
    )


def submit_answer(version: int, message_id: bytes, result: int) -> bytes:
    return message_id + result.to_bytes(4 if version == V3 else 1, "big")


def deliver(
    version: int, message_id: bytes, phone: str, sender: str, content: bytes, *, receipt: bool, parted: bool = False
) -> bytes:
    """A person's words to the account's number, or a receipt."""
    long = version == V3
    return struct.pack(
        f">8s21s10sBBB{'32sx' if long else '21s'}BB{len(content)}s{20 if long else 8}x",
        message_id,
        sender.encode(),
        b"",
        0,
        parted,
        0 if receipt else 8,
        phone.encode(),
        receipt,
        len(content),
        content,
    )


def status(version: int, message_id: bytes, code: str, phone: str, minute: str) -> bytes:
    """A receipt's content; `minute` is YYMMDDhhmm."""
    size = 32 if version == V3 else 21
    return struct.pack(
        f">8s7s10s10s{size}sI", message_id, code.encode(), minute.encode(), minute.encode(), phone.encode(), 1
    )


def words(text: str, reference: int) -> list[bytes]:
    """A person's text in one part, or in parts of at most 67 characters with their headers."""
    if len(text) <= 70:
        return [text.encode("utf-16-be")]
    pieces = [text[start : start + 67] for start in range(0, len(text), 67)]
    return [
        bytes([5, 0, 3, reference, len(pieces), number]) + piece.encode("utf-16-be")
        for number, piece in enumerate(pieces, 1)
    ]


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("ascii")
