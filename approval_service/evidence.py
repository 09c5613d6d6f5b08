"""Evidence of an account, a letter or an outreach: what was asked, decided, sent and answered, as it left."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from sqlalchemy import Connection, Table

from approval_service import views
from approval_service.authority import Authority
from approval_service.calls import Call, require_plain
from approval_service.evidence_ledger import Concern, proven
from approval_service.evidence_subjects import find
from approval_service.hold_views import hold_message
from approval_service.keys import KeyRing, PersonKey
from approval_service.people import require_employee
from approval_service.personal_data import bulk
from approval_service.store import accounts as account_store
from approval_service.store import catalog as catalog_store
from approval_service.store import evidence as store
from approval_service.store import letters as letter_store
from approval_service.store import outreach as outreach_store
from approval_service.store import return_scans as scan_store
from approval_service.store.head import read_clock
from approval_service.writer import Tx, one_by_one
from outreach.domain.ids import new_id
from outreach.domain.masking import mask_account
from outreach.v1.evidence_service_pb2 import (
    Evidence,
    EvidencedAccount,
    EvidencedLetter,
    EvidencedMessage,
    EvidencedOutreach,
    EvidencedParty,
    EvidencedReply,
    ExportEvidenceRequest,
    ExportEvidenceResponse,
)
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.outreach_service_pb2 import Decision
from outreach.v1.policy_service_pb2 import PolicyVersion
from outreach.v1.print_service_pb2 import LetterPermit
from outreach.v1.template_service_pb2 import Template
from outreach.v1.worker_service_pb2 import Permit

PIECE_BYTES = 256 * 1024
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class _Made:
    """An evidence ready to be recorded: who asks, its content, and what in the ledger it is about."""

    call: Call[ExportEvidenceRequest]
    evidence: Evidence
    content: bytes
    subject: dict[str, str]
    """How the ledger names what it was asked for."""


async def make(authority: Authority, call: Call[ExportEvidenceRequest]) -> AsyncIterator[ExportEvidenceResponse]:
    """The parts of ExportEvidence. The entry that it was made comes before the first of them, and is among them."""
    made, concern = await authority.read(_collect, authority.keys, call)
    await authority.write(record, made)
    for start in range(0, len(made.content), PIECE_BYTES):
        yield ExportEvidenceResponse(content=made.content[start : start + PIECE_BYTES])
    async for part in proven(authority, concern):
        yield part


def _record(tx: Tx, made: _Made) -> None:
    evidence = made.evidence
    actor = require_employee(tx, made.call)
    order_id = made.subject.get("order", "")
    bulk.count(tx, made.call, order_id or evidence.evidence_id, [one.person_id for one in evidence.account.parties])
    store.order_made(tx.connection, order_id, tx.real_ms)
    names = [party.name for party in evidence.account.parties]
    tx.record(
        "evidence_made",
        evidence.bank_id,
        evidence=evidence.evidence_id,
        **made.subject,
        purpose=require_plain("purpose", evidence.purpose, names),
        content_sha256=hashlib.sha256(made.content).hexdigest(),
        by=actor,
    )


record = one_by_one(_record)
"""Handler: who looked at whose data, why, and at what exactly."""


def _collect(connection: Connection, keys: KeyRing, call: Call[ExportEvidenceRequest]) -> tuple[_Made, Concern]:
    request = call.request
    rows, account, subject = find(connection, keys, call)
    gathering = _Gathering(connection, keys, Concern(request.bank_id, {row.outreach_id for row in rows}))
    evidence = Evidence(
        evidence_id=new_id(),
        salt=os.urandom(_SALT_BYTES).hex(),
        bank_id=request.bank_id,
        made_by=call.actor,
        purpose=request.purpose,
    )
    evidence.make_time.FromMilliseconds(read_clock(connection).now_ms())
    if account is not None and account.debtor_id:
        gathering.account(evidence, account)
    gathering.outreach(evidence, rows)
    gathering.marks(evidence, rows)
    gathering.approvals(evidence, rows)
    content = orjson.dumps(MessageToDict(evidence), option=orjson.OPT_SORT_KEYS)
    return _Made(call, evidence, content, subject), gathering.concern


class _Gathering:
    """Fills an evidence, and notes what the ledger's entries name that it is about."""

    def __init__(self, connection: Connection, keys: KeyRing, concern: Concern) -> None:
        self._connection = connection
        self._keys = keys
        self._person_keys: dict[str, PersonKey] = {}
        self.concern = concern

    def _key(self, person_id: str) -> PersonKey:
        if person_id not in self._person_keys:
            person = account_store.persons_by_id(self._connection, [person_id])[person_id]
            self._person_keys[person_id] = self._keys.person(person.wrapped_key)
        return self._person_keys[person_id]

    def account(self, evidence: Evidence, row: Any) -> None:
        roles = account_store.parties_of(self._connection, [row.account_id])[row.account_id]
        persons = account_store.persons_by_id(self._connection, roles)
        number = self._key(row.debtor_id).unseal(row.number_sealed).decode()
        account = EvidencedAccount(
            account_id=row.account_id,
            account_number=number,
            parties=[
                EvidencedParty(
                    person_id=person_id,
                    role=roles[person_id],  # type: ignore[arg-type]  # stored as the enum's number
                    name=self._key(person_id).unseal(person.name_sealed).decode(),
                )
                for person_id, person in persons.items()
            ],
            agency_id=row.agency_id,
            recalled=row.recalled,
            settled=row.settled,
            sequence=row.sequence,
            overdue_amount_fen=row.overdue_fen,
            outstanding_amount_fen=row.outstanding_fen,
        )
        account.start_time.FromMilliseconds(row.start_ms)
        account.end_time.FromMilliseconds(row.end_ms)
        account.as_of_time.FromMilliseconds(row.as_of_ms)
        evidence.account.CopyFrom(account)
        holds = store.holds_of(self._connection, row.account_id)
        evidence.holds.extend(hold_message(self._keys, hold, mask_account(number)) for hold in holds)
        self.concern.ids |= {row.account_id, *roles, *(hold.hold_id for hold in holds)}

    def outreach(self, evidence: Evidence, rows: Sequence[Any]) -> None:
        ids = [row.outreach_id for row in rows]
        found = {
            row.outreach_id: EvidencedOutreach(outreach=message, decision=Decision.FromString(row.decision))
            for row, message in zip(rows, views.outreach_messages(self._connection, rows), strict=True)
        }
        for attempt in outreach_store.attempts_of(self._connection, ids):
            if not attempt.person_id:  # erased since: its text is gone
                continue
            found[attempt.outreach_id].messages.append(self._message(attempt))
        letters = letter_store.of_outreach(self._connection, ids)
        scanned = scan_store.kept(self._connection, [one.letter_number for one in letters if one.return_scan_sha256])
        for letter in letters:
            if not letter.person_id:
                continue
            evidenced = self._letter(letter)
            evidenced.return_scan_kept = letter.letter_number in scanned
            found[letter.outreach_id].letters.append(evidenced)
        for reply in store.replies_to(self._connection, ids):
            found[reply.outreach_id].replies.append(self._reply(reply))
        evidence.outreach.extend(found.values())

    def _message(self, row: Any) -> EvidencedMessage:
        self.concern.ids.add(row.attempt_id)
        self.concern.policies.add(row.policy_version)
        key = self._key(row.person_id)
        body = key.unseal(row.permit_sealed)
        return EvidencedMessage(
            permit=Permit.FromString(body), policy_version=row.policy_version, commitment=key.commit(body)
        )

    def _letter(self, row: Any) -> EvidencedLetter:
        self.concern.ids |= {row.letter_number, row.run_id}
        self.concern.policies.add(row.policy_version)
        key = self._key(row.person_id)
        body = key.unseal(row.permit_sealed)
        letter = EvidencedLetter(
            permit=LetterPermit.FromString(body),
            policy_version=row.policy_version,
            commitment=key.commit(body),
            pdf_sha256=row.pdf_sha256,
            sheets=row.sheets,
            state=row.state,
            item_number=row.item_number,
            acceptance=row.acceptance,
            delivered=row.delivered,
            return_reason=row.return_reason,
            return_scan_sha256=row.return_scan_sha256,
        )
        if row.mailed_ms:
            letter.mail_time.FromMilliseconds(row.mailed_ms)
        return letter

    def _reply(self, row: Any) -> EvidencedReply:
        text = self._key(row.person_id).unseal(row.text_sealed).decode()
        reply = EvidencedReply(reply_id=row.reply_id, kind=row.kind, text=text)
        reply.receive_time.FromMilliseconds(row.received_ms)
        return reply

    def marks(self, evidence: Evidence, rows: Sequence[Any]) -> None:
        subjects = {evidence.account.account_id, *(party.person_id for party in evidence.account.parties)}
        subjects |= {row.phone_hash for row in rows} | {row.person_id for row in rows}
        subjects.discard("")
        for row in store.marks_on(self._connection, evidence.bank_id, subjects):
            made = evidence.marks.add(
                reason=row.reason,
                subject=row.subject,
                evidence=self._keys.unseal_note(row.evidence_sealed),
                set_by=row.set_by,
            )
            made.set_time.FromMilliseconds(row.set_ms)
        self.concern.ids |= subjects

    def approvals(self, evidence: Evidence, rows: Sequence[Any]) -> None:
        """The versions and policies that decided. The quantities' register stands in the ledger's entries."""
        self.concern.policies |= {one.decision.policy_version for one in evidence.outreach} - {0}
        for body in self._versions(catalog_store.template, rows):
            evidence.templates.append(Template.FromString(body))
        for body in self._versions(catalog_store.letter_version, rows):
            evidence.letter_versions.append(LetterVersion.FromString(body))
        for number in sorted(self.concern.policies):
            policy = catalog_store.get_policy(self._connection, evidence.bank_id, number)
            if policy is not None:
                evidence.policies.append(PolicyVersion.FromString(policy.body))
        self.concern.ids |= {row.quantity_id for row in rows} - {""}

    def _versions(self, table: Table, rows: Sequence[Any]) -> list[bytes]:
        """The versions that these used, as far as the table has them."""
        digests = sorted({row.template_digest for row in rows} - {""})
        self.concern.ids |= set(digests)
        found = (catalog_store.get_version(self._connection, table, digest) for digest in digests)
        return [row.body for row in found if row is not None]
