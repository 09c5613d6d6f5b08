"""CMPP's bytes: vectors counted by hand from the protocol's tables, and the client against the gateway's own coding."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carrier_simulator import cmpp_wire as wire
from sms_service.carriers import cmpp_codes
from sms_service.carriers import cmpp_coding as coding
from sms_service.carriers.cmpp_codes import Answer
from sms_service.carriers.seam import ACCEPTED, NOT_SENT, REFUSED, UNKNOWN

VERSIONS = [("2.0", wire.V2), ("3.0", wire.V3)]
PHONES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
IDS = st.binary(min_size=8, max_size=8)
PLAIN_TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), min_size=1, max_size=300)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=500)


def submit(version: str, phone: str, part: coding.Part) -> bytes:
    return coding.submit(coding.VERSIONS[version], coding.Submit(phone, part, "SMS", "900001", "10690001"))


def test_connect_vector() -> None:
    """CONNECT of 2.0: 12 bytes of header, account in 6, MD5 over account, nine NUL, secret and time, version, time."""
    body = coding.connect(coding.VERSIONS["2.0"], "900001", "secret", 1124120000)
    proof = hashlib.md5(b"900001" + b"\0" * 9 + b"secret" + b"1124120000").digest()  # noqa: S324 - the protocol's
    assert coding.frame(coding.CONNECT, 7, body).hex() == (
        "00000027" + "00000001" + "00000007" + "393030303031" + proof.hex() + "20" + "4300b5c0"
    )


def test_a_timestamp_has_ten_digits() -> None:
    """In January to September the month's zero is signed too."""
    assert coding.authenticator("900001", "s", 102030405) == wire.proof("900001", "s", 102030405)
    assert coding.authenticator("900001", "s", 102030405) == (
        hashlib.md5(b"900001" + b"\0" * 9 + b"s" + b"0102030405").digest()  # noqa: S324 - the protocol's
    )


@pytest.mark.parametrize(
    ("version", "address", "before", "tail"),
    [
        ("2.0", "3133383030303030303031" + "00" * 10, "00" * 21, "00" * 8),
        ("3.0", "3133383030303030303031" + "00" * 21, "00" * 32 + "00", "00" * 20),
    ],
)
def test_submit_vector(version: str, address: str, before: str, tail: str) -> None:
    """SUBMIT of one character, field by field."""
    assert submit(version, "13800000001", coding.Part("您".encode("utf-16-be"))).hex() == (
        "00" * 8  # Msg_Id
        + "01010101"  # Pk_total, Pk_number, Registered_Delivery, Msg_level
        + "534d53"
        + "00" * 7  # Service_Id
        + "02"  # Fee_UserType: the sender
        + before  # Fee_terminal_Id (and type)
        + "000008"  # TP_pId, TP_udhi, Msg_Fmt
        + "393030303031"  # Msg_src
        + "3031"
        + "303030303030"  # FeeType, FeeCode
        + "00" * 34  # ValId_Time, At_Time
        + "3130363930303031"
        + "00" * 13  # Src_Id
        + "01"  # DestUsr_tl
        + address
        + ("00" if version == "3.0" else "")  # Dest_terminal_Id (and type)
        + "02"  # Msg_Length
        + "60a8"  # Msg_Content
        + tail  # Reserve, LinkID
    )


def test_a_part_vector() -> None:
    """71 characters are two parts: 67 and 4, each behind 05 00 03, reference, total, number; TP_udhi is set."""
    first, second = coding.parts("款" * 71, 0x2A)
    assert first.content == bytes.fromhex("0500032a0201") + "款".encode("utf-16-be") * 67
    assert second.content == bytes.fromhex("0500032a0202") + "款".encode("utf-16-be") * 4
    assert len(first.content) == 140
    assert submit("2.0", "13800000001", first)[45] == 1
    assert len(coding.parts("款" * 70, 1)) == 1


@pytest.mark.parametrize(("name", "number"), VERSIONS)
@settings(deadline=None, max_examples=50)
@given(phone=PHONES, text=TEXTS, reference=st.integers(0, 255))
def test_what_the_client_packs_the_gateway_reads(name: str, number: int, phone: str, text: str, reference: int) -> None:
    """Any text in any script: the parts that the gateway reads, by its own code, joined are the text."""
    parts = coding.parts(text, reference)
    read = [wire.submitted(number, submit(name, phone, part)) for part in parts]
    assert "".join(one.text for one in read) == text
    assert {(one.phone, one.account, one.service, one.sender) for one in read} == {(phone, "900001", "SMS", "10690001")}
    assert all(one.wants_receipt for one in read)
    if len(parts) > 1:
        assert [one.place for one in read] == [(reference, len(parts), n) for n in range(1, len(parts) + 1)]


@pytest.mark.parametrize(("name", "number"), VERSIONS)
@settings(deadline=None, max_examples=50)
@given(
    phone=PHONES,
    text=PLAIN_TEXTS,
    message_id=st.binary(min_size=8, max_size=8),
)
def test_what_the_gateway_packs_the_client_reads(
    name: str, number: int, phone: str, text: str, message_id: bytes
) -> None:
    """A person's words, in parts or not, and a receipt."""
    version = coding.VERSIONS[name]
    contents = wire.words(text, 9)
    delivers = [
        coding.read_deliver(
            version,
            wire.deliver(number, message_id, phone, "10690001", content, receipt=False, parted=len(contents) > 1),
        )
        for content in contents
    ]
    assert "".join(map(coding.words, delivers)) == text
    assert {(one.sender, one.recipient, one.is_receipt) for one in delivers} == {(phone, "10690001", False)}
    assert [coding.place(one)[1:] for one in delivers] == [
        (len(contents), place) for place in range(1, len(contents) + 1)
    ]
    content = wire.status(number, message_id, "MK:0001", phone, "2611241200")
    receipt = coding.read_deliver(version, wire.deliver(number, bytes(8), phone, "1069", content, receipt=True))
    assert receipt.is_receipt
    assert coding.read_status(receipt.content) == coding.Status(message_id, "MK:0001", phone)


@pytest.mark.parametrize("name", ["2.0", "3.0"])
@settings(deadline=None, max_examples=50)
@given(body=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(name: str, body: bytes) -> None:
    """Whatever comes over the line raises CodingError or is read; nothing else."""
    version = coding.VERSIONS[name]
    for read in (coding.read_connect_response, coding.read_submit_response):
        with suppress(coding.CodingError):
            read(version, body)
    try:
        deliver = coding.read_deliver(version, body)
    except coding.CodingError:
        return
    coding.place(deliver)
    coding.words(deliver)


@pytest.mark.parametrize(
    ("encoding", "content", "text"),
    [
        (0, b"TD", "TD"),
        (15, "退订".encode("gbk"), "退订"),
        (8, b"\x90\x00", "退"),
        (4, b"T", "T"),
        (8, b"\x90", "\ufffd"),
    ],
)
def test_the_encodings_of_replies(encoding: int, content: bytes, text: str) -> None:
    """ASCII, GBK and UCS-2; what is none of them shows that something was there."""
    deliver = coding.Deliver(bytes(8), "13800000001", "1069", False, False, encoding, content)
    assert coding.words(deliver) == text


def test_a_reference_of_two_bytes() -> None:
    """Some handsets number their parts by 06 08 04."""
    content = bytes.fromhex("060804012c0302") + "好".encode("utf-16-be")
    deliver = coding.Deliver(bytes(8), "13800000001", "1069", False, True, 8, content)
    assert (coding.place(deliver), coding.words(deliver)) == ((0x012C, 3, 2), "好")


@pytest.mark.parametrize("start", [b"", b"\0\0\0\x0b", b"\0\0\xff\xff", b"\0\0\0\x0d"])
def test_cut_and_absurd_frames(start: bytes) -> None:
    """A cut header, a length shorter than a header or longer than any PDU, a cut body."""
    with pytest.raises(coding.CodingError):
        list(coding.frames(start + bytes(8)))


@pytest.mark.parametrize(
    ("version", "result", "outcome"),
    [
        ("2.0", 0, ACCEPTED),
        ("2.0", 1, REFUSED),
        ("2.0", 3, UNKNOWN),
        ("2.0", 5, NOT_SENT),
        ("2.0", 8, NOT_SENT),
        ("2.0", 9, UNKNOWN),
        ("2.0", 13, UNKNOWN),
        ("3.0", 9, REFUSED),
        ("3.0", 10, NOT_SENT),
        ("3.0", 13, REFUSED),
        ("3.0", 14, UNKNOWN),
    ],
)
def test_results(version: str, result: int, outcome: int) -> None:
    """Results by version; what is not in its table tells nothing, and is kept as it is."""
    found = cmpp_codes.outcome(version, [Answer(result, "00")])
    assert (found.outcome, found.code) == (outcome, str(result))


def test_a_header_that_was_announced_and_is_not_there() -> None:
    """A far end may bring no content at all."""
    deliver = coding.Deliver(bytes(8), "13800000001", "1069", False, True, 8, b"")
    assert (coding.place(deliver), coding.words(deliver)) == ((0, 1, 1), "")
