"""Checkpoints are C2SP signed notes that others can read, and theirs are read here."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outreach.ledger.checkpoint import Checkpoint, CheckpointError, Signer, Verifier, open_note, parse_and_verify

# The example of c2sp.org/signed-note.
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
# A tree head of the Go checksum database with a witness's second signature, and the key that the go command knows.
GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_NOTE = """go.sum database tree
15067302
gJyioq6dwR9n+NjEWORfYmH+ubeYm3kH42BBQ0bTpYI=

— sum.golang.org Az3grp1rvWOs5NKlr/xR4GLN/CDyzzakmt1o61uSxYKpK1SerqOP2ClbX/peKUZjYnyomH5Xz7GZG3TpB7OeKn4E2ww=
— test.example.com qTGhC/xIPQ0AXKHK6Y+9ypRfuvMZWPjRXM8NiOg5M1WREn07VQXyuIXM3NRNav3ieVFLUqDRK77PWDmL6w8w84UqeAw=
"""

ORIGIN = "bank.example/ledger"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = Signer(ORIGIN, KEY)
VERIFIER = Verifier.from_key(SIGNER.verifier_key)
ROOT = bytes(range(32))


def test_the_specification_s_example() -> None:
    """The note that the specification prints verifies with the key it prints."""
    assert open_note(SPEC_NOTE, Verifier.from_key(SPEC_KEY)) == "This is an example message.\n"


def test_a_foreign_log_s_checkpoint() -> None:
    """A real log's checkpoint is read, and a second signature by a key nobody asked about is ignored."""
    checkpoint = parse_and_verify(GO_NOTE, Verifier.from_key(GO_KEY))
    assert (checkpoint.origin, checkpoint.size) == ("go.sum database tree", 15067302)
    assert checkpoint.root.hex().startswith("809ca2a2ae9dc11f67")


def test_round_trip() -> None:
    """What is signed is read back; the note has exactly the specified lines."""
    note = SIGNER.sign(ORIGIN, 20, ROOT)
    assert note.startswith(f"{ORIGIN}\n20\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— {ORIGIN} ")
    assert parse_and_verify(note, VERIFIER) == Checkpoint(ORIGIN, 20, ROOT)


def test_extension_lines_are_allowed() -> None:
    """A fourth line does not disturb (a log may add some)."""
    assert parse_and_verify(_sign(f"{ORIGIN}\n0\n{'A' * 43}=\nmore\n"), VERIFIER).size == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("20\n", "21\n"), "does not fit"),
        (("AAEC", "AAED"), "does not fit"),
        ((f"— {ORIGIN}", "— other.example"), "not signed by"),
        (("— ", "- "), "signature line"),
        (("\n\n", "\n"), "not a signed note"),
        (("\n", "\r\n"), "control characters"),
        (("=\n", "="), "not a signed note"),
        (("20\n", "2" * 200_000 + "\n"), "too long"),
    ],
)
def test_a_changed_note_is_refused(change: tuple[str, str], message: str) -> None:
    """Any change is refused, in words that say what does not fit."""
    with pytest.raises(CheckpointError, match=message):
        parse_and_verify(SIGNER.sign(ORIGIN, 20, ROOT).replace(*change), VERIFIER)


@pytest.mark.parametrize(
    "text",
    [
        "only an origin\n",
        f"{ORIGIN}\n-1\n{'A' * 43}=\n",
        f"{ORIGIN}\n01\n{'A' * 43}=\n",
        f"{ORIGIN}\n１\n{'A' * 43}=\n",
        f"{ORIGIN}\n1\n{'A' * 42}==\n",
        f"{ORIGIN}\n1\n{'A' * 42}B=\n",
        f"{ORIGIN}\n1\nnot base64\n",
        f"{ORIGIN}\n\n1\n{'A' * 43}=\n",
    ],
)
def test_a_signed_text_that_is_no_checkpoint(text: str) -> None:
    """A good signature does not make a checkpoint of another text."""
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        parse_and_verify(_sign(text), VERIFIER)


def test_one_bad_signature_of_ours_spoils_the_note() -> None:
    """A note that carries a good and a bad signature of the known key is refused."""
    good, bad = SIGNER.sign(ORIGIN, 20, ROOT), SIGNER.sign(ORIGIN, 21, ROOT)
    with pytest.raises(CheckpointError, match="does not fit"):
        parse_and_verify(good + bad.rpartition("\n\n")[2], VERIFIER)


@pytest.mark.parametrize(
    ("vkey", "message"),
    [
        ("", "not a verifier key"),
        ("a+b", "not a verifier key"),
        ("a+12345678+AAAA", "not a verifier key"),
        (SPEC_KEY.replace("530d903a", "530d903b"), "damaged"),
        (SPEC_KEY.replace("+Aeky", "+BOky"), "another type"),
        ("a b" + SPEC_KEY, "not a verifier key"),
    ],
)
def test_a_wrong_key_is_refused(vkey: str, message: str) -> None:
    """What is no Ed25519 verifier key is refused in words."""
    with pytest.raises(CheckpointError, match=message):
        Verifier.from_key(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000", "a\n"])
def test_a_wrong_name_is_refused(name: str) -> None:
    """A key name that a note could not carry is refused, and so is such an origin."""
    with pytest.raises(ValueError, match="key name"):
        Signer(name, KEY)
    with pytest.raises(ValueError, match="origin"):
        SIGNER.sign("a\nb", 0, ROOT)


def _sign(text: str) -> str:
    """A note with any text, signed by the same key."""
    signature = b64encode(VERIFIER.key_id + KEY.sign(text.encode())).decode()
    return f"{text}\n— {ORIGIN} {signature}\n"
