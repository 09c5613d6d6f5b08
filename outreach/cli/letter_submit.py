"""outreach letters submit and check: what a case system asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from outreach.cli.case_file import LetterFile, set_cell
from outreach.cli.command import command
from outreach.cli.failures import Failure
from outreach.cli.fields import FieldError, choices
from outreach.cli.session import Session
from outreach.cli.submit import show_preflight, submit_file, variables
from outreach.client import Client
from outreach.v1.outreach_service_pb2 import CallOutcome, LetterItem, PostalClass


async def submit(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv|FILE.xlsx", help="信函文件 The letters.")],
) -> None:
    """提交信函 Submit a CSV or XLSX file of letters; run it again to go on where it stopped.

    列名即 LetterItem 的字段，首次电联为 call_time、call_outcome、recording_reference，变量列为 var.名称。
    """
    with LetterFile(file) as letters:
        await submit_file(session, file, letters, Client.submit_letters)


async def preflight(
    session: Session,
    account: Annotated[str, typer.Option(help="账号 The account.")],
    to: Annotated[str, typer.Option(help="收件地址 The address to write to, in full.")],
    letter: Annotated[str, typer.Option(help="信函名 The letter's name.")],
    postal_class: Annotated[
        str, typer.Option("--class", help=f"邮寄方式 {choices(PostalClass.DESCRIPTOR)}.")
    ] = "ordinary",
    request_id: Annotated[str, typer.Option(help="请求号 The request's id.")] = "preflight",
    bank: Annotated[str, typer.Option(help="银行 The bank.")] = "",
    customer: Annotated[str, typer.Option(help="客户号 The customer; empty for the debtor.")] = "",
    postcode: Annotated[str, typer.Option(help="邮编 The postcode.")] = "",
    digest: Annotated[str, typer.Option(help="版本 Pins the letter's version.")] = "",
    evidence: Annotated[str, typer.Option(help="地址凭证 Evidence for a wide place.")] = "",
    call_time: Annotated[str, typer.Option(help="首次电联时间 When the first call was made.")] = "",
    call_outcome: Annotated[str, typer.Option(help=f"电联结果 {choices(CallOutcome.DESCRIPTOR)}.")] = "",
    recording: Annotated[str, typer.Option(help="录音编号 The recording.")] = "",
    var: Annotated[list[str] | None, typer.Option(help="变量 A variable as NAME=VALUE; repeatable.")] = None,
) -> None:
    """预检 What would be decided about one letter now, by every rule. Stores nothing."""
    texts = {
        "request_id": request_id,
        "bank_id": session.bank(bank),
        "account_number": account,
        "customer_id": customer,
        "address": to,
        "postcode": postcode,
        "letter_name": letter,
        "version_digest": digest,
        "postal_class": postal_class,
        "address_evidence": evidence,
        "call_time": call_time,
        "call_outcome": call_outcome,
        "recording_reference": recording,
    }
    item = LetterItem(variables=variables(var))
    try:
        for name, text in texts.items():
            set_cell(item, name, text)
    except FieldError as error:
        raise Failure(str(error), field=error.field) from None
    async with session.client() as client:
        show_preflight(session, await client.preflight_letter(item))


def register(app: typer.Typer) -> None:
    command(app, "submit")(submit)
    command(app, "preflight")(preflight)
