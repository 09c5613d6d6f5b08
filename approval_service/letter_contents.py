"""What the authority finds in a letter version before anybody may review it, and the digest that names it."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from approval_service import effective_dates
from outreach.domain.codes import Code
from outreach.ledger.entries import encode
from outreach.letters import source
from outreach.letters.model import LetterHead
from outreach.v1.common_pb2 import Finding
from outreach.v1.letter_version_service_pb2 import LetterContent
from outreach.v1.policy_service_pb2 import Policy


class Reading(NamedTuple):
    """What a content says by itself, whatever the bank's policy."""

    digest: str
    head: LetterHead
    findings: tuple[Finding, ...]


def read(content: LetterContent) -> Reading:
    """Reads a content, which takes some time for a PDF. Refusal for what is not in the format."""
    letter = source.read(content.source, content.letterhead_image, content.official_pdf)
    found = effective_dates.findings(content, Code.LETTER_NOT_AUTHORIZED)
    return Reading(digest(content), letter.head, tuple(found))


def findings(reading: Reading, policy: Policy | None) -> list[Finding]:
    """All findings against the bank's policy in force; those with `waits` true are shown and do not stop the draft."""
    return [*_sender_findings(reading.head, policy), *reading.findings]


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


def _sender_findings(head: LetterHead, policy: Policy | None) -> Iterator[Finding]:
    if policy is None:
        yield Finding(
            code=Code.IDENTITY_MISSING,
            reason="银行尚无规则版本，无法核对名称。The bank has no policy, so the names could not be checked.",
            field="source",
            waits=True,
        )
        return
    if _squeezed(head.bank_name) != _squeezed(policy.bank_name):
        yield _stop(f"发函人须为银行 {policy.bank_name}。The sender must be the bank: {policy.bank_name}.")
    if head.agency_name and _squeezed(head.agency_name) != _squeezed(policy.agency_name):
        yield _stop(f"受托机构须为 {policy.agency_name}。The agency must be the authorized one: {policy.agency_name}.")
    if policy.agency_must_be_named and not head.agency_name:
        yield Finding(
            code=Code.IDENTITY_MISSING,
            reason=f"未写明受托机构名称。Does not name the agency: {policy.agency_name}.",
            field="source",
        )


def _stop(reason: str) -> Finding:
    return Finding(code=Code.LETTER_NOT_AUTHORIZED, reason=reason, field="source")


def _squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
