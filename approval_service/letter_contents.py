"""What the authority finds in a letter version before anybody may review it, and the digest that names it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from approval_service import effective_dates
from approval_service.screening.content import ContentFinding, approver_notes, screen
from outreach.domain.codes import Code
from outreach.ledger.entries import encode
from outreach.letters.findings import show, stop
from outreach.letters.lint import Identity, lint
from outreach.letters.model import LetterHead
from outreach.letters.source import read as read_source
from outreach.v1.common_pb2 import Finding
from outreach.v1.letter_version_service_pb2 import LetterContent
from outreach.v1.policy_service_pb2 import Policy


class Reading(NamedTuple):
    """What a content says, and all findings; those with `waits` true are shown and do not stop the draft."""

    digest: str
    head: LetterHead
    findings: list[Finding]


def read(content: LetterContent, policy: Policy | None) -> Reading:
    """Reads a content and checks it against the bank's policy in force. Refusal for what is not in the format."""
    letter = read_source(content.source, content.letterhead_image, content.official_pdf)
    identity = Identity(policy.bank_name, policy.agency_name, tuple(policy.hotlines)) if policy else None
    findings = [
        *lint(letter, _screened, identity),
        *_policy_findings(letter.head, policy),
        *effective_dates.findings(content, Code.LETTER_NOT_AUTHORIZED),
    ]
    return Reading(digest(content), letter.head, findings)


def digest(content: LetterContent) -> str:
    """Lower hex SHA-256 of the content's canonical JSON, in which each file stands by its own SHA-256.

    Refusal for a time that no calendar has.
    """
    canonical = encode(
        {
            "bank_id": content.bank_id,
            "name": content.name,
            "source": _sha256(content.source),
            "letterhead_image": _sha256(content.letterhead_image),
            "official_pdf": _sha256(content.official_pdf),
            **effective_dates.as_texts(content),
        }
    )
    return hashlib.sha256(canonical).hexdigest()


def split(content: LetterContent) -> tuple[LetterContent, LetterContent]:
    """The content without its files, and the files alone, which only those need who set or look at a letter. Merged,
    they give the content again."""
    bare = LetterContent()
    bare.CopyFrom(content)
    bare.ClearField("letterhead_image")
    bare.ClearField("official_pdf")
    return bare, LetterContent(letterhead_image=content.letterhead_image, official_pdf=content.official_pdf)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if data else ""


def _screened(text: str) -> list[ContentFinding]:
    return [*screen(text), *approver_notes(text)]


def _policy_findings(head: LetterHead, policy: Policy | None) -> Iterator[Finding]:
    if policy is None:
        yield show(
            Code.IDENTITY_MISSING,
            "银行尚无规则版本，无法核对名称和热线。The bank has no policy, so names and hotlines could not be checked.",
            "bank",
        )
    elif policy.agency_must_be_named and not head.agency_name:
        reason = f"未写明受托机构名称。Does not name the agency: {policy.agency_name}."
        yield stop(Code.IDENTITY_MISSING, reason, "agency")
