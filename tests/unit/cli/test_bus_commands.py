"""placement import, repay and dead-letters, against a real nats-server."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from nats.js import JetStreamContext
from typer.testing import CliRunner, Result

from outreach.cli.main import app
from outreach.runtime import bus, nats_server
from outreach.runtime.config import Settings
from outreach.runtime.secret_files import write_private
from outreach.v1.bank_service_pb2 import ApplyEventsResponse, BankEvent, EventResult, Repayment
from tests.fakes.gateway import BANK, FakeGateway
from tests.unit.cli.test_bank_file import FIRST, HEADER
from tests.unit.runtime.conftest import free_port

Act = Callable[[JetStreamContext], Coroutine[Any, Any, Any]]


class Bus:
    """A nats-server with our users and streams, and the commands that use it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def run(self, *arguments: object) -> Result:
        options = ["--state-dir", str(self.settings.state_dir)]
        environment = {"OUTREACH_NATS_URL": self.settings.nats_url}
        return CliRunner(env=environment).invoke(app, [*map(str, arguments), *options])

    def as_authority(self, act: Act) -> Any:
        """Does something as approval_service."""

        async def connected() -> Any:
            client = await bus.connect(self.settings, nats_server.APPROVAL_SERVICE)
            try:
                return await act(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(connected())

    def stored(self, stream: str) -> list[tuple[str, bytes]]:
        """Subject and content of every message in the stream."""

        async def read(js: JetStreamContext) -> list[tuple[str, bytes]]:
            state = (await js.stream_info(stream)).state
            messages = [await js.get_msg(stream, n) for n in range(state.first_seq, state.last_seq + 1)]
            return [(message.subject or "", message.data or b"") for message in messages]

        found: list[tuple[str, bytes]] = self.as_authority(read)
        return found

    def events(self) -> list[BankEvent]:
        return [Parse(data, BankEvent()) for _, data in self.stored(bus.OUTREACH_IN)]


@pytest.fixture
def nats(gateway: FakeGateway) -> Iterator[Bus]:
    state_dir, port = gateway.state_dir, free_port()
    conf = state_dir / "nats.conf"
    write_private(conf, nats_server.nats_server_conf(state_dir, [BANK], port=port).encode())
    process = subprocess.Popen(
        [nats_server.executable(), "-c", conf], env=nats_server.environment(state_dir), stderr=subprocess.DEVNULL
    )
    made = Bus(Settings(state_dir=state_dir, nats_url=f"nats://127.0.0.1:{port}"))
    made.as_authority(lambda js: bus.ensure_streams(js, bus.OUTREACH_IN, bus.OUTREACH_DEAD))
    yield made
    process.kill()
    process.wait()


def test_placements_are_published(nats: Bus, tmp_path: Path) -> None:
    """Good lines and the feed mark arrive in order as the bank's events; a second import brings the same event ids,
    which change nothing; bad lines are listed with exit code 1.
    """
    path = tmp_path / "placements.csv"
    path.write_text("\n".join((HEADER, FIRST, FIRST.replace("6222001", "6222002"))))
    options = ("--complete-through", "2026-03-17T07:00:00+08:00", "--json")
    ended = nats.run("placement", "import", path, *options)
    assert (ended.exit_code, json.loads(ended.stdout)["accepted"]) == (0, 3)
    kinds = [event.WhichOneof("event") for event in nats.events()]
    assert kinds == ["placement", "placement", "feed_mark"]
    assert {subject for subject, _ in nats.stored(bus.OUTREACH_IN)} == {f"outreach.in.{BANK}.events"}
    path.write_text(path.read_text() + "\n6222003,demo-agency\n")
    ended = nats.run("placement", "import", path, *options)
    assert (ended.exit_code, json.loads(ended.stdout)["bad_lines"][0]["line"]) == (1, 4)
    assert len({event.event_id for event in nats.events()}) == 3


def test_placements_go_over_grpc_too(gateway: FakeGateway, tmp_path: Path) -> None:
    """With --grpc the bank's caller hands the events in, and what came of them is counted."""
    results = [EventResult(duplicate=True), EventResult(cancelled=2)]
    gateway.answers["ApplyEvents"] = lambda request: ApplyEventsResponse(results=results)
    path = tmp_path / "placements.csv"
    path.write_text("\n".join((HEADER, FIRST, FIRST.replace("6222001", "6222002"))))
    common = ["--state-dir", str(gateway.state_dir), "--address", gateway.address]
    ended = CliRunner().invoke(app, ["placement", "import", str(path), "--grpc", "--json", *common])
    counts = json.loads(ended.stdout)
    assert (counts["accepted"], counts["duplicate"], counts["cancelled"]) == (2, 1, 2)


def test_a_repayment_is_published(nats: Bus) -> None:
    """Kind, amount, sequence and the amounts after it become the event; yuan become fen."""
    options = ("--account", "6222001", "--kind", "partial", "--amount", "1234.50", "--sequence", "9")
    after = ("--overdue-after", "10", "--outstanding-after", "20.01", "--at", "2026-03-17T08:00:00+08:00")
    assert nats.run("repay", *options, *after).exit_code == 0
    (event,) = nats.events()
    repayment = event.repayment
    assert (repayment.kind, repayment.amount_fen) == (Repayment.KIND_PARTIAL, 123450)
    assert (repayment.balance_after.sequence, repayment.balance_after.outstanding_amount_fen) == (9, 2001)
    assert repayment.balance_after.as_of_time == event.event_time
    assert nats.run("repay", *options, "--overdue-after", "10").exit_code == 2
    assert nats.run("repay", *options, "--amount", "1.234").exit_code == 2


def test_dead_letters_are_listed_shown_and_replayed(nats: Bus) -> None:
    """The reason is listed, the content is shown without what it says of a person, and a replay brings the message back
    to its subject and removes it here.
    """

    async def fail(js: JetStreamContext) -> None:
        body = '{"phone":"13800005678","name":"张三"}'.encode()
        headers = {"Outreach-Reason": "不是事件 no event", "Outreach-Subject": f"outreach.in.{BANK}.events"}
        for _ in range(3):
            await js.publish(f"outreach.dead.in.{BANK}.events", body, headers=headers)

    nats.as_authority(fail)
    (first, *_) = letters = json.loads(nats.run("dead-letters", "list", "--json").stdout)
    assert (len(letters), first["reason"], first["subject"]) == (3, "不是事件 no event", f"outreach.in.{BANK}.events")
    shown = nats.run("dead-letters", "show", first["sequence"]).stdout
    assert "某某" in shown
    assert "5678" not in shown
    assert nats.run("dead-letters", "replay", 1).exit_code == 0
    assert nats.run("dead-letters", "replay", 1).exit_code == 1
    assert json.loads(nats.run("dead-letters", "replay", "--all", "--json").stdout)["replayed"] == [2, 3]
    assert len(nats.stored(bus.OUTREACH_IN)) == 3
    assert json.loads(nats.run("dead-letters", "list", "--json").stdout) == []
    assert nats.run("dead-letters", "replay").exit_code == 2


def test_without_credential_or_server_there_are_clear_words(
    nats: Bus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A bank that is no part of the installation, and a server that is not there, are told with the way out."""
    monkeypatch.setattr("outreach.cli.session._CONNECT_TIMEOUT_S", 0.5)
    options = ("--account", "6", "--kind", "full", "--amount", "1", "--sequence", "9")
    ended = nats.run("repay", "--bank", "other-bank", *options)
    assert (ended.exit_code, "bank-other-bank" in ended.stderr) == (1, True)
    assert not (nats.settings.state_dir / "secrets" / "nats-bank-other-bank").exists()
    alone = Bus(Settings(state_dir=nats.settings.state_dir, nats_url="nats://127.0.0.1:1"))
    ended = alone.run("repay", *options)
    assert (ended.exit_code, "make run" in ended.stderr) == (1, True)
