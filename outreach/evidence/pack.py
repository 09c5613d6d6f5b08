"""An evidence pack: a ZIP that can be read by a person, and checked by anybody with the ledger's public key.

evidence.json       the content, as the authority gave it out and its entry evidence_made has the hash of
messages/, letters/ what left, a text each, made from the content; the letters' archive copies as PDF; the scans of what
                    came back
entries.jsonl       the ledger's entries, their canonical bodies, a line each
proofs.json         their inclusion proofs (RFC 6962)
checkpoint.txt      the signed tree head that the proofs lead to (C2SP tlog-checkpoint)
handovers.json      if the ledger's key ever changed: the checkpoints with which each key named the next
summary.pdf         all of it to read, and README.txt how to check it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import orjson
from google.protobuf.json_format import Parse, ParseError

from outreach.domain.errors import Kind, Refusal
from outreach.domain.templating import render, signed
from outreach.v1.evidence_service_pb2 import Evidence, EvidencedLetter, ProvenEntry
from outreach.v1.ledger_service_pb2 import LedgerEntry
from outreach.v1.print_service_pb2 import LetterPermit
from outreach.v1.worker_service_pb2 import Permit

CONTENT, ENTRIES, PROOFS, CHECKPOINT, HANDOVERS, KEY = (
    "evidence.json",
    "entries.jsonl",
    "proofs.json",
    "checkpoint.txt",
    "handovers.json",
    "verifier-key.txt",
)
MAX_BYTES = 256 * 1024 * 1024
"""Of all files of a pack that is read, unpacked."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Pack:
    """What is to be proven, and the proofs."""

    content: bytes
    entries: Sequence[ProvenEntry]
    checkpoint: str
    handovers: Sequence[str] = ()

    @property
    def evidence(self) -> Evidence:
        """The content. Raises Refusal."""
        try:
            return Parse(self.content, Evidence(), ignore_unknown_fields=True)
        except (ParseError, UnicodeDecodeError):
            raise _not_a_pack(CONTENT) from None

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The entries, decoded. Raises Refusal."""
        try:
            return [orjson.loads(one.entry.body) for one in self.entries]
        except orjson.JSONDecodeError:
            raise _not_a_pack(ENTRIES) from None


def texts(evidence: Evidence) -> dict[str, str]:
    """What left, by file name: each message as the handset shows it, each letter's recipient, address and values."""
    files: dict[str, str] = {}
    for one in evidence.outreach:
        files |= {f"messages/{made.permit.attempt_id}.txt": message_text(made.permit) for made in one.messages}
        files |= {f"letters/{made.permit.letter_number}.txt": letter_text(made.permit) for made in one.letters}
    return files


def return_scans(evidence: Evidence) -> dict[str, str]:
    """The SHA-256 of the scans of what came back, by file name."""
    letters = [letter for one in evidence.outreach for letter in one.letters if letter.return_scan_kept]
    return {scan_name(one): one.return_scan_sha256 for one in letters}


def letter_name(letter: EvidencedLetter) -> str:
    """The file of its archive copy."""
    return f"letters/{letter.permit.letter_number}.pdf"


def scan_name(letter: EvidencedLetter) -> str:
    """The file of the scan of what came back."""
    return f"letters/{letter.permit.letter_number}-returned.jpg"


def message_text(permit: Permit) -> str:
    values = {value.name: value.text for value in permit.values}
    return signed(permit.signature, render(permit.template_text, values))


def letter_text(permit: LetterPermit) -> str:
    lines = [
        ("收件人 Recipient", permit.recipient_name),
        ("地址 Address", permit.address),
        ("邮编 Postcode", permit.postcode),
        ("日期 Date", permit.letter_date),
        ("授权 Authorization", permit.authorization),
        *((value.name, value.text) for value in permit.values),
    ]
    return "\n".join(f"{name}: {text}" for name, text in lines if text)


def zipped(pack: Pack, verifier_key: str, others: Mapping[str, bytes]) -> bytes:
    """The file of a pack with further files. It shows persons and their debts."""
    proofs = [{"index": one.entry.index, "path": [node.hex() for node in one.proof]} for one in pack.entries]
    files = {
        **others,
        CONTENT: pack.content,
        **{name: text.encode() for name, text in texts(pack.evidence).items()},
        ENTRIES: b"".join(one.entry.body + b"\n" for one in pack.entries),
        PROOFS: orjson.dumps({"tree": "RFC 6962, SHA-256", "proofs": proofs}, option=orjson.OPT_INDENT_2),
        CHECKPOINT: pack.checkpoint.encode(),
        KEY: verifier_key.encode() + b"\n",
    }
    if pack.handovers:
        files[HANDOVERS] = orjson.dumps(list(pack.handovers), option=orjson.OPT_INDENT_2)
    made = BytesIO()
    with ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(ZipInfo(name, _EPOCH), data, ZIP_DEFLATED)
    return made.getvalue()


def read(path: Path) -> tuple[Pack, dict[str, bytes]]:
    """The pack in a file, and its other files by name. Raises Refusal for what is none, OSError."""
    try:
        with ZipFile(path) as archive:
            files = _members(archive)
    except (BadZipFile, RuntimeError, EOFError):  # RuntimeError: a compression that zipfile does not know, or a lock
        raise _not_a_pack(path.name) from None
    try:
        bodies = files.pop(ENTRIES).splitlines()
        proofs = [(int(one["index"]), [bytes.fromhex(node) for node in one["path"]]) for one in _proofs(files)]
        content, checkpoint = files.pop(CONTENT), files.pop(CHECKPOINT).decode()
        handovers = list(map(str, orjson.loads(files.pop(HANDOVERS, b"[]"))))
        entries = [
            ProvenEntry(entry=LedgerEntry(index=index, body=body), proof=proof)
            for body, (index, proof) in zip(bodies, proofs, strict=True)
        ]
    except (KeyError, ValueError, TypeError, AttributeError):
        raise _not_a_pack(path.name) from None
    return Pack(content, entries, checkpoint, handovers), files


def _proofs(files: dict[str, bytes]) -> Any:
    return orjson.loads(files.pop(PROOFS))["proofs"]


def _members(archive: ZipFile) -> dict[str, bytes]:
    files, left = {}, MAX_BYTES
    for info in archive.infolist():
        with archive.open(info) as file:
            files[info.filename] = file.read(left + 1)
        left -= len(files[info.filename])
        if left < 0:
            raise Refusal(
                Kind.INVALID,
                "文件过大，不是本系统的证据包。It is too large to be an evidence pack.",
                reason="NOT_A_PACK",
            )
    return files


def _not_a_pack(name: str) -> Refusal:
    return Refusal(
        Kind.INVALID,
        f"{name}: 不是证据包，或已损坏。It is no evidence pack, or it is damaged: have it sent again.",
        reason="NOT_A_PACK",
    )
