"""What is approved: templates, letter versions, policies, filings, employees; and which callers are shut out.

Held in memory and read anew when any of them changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection, Table

from approval_service import effective_dates
from approval_service.store import callers as caller_store
from approval_service.store import catalog as store
from outreach.domain.templating import signed
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.policy_service_pb2 import CarrierChoice, PolicyVersion
from outreach.v1.template_service_pb2 import Filing, Template, TemplateContent, TemplateState

APPROVED = TemplateState.TEMPLATE_STATE_APPROVED
SUSPENDED = TemplateState.TEMPLATE_STATE_SUSPENDED

Version = TypeVar("Version", Template, LetterVersion)
_ByName = dict[tuple[str, str], list[Version]]
"""Versions by bank id and name."""


@dataclass(slots=True)
class Catalog:
    """All that may decide or leave, as of one catalog version."""

    version: int
    templates: dict[str, Template] = field(default_factory=dict)
    letter_versions: dict[str, LetterVersion] = field(default_factory=dict)
    """Those approved or suspended, by digest, without their files; so are the templates."""
    templates_by_name: _ByName[Template] = field(default_factory=lambda: defaultdict(list))
    letters_by_name: _ByName[LetterVersion] = field(default_factory=lambda: defaultdict(list))
    approved_ms: dict[str, int] = field(default_factory=dict)
    filings: dict[tuple[str, str], Filing] = field(default_factory=dict)
    policies: dict[str, list[tuple[int, int, PolicyVersion]]] = field(default_factory=lambda: defaultdict(list))
    employees: dict[tuple[str, str], str] = field(default_factory=dict)
    """The team of everybody active, by (caller id, employee id)."""
    deactivated_callers: frozenset[str] = frozenset()

    def policy_at(self, bank_id: str, now_ms: int) -> PolicyVersion | None:
        """The bank's policy in force: of those effective, the one that became so last."""
        in_force = [entry for entry in self.policies.get(bank_id, ()) if entry[0] <= now_ms]
        return max(in_force, key=lambda entry: entry[:2])[2] if in_force else None

    def template_at(self, bank_id: str, name: str, now_ms: int) -> Template | None:
        """The version in force: of those approved (or suspended) and within their dates and the life of their approval,
        the latest to take effect."""
        return self._in_force(bank_id, self.templates_by_name.get((bank_id, name), ()), now_ms)

    def letter_version_at(self, bank_id: str, name: str, now_ms: int) -> LetterVersion | None:
        """The letter version in force, likewise."""
        return self._in_force(bank_id, self.letters_by_name.get((bank_id, name), ()), now_ms)

    def superseded(self, version: Template | LetterVersion, now_ms: int) -> bool:
        """True if the version is not the one in force."""
        at = self.template_at if isinstance(version, Template) else self.letter_version_at
        in_force = at(version.content.bank_id, version.content.name, now_ms)
        return in_force is None or in_force.digest != version.digest

    def _in_force(self, bank_id: str, versions: Iterable[Version], now_ms: int) -> Version | None:
        policy = self.policy_at(bank_id, now_ms)
        usable = [
            version
            for version in versions
            if effective_dates.includes(version.content, now_ms)
            and not effective_dates.is_over(self.approved_ms[version.digest], policy, now_ms)
        ]
        return max(usable, key=self._order) if usable else None

    def _order(self, version: Template | LetterVersion) -> tuple[int, int, str]:
        effective, approved = version.content.effective_from.ToMilliseconds(), self.approved_ms[version.digest]
        return max(effective, approved), approved, version.digest

    def filing_problem(self, template: Template, carrier: CarrierChoice) -> str:
        """Why the carrier's registered copy may not be used; empty if it may, or if there is none."""
        if not carrier.renders_registered_copy:
            return ""
        filing = self.filings.get((template.digest, carrier.carrier_id))
        if filing is None:
            return "该版本未在通道报备。The version is not filed with the carrier."
        return copy_problem(filing, template.content)


def copy_problem(filing: Filing, content: TemplateContent) -> str:
    """Why a carrier's registered copy may not stand for the content; empty if it may."""
    if filing.state != Filing.STATE_PASSED:
        return "通道报备尚未通过。The carrier has not passed the filed copy."
    if filing.registered_text.replace("${", "{") != content.text:
        return "通道报备文本与批准文本不一致。The carrier's copy differs from the approved text."
    return ""


def identity_problem(content: TemplateContent, policy: PolicyVersion) -> str:
    """Which name a message of this content fails to show; empty if none."""
    shown = signed(content.signature, content.text)
    if policy.policy.bank_name not in shown:
        return "短信未写明银行名称。The message does not name the bank."
    if policy.policy.agency_must_be_named and policy.policy.agency_name not in shown:
        return "短信未写明受托机构名称。The message does not name the agency."
    return ""


def load(connection: Connection, version: int) -> Catalog:
    catalog = Catalog(version)
    approved = catalog.approved_ms
    catalog.templates = _versions(connection, store.template, Template, catalog.templates_by_name, approved)
    catalog.letter_versions = _versions(
        connection, store.letter_version, LetterVersion, catalog.letters_by_name, approved
    )
    for row in store.filings(connection):
        catalog.filings[row.digest, row.carrier_id] = Filing.FromString(row.body)
    for row in store.active_policies(connection):
        version_of_policy = PolicyVersion.FromString(row.body)
        catalog.policies[row.bank_id].append((row.effective_from_ms, row.version, version_of_policy))
    catalog.employees = store.active_employees(connection)
    catalog.deactivated_callers = caller_store.deactivated(connection)
    return catalog


def _versions(
    connection: Connection, table: Table, message: type[Version], by_name: _ByName[Version], approved_ms: dict[str, int]
) -> dict[str, Version]:
    """The versions of a kind by digest; puts them by name and their times of approval into the maps given."""
    versions = {}
    for row in store.all_versions(connection, table, (APPROVED, SUSPENDED)):
        versions[row.digest] = version = message.FromString(row.body)
        by_name[row.bank_id, row.name].append(version)
        approved_ms[row.digest] = row.approved_ms
    return versions


class CatalogCache:
    """The newest catalog; one for all transactions of a process."""

    def __init__(self) -> None:
        self._catalog: Catalog | None = None

    def at(self, connection: Connection, version: int) -> Catalog:
        """The catalog of a version, which must be the one that the transaction sees."""
        # By a name of our own: readers in other threads, of another version, put theirs in its place.
        catalog = self._catalog
        if catalog is None or catalog.version != version:
            catalog = self._catalog = load(connection, version)
        return catalog
