from __future__ import annotations

import pytest

from approval_service import templates
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.v1.template_service_pb2 import (
    ResumeTemplateRequest,
    RetireTemplateRequest,
    SuspendTemplateRequest,
    TemplateState,
)
from outreach.v1.worker_service_pb2 import Outcome
from tests.service.approval_service.world import World


@pytest.fixture
async def digest(world: World) -> str:
    """An approved version, and two accounts to write to."""
    await world.place("6001", "13800138001")
    await world.place("6002", "13800138002")
    drafted = await world.draft()
    await world.approve(drafted.digest)
    return drafted.digest


async def test_a_suspended_version_leaves_no_more_until_somebody_else_resumes_it(world: World, digest: str) -> None:
    """What holds a permit is named and goes on; what is pending waits, and is due again when it is resumed."""
    sent = await world.submit("6001", "13800138001")
    (permit,) = await world.lease()
    pending = await world.submit("6002", "13800138002")
    request = SuspendTemplateRequest(digest=digest, reason="银行要求")
    suspended = await world.write(templates.suspend, "ben", request)
    assert suspended.template.state == TemplateState.TEMPLATE_STATE_SUSPENDED
    assert list(suspended.possibly_leaving_attempt_ids) == [permit.attempt_id]
    assert [entry["attempt"] for entry in await world.entries("possibly_leaving")] == [permit.attempt_id]
    assert await world.lease() == []
    assert (await world.outreach(pending.outreach_id)).waiting_for == "TEMPLATE_NOT_APPROVED"
    assert (await world.outreach(sent.outreach_id)).cause == ""
    assert (await world.submit("6002", "13800138002")).state == states.BLOCKED

    back = ResumeTemplateRequest(digest=digest, reason="已更正")
    with pytest.raises(Refusal) as caught:
        await world.write(templates.resume, "ben", back)
    assert (caught.value.kind, caught.value.reason) == (Kind.DENIED, "SAME_PERSON")
    resumed = await world.write(templates.resume, "cat", back)
    assert resumed.resumed == 1
    assert (resumed.template.state, resumed.template.suspended_by) == (TemplateState.TEMPLATE_STATE_APPROVED, "")
    assert [permit.outreach_id for permit in await world.lease()] == [pending.outreach_id]


async def test_a_retired_version_is_over(world: World, digest: str) -> None:
    """What is pending is cancelled with its code, also what waited for a suspension; what may be leaving is named."""
    released = await world.submit("6001", "13800138001")
    (permit,) = await world.lease()
    pending = await world.submit("6002", "13800138002")
    await world.write(templates.suspend, "ben", SuspendTemplateRequest(digest=digest, reason="r"))
    await world.lease()
    request = RetireTemplateRequest(digest=digest, reason="改版")
    retired = await world.write(templates.retire, "ben", request)
    assert retired.template.state == TemplateState.TEMPLATE_STATE_RETIRED
    assert list(retired.cancelled_ids) == [pending.outreach_id]
    assert list(retired.possibly_leaving_attempt_ids) == [permit.attempt_id]
    row = await world.outreach(pending.outreach_id)
    assert (row.state, row.cause) == (states.CANCELLED, "TEMPLATE_NOT_APPROVED")
    await world.report(permit.attempt_id, Outcome.OUTCOME_NOT_SENT)
    assert (await world.outreach(released.outreach_id)).state == states.CANCELLED
    with pytest.raises(Refusal, match="RETIRED"):
        await world.write(templates.resume, "cat", ResumeTemplateRequest(digest=digest, reason="r"))
    with pytest.raises(Refusal, match="RETIRED"):
        await world.write(templates.retire, "cat", request)
