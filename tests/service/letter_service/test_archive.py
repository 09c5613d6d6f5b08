"""The archive: PDFs by hash, sealed; nothing that was changed is given out as if it were whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from letter_service.archive import PIECE_BYTES, Archive, Damaged, Folder, NotKept
from letter_service.settings import LetterSettings, clear_spool, open_archive
from outreach.runtime.config import SettingError
from outreach.runtime.sealing import Sealer

WORDS = "个人资料".encode()


def archive_in(folder: Path) -> Archive:
    return Archive(Folder(folder / "kept"), Sealer.load(folder), folder / "kept" / "spool")


def kept_file(folder: Path, sha256: str) -> Path:
    return folder / "kept" / sha256[:2] / sha256


def read(archive: Archive, sha256: str) -> bytes:
    pieces, length = archive.read(sha256)
    pdf = b"".join(pieces)
    assert len(pdf) == length
    return pdf


def sample(size: int) -> bytes:
    return (WORDS * (size // len(WORDS) + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 5])
def test_what_is_kept_is_read_again(tmp_path: Path, size: int) -> None:
    """Any length comes back as it was, under its SHA-256, with its length known before."""
    archive = archive_in(tmp_path)
    pdf = sample(size)
    sha256 = archive.keep(pdf)
    assert sha256 == hashlib.sha256(pdf).hexdigest()
    assert read(archive, sha256) == pdf


def test_nothing_lies_in_clear(tmp_path: Path) -> None:
    """No piece of the content stands on the disk, neither while it is written nor afterwards."""
    archive = archive_in(tmp_path)
    with archive.create() as writer:
        for _ in range(3 * PIECE_BYTES // len(WORDS)):
            writer.write(WORDS)
        assert all(WORDS not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        writer.keep()
    assert all(WORDS not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_what_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    """A writer that is left without `keep` leaves no file, and a crash only what clear_spool removes."""
    archive = archive_in(tmp_path)
    with archive.create() as writer:
        writer.write(b"half")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and "spool" in path.parts] == []
    settings = LetterSettings(state_dir=tmp_path)
    crashed = open_archive(settings).create()
    crashed.write(b"half")
    clear_spool(settings)
    assert list((settings.archive_folder / "spool").iterdir()) == []
    crashed.__exit__()


def test_the_same_twice_is_one_file(tmp_path: Path) -> None:
    """A run laid out again after a crash keeps the same bytes under the same name."""
    archive = archive_in(tmp_path)
    assert archive.keep(b"same") == archive.keep(b"same")
    assert read(archive, archive.keep(b"same")) == b"same"


def test_an_unknown_hash_is_not_kept(tmp_path: Path) -> None:
    """Nothing under a hash that nobody kept, or that was removed."""
    archive = archive_in(tmp_path)
    with pytest.raises(NotKept):
        archive.read("0" * 64)
    sha256 = archive.keep(b"gone soon")
    archive.remove(sha256)
    archive.remove(sha256)
    with pytest.raises(NotKept):
        archive.read(sha256)


@pytest.mark.parametrize("harm", ["cut", "cut at a piece", "changed", "swapped pieces", "another's file"])
def test_harm_is_found_out(tmp_path: Path, harm: str) -> None:
    """A file that was cut, changed, reordered or put under another's name is never given out to its end."""
    archive = archive_in(tmp_path)
    pdf = sample(3 * PIECE_BYTES)
    sha256 = archive.keep(pdf)
    path = kept_file(tmp_path, sha256)
    sealed = path.read_bytes()
    step = (len(sealed) - 16) // 3
    pieces = [sealed[16 + n * step : 16 + (n + 1) * step] for n in range(3)]
    harmed = {
        "cut": sealed[:-100],
        "cut at a piece": sealed[: 16 + 2 * step],
        "changed": sealed[:-1] + bytes([sealed[-1] ^ 1]),
        "swapped pieces": sealed[:16] + pieces[1] + pieces[0] + pieces[2],
        "another's file": kept_file(tmp_path, archive.keep(sample(2 * PIECE_BYTES))).read_bytes(),
    }
    path.write_bytes(harmed[harm])
    given: list[bytes] = []
    with pytest.raises(Damaged):
        given.extend(archive.read(sha256)[0])
    assert len(b"".join(given)) < len(pdf)


def test_a_bucket_needs_its_keys(tmp_path: Path) -> None:
    """An archive by URL without credentials is told at the start, with the variables to set."""
    with pytest.raises(SettingError, match="OUTREACH_ARCHIVE_ACCESS_KEY"):
        open_archive(LetterSettings(state_dir=tmp_path, archive="https://store.example/letters"))
