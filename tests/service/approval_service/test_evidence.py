"""Evidence of an account, a letter, a message: complete, recorded, and proven by tools of others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from google.protobuf.json_format import Parse
from pymerkle import InmemoryTree, verify_inclusion  # type: ignore[import-untyped]  # it ships no types

from approval_service import evidence, evidence_ledger, holds, replies
from approval_service.calls import Call
from approval_service.personal_data import bulk
from outreach.domain import states
from outreach.domain.errors import Kind, Refusal
from outreach.ledger.checkpoint import Verifier, parse_and_verify
from outreach.ledger.merkle import leaf_hash
from outreach.v1.evidence_service_pb2 import Evidence, EvidenceSeal, ExportEvidenceRequest, ProvenEntry
from outreach.v1.hold_service_pb2 import HoldKind, PlaceHoldRequest
from outreach.v1.worker_service_pb2 import CarrierReply, Outcome
from tests.service.approval_service.letters import authorized_letter, grant_quantity
from tests.service.approval_service.mailroom import Mailroom
from tests.service.approval_service.people import EXPORT, People
from tests.service.approval_service.world import BANK, CARRIER, DAY_MS, World, actor, phone_of, principal

PURPOSE = "投诉 TS-2026-17"


@dataclass
class Pack:
    evidence: Evidence
    content: bytes
    entries: list[ProvenEntry]
    seal: EvidenceSeal

    def bodies(self, kind: str = "") -> list[dict[str, Any]]:
        found = [orjson.loads(one.entry.body) for one in self.entries]
        return [entry for entry in found if kind in ("", entry["kind"])]


async def make(world: World, employee: str = "ann", banks: Sequence[str] = (BANK,), **request: str) -> Pack:
    asked = ExportEvidenceRequest(**({"bank_id": BANK, "purpose": PURPOSE} | request))
    content, seal = b"", EvidenceSeal()
    entries: list[ProvenEntry] = []
    async for part in evidence.make(world.authority, Call(principal(employee, banks=banks), asked)):
        content += part.content
        entries += part.entries.entries
        seal = part.seal
    return Pack(Parse(content, Evidence()), content, entries, seal)


async def complained(world: World) -> str:
    """A message that was sent and answered, and one that a complaint's hold cancelled. Returns the first one's id."""
    await world.ready("0001", "0002")
    sent = await world.ask("0001")
    await world.ask("0002")
    for permit in await world.lease():
        await world.report(permit.attempt_id, Outcome.OUTCOME_ACCEPTED)
    answer = CarrierReply(carrier_id=CARRIER, reply_id="1", phone_number=phone_of("0001"), text="好的")
    await world.authority.write(replies.receive, answer)
    await world.ask("0001")
    hold = PlaceHoldRequest(bank_id=BANK, account_number="0001", kind=HoldKind.HOLD_KIND_COMPLAINT, reason="客户投诉")
    await world.write(holds.place_hold, "ben", hold)
    return sent.outreach_id


async def test_the_evidence_of_an_account_is_whole(world: World) -> None:
    """Both messages, the text as it left, the reply, the hold, the approvals; and nothing of another account."""
    first = await complained(world)
    pack = await make(world, account_number="0001")
    found = pack.evidence
    assert [one.outreach.state for one in found.outreach] == [states.SENT, states.CANCELLED]
    (message,) = found.outreach[0].messages
    assert (message.permit.phone_number, message.permit.outreach_id) == (phone_of("0001"), first)
    assert {value.name: value.text for value in message.permit.values}["amount"] == "123.45"
    assert [reply.text for reply in found.outreach[0].replies] == ["好的"]
    assert [(hold.reason, hold.set_by) for hold in found.holds] == [("客户投诉", actor("ben"))]
    assert [(one.name, found.account.account_number) for one in found.account.parties] == [("张三", "0001")]
    (template,) = found.templates
    assert (template.drafted_by, template.reviewed_by, template.approved_by) == tuple(map(actor, ("ann", "ben", "cat")))
    assert [policy.activated_by for policy in found.policies] == [actor("ben")]
    mine = {one.outreach.outreach_id for one in found.outreach}
    assert {entry["outreach"] for entry in pack.bodies() if "outreach" in entry} == mine


async def test_its_entries_tell_the_story(world: World) -> None:
    """From the drafts of policy and template to the making of the pack, in the ledger's order."""
    await complained(world)
    kinds = [entry["kind"] for entry in (await make(world, account_number="0001")).bodies()]
    assert kinds == [
        "policy_drafted",
        "policy_activated",
        "template_drafted",
        "template_reviewed",
        "template_approved",
        "placed",
        "admitted",
        "released",
        "sent",
        "notice",
        "admitted",
        "hold_placed",
        "notice",
        "cancelled",
        "notice",
        "evidence_made",
    ]


async def test_it_tells_how_far_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretch after stretch of the ledger, up to its end; then the entries, in the ledger's order."""
    monkeypatch.setattr(evidence_ledger, "STRETCH", 4)
    await complained(world)
    asked = ExportEvidenceRequest(bank_id=BANK, purpose=PURPOSE, account_number="0001")
    parts = [part async for part in evidence.make(world.authority, Call(principal("ann"), asked))]
    told = [part.entries for part in parts if part.HasField("entries")]
    size = len(await world.bodies())
    assert [one.looked_through for one in told] == [*range(4, size, 4), size, size]
    assert {one.ledger_size for one in told} == {size}
    indexes = [one.entry.index for part in told for one in part.entries]
    assert indexes == sorted(set(indexes))
    assert indexes[-1] == size - 1


async def test_every_entry_is_proven(world: World) -> None:
    """pymerkle makes the same proofs, and they lead to the root that the checkpoint signs."""
    await complained(world)
    pack = await make(world, account_number="0001")
    tree = InmemoryTree(algorithm="sha256")
    for body in await world.bodies():
        tree.append_entry(body)
    signed = parse_and_verify(pack.seal.checkpoint, Verifier.from_key(world.authority.signer.verifier_key))
    assert signed.size == tree.get_size() > 20
    assert len(pack.entries) > 10
    for one in pack.entries:
        theirs = tree.prove_inclusion(one.entry.index + 1)
        leaf = leaf_hash(one.entry.body)
        assert [leaf, *one.proof] == theirs.path
        verify_inclusion(leaf, signed.root, theirs)


async def test_making_it_is_an_entry(world: World) -> None:
    """Who, why, of which account, and the hash of exactly what was given out; no personal data."""
    await complained(world)
    pack = await make(world, account_number="0001")
    (entry,) = await world.entries("evidence_made")
    assert (entry["by"], entry["purpose"]) == (actor("ann"), PURPOSE)
    assert (entry["account"], entry["evidence"]) == (pack.evidence.account.account_id, pack.evidence.evidence_id)
    assert entry["content_sha256"] == hashlib.sha256(pack.content).hexdigest()
    ledger = b"".join(await world.bodies()).decode()
    for private in ("张三", phone_of("0001"), "好的"):
        assert private not in ledger


async def test_what_is_shown_is_what_the_ledger_committed_to(world: World) -> None:
    """The permit shown has the commitment that the ledger holds since it was given."""
    await complained(world)
    pack = await make(world, account_number="0001")
    (released,) = pack.bodies("released")
    assert pack.evidence.outreach[0].messages[0].commitment == released["commitment"]


async def test_one_message_brings_its_account_and_no_other_message(world: World) -> None:
    """By its id: that outreach alone, with the account's holds."""
    first = await complained(world)
    pack = await make(world, outreach_id=first)
    assert [one.outreach.outreach_id for one in pack.evidence.outreach] == [first]
    assert {entry.get("outreach", first) for entry in pack.bodies()} == {first}
    assert len(pack.bodies("hold_placed")) == len(pack.evidence.holds) == 1


async def test_what_was_blocked_at_the_door_has_evidence_too(world: World) -> None:
    """A request for an account that was never placed: the decision with its reasons, and no account."""
    await world.ready("0001")
    blocked = await world.ask("0009")
    pack = await make(world, outreach_id=blocked.outreach_id)
    assert not pack.evidence.HasField("account")
    assert "NOT_PLACED" in {finding.code for finding in pack.evidence.outreach[0].decision.findings}
    assert [entry["kind"] for entry in pack.bodies()][-2:] == ["blocked", "evidence_made"]


async def test_a_letter_is_found_by_its_number(world: World) -> None:
    """The permit word for word, the version's approval and the quantity's; nothing of the run's other letters."""
    room = Mailroom(world, (await authorized_letter(world)).digest)
    await grant_quantity(world, 10)
    await room.place("0001", "0002")
    await room.ask("0001", "0002")
    run = await room.start()
    permit, other = await room.permits(run.run_id)
    await room.report(run.run_id, [permit, other])
    pack = await make(world, letter_number=permit.letter_number)
    (outreach,) = pack.evidence.outreach
    assert outreach.letters[0].permit == permit
    assert outreach.letters[0].commitment == pack.bodies("released")[0]["commitment"]
    assert [version.digest for version in pack.evidence.letter_versions] == [room.digest]
    assert {"quantity_asked", "quantity_granted", "run_started", "run_laid_out"} <= {e["kind"] for e in pack.bodies()}
    assert other.letter_number not in pack.content.decode()
    assert other.outreach_id not in str(pack.bodies())


async def test_another_bank_has_no_evidence_of_it(world: World) -> None:
    """Neither a token of another bank nor another bank's name brings anything, and nothing is recorded."""
    first = await complained(world)
    with pytest.raises(Refusal, check=lambda e: e.reason == "BANK_NOT_COVERED"):
        await make(world, banks=("other-bank",), account_number="0001")
    for named in ({"account_number": "0001"}, {"outreach_id": first}, {"letter_number": "DEMO-1"}):
        with pytest.raises(Refusal, check=lambda e: e.kind == Kind.NOT_FOUND):
            await make(world, banks=("other-bank",), bank_id="other-bank", **named)
    assert await world.entries("evidence_made") == []


@pytest.mark.parametrize("purpose", ["张三 投诉", f"致电 {phone_of('0001')}"])
async def test_a_purpose_with_personal_data_is_refused(world: World, purpose: str) -> None:
    """It goes into the ledger."""
    await complained(world)
    with pytest.raises(Refusal, check=lambda e: e.kind == Kind.INVALID):
        await make(world, account_number="0001", purpose=purpose)


async def test_only_an_active_employee_gets_it(world: World) -> None:
    """Who looks is named, and in service."""
    await complained(world)
    with pytest.raises(Refusal, check=lambda e: e.reason == "OPERATOR_MISSING"):
        await make(world, employee="nobody", account_number="0001")


async def test_many_packs_take_a_second_person(world: World) -> None:
    """One person makes twenty a day at once, for complaints; beyond that another approves whose data it is."""
    await world.ready("0001", "0002")
    people = People(world)
    for _ in range(bulk.ALONE_A_DAY):
        await make(world, account_number="0001")
    with pytest.raises(Refusal, match="20 packs") as refused:
        await make(world, account_number="0001")
    assert refused.value.reason == "SECOND_PERSON_NEEDED"
    await make(world, "ben", account_number="0001")
    asked = await people.ask("0001", EXPORT)
    with pytest.raises(Refusal, match="20 packs"):
        await make(world, account_number="0001")
    await people.decide(asked.request_id)
    await make(world, account_number="0001")
    with pytest.raises(Refusal, match="20 packs"):
        await make(world, account_number="0002")
    world.set_clock(world.now_ms() + DAY_MS + 1)
    await make(world, account_number="0002")
