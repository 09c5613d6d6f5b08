"""What the commands of template and letter versions share: how a version is found, moved and shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any

import typer
from google.protobuf.message import Message
from rich.console import RenderableType
from rich.text import Text

from outreach.cli import styles
from outreach.cli.failures import Failure
from outreach.cli.messages import possibly_leaving
from outreach.cli.output import Cell, details, plain
from outreach.cli.session import Session
from outreach.client import Client
from outreach.v1.template_service_pb2 import Placeholder, PlaceholderType, RecordField, TemplateState
from outreach.wording import words
from outreach.wording.formats import enum_name, when

_DIGEST = re.compile(r"[0-9a-f]{64}")
SOON_DAYS = 30
"""From when on an approval that ends stands out."""
SHORT = 12
"""How many characters of a digest a table shows."""

Digest = Annotated[str, typer.Argument(metavar="DIGEST", help="版本 The version: its digest, or how it begins.")]


@dataclass(frozen=True, slots=True)
class Kind:
    """Versions of one kind, as the contract calls them and what is done with them."""

    group: str
    """The group of commands."""
    contract: ModuleType
    stub: Callable[[Any], Any]
    rpcs: Mapping[str, str]
    """By what is done: list, get, review, approve, record, verify, suspend, resume, retire, renew."""
    field: str
    """The field of a response that holds the version; its plural is the one of a list."""
    details: Callable[[Any], list[RenderableType]]
    table: Callable[[Any], RenderableType]
    """Of a list."""
    differences: Callable[[Any, Any], Iterable[tuple[str, str, str]]]
    """What can differ between two contents, as (name, old, new)."""

    async def call(self, client: Client, deed: str, *, repeatable: bool = False, **fields: Any) -> Any:
        rpc = self.rpcs[deed]
        request = getattr(self.contract, f"{rpc}Request")(**fields)
        return await client.call(getattr(self.stub(client.channel), rpc), request, repeatable=repeatable)

    async def list(self, client: Client, bank_id: str, name: str = "", limit: int = 10_000) -> list[Any]:
        """Versions of a bank, newest first."""
        found: list[Any] = []
        size, token = min(limit, 1000), ""
        while len(found) < limit:
            page = {"bank_id": bank_id, "name": name, "page_size": size, "page_token": token}
            response = await self.call(client, "list", repeatable=True, **page)
            found += getattr(response, f"{self.field}s")
            token = response.next_page_token
            if not token:
                break
        return found[:limit]

    async def find(self, session: Session, client: Client, bank: str, digest: str) -> Any:
        """The version that the text names. Raises Failure."""
        full = await self.full_digest(session, client, bank, digest)
        return getattr(await self.call(client, "get", repeatable=True, digest=full), self.field)

    async def full_digest(self, session: Session, client: Client, bank: str, digest: str) -> str:
        """The digest that the text begins, among the bank's versions. Raises Failure unless it is exactly one."""
        digest = digest.lower()
        if _DIGEST.fullmatch(digest):
            return digest
        found = [one.digest for one in await self.list(client, session.bank(bank)) if one.digest.startswith(digest)]
        if not found:
            raise Failure(
                f"没有以此开头的版本，见 `{self.group} list`。No version begins so; `{self.group} list` shows them.",
                field="digest",
            )
        if len(found) > 1:
            raise Failure("多个版本以此开头，请写长一些。Several versions begin so: give more of it.", field="digest")
        return str(found[0])

    async def move(self, session: Session, deed: str, digest: str, bank: str, **fields: Any) -> None:
        """Does something to the version that the text names, and shows what became of it."""
        async with session.client() as client:
            full = await self.full_digest(session, client, bank, digest)
            response = await self.call(client, deed, digest=full, **fields)
        self.show(session, response)

    def show(self, session: Session, response: Any) -> None:
        session.output.show(plain(response), *self.details(getattr(response, self.field)), *_consequences(response))


def _consequences(response: Message) -> list[RenderableType]:
    """What a step did to the outreach that use the version, if it did anything."""
    told = {field.name: value for field, value in response.ListFields()}
    counts = [
        ("恢复待发 Due again", str(told.get("resumed", ""))),
        ("因此取消 Cancelled", str(len(told.get("cancelled_ids", ())) or "")),
    ]
    return [
        details("", counts) if any(count for _, count in counts) else Text(),
        possibly_leaving(list(told.get("possibly_leaving_attempt_ids", ()))),
        to_pull(list(told.get("to_pull_letter_numbers", ()))),
    ]


def to_pull(letter_numbers: list[str]) -> Text:
    """Tells the mailroom which letters to take out; empty if none."""
    if not letter_numbers:
        return Text()
    text = f"待抽出 To be pulled: {len(letter_numbers)} 封，可能已打印 may be printed already"
    return Text("\n  ".join([text, *letter_numbers]), style="bold yellow")


def state_text(state: int) -> Text:
    name = enum_name(TemplateState.DESCRIPTOR, state)
    return Text(f"{words.TEMPLATE_STATES.get(name, '')} {name}", style=styles.TEMPLATE_STATE_STYLES.get(name, ""))


def approval_pairs(version: Any) -> list[tuple[str, Cell]]:
    """Until when a version is approved, and its renewal on its way."""
    left, renewal = version.approval_days_left, version.renewal
    until = when(version.approved_until)
    if until:
        until += f"  剩 {left} 天 {left} days left" if left > 0 else "  已到期 it is over"
    stage: Cell = Text()
    if version.HasField("renewal"):
        stage = Text.assemble(state_text(renewal.state), f"  {renewal.drafted_by}")
    return [
        ("审批有效至 Approved until", Text(until, style="yellow" if until and left <= SOON_DAYS else "")),
        ("续批 Renewal", stage),
    ]


def placeholder_text(placeholder: Placeholder) -> str:
    kind = enum_name(PlaceholderType.DESCRIPTOR, placeholder.type)
    source = enum_name(RecordField.DESCRIPTOR, placeholder.record_field) or "caller"
    return f"{{{placeholder.name}}} {kind} <- {source}"
