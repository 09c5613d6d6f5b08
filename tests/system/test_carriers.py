"""The example's other carriers: what an administrator does to send over CMPP or Tencent after `make run`."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import nats
import orjson
import pytest
import yaml

from examples.generate import FOLDER
from tests.system.conftest import Installation

BANK = "demo-bank"
MORNING = "2026-03-18T01:00:00Z"
CODE = "1001"


@pytest.fixture(scope="module")
def morning(played: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A copy of the played installation, up at 09:00 of the next day."""
    installation = Installation(tmp_path_factory.mktemp("morning") / "state")
    shutil.copytree(played.state_dir, installation.state_dir)
    with installation.running():
        installation.cli("clock", "set", MORNING, "--as", "operator-1")
        yield installation


async def _tell_amounts(installation: Installation, account: str) -> None:
    """The bank's amounts of this morning, without which nothing leaves."""
    balance = {"accountNumber": account, "sequence": "900", "asOfTime": MORNING, "overdueAmountFen": "123456"}
    events = [{"balance": balance}, {"feedMark": {"completeThrough": MORNING}}]
    secret = installation.state_dir / "secrets" / f"nats-bank-{BANK}"
    client = await nats.connect(
        installation.environment["OUTREACH_NATS_URL"],
        user=f"bank-{BANK}",
        password=secret.read_text(),
        inbox_prefix=f"_INBOX.bank-{BANK}",
    )
    for number, event in enumerate(events):
        known = {"eventId": f"{account}-{number}", "bankId": BANK, "eventTime": MORNING}
        await client.jetstream().publish(f"outreach.in.{BANK}.events", orjson.dumps(known | event))
    await client.close()


async def _register(installation: Installation, text: str) -> None:
    """Tencent's own copy of the template, which numbers the placeholders."""
    template = {"code": CODE, "text": text, "state": "passed"}
    control = installation.environment["OUTREACH_SIMULATOR_URL"] + "/control"
    async with aiohttp.ClientSession() as session:
        order = {"carrier": "tencent", "template": template}
        async with session.post(control, json=order) as answer:
            assert answer.ok


def _use(installation: Installation, carrier: dict[str, Any], file: Path) -> None:
    """The bank's policy names the carrier, by two people."""
    policy = yaml.safe_load((FOLDER / BANK / "policy.yaml").read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(policy | {"carriers": [carrier]}, allow_unicode=True), encoding="utf-8")
    drafted = installation.cli("policy", "draft", str(file), "--bank", BANK, "--as", "policy-maker")
    version = drafted["version"]["version"]
    installation.cli("policy", "activate", version, "--bank", BANK, "--as", "policy-approver")


def _send(installation: Installation, account: str, phone: str, file: Path) -> list[dict[str, Any]]:
    """Submits one message and follows it to the handset; returns what the carrier's far end got."""
    head = "request_id,bank_id,account_number,phone_number,template_name,case_id,var.hotline"
    file.write_text(f"{head}\n{account},{BANK},{account},{phone},due-reminder,CASE-O,010-00000001\n")
    before = len(installation.messages())
    installation.cli("submit", str(file), "--as", "clerk-1")
    end = time.monotonic() + 30
    while (status := installation.cli("status", "--request", account, "--as", "clerk-1"))["state"] != (
        "STATE_DELIVERED"
    ):
        assert time.monotonic() < end, status
        time.sleep(0.2)
    return [one for one in installation.messages()[before:] if one["phone"] == phone]


def test_by_the_operators_direct_link(morning: Installation, tmp_path: Path) -> None:
    """A policy that names the CMPP account sends over it, and the receipt comes over the same connection."""
    asyncio.run(_tell_amounts(morning, "DEMO-26-0004"))
    _use(morning, {"carrier_id": "cmpp-demo", "renders_registered_copy": False}, tmp_path / "policy.yaml")
    parts = _send(morning, "DEMO-26-0004", "15400041004", tmp_path / "cases.csv")
    assert [part["carrier"] for part in parts] == ["cmpp"] * 2
    assert "1234.56元" in str(parts)


def test_by_a_cloud_that_renders_its_own_copy(morning: Installation, tmp_path: Path) -> None:
    """Tencent's registered copy is recorded, compared with what the bank approved, and its code is what is sent."""
    asyncio.run(_tell_amounts(morning, "DEMO-26-0007"))
    listed = morning.cli("template", "list", "--name", "due-reminder", "--bank", BANK, "--as", "drafter-1")
    (version,) = listed
    text = version["content"]["text"]
    numbers = {name: place for place, name in enumerate(dict.fromkeys(re.findall(r"\{(\w+)\}", text)), 1)}
    asyncio.run(_register(morning, re.sub(r"\{(\w+)\}", lambda found: f"{{{numbers[found[1]]}}}", text)))
    registered = tmp_path / "registered.txt"
    registered.write_text(text.replace("{", "${"), encoding="utf-8")
    filing = ("--carrier", "tencent-demo", "--code", CODE, "--state", "passed", "--text-file", str(registered))
    morning.cli("template", "filing", version["digest"], *filing, "--bank", BANK, "--as", "drafter-1")
    _use(morning, {"carrier_id": "tencent-demo", "renders_registered_copy": True}, tmp_path / "policy.yaml")
    (message,) = _send(morning, "DEMO-26-0007", "15400071007", tmp_path / "cases.csv")
    assert message["carrier"] == "tencent"
    assert "1234.56" in str(message)
