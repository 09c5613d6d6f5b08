"""Letter versions: drafted, passed through their gates, and stopped."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection

from approval_service import letter_contents
from approval_service.calls import Call
from approval_service.gates import Gates
from approval_service.letter_contents import Reading
from approval_service.mailroom.withdrawal import Withdrawal, in_print
from approval_service.moves import Moves
from approval_service.store import catalog as store
from approval_service.store import outreach as outreach_store
from approval_service.store.head import read_clock
from approval_service.store.scopes import Scope
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.codes import Code
from outreach.v1.letter_version_service_pb2 import (
    ApproveLetterVersionRequest,
    ApproveLetterVersionResponse,
    DraftLetterVersionRequest,
    DraftLetterVersionResponse,
    GetLetterVersionRequest,
    GetLetterVersionResponse,
    LetterContent,
    LetterVersion,
    LintLetterVersionRequest,
    LintLetterVersionResponse,
    ListLetterVersionsRequest,
    ListLetterVersionsResponse,
    RecordLetterDocumentRequest,
    RecordLetterDocumentResponse,
    RenewLetterVersionRequest,
    RenewLetterVersionResponse,
    ResumeLetterVersionRequest,
    ResumeLetterVersionResponse,
    RetireLetterVersionRequest,
    RetireLetterVersionResponse,
    ReviewLetterVersionRequest,
    ReviewLetterVersionResponse,
    SuspendLetterVersionRequest,
    SuspendLetterVersionResponse,
    VerifyLetterDocumentRequest,
    VerifyLetterDocumentResponse,
)
from outreach.v1.policy_service_pb2 import PolicyVersion

GATES = Gates(
    message=LetterVersion,
    table=store.letter_version,
    word="letter_version",
    noun="信函版本",
    lists="ListLetterVersions",
    lints="LintLetterVersion",
    code=Code.LETTER_NOT_AUTHORIZED,
)


class Submission(NamedTuple):
    """A content to be drafted, as it was read outside of the transaction: that takes longer than a write may."""

    call: Call[DraftLetterVersionRequest]
    reading: Reading


def submission(connection: Connection, call: Call[DraftLetterVersionRequest]) -> Submission:
    """Reads what is to be drafted. Refusal for what is not in the format."""
    return Submission(call, _read(connection, call, call.request.content))


def _read(connection: Connection, call: Call[Any], content: LetterContent) -> Reading:
    call.require_bank(content.bank_id)
    row = store.policy_in_force(connection, content.bank_id, read_clock(connection).now_ms())
    return letter_contents.read(content, PolicyVersion.FromString(row.body).policy if row else None)


def _draft(tx: Tx, submitted: Submission) -> DraftLetterVersionResponse:
    call, reading = submitted
    content, files = letter_contents.split(call.request.content)
    version = LetterVersion(
        digest=reading.digest,
        content=content,
        title=reading.head.title,
        envelope=reading.head.envelope,
        placeholders=reading.head.placeholders,
    )
    drafted = GATES.draft(tx, call, version, reading.findings, files=files.SerializeToString())
    return DraftLetterVersionResponse(version=drafted)


draft = one_by_one(_draft)
"""Handler of DraftLetterVersion: Submission to DraftLetterVersionResponse."""


def lint(connection: Connection, call: Call[LintLetterVersionRequest]) -> LintLetterVersionResponse:
    """Read of LintLetterVersion: what DraftLetterVersion would find now."""
    reading = _read(connection, call, call.request.content)
    return LintLetterVersionResponse(findings=reading.findings, digest=reading.digest)


def _review(tx: Tx, call: Call[ReviewLetterVersionRequest]) -> ReviewLetterVersionResponse:
    return ReviewLetterVersionResponse(version=GATES.review(tx, call))


review = one_by_one(_review)
"""Handler of ReviewLetterVersion."""


def _approve(tx: Tx, call: Call[ApproveLetterVersionRequest]) -> ApproveLetterVersionResponse:
    return ApproveLetterVersionResponse(version=GATES.approve(tx, call))


approve = one_by_one(_approve)
"""Handler of ApproveLetterVersion."""


def _document(tx: Tx, call: Call[RecordLetterDocumentRequest]) -> RecordLetterDocumentResponse:
    return RecordLetterDocumentResponse(version=GATES.document(tx, call))


document = one_by_one(_document)
"""Handler of RecordLetterDocument."""


def _verify(tx: Tx, call: Call[VerifyLetterDocumentRequest]) -> VerifyLetterDocumentResponse:
    return VerifyLetterDocumentResponse(version=GATES.verify(tx, call))


verify = one_by_one(_verify)
"""Handler of VerifyLetterDocument."""


def _suspend(tx: Tx, call: Call[SuspendLetterVersionRequest]) -> SuspendLetterVersionResponse:
    version = GATES.suspend(tx, call)
    to_pull = _take_out(tx, version.digest, version.suspended_by)
    return SuspendLetterVersionResponse(version=version, to_pull_letter_numbers=to_pull)


suspend = one_by_one(_suspend)
"""Handler of SuspendLetterVersion. What is in print is taken out, to be printed anew once the version is resumed."""


def _take_out(tx: Tx, digest: str, by: str) -> list[str]:
    """Returns the numbers of the letters that somebody must pull."""
    rows = [row for row in outreach_store.active(tx.connection, Scope(template_digest=digest)) if in_print(row)]
    letters = Withdrawal(tx, Moves(tx), rows)
    to_pull = [row.attempt_id for row in rows if letters.stop(row, GATES.code, by=by, anew=True) == states.TO_PULL]
    letters.write()
    return to_pull


def _resume(tx: Tx, call: Call[ResumeLetterVersionRequest]) -> ResumeLetterVersionResponse:
    version, resumed = GATES.resume(tx, call)
    return ResumeLetterVersionResponse(version=version, resumed=resumed)


resume = one_by_one(_resume)
"""Handler of ResumeLetterVersion."""


def _retire(tx: Tx, call: Call[RetireLetterVersionRequest]) -> RetireLetterVersionResponse:
    version, done = GATES.retire(tx, call)
    to_pull = [leaving.attempt_id for leaving in done.leaving if leaving.state == states.TO_PULL]
    return RetireLetterVersionResponse(version=version, cancelled_ids=done.withdrawn, to_pull_letter_numbers=to_pull)


retire = one_by_one(_retire)
"""Handler of RetireLetterVersion."""


def _renew(tx: Tx, call: Call[RenewLetterVersionRequest]) -> RenewLetterVersionResponse:
    return RenewLetterVersionResponse(version=GATES.renew(tx, call))


renew = one_by_one(_renew)
"""Handler of RenewLetterVersion."""


def get(connection: Connection, call: Call[GetLetterVersionRequest]) -> GetLetterVersionResponse:
    """Read of GetLetterVersion."""
    return GetLetterVersionResponse(version=with_files(connection, GATES.get(connection, call)))


def with_files(connection: Connection, version: LetterVersion) -> LetterVersion:
    """The version with the files that are stored apart: to lay out a letter, or to look at it."""
    version.content.MergeFromString(store.letter_files(connection, version.digest))
    return version


def list_versions(connection: Connection, call: Call[ListLetterVersionsRequest]) -> ListLetterVersionsResponse:
    """Read of ListLetterVersions."""
    versions, token = GATES.page(connection, call)
    response = ListLetterVersionsResponse(versions=versions, next_page_token=token)
    response.business_time.FromMilliseconds(read_clock(connection).now_ms())
    return response
