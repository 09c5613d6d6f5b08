"""After the example day, no personal data lies in the clear anywhere that people or programs look."""

from __future__ import annotations

import asyncio
import csv
import re
from pathlib import Path

import phonenumbers
import pytest

from examples.generate import FOLDER
from outreach.domain.phone import normalize_mobile
from outreach.runtime import bus, nats_server
from outreach.runtime.config import Settings
from tests.system.conftest import Installation

BANKS = ("demo-bank", "sample-bank")
ABROAD = "carriers"
"""The simulator's folder: the carriers' far end, which gets the numbers and texts."""


def _rows(pattern: str) -> list[dict[str, str]]:
    rows = []
    for path in FOLDER.glob(pattern):
        with path.open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    return rows


@pytest.fixture(scope="module")
def personal() -> re.Pattern[bytes]:
    """Every name, number, address, account and customer number of the example."""
    texts: set[str] = set()
    for row in _rows("*/placements.csv"):
        texts |= {row[column] for column in ("name", "phone_numbers", "account_number", "customer_id", "addresses")}
    for row in _rows("cases/*.csv"):
        texts |= {row["phone_number"], row["account_number"]}
    for row in _rows("letters/*.csv"):
        texts |= {row["address"], row["account_number"]}
    texts = {text for text in texts if len(text) > 2}
    assert len(texts) > 800
    return re.compile(b"|".join(re.escape(text.encode()) for text in texts))


def test_no_file_of_the_installation_shows_personal_data(played: Installation, personal: re.Pattern[bytes]) -> None:
    """Logs, database with its write-ahead log, streams, summary, registry: as bytes, all of them."""
    files = [path for path in played.state_dir.rglob("*") if path.is_file()]
    looked_at = [path for path in files if path.relative_to(played.state_dir).parts[0] != ABROAD]
    names = {path.name for path in looked_at}
    assert {
        "outreach.db",
        "summary.json",
        "gateway.log",
        "approval_service.log",
        "sms_service.log",
        "letter_service.log",
    } <= names
    assert any("jetstream" in path.parts for path in looked_at)
    found = {str(path): match[0].decode() for path in looked_at if (match := personal.search(path.read_bytes()))}
    assert found == {}


def test_no_subject_and_no_ledger_entry_shows_personal_data(
    played: Installation, personal: re.Pattern[bytes], tmp_path: Path
) -> None:
    """Subjects of every stream, the exported ledger, and what the command line shows of every outreach."""
    with played.running():
        subjects = asyncio.run(_subjects(played))
        played.ledger(tmp_path / "ledger")
        shown = str(played.outreach())
    assert any(subject.startswith("outreach.out.") for subject in subjects)
    for text in ("\n".join(subjects).encode(), (tmp_path / "ledger").read_bytes(), shown.encode()):
        assert personal.search(text) is None


async def _subjects(installation: Installation) -> list[str]:
    settings = Settings(state_dir=installation.state_dir, nats_url=installation.environment["OUTREACH_NATS_URL"])
    client = await bus.connect(settings, nats_server.APPROVAL_SERVICE)
    try:
        found: list[str] = []
        for stream in await client.jetstream().streams_info():
            name = stream.config.name or ""
            info = await client.jetstream().stream_info(name, subjects_filter=">")
            found += [name, *(stream.config.subjects or ()), *(info.state.subjects or ())]
        return found
    finally:
        await client.close()


def test_the_example_belongs_to_nobody() -> None:
    """No number of the example can be dialled, and no account number can be a card's.

    154 is no operator's prefix (libphonenumber knows none), and a local number never begins with 0.
    """
    numbers = {row["phone_numbers"] for row in _rows("*/placements.csv")}
    numbers |= {row["phone_number"] for row in _rows("cases/*.csv")}
    mobiles = {number for number in numbers if normalize_mobile(number)}
    assert len(mobiles) > 250
    assert not [number for number in mobiles if phonenumbers.is_valid_number(phonenumbers.parse(number, "CN"))]
    assert not [number for number in numbers - mobiles if re.fullmatch("0[0-9]{2,3}-?[1-9][0-9]*", number)]
    assert all(row["account_number"][:5] in ("DEMO-", "SAMP-") for row in _rows("*/placements.csv"))
