"""The exported file is read as it was written, and what is no whole export is refused in words."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.ledger import export
from outreach.ledger.entries import encode
from tests.unit.ledger.ledgers import ORIGIN, Ledger

NOTE = "bank.example/ledger\n2\nroot\n\n— signature\n"


def write(bodies: list[bytes]) -> bytes:
    file = io.BytesIO()
    export.write(file, ORIGIN, bodies, NOTE)
    return file.getvalue()


def read(data: bytes) -> tuple[str, list[bytes], str]:
    reader = export.Reader(io.BytesIO(data))
    bodies = [body for batch in reader.batches() for body in batch]
    return reader.origin, bodies, reader.checkpoint


def test_the_file_is_plain_text() -> None:
    """Header, a line per entry, an empty line, the checkpoint."""
    assert write([b'{"seq":0}', b'{"seq":1}']).decode() == (
        '{"format":"outreach-ledger/1","origin":"bank.example/ledger"}\n{"seq":0}\n{"seq":1}\n\n' + NOTE
    )


@given(st.lists(st.dictionaries(st.text(st.characters(max_codepoint=127)), st.text(st.characters(codec="utf-8")))))
def test_round_trip(entries: list[dict[str, str]]) -> None:
    """Whatever texts the entries hold, newlines too, entries and checkpoint come back."""
    bodies = [encode(entry) for entry in entries]
    assert read(write(bodies)) == (ORIGIN, bodies, NOTE)


@pytest.mark.parametrize("size", [*range((1 << 20) - 90, (1 << 20) + 10, 7), (1 << 20)])
def test_blocks_may_end_anywhere(size: int) -> None:
    """The reader's blocks cut header, entries, the empty line and the checkpoint at any byte."""
    bodies = [b'{"seq":"%s"}' % (b"x" * (size - 100)), b'{"seq":1}', b'{"seq":2}']
    assert read(write(bodies)) == (ORIGIN, bodies, NOTE)


@pytest.mark.parametrize("body", [b"", b"\n", b'{"a":\n1}', b" {}", b"bank.example/ledger", b"{" + b" " * (1 << 20)])
def test_a_body_cannot_fake_the_frame(body: bytes) -> None:
    """A body that would break the frame is not written."""
    with pytest.raises(ValueError, match="one line of JSON"):
        write([body])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an exported ledger"),
        (b"\x89PNG\r\n", "not an exported ledger"),
        (b"[]\n", "not an exported ledger"),
        (b'{"format":"outreach-ledger/2","origin":"a"}\n', "not an exported ledger"),
        (b'{"format":"outreach-ledger/1"}\n', "not an exported ledger"),
        (write([b"{}"])[:-45], "cut off"),
        (write([b"{}"]).replace(b"\n", b"\r\n"), "CRLF"),
        (write([]) + b"\xff", "no text"),
        (write([])[:62] + b"x" * 3_000_000, "longer than 1 MiB"),
    ],
)
def test_what_is_no_export_is_refused(data: bytes, message: str) -> None:
    """A truncated, converted or foreign file is refused with what to do."""
    with pytest.raises(export.ExportError, match=message):
        read(data)


def test_a_cut_off_file_is_reported_with_what_it_holds(ledger: Ledger) -> None:
    """A file cut off in transfer is a problem in the report, not an exception."""
    ledger.verify()
    ledger.path.write_bytes(ledger.path.read_bytes()[:2000])
    report = ledger.verify_file()
    assert "cut off" in report.problems[0]
    assert 0 < report.entries < 100
