"""Registered copies as sms_service reads them at the carrier."""

from __future__ import annotations

from approval_service import filings, templates
from approval_service.authority import Authority
from outreach.v1.template_service_pb2 import Filing, RecordFilingRequest
from outreach.v1.worker_service_pb2 import FiledVersion, ListFilingsRequest
from tests.service.approval_service.world import PEOPLE, TEXT, World

CLOUD = "cloud-sms"
COPY = TEXT.replace("{", "${")


async def filed(authority: Authority) -> tuple[World, FiledVersion]:
    """A world with an approved version that is filed; how it is listed."""
    world = World(authority)
    await world.hire(*PEOPLE)
    await world.open_bank()
    digest = (await world.draft()).digest
    await world.approve(digest)
    filing = Filing(carrier_id=CLOUD, template_code="SMS_1", registered_text="?", state=Filing.STATE_REVIEWING)
    await world.write(templates.record_filing, "eve", RecordFilingRequest(digest=digest, filing=filing))
    (version,) = (await authority.read(filings.list_filings, ListFilingsRequest(carrier_id=CLOUD))).versions
    return world, version


async def test_versions_filed_with_a_carrier_are_listed(authority: Authority) -> None:
    """With their code and their placeholders in the order in which the carrier numbers them; others' are not."""
    _, version = await filed(authority)
    assert version.filing.template_code == "SMS_1"
    assert list(version.placeholders) == ["name", "tail", "amount", "line"]
    assert not (await authority.read(filings.list_filings, ListFilingsRequest(carrier_id="other"))).versions


async def test_what_was_read_takes_effect_and_is_recorded_once(authority: Authority) -> None:
    """A passed copy of the same text is usable; read again unchanged it leaves no entry; a changed text blocks."""
    world, version = await filed(authority)
    version.filing.state, version.filing.registered_text = Filing.STATE_PASSED, COPY
    before = len(await world.entries("template_filed"))
    assert await authority.write(filings.report, version)
    assert await authority.write(filings.report, version)
    assert len(await world.entries("template_filed")) == before + 1
    version.filing.registered_text = COPY.replace("请及时处理", "请立即处理")
    assert not await authority.write(filings.report, version)
    assert len(await world.entries("template_filed")) == before + 2


async def test_an_unknown_version_is_not_usable(authority: Authority) -> None:
    """A report on a version that nobody knows changes nothing."""
    _, version = await filed(authority)
    version.digest = "0" * 64
    assert not await authority.write(filings.report, version)
