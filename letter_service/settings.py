"""What letter_service needs beside the shared settings, and the archive that they name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from letter_service.archive import Archive, Folder, Store
from letter_service.bucket import Bucket
from outreach.runtime.config import SettingError, Settings
from outreach.runtime.sealing import Sealer

_SPOOL = "spool"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterSettings(Settings):
    """Read from OUTREACH_<FIELD>."""

    archive: str = ""
    """Where PDFs are kept: a folder, or https://HOST/BUCKET[/PREFIX] of an S3-compatible store; empty for the folder
    letters in the state directory."""
    archive_access_key: str = ""
    """The store's access key."""
    archive_secret_key: str = field(default="", repr=False)
    """The store's secret key."""

    @property
    def archive_folder(self) -> Path:
        """Where files of the archive lie on this machine: all of them, or those on their way to the bucket."""
        return self.state_dir / "letters" if not self.archive or _is_url(self.archive) else Path(self.archive)


def open_archive(settings: LetterSettings) -> Archive:
    """The archive of these settings. Raises SettingError."""
    folder = settings.archive_folder
    return Archive(_store(settings), Sealer.load(settings.state_dir), folder / _SPOOL)


def clear_spool(settings: LetterSettings) -> None:
    """Removes what an earlier process of this machine had not finished when it ended."""
    for path in (settings.archive_folder / _SPOOL).glob("*"):
        path.unlink(missing_ok=True)


def _store(settings: LetterSettings) -> Store:
    if not _is_url(settings.archive):
        return Folder(settings.archive_folder)
    if not (settings.archive_access_key and settings.archive_secret_key):
        raise SettingError("OUTREACH_ARCHIVE is a bucket: set OUTREACH_ARCHIVE_ACCESS_KEY and _SECRET_KEY, too")
    try:
        return Bucket(settings.archive, settings.archive_access_key, settings.archive_secret_key)
    except ValueError as error:
        raise SettingError(f"OUTREACH_ARCHIVE must be https://HOST/BUCKET: {error}") from None


def _is_url(text: str) -> bool:
    return text.startswith(("https://", "http://"))
