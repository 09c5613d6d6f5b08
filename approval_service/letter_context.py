"""Reads, with a fixed number of queries, all that the rules must know of a group of letters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from approval_service import values
from approval_service.catalog import Catalog
from approval_service.context import CaseContext
from approval_service.doors import Door
from approval_service.keys import KeyRing
from approval_service.letter_rules import BadMark, EarlierLetter, LetterFacts
from approval_service.rules import DAY_MS
from approval_service.screening.address import judge
from approval_service.store import addresses as address_store
from approval_service.store import letters_sent
from approval_service.variables import check, slots_of
from outreach.v1.hold_service_pb2 import BadAddressReason, NoContactReason
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.outreach_service_pb2 import CallOutcome
from outreach.v1.policy_service_pb2 import PolicyVersion
from outreach.v1.template_service_pb2 import PlaceholderType

LONGEST_LETTER_GAP_MS = 366 * DAY_MS
"""The longest gap that a policy may set: how far back the cap looks."""
OPT_OUT = NoContactReason.NO_CONTACT_REASON_OPT_OUT
AMOUNT = PlaceholderType.PLACEHOLDER_TYPE_AMOUNT


class LetterContent(NamedTuple):
    """What a caller gave for a letter, as it is sealed with the outreach."""

    address: str
    postcode: str
    variables: Mapping[str, str]
    call_ms: int
    call_outcome: CallOutcome.ValueType
    recording_reference: str
    address_evidence: str

    def dump(self) -> bytes:
        return orjson.dumps(list(self), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def load(cls, content: bytes) -> LetterContent:
        return cls(*orjson.loads(content))


@dataclass(slots=True)
class Letter:
    """One letter to be judged: whom it is for and what it would say."""

    outreach_id: str
    """Empty at the door."""
    bank_id: str
    account: Any | None
    person: Any | None
    door: Door
    content: LetterContent
    version: LetterVersion | None
    pinned_digest: str
    employee_active: bool
    has_quantity: bool
    care_released: bool


class LetterContext(CaseContext):
    """What is known, at one moment, of the accounts, people and addresses of a group of letters."""

    def __init__(
        self,
        connection: Connection,
        keys: KeyRing,
        catalog: Catalog,
        now_ms: int,
        accounts: Iterable[Any],
        address_hashes: Iterable[str],
        recipients: Iterable[str] = (),
    ) -> None:
        super().__init__(connection, keys, catalog, now_ms, accounts, recipients, ())
        self._addresses = address_store.statuses(connection, self.person_ids)
        self._bad = address_store.bad_marks(connection, set(address_hashes))
        self._letters: dict[str, dict[str, int]] = defaultdict(dict)
        for sent in letters_sent.about(connection, self.accounts, now_ms - LONGEST_LETTER_GAP_MS):
            self._letters[sent.account_id][sent.outreach_id] = sent.mailed_ms

    def add_print(self, account_id: str, outreach_id: str) -> None:
        """Counts a letter of this very group that goes into print."""
        self._letters[account_id][outreach_id] = 0

    def facts(self, letter: Letter, *, at_permit: bool) -> LetterFacts:
        account, person = letter.account, letter.person
        policy, version, content = self.policy(letter.bank_id), letter.version, letter.content
        roles = self.roles(account.account_id) if account is not None else {}
        status = self._addresses.get((person.person_id, letter.door.hash), "") if person is not None else ""
        verified = bool(content.address_evidence) or status == "CONFIRMED"
        return LetterFacts(
            now_ms=self.now_ms,
            at_permit=at_permit,
            employee_active=letter.employee_active,
            policy=policy,
            account=account,
            role=roles.get(person.person_id) if person is not None else None,
            marks=[mark for mark in self.marks(letter.bank_id, account, person) if mark != OPT_OUT],
            holds=self.holds(account),
            pinned_digest=letter.pinned_digest,
            value_problems=self._value_problems(letter, version, policy),
            feed_complete_through_ms=self.feed_complete_through_ms(letter.bank_id),
            version=version,
            version_superseded=version is not None and self.catalog.superseded(version, self.now_ms),
            address_findings=judge(letter.door.address, verified=verified),
            address_status=status,
            address_of_third_party=not status and self._of_another(roles, letter.door.hash),
            bad_marks=self._bad_marks(letter),
            call_ms=content.call_ms,
            call_outcome=content.call_outcome,
            earlier_letters=self._earlier(letter),
            has_quantity=letter.has_quantity,
            care_released=letter.care_released,
        )

    def _of_another(self, roles: Mapping[str, int], address_hash: str) -> bool:
        """True if the address is known as that of another party of the account."""
        return any((person_id, address_hash) in self._addresses for person_id in roles)

    def _bad_marks(self, letter: Letter) -> list[BadMark]:
        own = letter.person.person_id if letter.person is not None else ""
        return [
            BadMark(BadAddressReason.ValueType(reason), for_everybody=not person_id)
            for person_id, reason in self._bad.get(letter.door.hash, ())
            if person_id in ("", own)
        ]

    def _earlier(self, letter: Letter) -> list[EarlierLetter]:
        about = self._letters.get(letter.account.account_id, {}) if letter.account is not None else {}
        return [
            EarlierLetter(mailed_ms) for outreach_id, mailed_ms in about.items() if outreach_id != letter.outreach_id
        ]

    def _value_problems(
        self, letter: Letter, version: LetterVersion | None, policy: PolicyVersion | None
    ) -> Sequence[tuple[str, str]]:
        if version is None or policy is None:
            return ()
        problems = check(slots_of(version.placeholders), letter.content.variables, policy.policy.hotlines)
        account, person = letter.account, letter.person
        if account is not None and person is not None:
            gaps = values.gaps_of_record(version.placeholders)
            problems.extend(values.faults_of_record(gaps, account, person, policy.policy.time_zone))
        return problems

    def texts(self, letter: Letter, version: LetterVersion, policy: PolicyVersion) -> dict[str, str]:
        """The values of a letter that the rules let pass, as they must appear: amounts as 12,345.67."""
        record = self.record(letter.account, letter.person, policy)
        given = values.texts_of_record(values.gaps_of_record(version.placeholders), record)
        texts = {**letter.content.variables, **given}
        amounts = (placeholder.name for placeholder in version.placeholders if placeholder.type == AMOUNT)
        return texts | {name: f"{Decimal(texts[name]):,}" for name in amounts}
