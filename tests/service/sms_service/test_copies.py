"""Registered copies are read at the simulated carriers and reported to a real gRPC authority."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from outreach.v1.template_service_pb2 import Filing
from outreach.v1.worker_service_pb2 import FiledVersion
from sms_service import filings
from sms_service.carriers.seam import Carrier, RegisteredCopies
from tests.service.sms_service.authority import serving_authority
from tests.service.sms_service.parts import (
    aliyun_account,
    bank_account,
    eventually,
    running,
    simulating,
    tencent_account,
)

COPIES = {
    "aliyun": ("SMS_1", "${name}，您本期应还${amount}元，请${name}留意。"),
    "tencent": ("1234567", "{1}，您本期应还{2}元，请{1}留意。"),
}
NAMED = COPIES["aliyun"][1]
STATES = {"passed": Filing.STATE_PASSED, "reviewing": Filing.STATE_REVIEWING, "refused": Filing.STATE_REFUSED}


def filed(carrier: str) -> FiledVersion:
    filing = Filing(
        carrier_id=f"{carrier}-demo",
        template_code=COPIES[carrier][0],
        registered_text="as entered by hand",
        state=Filing.STATE_REVIEWING,
    )
    return FiledVersion(digest="ab" * 32, filing=filing, placeholders=["name", "amount"])


def copies(carrier: Carrier) -> RegisteredCopies:
    assert isinstance(carrier, RegisteredCopies)
    return carrier


@pytest.mark.parametrize("carrier", COPIES)
@pytest.mark.parametrize("state", STATES)
async def test_a_copy_is_reported_by_our_names(carrier: str, state: str, tmp_path: Path) -> None:
    """What the carrier has, named or numbered, comes back with our placeholders and its state."""
    code, text = COPIES[carrier]
    async with simulating(tmp_path) as simulator, serving_authority() as (authority, stub):
        await simulator.control(carrier=carrier, template={"code": code, "text": text, "state": state})
        authority.filed = [filed(carrier)]
        async with running(simulator.account(carrier)) as adapter:
            assert await filings.read_copies(stub, copies(adapter)) == (state == "passed")
        (version,) = authority.read_copies
        assert (version.digest, version.filing.template_code) == ("ab" * 32, code)
        assert (version.filing.registered_text, version.filing.state) == (NAMED, STATES[state])


async def test_numbers_that_stand_for_other_names_show(tmp_path: Path) -> None:
    """A copy with its numbers exchanged, or with one too many, is not the approved text."""
    async with simulating(tmp_path) as simulator, running(simulator.account("tencent")) as adapter:
        for text, named in (("{2}欠{1}元", "${amount}欠${name}元"), ("{1}欠{3}元", "${name}欠${3}元")):
            await simulator.control(carrier="tencent", template={"code": "1234567", "text": text, "state": "passed"})
            assert (await copies(adapter).read_copy(filed("tencent"))).registered_text == named


@pytest.mark.parametrize("carrier", COPIES)
async def test_a_copy_that_is_gone_is_refused(carrier: str, tmp_path: Path) -> None:
    """What the carrier no longer has cannot be sent."""
    async with simulating(tmp_path) as simulator, running(simulator.account(carrier)) as adapter:
        assert (await copies(adapter).read_copy(filed(carrier))).state == Filing.STATE_REFUSED


async def test_a_carrier_keeps_its_copies_over_a_restart(tmp_path: Path) -> None:
    """The simulated one, as the real ones do; the last registration of a code counts."""
    async with simulating(tmp_path) as simulator:
        for text in ("{2}", "{1}"):
            await simulator.control(carrier="tencent", template={"code": "1234567", "text": text, "state": "passed"})
    async with simulating(tmp_path) as simulator, running(simulator.account("tencent")) as adapter:
        filing = await copies(adapter).read_copy(filed("tencent"))
    assert (filing.registered_text, filing.state) == ("${name}", Filing.STATE_PASSED)


async def test_copies_are_read_again_after_an_authority_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not up yet is asked again soon, and not only after the whole interval."""
    monkeypatch.setattr(filings, "RETRY_S", 0.05)
    async with simulating(tmp_path) as simulator, serving_authority() as (authority, stub):
        authority.filed = [filed("aliyun")]
        authority.refuse_filings = 1
        async with running(simulator.account("aliyun")) as adapter:
            reading = asyncio.create_task(filings.run(stub, copies(adapter)))
            await eventually(lambda: bool(authority.read_copies))
            reading.cancel()


async def test_a_carrier_that_does_not_answer_changes_nothing() -> None:
    """No answer is no evidence: nothing is reported, and what was known stays."""
    async with serving_authority() as (authority, stub):
        for carrier, account in (
            ("aliyun", aliyun_account("http://127.0.0.1:9")),
            ("tencent", tencent_account("http://127.0.0.1:9")),
        ):
            authority.filed = [filed(carrier)]
            async with running(account) as adapter:
                assert await filings.read_copies(stub, copies(adapter)) == 0
        assert authority.read_copies == []


async def test_a_carrier_that_renders_our_text_has_no_copies() -> None:
    """A bank's own gateway gets the whole text."""
    async with running(bank_account("http://127.0.0.1:9")) as adapter:
        assert not isinstance(adapter, RegisteredCopies)
