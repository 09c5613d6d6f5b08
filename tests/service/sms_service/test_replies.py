"""Stored replies against a real gRPC authority."""

from __future__ import annotations

import orjson

from sms_service.carriers.aliyun import Aliyun
from sms_service.pushes import Fate, Push
from sms_service.replies import MAX_TEXT, replies
from tests.service.sms_service.authority import serving_authority
from tests.service.sms_service.parts import aliyun_account

ALIYUN = Aliyun(aliyun_account("http://127.0.0.1:1"))


def push(*items: tuple[str, str, str]) -> Push:
    body = [{"phone_number": number, "content": text, "sequence_id": own_id} for number, text, own_id in items]
    return Push("aliyun-demo", orjson.dumps(body), {})


async def test_replies_are_reported_and_kept_while_they_match_nothing() -> None:
    """A reply to a number that was written to is done; another is kept; a very long text is cut to what fits."""
    async with serving_authority() as (authority, stub):
        authority.known_numbers = {"13900000001"}
        handled = await replies(stub, {"aliyun-demo": ALIYUN}).handle(
            [push(("13900000001", "T", "7")), push(("13900000002", "x" * 9000, "8"))]
        )
        assert [fate for fate, _ in handled] == [Fate.DONE, Fate.KEEP]
        assert [(r.reply_id, r.text) for r in authority.replies] == [("7", "T"), ("8", "x" * MAX_TEXT)]


async def test_a_reply_without_an_id_has_the_same_one_when_it_is_pushed_again() -> None:
    """Where the carrier numbers no replies, the same push gives the same ids, and two replies in it two."""
    async with serving_authority() as (authority, stub):
        handler = replies(stub, {"aliyun-demo": ALIYUN})
        both = push(("13900000001", "a", ""), ("13900000001", "a", ""))
        await handler.handle([both])
        await handler.handle([both])
        first, second, *again = [reply.reply_id for reply in authority.replies]
        assert first != second
        assert again == [first, second]
