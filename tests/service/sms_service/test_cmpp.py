"""CMPP over real sockets against the simulated operator's gateway, in both versions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from carrier_simulator import cmpp, cmpp_wire
from carrier_simulator.faults import BY_SUFFIX
from outreach.domain.clocks import elapsed_s
from outreach.v1.worker_service_pb2 import Receipt
from sms_service.carriers import cmpp_inbound
from sms_service.carriers.cmpp_coding import VERSIONS as VERSIONS_BY_NAME
from sms_service.carriers.cmpp_inbound import BY_NUMBER_AFTER_S, RECEIVED_AT
from sms_service.carriers.seam import (
    ACCEPTED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    NotKeptError,
    Reply,
    SendResult,
    UnreadableError,
)
from tests.service.sms_service.parts import (
    cmpp_account,
    eventually,
    message,
    running,
    simulating,
    speaking,
)
from tests.service.sms_service.test_simulator import DEAD, DELIVERED, FAILED, PENDING

VERSIONS = ("cmpp 2.0", "cmpp 3.0")
LONG = "{name}，您尾号{tail}的账户本期应还{amount}元，" + "请于到期日前足额还款，如已还款请忽略本短信。" * 6
SUFFIXES = {behaviour.name: suffix for suffix, behaviour in BY_SUFFIX.items()}


class Kept:
    """A Keep that remembers, or refuses so many times."""

    def __init__(self, refuse: int = 0) -> None:
        self.refuse = refuse
        self.bodies: list[tuple[str, bytes, Mapping[str, str]]] = []

    async def __call__(self, what: str, body: bytes, headers: Mapping[str, str]) -> None:
        if self.refuse:
            self.refuse -= 1
            raise NotKeptError("not now")
        self.bodies.append((what, body, headers))


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_long_text_is_joined_again(version: str, tmp_path: Path) -> None:
    """A long text leaves in parts of 67 characters, is ACCEPTED with the first part's id and all parts', and the parts
    joined are the signed text."""
    async with simulating(tmp_path) as simulator:
        async with running(simulator.account(version)) as adapter:
            result = await adapter.send(message(template_text=LONG))
        lines = simulator.messages()
    text = "".join(line["content"]["text"] for line in lines)
    assert text.startswith("【示例银行】张三，您尾号1234")
    assert [len(line["content"]["text"]) for line in lines[:-1]] == [67] * (len(lines) - 1)
    assert [line["content"]["part"] for line in lines] == ["1/3", "2/3", "3/3"]
    ids = tuple(line["message_id"] for line in lines)
    assert result == SendResult(ACCEPTED, "0", ids[0], 3, segment_ids=ids)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([("refuse", 1)], (UNKNOWN, "6", 2)),
        ([("throttle_channel", 1)], (UNKNOWN, "8", 2)),
        ([("accept", 1), ("unlisted_code", 1)], (UNKNOWN, "99", 2)),
        ([("refuse", 3)], (REFUSED, "6", 0)),
        ([("throttle_channel", 3)], (NOT_SENT, "8", 0)),
        ([("throttle_channel", 2), ("refuse", 1)], (REFUSED, "6", 0)),
        ([("unlisted_code", 3)], (UNKNOWN, "99", 0)),
    ],
)
async def test_parts_of_different_fate(
    told: list[tuple[str, int]], expected: tuple[int, str, int], tmp_path: Path
) -> None:
    """A long text is REFUSED or NOT_SENT only if certainly no part was taken; if some were, it is UNKNOWN."""
    async with simulating(tmp_path) as simulator, running(simulator.account("cmpp 3.0")) as adapter:
        for behaviour, times in told:
            await simulator.control(carrier="cmpp", behaviour=behaviour, times=times)
        result = await adapter.send(message(template_text=LONG))
    assert (result.outcome, result.code, len(result.segment_ids)) == expected


async def test_a_message_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """With the window full, a long text waits for room for all of its parts; past its time nothing of it is written."""
    async with simulating(tmp_path) as simulator:
        await simulator.control(carrier="cmpp", behaviour="delay", times=14, answer_delay_ms=500)
        async with running(simulator.account("cmpp 3.0")) as adapter:
            fill = [asyncio.create_task(adapter.send(message(attempt_id=f"A{i}"))) for i in range(14)]
            await eventually(lambda: len(simulator.messages()) == 14)
            late = replace(message(template_text=LONG), send_before=elapsed_s() + 0.1)
            assert await adapter.send(late) == SendResult(NOT_SENT, "send_deadline_passed")
            assert len(simulator.messages()) == 14
            short = await adapter.send(message())
            assert short.outcome == ACCEPTED
            assert {result.outcome for result in await asyncio.gather(*fill)} == {ACCEPTED}


async def test_the_window_is_kept(tmp_path: Path) -> None:
    """Many at once: never more unanswered than the window, which the gateway would refuse; each is taken once."""
    async with simulating(tmp_path) as simulator:
        async with running(replace(simulator.account("cmpp 2.0"), timeout_s=5.0)) as adapter:
            results = await asyncio.gather(*(adapter.send(message(f"138000{i:05d}")) for i in range(100)))
        assert {result.code for result in results} == {"0"}
        assert len({line["message_id"] for line in simulator.messages()}) == 100


async def test_no_connection_is_not_sent_and_comes_back(tmp_path: Path) -> None:
    """Without a gateway nothing can be sent, which the carrier says; after a lost connection it logs in again."""
    async with running(cmpp_account("cmpp://127.0.0.1:9")) as adapter:
        assert not adapter.can_send
        assert await adapter.send(message()) == SendResult(NOT_SENT, "connect_failed")
    async with simulating(tmp_path) as simulator, running(simulator.account("cmpp 3.0")) as adapter:
        assert adapter.can_send
        lost = await adapter.send(message(f"1380000{SUFFIXES['drop_lost']}"))
        assert (lost.outcome, lost.code) == (UNKNOWN, "connection_lost")
        await eventually(lambda: not adapter.can_send)
        assert await adapter.send(message()) == SendResult(NOT_SENT, "connect_failed")
        await eventually(lambda: adapter.can_send)
        assert (await adapter.send(message())).outcome == ACCEPTED


@pytest.mark.parametrize("changes", [{"secret": "other"}, {"source_addr": "900002"}])
async def test_a_refused_login_can_send_nothing(changes: dict[str, str], tmp_path: Path) -> None:
    """Who is not let in has nothing to send with: NOT_SENT."""
    async with simulating(tmp_path) as simulator:
        async with running(replace(simulator.account("cmpp 3.0"), **changes)) as adapter:  # type: ignore[arg-type]  # texts
            assert await adapter.send(message()) == SendResult(NOT_SENT, "connect_failed")
        assert simulator.messages() == []


async def received(tmp_path: Path, version: str, behaviour: str, count: int) -> list[Receipt]:
    """The receipts that follow one message, as they would be reported."""
    kept = Kept()
    async with simulating(tmp_path) as simulator, running(simulator.account(version), kept) as adapter:
        await adapter.send(message(f"1380000{SUFFIXES.get(behaviour, '0001')}"))
        await eventually(lambda: len(kept.bodies) >= count)
        await asyncio.sleep(0.1)
        assert {what for what, _, _ in kept.bodies} <= {"receipts"}
        return [receipt for _, body, headers in kept.bodies for receipt in adapter.parse_receipts(body, headers)]


OWN, STRANGERS = f"{1:016x}", f"f{1:015x}"
RECEIPTS = {
    "accept": [(OWN, "DELIVRD", DELIVERED)],
    "drop_taken": [(OWN, "DELIVRD", DELIVERED)],
    "receipt_early": [(OWN, "DELIVRD", DELIVERED)],
    "receipt_never": [],
    "receipt_repeated": [(OWN, "DELIVRD", DELIVERED)] * 3,
    "receipt_reordered": [(OWN, "DELIVRD", DELIVERED), (OWN, "ACCEPTD", PENDING)],
    "receipt_without_out_id": [(OWN, "DELIVRD", DELIVERED)],
    "receipt_with_a_stranger": [(STRANGERS, "DELIVRD", DELIVERED), (OWN, "DELIVRD", DELIVERED)],
    "receipt_number_dead": [(OWN, "MK:0001", DEAD)],
    "receipt_rejected": [(OWN, "REJECTD", FAILED)],
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("behaviour", RECEIPTS)
async def test_receipts(version: str, behaviour: str, tmp_path: Path) -> None:
    """Each plan's receipts are stored in its order and read with the gateway's id; also after a lost connection."""
    receipts = await received(tmp_path, version, behaviour, len(RECEIPTS[behaviour]))
    assert [
        (r.carrier_message_id, r.carrier_code, (r.delivered, r.pending, r.number_dead)) for r in receipts
    ] == RECEIPTS[behaviour]
    assert not any(r.phone_number for r in receipts)


async def test_a_receipt_that_is_not_stored_is_not_answered(tmp_path: Path) -> None:
    """The gateway brings a receipt again until it was stored, and no longer."""
    kept = Kept(refuse=1)
    async with simulating(tmp_path) as simulator:
        cmpp.TAKEN_WITHIN_S, before = 0.1, cmpp.TAKEN_WITHIN_S
        try:
            async with running(simulator.account("cmpp 3.0"), kept) as adapter:
                await adapter.send(message())
                await eventually(lambda: len(kept.bodies) == 1)
                await asyncio.sleep(0.3)
                assert len(kept.bodies) == 1
        finally:
            cmpp.TAKEN_WITHIN_S = before


async def test_an_old_receipt_may_be_matched_by_its_number(tmp_path: Path) -> None:
    """Only once its id should long be known does a receipt name its number, which tells the attempt."""
    kept = Kept()
    async with simulating(tmp_path) as simulator, running(simulator.account("cmpp 2.0"), kept) as adapter:
        await adapter.send(message())
        await eventually(lambda: len(kept.bodies) == 1)
        ((_, body, headers),) = kept.bodies
        old = {RECEIVED_AT: str(int(headers[RECEIVED_AT]) - int(BY_NUMBER_AFTER_S) - 1)}
        assert adapter.parse_receipts(body, headers)[0].phone_number == ""
        assert adapter.parse_receipts(body, old)[0].phone_number == "13800000001"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("text", ["T", "我没有欠款，" * 20])
async def test_replies(version: str, text: str, tmp_path: Path) -> None:
    """A person's words, also in several parts, are stored as one reply and answered then."""
    kept = Kept()
    async with simulating(tmp_path) as simulator, running(simulator.account(version), kept) as adapter:
        assert await simulator.gateway.reply("13800000001", text)
        ((what, body, headers),) = kept.bodies
        assert what == "replies"
        assert adapter.parse_replies(body, headers) == [Reply("cmpp-demo", "13800000001", text, "0" * 16)]


@pytest.mark.parametrize("side", ["client", "gateway"])
async def test_heartbeats(side: str, tmp_path: Path) -> None:
    """Each side asks and is answered: a quiet connection stays, also when only one asks."""
    quick, slow = 0.05, 60.0
    account = cmpp.Account(port=0, heartbeat_s=quick if side == "gateway" else slow)
    async with simulating(tmp_path, cmpp_account=account) as simulator:
        client = replace(simulator.account("cmpp 3.0"), heartbeat_s=quick if side == "client" else slow)  # type: ignore[call-arg]  # a CmppAccount
        async with running(client) as adapter:
            await asyncio.sleep(0.4)
            assert adapter.can_send
            assert (await adapter.send(message())).outcome == ACCEPTED


async def test_a_silent_gateway_is_given_up() -> None:
    """A gateway that answers the login and then nothing more is left after three heartbeats."""

    async def fall_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(39)
        writer.write((33).to_bytes(4, "big") + (0x80000001).to_bytes(4, "big") + bytes(4) + bytes(21))
        await reader.read()

    async with (
        speaking(fall_silent) as port,
        running(cmpp_account(f"cmpp://127.0.0.1:{port}", heartbeat_s=0.05)) as adapter,
    ):
        assert adapter.can_send
        result = await adapter.send(message())
        assert (result.outcome, result.code) == (UNKNOWN, "connection_lost")


async def test_a_gateway_that_says_goodbye(tmp_path: Path) -> None:
    """TERMINATE is answered; what was not answered before it is UNKNOWN, and the client logs in again."""
    logins = 0

    async def terminate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal logins
        logins += 1
        await reader.readexactly(39)
        writer.write((33).to_bytes(4, "big") + (0x80000001).to_bytes(4, "big") + bytes(4) + bytes(21))
        if logins == 1:
            await reader.readexactly(12)
            writer.write((12).to_bytes(4, "big") + (2).to_bytes(4, "big") + (77).to_bytes(4, "big"))
            assert (await reader.read())[-12:] == bytes.fromhex("0000000c800000020000004d")
        else:
            await reader.read()

    async with speaking(terminate) as port, running(cmpp_account(f"cmpp://127.0.0.1:{port}")) as adapter:
        result = await adapter.send(message())
        assert (result.outcome, result.code) == (UNKNOWN, "connection_lost")
        await eventually(lambda: logins == 2)


async def test_a_reply_whose_other_part_never_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while what is there is stored as it is, so that no word waits for ever."""
    monkeypatch.setattr(cmpp_inbound, "JOIN_S", 0.1)
    kept, answered = Kept(), []
    inbound = cmpp_inbound.Inbound("cmpp-demo", VERSIONS_BY_NAME["3.0"], kept)
    first, _ = cmpp_wire.words("我没有欠款，" * 20, 7)[:2]
    body = cmpp_wire.deliver(cmpp_wire.V3, bytes(8), "13800000001", "1069", first, receipt=False, parted=True)
    inbound.take(body, lambda: answered.append(1))
    assert not answered
    await eventually(lambda: answered == [1])
    ((what, stored, _),) = kept.bodies
    (reply,) = cmpp_inbound.read_replies("cmpp-demo", VERSIONS_BY_NAME["3.0"], stored)
    assert (what, reply.text) == ("replies", ("我没有欠款，" * 20)[:67])


@pytest.mark.parametrize("body", [b"", b"\0" * 20, b"\xff" * 120])
async def test_what_cannot_be_read_is_stored_and_set_aside(body: bytes) -> None:
    """A DELIVER that is none is stored and answered, or it would come for ever; who reads it says why."""
    kept, answered = Kept(), []
    inbound = cmpp_inbound.Inbound("cmpp-demo", VERSIONS_BY_NAME["2.0"], kept)
    inbound.take(body, lambda: answered.append(1))
    await eventually(lambda: answered == [1])
    ((what, stored, headers),) = kept.bodies
    assert what == "receipts"
    with pytest.raises(UnreadableError, match="CMPP"):
        cmpp_inbound.read_receipts("cmpp-demo", VERSIONS_BY_NAME["2.0"], stored, headers)
