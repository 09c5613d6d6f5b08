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
from approval_service.variables import Slots, check, slots_of
from outreach.v1.policy_service_pb2 import CarrierChoice, Policy, PolicyVersion
from outreach.v1.template_service_pb2 import Template, TemplateContent

NOBODY: Mapping[str, int] = {}
"""The parties of an account that nobody placed."""
NEVER: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds, at one moment, of every message of a bank that uses one version; looked at once for a group."""

    policy: PolicyVersion | None
    thresholds: Policy | None
    """The policy's own part, held since protobuf makes another object of it each time that nobody has one."""
    policy_version: int
    """0 for none."""
    template: Template | None
    digest: str
    """Empty for none."""
    superseded: bool
    filing_problem: str
    identity_problem: str
    names: tuple[str, ...]
    """Of the placeholders."""
    slots: Slots
    gaps_of_record: list[values.RecordGap]
    hotlines: tuple[str, ...]
    time_zone: str

    def value_problems(self, variables: Mapping[str, str], account: Any, person: Any) -> list[tuple[str, str]]:
        """What is wrong with the caller's values, and what the record does not give, as (placeholder, reason)."""
        if self.policy is None or self.template is None:
            return []
        problems = check(self.slots, variables, self.hotlines)
        if account is None or person is None:
            return problems
        return problems + values.faults_of_record(self.gaps_of_record, account, person, self.time_zone)


@dataclass(slots=True)
class Message:
    """One message to be judged: whom it is for and what it would say."""

    bank_id: str
    account: Any | None
    person: Any | None
    phone: str | None
    phone_hash: str
    terms: Terms
    pinned_digest: str
    variables: Mapping[str, str]
    employee_active: bool


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
        return self._roles.get(account_id, NOBODY)

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
        if not self._marks:
            return []
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
        self._terms: dict[tuple[str, str], Terms] = {}
        identities = {person.identity for person in self.persons.values()}
        self._by_identity: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
        self._by_phone: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
        for sent in outreach_store.sends_since(connection, identities, phones, now_ms - LONGEST_GAP_MS):
            self.add_send(sent.attempt_id, sent.identity, sent.phone_hash, sent.bank_id, sent.released_ms)

    def add_send(self, attempt_id: str, identity: str, phone_hash: str, bank_id: str, released_ms: int) -> None:
        """Counts a message that may have left, those of this very group included."""
        self._by_identity[identity][attempt_id] = (bank_id, released_ms)
        self._by_phone[phone_hash][attempt_id] = (bank_id, released_ms)

    def carrier(self, policy: PolicyVersion) -> CarrierChoice:
        return self._carriers.get(policy.bank_id) or policy.policy.carriers[0]

    def terms_in_force(self, bank_id: str, name: str) -> Terms:
        """Those of the version in force."""
        terms = self._terms.get((bank_id, name))
        if terms is None:
            template = self.catalog.template_at(bank_id, name, self.now_ms)
            terms = self._terms[bank_id, name] = self._terms_of(bank_id, template)
        return terms

    def terms_of_version(self, bank_id: str, digest: str) -> Terms:
        terms = self._terms.get((bank_id, digest))
        if terms is None:
            terms = self._terms[bank_id, digest] = self._terms_of(bank_id, self.catalog.templates.get(digest))
        return terms

    def _terms_of(self, bank_id: str, template: Template | None) -> Terms:
        policy = self.policy(bank_id)
        content = template.content if template is not None else TemplateContent()
        filing = identity = ""
        if template is not None and policy is not None:
            filing = self.catalog.filing_problem(template, self.carrier(policy))
            identity = identity_problem(content, policy)
        return Terms(
            policy=policy,
            thresholds=policy.policy if policy is not None else None,
            policy_version=policy.version if policy is not None else 0,
            template=template,
            digest=template.digest if template is not None else "",
            superseded=template is not None and self.catalog.superseded(template, self.now_ms),
            filing_problem=filing,
            identity_problem=identity,
            names=tuple(placeholder.name for placeholder in content.placeholders),
            slots=slots_of(content.placeholders),
            gaps_of_record=values.gaps_of_record(content.placeholders),
            hotlines=tuple(policy.policy.hotlines) if policy is not None else (),
            time_zone=policy.policy.time_zone if policy is not None else "",
        )

    def facts(self, message: Message, *, at_permit: bool) -> Facts:
        account, person, phone_hash, terms = message.account, message.person, message.phone_hash, message.terms
        roles = self.roles(account.account_id) if account is not None else NOBODY
        contact = self._contacts.get((person.person_id, phone_hash)) if person is not None else None
        own_sends, all_sends = self._sends(message) if self._by_phone else (NEVER, NEVER)
        return Facts(
            now_ms=self.now_ms,
            at_permit=at_permit,
            employee_active=message.employee_active,
            policy=terms.policy,
            account=account,
            role=roles.get(person.person_id) if person is not None else None,
            phone=message.phone,
            phone_of_third_party=contact is None and self._of_another(roles, phone_hash),
            phone_dead=phone_hash in self._dead,
            contact_status=contact or "",
            marks=self.marks(message.bank_id, account, person, phone_hash),
            holds=self.holds(account),
            template=terms.template,
            template_superseded=terms.superseded,
            pinned_digest=message.pinned_digest,
            filing_problem=terms.filing_problem,
            identity_problem=terms.identity_problem,
            value_problems=terms.value_problems(message.variables, account, person),
            feed_complete_through_ms=self.feed_complete_through_ms(message.bank_id),
            own_sends_ms=own_sends,
            all_sends_ms=all_sends,
            agreed_to_quiet_hours=person is not None and person.agreed_to_quiet_hours,
        )

    def _of_another(self, roles: Mapping[str, int], phone_hash: str) -> bool:
        """True if the number is known as that of a party of the account, which is another than the recipient."""
        return any((person_id, phone_hash) in self._contacts for person_id in roles)

    def record_texts(self, message: Message) -> dict[str, str]:
        """What the bank's record gives for the template's placeholders, of a message without value problems."""
        terms, account, person = message.terms, message.account, message.person
        if terms.template is None or account is None or person is None or terms.policy is None:
            raise RuntimeError("the bank's record needs a template, an account, a person and a policy")
        return values.texts_of_record(terms.gaps_of_record, self.record(account, person, terms.policy))

    def _sends(self, message: Message) -> tuple[list[int], list[int]]:
        by_person = self._by_identity.get(message.person.identity, {}) if message.person is not None else {}
        everything = {**self._by_phone.get(message.phone_hash, {}), **by_person}
        own = [released_ms for bank_id, released_ms in by_person.values() if bank_id == message.bank_id]
        return own, [released_ms for _, released_ms in everything.values()]
