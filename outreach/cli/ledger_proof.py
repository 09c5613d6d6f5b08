"""outreach ledger prove, verify-proof: one entry with its proof in a file, checked offline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.text import Text

from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.output import Cell, details
from outreach.cli.session import Session
from outreach.ledger import proof as ledger_proof
from outreach.v1.ledger_service_pb2 import GetProofRequest
from outreach.v1.ledger_service_pb2_grpc import LedgerServiceStub
from outreach.wording.ledger_words import kind_text


async def prove(
    session: Session,
    sequence: Annotated[int, typer.Argument(min=0, help="序号 The entry's number, from 0.")],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="输出文件 entry-N.tlog-proof without it.")] = None,
) -> None:
    """证明 Write one entry with the proof that it stands in the signed ledger (c2sp.org/tlog-proof)."""
    async with session.client() as client:
        stub = LedgerServiceStub(client.channel)
        answer = await client.call(stub.GetProof, GetProofRequest(index=sequence), repeatable=True)
    path = file or Path(f"entry-{sequence}{ledger_proof.SUFFIX}")
    path.write_text(ledger_proof.write(ledger_proof.of(answer)), encoding="utf-8", newline="\n")
    document = {"file": str(path), "index": sequence, "verifier_key": answer.verifier_key}
    hint = f"outreach ledger verify-proof {path} --key '{answer.verifier_key}'"
    session.output.show(document, details("已写出 Written", [("文件 File", str(path)), ("验证 Verify", hint)]))


async def verify_proof(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="证明 What `ledger prove` or the console wrote.")],
    key: Annotated[str, typer.Option(metavar="PUB", help="公钥 The ledger's verifier key, or a file that holds it.")],
    entry: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="条目 The entry's line of an export, instead of that in the proof."),
    ] = None,
) -> None:
    """验证证明 Check the proof of one entry offline: its content, its place in the tree, and the signature."""
    proof = ledger_proof.read(_read(file))
    if entry:
        proof = replace(proof, body=_read(entry).rstrip("\r\n").encode())
    if not proof.body:
        raise Failure("--entry: 证明中没有条目，请给出。The proof brings no entry: give it.", field="entry")
    signed, proven = ledger_proof.verify(proof, key if "+" in key else _read(Path(key)))
    document = {"ok": True, "index": proof.index, "entry": proven, "signed_entries": signed.size}
    pairs: list[tuple[str, Cell]] = [
        ("结论 Verdict", Text("条目已得证 the entry is proven", "bold green")),
        ("序号 No.", str(proof.index)),
        ("时间 Time", str(proven.get("time", ""))),
        ("种类 Kind", kind_text(str(proven.get("kind", "")))),
        ("条目 Entry", orjson.dumps(proven).decode()),
        ("签名 Signed", f"{signed.size} entries of {signed.origin}"),
    ]
    session.output.show(document, details("", pairs))


def register(app: typer.Typer) -> None:
    command(app, "prove")(prove)
    command(app, "verify-proof", offline=True)(verify_proof)


def _read(path: Path) -> str:
    if path.stat().st_size > ledger_proof.MAX_BYTES:
        raise Failure(f"{path}: 文件过大，不是账目证明。It is too large for a proof of one entry.")
    return path.read_text(encoding="utf-8", errors="replace")
