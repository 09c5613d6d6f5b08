"""Reads, with a fixed number of queries, all that the rules must know of a group of messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from approval_service import values
from approval_service.catalog import Catalog, identity_problem
from approval_service.keys import KeyRing, PersonKey
from approval_service.rules import LONGEST_GAP_MS, Facts
from approval_service.store import accounts as account_store
from approval_service.store import outreach as outreach_store
from approval_service.store import stops as stop_store
from approval_service.variables import Slot, slots_of
from outreach.v1.policy_service_pb2 import CarrierChoice, PolicyVersion
from outreach.v1.template_service_pb2 import Template


@dataclass(slots=True)
class Message:
    """One message to be judged: whom it is for and what it would say."""

    bank_id: str
    account: Any | None
    person: Any | None
    phone: str | None
    phone_hash: str
    template: Template | None
    pinned_digest: str
    variables: Mapping[str, str]
    employee_active: bool


@dataclass(frozen=True, slots=True)
class _Terms:
    """What holds of every message that uses a template under a policy."""

    superseded: bool
    filing_problem: str
    identity_problem: str
    slots: tuple[Slot, ...]
    gaps_of_record: list[values.RecordGap]
    hotlines: tuple[str, ...]


class CaseContext:
    """What is known, at one moment, of the accounts of a group of messages or letters, and of their people."""

    def __init__(
        self,
        connection: Connection,
        keys: KeyRing,
        catalog: Catalog,
        now_ms: int,
        accounts: Iterable[Any],
        recipients: Iterable[str],
        subjects: Iterable[str],
    ) -> None:
        """`recipients` are person ids that must be known although the bank may name them no more; `subjects` those of
        marks beside the accounts and their people."""
        self.now_ms = now_ms
        self.catalog = catalog
        self._keys = keys
        self.accounts = {account.account_id: account for account in accounts}
        self._roles = account_store.parties_of(connection, self.accounts)
        self.person_ids = {person_id for roles in self._roles.values() for person_id in roles}.union(recipients)
        self.persons = account_store.persons_by_id(connection, self.person_ids)
        banks = {*catalog.policies, *(account.bank_id for account in self.accounts.values())}
        self._marks = stop_store.marks_on(connection, banks, [*self.person_ids, *subjects, *self.accounts])
        self._holds = stop_store.open_holds(connection, self.accounts)
        self._feeds = stop_store.feeds(connection)
        self._policies: dict[str, PolicyVersion | None] = {}

    def roles(self, account_id: str) -> Mapping[str, int]:
        """Role by person id."""
        return self._roles.get(account_id, {})

    def key(self, person: Any) -> PersonKey:
        return self._keys.person(person.wrapped_key)

    def policy(self, bank_id: str) -> PolicyVersion | None:
        if bank_id not in self._policies:
            self._policies[bank_id] = self.catalog.policy_at(bank_id, self.now_ms)
        return self._policies[bank_id]

    def holds(self, account: Any | None) -> Sequence[Any]:
        return self._holds.get(account.account_id, ()) if account is not None else ()

    def feed_complete_through_ms(self, bank_id: str) -> int:
        feed = self._feeds.get(bank_id)
        return feed.complete_through_ms if feed else 0

    def marks(self, bank_id: str, account: Any | None, person: Any | None, *subjects: str) -> list[Any]:
        """Reasons of the no-contact marks on an account, a person, or other subjects."""
        named = [*subjects]
        if account is not None:
            named.append(account.account_id)
        if person is not None:
            named.append(person.person_id)
        return [reason for subject in named for reason in self._marks.get((bank_id, subject), ())]

    def record(self, account: Any, person: Any, policy: PolicyVersion) -> values.Record:
        """The bank's record, unsealed."""
        debtor = self.persons[account.debtor_id]
        return values.Record(
            account=account,
            recipient_name=self.key(person).unseal(person.name_sealed).decode(),
            account_number=self.key(debtor).unseal(account.number_sealed).decode(),
            time_zone=policy.policy.time_zone,
        )


class Context(CaseContext):
    """What is known, at one moment, of the accounts and numbers of a group of messages."""

    def __init__(
        self,
        connection: Connection,
        keys: KeyRing,
        catalog: Catalog,
        now_ms: int,
        accounts: Iterable[Any],
        phone_hashes: Iterable[str],
        recipients: Iterable[str] = (),
        carriers: Mapping[str, CarrierChoice] | None = None,
    ) -> None:
        """`carriers` are those to be sent through, by bank id; otherwise the first that its policy names."""
        phones = set(phone_hashes)
        super().__init__(connection, keys, catalog, now_ms, accounts, recipients, phones)
        self._carriers = carriers or {}
        self._contacts = account_store.contact_statuses(connection, self.person_ids)
        self._dead = stop_store.dead_among(connection, phones)
        self._templates: dict[tuple[str, str], Template | None] = {}
        self._terms: dict[tuple[str, str], _Terms] = {}
        identities = {person.identity for person in self.persons.values()}
        self._by_identity: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
        self._by_phone: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
        for sent in outreach_store.sends_since(connection, identities, phones, now_ms - LONGEST_GAP_MS):
            self.add_send(sent.attempt_id, sent.identity, sent.phone_hash, sent.bank_id, sent.released_ms)

    def add_send(self, attempt_id: str, identity: str, phone_hash: str, bank_id: str, released_ms: int) -> None:
        """Counts a message that may have left, those of this very group included."""
        self._by_identity[identity][attempt_id] = (bank_id, released_ms)
        self._by_phone[phone_hash][attempt_id] = (bank_id, released_ms)

    def template(self, bank_id: str, name: str) -> Template | None:
        """The version in force."""
        key = (bank_id, name)
        if key not in self._templates:
            self._templates[key] = self.catalog.template_at(bank_id, name, self.now_ms)
        return self._templates[key]

    def carrier(self, policy: PolicyVersion) -> CarrierChoice:
        return self._carriers.get(policy.bank_id) or policy.policy.carriers[0]

    def facts(self, message: Message, *, at_permit: bool) -> Facts:
        account, person, phone_hash = message.account, message.person, message.phone_hash
        policy = self.policy(message.bank_id)
        roles = self.roles(account.account_id) if account is not None else {}
        template = message.template
        terms = self._terms_of(message.bank_id, template, policy) if template is not None else None
        own_sends, all_sends = self._sends(message)
        return Facts(
            now_ms=self.now_ms,
            at_permit=at_permit,
            employee_active=message.employee_active,
            policy=policy,
            account=account,
            role=roles.get(person.person_id) if person is not None else None,
            phone=message.phone,
            phone_of_third_party=self._of_third_party(roles, person, phone_hash),
            phone_dead=phone_hash in self._dead,
            contact_status=self._contacts.get((person.person_id, phone_hash), "") if person is not None else "",
            marks=self.marks(message.bank_id, account, person, phone_hash),
            holds=self.holds(account),
            template=template,
            template_superseded=terms is not None and terms.superseded,
            pinned_digest=message.pinned_digest,
            filing_problem=terms.filing_problem if terms is not None else "",
            identity_problem=terms.identity_problem if terms is not None else "",
            value_problems=self._value_problems(message, terms, policy) if terms and policy else (),
            feed_complete_through_ms=self.feed_complete_through_ms(message.bank_id),
            own_sends_ms=own_sends,
            all_sends_ms=all_sends,
            agreed_to_quiet_hours=person is not None and person.agreed_to_quiet_hours,
        )

    def _of_third_party(self, roles: Mapping[str, int], recipient: Any | None, phone_hash: str) -> bool:
        """True if the number is known as that of another party of the account, and not as the recipient's own."""
        if recipient is not None and (recipient.person_id, phone_hash) in self._contacts:
            return False
        return any((person_id, phone_hash) in self._contacts for person_id in roles)

    def _terms_of(self, bank_id: str, template: Template, policy: PolicyVersion | None) -> _Terms:
        key = (bank_id, template.digest)
        if key not in self._terms:
            self._terms[key] = _Terms(
                superseded=self.catalog.superseded(template, self.now_ms),
                filing_problem=self.catalog.filing_problem(template, self.carrier(policy)) if policy else "",
                identity_problem=identity_problem(template.content, policy) if policy else "",
                slots=slots_of(template.content.placeholders),
                gaps_of_record=values.gaps_of_record(template.content.placeholders),
                hotlines=tuple(policy.policy.hotlines) if policy else (),
            )
        return self._terms[key]

    def _value_problems(self, message: Message, terms: _Terms, policy: PolicyVersion) -> Sequence[tuple[str, str]]:
        problems = values.problems(terms.slots, message.variables, terms.hotlines)
        account, person = message.account, message.person
        if account is None or person is None:
            return problems
        zone = policy.policy.time_zone
        return [*problems, *values.faults_of_record(terms.gaps_of_record, account, person, zone)]

    def record_texts(self, message: Message) -> dict[str, str]:
        """What the bank's record gives for the template's placeholders, of a message without value problems."""
        template, account, person = message.template, message.account, message.person
        policy = self.policy(message.bank_id)
        if template is None or account is None or person is None or policy is None:
            raise RuntimeError("the bank's record needs a template, an account, a person and a policy")
        record = self.record(account, person, policy)
        return values.texts_of_record(self._terms_of(message.bank_id, template, policy).gaps_of_record, record)

    def _sends(self, message: Message) -> tuple[list[int], list[int]]:
        by_person = self._by_identity.get(message.person.identity, {}) if message.person is not None else {}
        everything = {**self._by_phone.get(message.phone_hash, {}), **by_person}
        own = [released_ms for bank_id, released_ms in by_person.values() if bank_id == message.bank_id]
        return own, [released_ms for _, released_ms in everything.values()]
