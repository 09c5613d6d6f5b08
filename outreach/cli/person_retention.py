"""outreach person retention, erase-due: who may be kept no longer, told before anybody goes."""

from __future__ import annotations

from typing import Annotated

import typer

from outreach.cli.messages import Bank, Limit
from outreach.cli.output import details, plain, table
from outreach.cli.session import Session
from outreach.v1.person_service_pb2 import AskRetentionRequest, GetRetentionRequest, RetentionLine
from outreach.v1.person_service_pb2_grpc import PersonServiceStub
from outreach.wording.formats import when

_HEADINGS = ("编号 Person", "保存期限至 Kept until", "短信与信函 Outreach")


async def retention(session: Session, bank: Bank = "", limit: Limit = 100) -> None:
    """到期清单 Whose retention period is over, before anybody goes."""
    request = GetRetentionRequest(bank_id=session.bank(bank), page_size=min(limit, 1000))
    lines: list[RetentionLine] = []
    async with session.client() as client:
        while True:
            page = await client.call(PersonServiceStub(client.channel).GetRetention, request, repeatable=True)
            lines += page.lines
            request.page_token = page.next_page_token
            if not request.page_token or len(lines) >= limit:
                break
    rows = [(one.person_id, when(one.retained_until), one.outreach) for one in lines[:limit]]
    session.output.show(
        {"retention_days": page.retention_days, "total": page.total, "lines": [plain(one) for one in lines[:limit]]},
        details("保存期限 Retention", [("天数 Days", page.retention_days), ("到期人数 People", page.total)]),
        table(
            f"到期 Due ({len(rows)})",
            _HEADINGS,
            rows,
            numeric=(2,),
        ),
    )


async def erase_due(
    session: Session,
    reason: Annotated[str, typer.Option(help="理由 Why; without personal data.")],
    bank: Bank = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="最多人数 At most this many people.")] = 1000,
) -> None:
    """申请到期删除 Ask for the erasure of those as one batch; another person decides it."""
    request = AskRetentionRequest(bank_id=session.bank(bank), limit=limit, reason=reason)
    async with session.client() as client:
        response = await client.call(PersonServiceStub(client.channel).AskRetention, request)
    session.output.show(
        plain(response),
        details("到期删除 Batch", [("批次 Batch", response.batch_id), ("人数 People", response.people)]),
    )
    session.output.note(
        f"另一人处理：outreach person decide {response.batch_id} --batch。Another person decides it with that command."
    )
