"""What people write back, and what follows from it."""

from __future__ import annotations

import time

import pytest

from approval_service import replies
from approval_service.authority import Authority
from outreach.domain import ids, states
from outreach.v1.outreach_service_pb2 import ListRepliesRequest, ReplyKind
from outreach.v1.worker_service_pb2 import CarrierReply, Outcome
from tests.service.approval_service.world import BANK, CARRIER, PEOPLE, World

PHONE = "13900000001"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("N", "NOT_ME"),
        ("ｎ。", "NOT_ME"),
        ("非本人", "NOT_ME"),
        ("T", "OPT_OUT"),
        (" td ", "OPT_OUT"),
        ("退订！", "OPT_OUT"),
        ("退订短信谢谢", "OPT_OUT"),
        ("我要投诉你们", "COMPLAINT"),
        ("再发我就打12378", "COMPLAINT"),
        ("我没欠钱", "DISPUTE"),
        ("这张卡不是我办的", "DISPUTE"),
        ("已经还清了", "DISPUTE"),
        ("金额有误", "DISPUTE"),
        ("好的，周五还", "OTHER"),
        ("Tomorrow", "OTHER"),
        ("", "OTHER"),
    ],
)
def test_a_reply_is_understood(text: str, kind: str) -> None:
    """Single words are commands; words of complaint and dispute are found in a sentence; the rest is for people."""
    assert ReplyKind.Name(replies.classify(text)) == f"REPLY_KIND_{kind}"


async def written_to(authority: Authority) -> tuple[World, str, str]:
    """A world in which one message to PHONE was sent and another waits. Returns both ids."""
    world = World(authority)
    await world.hire(*PEOPLE)
    await world.open_bank(sms_gap_minutes=30, sms_per_day=4)
    await world.approve((await world.draft()).digest)
    await world.place("6200001", PHONE)
    sent = await world.submit("6200001", PHONE)
    (permit,) = await world.lease()
    await world.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
    waiting = await world.submit("6200001", PHONE)
    return world, sent.outreach_id, waiting.outreach_id


async def reply(world: World, text: str, reply_id: str = "1", phone: str = PHONE) -> bool:
    answer = CarrierReply(carrier_id=CARRIER, reply_id=reply_id, phone_number=phone, text=text)
    return await world.authority.write(replies.receive, answer)


@pytest.mark.parametrize(
    ("text", "code"),
    [("N", "PHONE_INVALID"), ("T", "DO_NOT_CONTACT"), ("我没欠钱", "ACCOUNT_ON_HOLD"), ("投诉", "ACCOUNT_ON_HOLD")],
)
async def test_a_reply_ends_what_is_pending_and_bars_what_comes(authority: Authority, text: str, code: str) -> None:
    """Not me, no more, a dispute and a complaint each cancel what waits and block what is asked for later."""
    world, _, waiting = await written_to(authority)
    assert await reply(world, text)
    row = await world.outreach(waiting)
    assert (row.state, row.cause) == (states.CANCELLED, code)
    later = await world.submit("6200001", PHONE)
    assert later.state == states.BLOCKED
    assert code in {finding.code for finding in later.findings}


async def test_any_other_reply_goes_to_the_case_system_and_changes_nothing(authority: Authority) -> None:
    """The text can be read by the case system that sent the message; each look is in the ledger, the text is not."""
    world, sent, waiting = await written_to(authority)
    assert await reply(world, "好的，周五还")
    assert (await world.outreach(waiting)).state == states.ADMITTED
    response = await world.write(replies.list_replies, "dan", ListRepliesRequest(bank_id=BANK))
    assert [(r.text, r.outreach_id, r.masked_phone_number) for r in response.replies] == [
        ("好的，周五还", sent, "139****0001")
    ]
    (look,) = await world.entries("replies_read")
    assert look["by"] == "agency/dan"
    assert not any("周五".encode() in body for body in await world.bodies())
    after = ListRepliesRequest(bank_id=BANK, after_reply_id=response.replies[0].reply_id)
    assert not (await world.write(replies.list_replies, "dan", after)).replies


async def test_who_asks_for_what_is_new_misses_nothing(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply taken in later comes later, though another replica with a slow clock took it in."""
    world, _, _ = await written_to(authority)
    assert await reply(world, "好的", "1")
    (first,) = (await world.write(replies.list_replies, "dan", ListRepliesRequest(bank_id=BANK))).replies
    monkeypatch.setattr(ids, "_sequence", ids._Sequence())
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    assert await reply(world, "收到", "2")
    assert await reply(world, "谢谢", "3")
    asked = ListRepliesRequest(bank_id=BANK, after_reply_id=first.reply_id)
    later = (await world.write(replies.list_replies, "dan", asked)).replies
    assert [one.text for one in later] == ["收到", "谢谢"]


async def test_a_repeated_reply_changes_nothing(authority: Authority) -> None:
    """Carriers push again; the same reply id is one reply, and a second complaint sets no second hold."""
    world, _, _ = await written_to(authority)
    assert await reply(world, "投诉")
    assert await reply(world, "投诉")
    assert await reply(world, "我要投诉", "2")
    assert len(await world.entries("hold_placed")) == 1
    assert len((await world.write(replies.list_replies, "dan", ListRepliesRequest(bank_id=BANK))).replies) == 2


async def test_a_reply_of_a_stranger_matches_nothing(authority: Authority) -> None:
    """A number that nobody wrote to through this carrier, or no number at all, is not matched."""
    world, _, _ = await written_to(authority)
    assert not await reply(world, "T", phone="13900000999")
    assert not await reply(world, "T", phone="10086")
