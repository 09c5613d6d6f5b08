"""The commands of keys: what they ask for, and what they say of what is still needed."""

from __future__ import annotations

import json

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from outreach.cli import keys
from outreach.runtime.secret_files import new_key_line, read_key_lines, write_private
from outreach.v1.key_service_pb2 import (
    ApproveRotationResponse,
    AskRotationResponse,
    KeyKind,
    KeyRequest,
    LedgerKey,
    ListKeysRequest,
    ListKeysResponse,
    MasterKey,
    Rewrapping,
)
from tests.fakes.gateway import FakeGateway
from tests.unit.cli.conftest import Run

BEGUN = Timestamp(seconds=1_800_000_000)
REQUEST = KeyRequest(kind=KeyKind.KEY_KIND_LEDGER, asked_by="agency/ann", ask_time=BEGUN)


def test_what_is_there_and_needed_is_listed(gateway: FakeGateway, run: Run) -> None:
    """Each master with what it means for the administrator, and all else."""
    gateway.answers["ListKeys"] = lambda request: ListKeysResponse(
        masters=[
            MasterKey(key_id="aa", known=True, wraps=True, wrapped_keys=5),
            MasterKey(key_id="bb", known=True, wrapped_keys=3),
            MasterKey(key_id="cc", known=True),
            MasterKey(key_id="dd", wrapped_keys=1),
        ],
        ledger_keys=[LedgerKey(verifier_key="gw+00+AA"), LedgerKey(verifier_key="gw+11+BB", from_size=170)],
        requests=[REQUEST],
        rewrapping=Rewrapping(master_id="aa", done=7, total=90, approved_by="agency/ben", start_time=BEGUN),
    )
    shown = run("key", "list").stdout
    for words in (
        "in force",
        "still needed",
        "may be removed",
        "put it back",
        "gw+11+BB",
        "170",
        "agency/ann",
        "7 / 90",
    ):
        assert words in shown, words
    assert len(json.loads(run("key", "list", "--json").stdout)["masters"]) == 4


@pytest.mark.parametrize(("kind", "number"), [("master", 1), ("ledger", 2)])
def test_a_rotation_is_asked_for_and_approved(gateway: FakeGateway, run: Run, kind: str, number: int) -> None:
    gateway.answers["AskRotation"] = lambda request: AskRotationResponse(request=REQUEST)
    gateway.answers["ApproveRotation"] = lambda request: ApproveRotationResponse(key="gw+11+BB")
    assert "agency/ann" in run("key", "rotate", kind).stdout
    assert "gw+11+BB" in run("key", "approve", kind).stdout
    assert [one.kind for one in (*gateway.asked("AskRotation"), *gateway.asked("ApproveRotation"))] == [number, number]
    assert run("key", "rotate", "sealing").exit_code == 2


def test_the_end_is_waited_for(gateway: FakeGateway, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_POLL_S", 0.01)
    looks = iter(range(100))

    def answer(_: ListKeysRequest) -> ListKeysResponse:
        done = min(30 * next(looks), 90)
        run = Rewrapping(master_id="aa", done=done, total=90, start_time=BEGUN)
        if done == 90:
            run.finish_time.CopyFrom(BEGUN)
        return ListKeysResponse(rewrapping=run)

    gateway.answers["ListKeys"] = answer
    assert "0 / 90" in run("key", "status").stdout
    assert "90 / 90" in run("key", "status", "--wait").stdout
    gateway.answers.clear()
    assert "never rotated" in run("key", "status", "--wait").stdout


def test_a_new_master_stands_first(gateway: FakeGateway, run: Run) -> None:
    """Before the old one, which stays; the file stays its owner's alone."""
    path = gateway.state_dir / "secrets" / "master-key"
    old = new_key_line()
    write_private(path, old)
    key_id = json.loads(run("key", "new-master", "--json").stdout)["key_id"]
    assert [one.hex() for one in read_key_lines(path.read_text())] == [key_id, old.split()[0].decode()]
    assert path.stat().st_mode & 0o077 == 0
