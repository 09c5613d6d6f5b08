"""The gates that a version of a template or a letter passes, and how one is stopped.

Each step is done by another person. A version is never edited; what is approved is what its digest names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from sqlalchemy import Connection, Row, Table

from approval_service import cancellation, effective_dates
from approval_service.calls import Call, covers, require_plain
from approval_service.cancellation import Cancelled
from approval_service.catalog import APPROVED, SUSPENDED, Version
from approval_service.moves import Moves
from approval_service.paging import bad_token, page_size
from approval_service.people import require_another, require_employee
from approval_service.store import catalog as store
from approval_service.store import outreach as outreach_store
from approval_service.store.head import read_clock
from approval_service.store.scopes import Scope
from approval_service.writer import Tx
from outreach.domain.codes import Code
from outreach.domain.errors import Kind, Refusal, invalid, not_found, precondition
from outreach.v1.common_pb2 import Finding
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.policy_service_pb2 import PolicyVersion
from outreach.v1.template_service_pb2 import BankDocument, Renewal, Template, TemplateState

DRAFT = TemplateState.TEMPLATE_STATE_DRAFT
REVIEWED = TemplateState.TEMPLATE_STATE_REVIEWED
DOCUMENTED = TemplateState.TEMPLATE_STATE_DOCUMENTED
REJECTED = TemplateState.TEMPLATE_STATE_REJECTED
RETIRED = TemplateState.TEMPLATE_STATE_RETIRED
UNFINISHED = (DRAFT, REVIEWED, DOCUMENTED)
OPEN = (DRAFT, REVIEWED, DOCUMENTED, APPROVED, SUSPENDED)
"""States that are not final."""


@dataclass(frozen=True, slots=True)
class Gates(Generic[Version]):
    """The gates of one kind of version: the steps that its handlers take in a transaction."""

    message: type[Version]
    table: Table
    word: str
    """What the ledger calls one, also at the beginning of its kinds of entries."""
    noun: str
    """What a person calls one, in Chinese."""
    lists: str
    """The rpc that lists them."""
    lints: str
    """The rpc that checks one before it is drafted."""
    code: Code
    """The rule by which nothing leaves with a version that is not approved."""

    def find(self, connection: Connection, call: Call[Any]) -> Version:
        """The version that a request's digest names. NOT_FOUND also for one of a bank that the token does not cover."""
        row = store.get_version(connection, self.table, call.request.digest)
        if row is None or not covers(call.principal, row.bank_id):
            raise not_found(
                f"digest: 没有此{self.noun}，请用 {self.lists} 查看。No such version: {self.lists} shows a bank's "
                "versions."
            )
        return self.read(row)

    def read(self, row: Row[Any]) -> Version:
        return self.message.FromString(row.body)

    def shown(self, connection: Connection, versions: Sequence[Version], bank_id: str) -> None:
        """Tells of each of a bank's versions until when it is approved."""
        now_ms = read_clock(connection).now_ms()
        row = store.policy_in_force(connection, bank_id, now_ms)
        policy = PolicyVersion.FromString(row.body) if row else None
        for version in versions:
            effective_dates.tell_approval(version, policy, now_ms)

    def get(self, connection: Connection, call: Call[Any]) -> Version:
        """The version that a request's digest names, and until when it is approved."""
        version = self.find(connection, call)
        self.shown(connection, [version], version.content.bank_id)
        return version

    def find_open(
        self, tx: Tx, call: Call[Any], allowed: Collection[TemplateState.ValueType] = OPEN
    ) -> tuple[Version, str]:
        """The version and who acts. FAILED_PRECONDITION unless it stands in one of the states."""
        version, actor = self.find(tx.connection, call), require_employee(tx, call)
        self._require_state(version.state, allowed)
        return version, actor

    def find_step(
        self, tx: Tx, call: Call[Any], allowed: Collection[TemplateState.ValueType]
    ) -> tuple[Version, Version | Renewal, str]:
        """The version, what of it is on its way through the gates (itself, or its renewal), and who acts."""
        version, actor = self.find(tx.connection, call), require_employee(tx, call)
        step = version.renewal if version.HasField("renewal") else version
        self._require_state(step.state, allowed)
        return version, step, actor

    def _require_state(self, state: TemplateState.ValueType, allowed: Collection[TemplateState.ValueType]) -> None:
        if state not in allowed:
            wanted = " or ".join(map(state_name, allowed))
            raise precondition(
                f"{self.noun}状态为 {state_name(state)}，须为 {wanted}。The version is {state_name(state)}, and this "
                f"needs {wanted}.",
                f"{self.word.upper()}_STATE",
                "digest",
            )

    def draft(self, tx: Tx, call: Call[Any], version: Version, findings: Sequence[Finding], **columns: Any) -> Version:
        """Stores a version of this digest and content. Refusal for findings that stop it, and if it exists."""
        actor = require_employee(tx, call)
        self._require_submittable(findings)
        known = store.get_version(tx.connection, self.table, version.digest)
        if known is not None:
            raise Refusal(
                Kind.CONFLICT,
                f"内容完全相同的版本已存在（{version.digest[:12]}，{state_name(known.state)}）；请使用该版本或为其续批，或"
                "修改内容、日期后再提交。This very version exists: use or renew it, or change its text or dates to "
                "make another one.",
                field="content",
            )
        version.state, version.drafted_by = DRAFT, actor
        version.findings.extend(findings)
        version.create_time.FromMilliseconds(tx.now_ms)
        values = {
            "digest": version.digest,
            "bank_id": version.content.bank_id,
            "name": version.content.name,
            "body": version.SerializeToString(),
            "state": DRAFT,
            "created_ms": tx.now_ms,
        }
        store.insert_version(tx.connection, self.table, values | columns)
        self.record(tx, "drafted", version, actor, findings=[finding.code for finding in findings])
        return version

    def _require_submittable(self, findings: Collection[Finding]) -> None:
        violations = tuple((f.field, f"{f.code}: {f.reason}") for f in findings if not f.waits)
        if violations:
            raise Refusal(
                Kind.INVALID,
                f"内容不可提交，请按各条修改；{self.lints} 可先行检查。The content may not be submitted: mend what "
                f"each violation names, and check with {self.lints}. {'; '.join(message for _, message in violations)}",
                reason=f"{self.word.upper()}_REFUSED",
                violations=violations,
            )

    def renew(self, tx: Tx, call: Call[Any]) -> Version:
        """Sends an approved version through its gates again. It stays in force as long as its last approval does."""
        version, actor = self.find_open(tx, call, [APPROVED, SUSPENDED])
        if version.HasField("renewal"):
            raise precondition(
                f"该{self.noun}已在续批中。It is being renewed already: review or approve that.",
                f"{self.word.upper()}_STATE",
                "digest",
            )
        version.renewal.state, version.renewal.drafted_by = DRAFT, actor
        version.renewal.create_time.FromMilliseconds(tx.now_ms)
        self._store(tx, version)
        self.record(tx, "drafted", version, actor, renewal=True)
        return version

    def review(self, tx: Tx, call: Call[Any]) -> Version:
        """The agency's gate: not by the drafter. A filing number in the request approves the version at once."""
        request = call.request
        passes: bool = getattr(request, "pass")
        comment = _comment(request.comment, needed=not passes)
        version, step, actor = self.find_step(tx, call, [DRAFT])
        require_another(actor, _makers(version))
        step.reviewed_by = actor
        filing_number = request.filing_number if isinstance(version, LetterVersion) and passes else ""
        # It may look like an account number, so the ledger has its keyed hash.
        filed = {"filing_number": tx.keys.hash("reference", filing_number)} if filing_number else {}
        if passes and not filed:
            step.state = REVIEWED
            self._store(tx, version)
        else:
            self._decide(tx, version, step, approved=passes, filing_number=filing_number)
        told = REJECTED if not passes else APPROVED if filed else REVIEWED
        fields = {"state": state_name(told), "comment": comment, **_renews(version, step), **filed}
        self.record(tx, "reviewed", version, actor, **fields)
        return version

    def approve(self, tx: Tx, call: Call[Any]) -> Version:
        """The bank's gate by its own approver: neither drafter nor reviewer."""
        approves: bool = call.request.approve
        comment = _comment(call.request.comment, needed=not approves)
        version, step, actor = self.find_step(tx, call, [REVIEWED])
        require_another(actor, _makers(version))
        step.approved_by = actor
        self._decide(tx, version, step, approved=approves)
        deed = "approved" if approves else "rejected"
        self.record(tx, deed, version, actor, comment=comment, **_renews(version, step))
        return version

    def document(self, tx: Tx, call: Call[Any]) -> Version:
        """Enters the bank's document: neither by the drafter nor by the reviewer."""
        # A document entered with a mistake is entered again; the verifier must then be another than who did that.
        version, step, actor = self.find_step(tx, call, [REVIEWED, DOCUMENTED])
        step.documented_by = ""
        require_another(actor, _makers(version))
        step.documented_by = actor
        step.bank_document.CopyFrom(call.request.document)
        step.state = DOCUMENTED
        self._store(tx, version)
        told = _document_fields(tx, step.bank_document)
        self.record(tx, "documented", version, actor, **_renews(version, step), **told)
        return version

    def verify(self, tx: Tx, call: Call[Any]) -> Version:
        """The bank's gate by its document: by nobody who had a hand in the version before."""
        version, step, actor = self.find_step(tx, call, [DOCUMENTED])
        require_another(actor, _makers(version))
        if call.request.document != step.bank_document:
            raise precondition(
                "与录入的银行文件不符；请核对原件，录入有误的请重新录入。It differs from the document entered: look at "
                "the original; if it was entered wrongly, enter it again.",
                "DOCUMENT_DIFFERS",
                "document",
            )
        step.approved_by = actor
        self._decide(tx, version, step, approved=True)
        told = _document_fields(tx, version.bank_document)
        self.record(tx, "approved", version, actor, **_renews(version, step), **told)
        return version

    def suspend(self, tx: Tx, call: Call[Any]) -> Version:
        """What is pending waits from its next lease on."""
        version, actor = self.find_open(tx, call, [APPROVED])
        reason = require_plain("reason", call.request.reason)
        version.suspended_by = actor
        self._move(tx, version, SUSPENDED)
        self.record(tx, "suspended", version, actor, reason=reason)
        return version

    def resume(self, tx: Tx, call: Call[Any]) -> tuple[Version, int]:
        """Not by the one who suspended it. What waited, whose number is returned, is judged anew at the next lease."""
        version, actor = self.find_open(tx, call, [SUSPENDED])
        reason = require_plain("reason", call.request.reason)
        require_another(actor, {"暂停此版本": version.suspended_by})
        version.suspended_by = ""
        self._move(tx, version, APPROVED)
        self.record(tx, "resumed", version, actor, reason=reason)
        moves = Moves(tx)
        waiting = outreach_store.waiting(tx.connection, self.code, Scope(template_digest=version.digest))
        for row in waiting:
            moves.resume(row)
        moves.write()
        return version, len(waiting)

    def retire(self, tx: Tx, call: Call[Any]) -> tuple[Version, Cancelled]:
        """Ends a version for good, and cancels what is pending with it."""
        version, actor = self.find_open(tx, call)
        reason = require_plain("reason", call.request.reason)
        version.ClearField("renewal")
        self._move(tx, version, RETIRED)
        self.record(tx, "retired", version, actor, reason=reason)
        return version, cancellation.cancel(tx, Scope(template_digest=version.digest), self.code, actor)

    def unfinished(self, connection: Connection) -> Iterator[Version]:
        """Versions of any bank that are on their way through the gates, or whose renewals are."""
        for row in store.all_versions(connection, self.table, OPEN):
            version = self.read(row)
            if version.state in UNFINISHED or version.HasField("renewal"):
                yield version

    def page(self, connection: Connection, call: Call[Any]) -> tuple[list[Version], str]:
        """A page of a bank's versions, newest first, and the token of the next page: the last one's time and digest."""
        request = call.request
        call.require_bank(request.bank_id)
        size = page_size(request.page_size)
        before = _parse_token(request.page_token)
        rows = store.list_versions(connection, self.table, request.bank_id, request.name, before, size + 1)
        page, more = rows[:size], len(rows) > size
        versions = [self.read(row) for row in page]
        self.shown(connection, versions, request.bank_id)
        return versions, f"{page[-1].created_ms}-{page[-1].digest}" if more else ""

    def record(self, tx: Tx, deed: str, version: Version, by: str, **fields: Any) -> None:
        content = version.content
        named = {self.word: version.digest, "name": content.name}
        tx.record(f"{self.word}_{deed}", content.bank_id, **named, by=by, **fields)

    def _decide(
        self, tx: Tx, version: Version, step: Version | Renewal, *, approved: bool, filing_number: str = ""
    ) -> None:
        """Ends what is on its way. A renewal that is rejected leaves the version as it was."""
        columns = {}
        if isinstance(step, Renewal):
            renewal = Renewal.FromString(step.SerializeToString())
            version.ClearField("renewal")
            if approved:
                _take_over(version, renewal)
        else:
            version.state = APPROVED if approved else REJECTED
        if approved:
            if isinstance(version, LetterVersion):
                version.filing_number = filing_number
            version.approve_time.FromMilliseconds(tx.now_ms)
            columns["approved_ms"] = tx.now_ms
        self._store(tx, version, **columns)

    def _move(self, tx: Tx, version: Version, state: TemplateState.ValueType) -> None:
        version.state = state
        self._store(tx, version)

    def _store(self, tx: Tx, version: Version, **columns: Any) -> None:
        """Stores what changed of a version; what is approved or suspended takes effect with this transaction."""
        values = {"state": version.state, "body": version.SerializeToString(), **columns}
        store.update_version(tx.connection, self.table, version.digest, values)
        tx.touch_catalog()


def state_name(state: TemplateState.ValueType) -> str:
    """The state without its prefix, such as APPROVED."""
    return TemplateState.Name(state).removeprefix("TEMPLATE_STATE_")


def _makers(version: Template | LetterVersion) -> dict[str, str]:
    """Who had a hand in what is on its way: the drafter of the text, also in its renewal."""
    makers = {"起草此版本": version.drafted_by}
    step: Template | LetterVersion | Renewal = version
    if version.HasField("renewal"):
        step = version.renewal
        makers["提出续批"] = step.drafted_by
    return makers | {"评审此版本": step.reviewed_by, "录入银行文件": step.documented_by}


def _take_over(version: Template | LetterVersion, renewal: Renewal) -> None:
    """The approval is the renewal's from now on; the ledger keeps the earlier one."""
    version.reviewed_by, version.documented_by = renewal.reviewed_by, renewal.documented_by
    version.approved_by = renewal.approved_by
    version.ClearField("bank_document")
    if renewal.HasField("bank_document"):
        version.bank_document.CopyFrom(renewal.bank_document)


def _renews(version: Template | LetterVersion, step: object) -> dict[str, bool]:
    return {} if step is version else {"renewal": True}


def _comment(text: str, *, needed: bool) -> str:
    if needed and not text.strip():
        raise invalid("comment", "驳回须写明理由。Say why it is rejected.")
    return require_plain("comment", text)


def _document_fields(tx: Tx, document: BankDocument) -> dict[str, str]:
    """A reference may look like an account number, so the ledger has its keyed hash."""
    return {
        "document_date": document.date,
        "document_scan": document.scan_sha256,
        "document_reference": tx.keys.hash("reference", document.reference),
    }


def _parse_token(token: str) -> tuple[int, str] | None:
    created, _, digest = token.partition("-")
    if token and not (created.isascii() and created.isdigit() and digest):
        raise bad_token()
    return (int(created), digest) if token else None
