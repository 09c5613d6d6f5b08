"""The rules once more for letters that are to be printed or mailed, and the permit to print one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from approval_service.doors import door
from approval_service.keys import PersonKey
from approval_service.letter_context import Letter, LetterContent, LetterContext
from approval_service.letter_rules import LetterFacts, due_ms, evaluate
from approval_service.moves import Moves
from approval_service.rules import Effect, Verdict
from approval_service.store import accounts as account_store
from approval_service.writer import Tx
from outreach.domain import states
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.print_service_pb2 import LetterPermit
from outreach.v1.worker_service_pb2 import PermitValue


class JudgedRow(NamedTuple):
    """A row of outreach (a letter), and every rule's verdict on it as of now."""

    row: Any
    letter: Letter
    facts: LetterFacts
    verdicts: list[Verdict]

    @property
    def may_leave(self) -> bool:
        return not self.verdicts

    @property
    def refusals(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.effect is Effect.REFUSE]

    @property
    def codes(self) -> list[str]:
        """The codes of what refuses it, or else of all that it waits for."""
        return sorted({str(verdict.code) for verdict in self.refusals or self.verdicts})

    @property
    def policy_version(self) -> int:
        return self.facts.policy.version if self.facts.policy else 0


class LetterGroup:
    """Rows of outreach that are judged together, with a fixed number of queries for all of them.

    group = LetterGroup(tx, rows)
    for row in rows:
        judged = group.judge(row)
        if judged.may_leave:
            permit = group.permit(judged, letter_number)
    """

    def __init__(self, tx: Tx, rows: Sequence[Any]) -> None:
        self._tx = tx
        accounts = account_store.accounts_by_id(tx.connection, {row.account_id for row in rows})
        hashes, recipients = {row.address_hash for row in rows}, {row.person_id for row in rows}
        self._context = LetterContext(
            tx.connection, tx.keys, tx.catalog, tx.now_ms, accounts.values(), hashes, recipients
        )

    def judge(self, row: Any) -> JudgedRow:
        """All rules on one letter, those of the group that got a permit before it counted. Its own print does not
        count against it, so that the scan that mails it may ask again."""
        letter = self._letter(row)
        facts = self._context.facts(letter, at_permit=True)
        return JudgedRow(row, letter, facts, evaluate(facts))

    def _letter(self, row: Any) -> Letter:
        context = self._context
        person = context.persons[row.person_id]
        content = LetterContent.load(context.key(person).unseal(row.request_sealed))
        return Letter(
            outreach_id=row.outreach_id,
            bank_id=row.bank_id,
            account=context.accounts[row.account_id],
            person=person,
            door=door(self._tx.keys, content.address),
            content=content,
            version=context.catalog.letter_versions.get(row.template_digest),
            pinned_digest="",
            employee_active=(row.caller_id, row.employee_id) in context.catalog.employees,
            has_quantity=bool(row.quantity_id),
            care_released=row.care_released,
        )

    def key(self, row: Any) -> PersonKey:
        """The key of the recipient, to seal the permit with."""
        return self._context.key(self._context.persons[row.person_id])

    def permit(self, judged: JudgedRow, letter_number: str) -> LetterPermit:
        """Leave to print a letter that may leave; counted from now on."""
        letter, version, policy = judged.letter, judged.letter.version, judged.facts.policy
        if judged.verdicts or version is None or policy is None or letter.account is None or letter.person is None:
            raise RuntimeError("only a letter that the rules let pass gets a permit")
        record = self._context.record(letter.account, letter.person, policy)
        texts = self._context.texts(letter, version, policy)
        self._context.add_print(letter.account.account_id, letter.outreach_id)
        today = datetime.fromtimestamp(self._tx.now_ms / 1000, UTC).astimezone(ZoneInfo(policy.policy.time_zone))
        return LetterPermit(
            letter_number=letter_number,
            outreach_id=letter.outreach_id,
            recipient_name=record.recipient_name,
            address=letter.content.address,
            postcode=letter.content.postcode,
            letter_date=today.date().isoformat(),
            values=[PermitValue(name=p.name, text=texts[p.name]) for p in version.placeholders],
            balance_sequence=letter.account.sequence,
            authorization=_authorization(version),
        )


def _authorization(version: LetterVersion) -> str:
    return version.filing_number or version.bank_document.reference


def hold_back(tx: Tx, moves: Moves, judged: JudgedRow) -> bool:
    """Moves an ADMITTED letter that may not be printed now: cancelled with its codes, or waiting for a time or for what
    the code names. True if it was cancelled; its place in a quantity is then to be given back."""
    row = judged.row
    if judged.refusals:
        codes = judged.codes
        moves.outreach(row, states.CANCELLED, codes=codes, cause=codes[0], policy=judged.policy_version)
        return True
    parked = next((v.code for v in judged.verdicts if v.effect is Effect.PARK), None)
    due = due_ms(judged.verdicts, tx.now_ms, row.not_before_ms) if parked is None else None
    moves.wait(row, judged.codes, due, parked or "")
    return False
