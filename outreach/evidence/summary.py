"""The summary of an evidence pack, which a complaints clerk can send to the bank."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from outreach.domain.money import format_fen
from outreach.evidence.pack import Pack, letter_text, message_text
from outreach.evidence.pdf_document import Block, Heading, Rows, Text, pdf
from outreach.v1.bank_service_pb2 import Party
from outreach.v1.evidence_service_pb2 import Evidence, EvidencedLetter, EvidencedMessage, EvidencedOutreach
from outreach.v1.hold_service_pb2 import HoldKind, NoContactReason
from outreach.v1.letter_version_service_pb2 import LetterVersion
from outreach.v1.mailroom_service_pb2 import LetterState, ReturnReason
from outreach.v1.outreach_service_pb2 import Channel, ReplyKind
from outreach.v1.template_service_pb2 import Template
from outreach.wording import words
from outreach.wording.formats import CHINA, code_text, enum_name, state_words, when
from outreach.wording.ledger_words import kind_text

_ROLES = {
    Party.ROLE_DEBTOR: "债务人 debtor",
    Party.ROLE_GUARANTOR: "担保人 guarantor",
    Party.ROLE_THIRD_PARTY: "联系人",
}
_HELD = "持有 held"
_HIDDEN = frozenset({"seq", "time", "kind", "bank", "commitment", "outreach", "attempt", "template", "account"})
"""Fields that the summary need not repeat; entries.jsonl has them."""


def summary(pack: Pack) -> bytes:
    """As PDF."""
    evidence = pack.evidence
    return pdf("外联证据汇总 Evidence of outreach", list(_blocks(evidence, pack)))


def _blocks(evidence: Evidence, pack: Pack) -> Iterator[Block]:
    yield Rows(
        [
            ("银行 Bank", evidence.bank_id),
            ("用途 Purpose", evidence.purpose),
            ("制作 Made", f"{when(evidence.make_time)}  {evidence.made_by}"),
            ("证据编号 Evidence", evidence.evidence_id),
            ("时间 Times", "均为北京时间。All times are China's."),
        ]
    )
    yield from _account(evidence)
    yield Heading("二、请求、短信与信函 What was asked for, and what left")
    for number, one in enumerate(evidence.outreach, 1):
        yield from _outreach(number, one)
    if not evidence.outreach:
        yield Text("无 none")
    yield from _stops(evidence)
    yield from _approvals(evidence)
    yield Heading("五、时间线 Timeline, as the ledger has it")
    yield Rows(
        [_entry(body) for body in pack.bodies],
        ("序号 No.", "时间 Time", "事件 Event", "详情 Details"),
        (0.08, 0.19, 0.25, 0.48),
    )
    yield Heading("六、核对 How to check")
    yield Text(
        "本汇总由 evidence.json 生成；账本中有该文件的摘要，每条账目有包含证明。核对方法见 README.txt。"
        "This summary is made from evidence.json, of which the ledger has the hash; each entry has its proof. "
        "README.txt tells how to check them."
    )


def _account(evidence: Evidence) -> Iterator[Block]:
    yield Heading("一、账户 Account")
    if not evidence.HasField("account"):
        yield Text("银行未委案此账户。The bank never placed this account.")
        return
    account = evidence.account
    state = [
        word for word, said in (("已退案 recalled", account.recalled), ("已结清 settled", account.settled)) if said
    ]
    amounts = (
        f"逾期 overdue {format_fen(account.overdue_amount_fen)}；"
        f"欠款 outstanding {format_fen(account.outstanding_amount_fen)}；"
        f"截至 as of {when(account.as_of_time)}，序号 sequence {account.sequence}"
    )
    yield Rows(
        [
            ("账号 Number", account.account_number),
            *((_ROLES.get(party.role, ""), party.name) for party in account.parties),
            ("委案 Placed with", f"{account.agency_id}  {when(account.start_time)} - {when(account.end_time)}"),
            ("现状 Now", "，".join(state) or "委案中 placed"),
            ("金额 Amounts", amounts),
        ]
    )


def _outreach(number: int, one: EvidencedOutreach) -> Iterator[Block]:
    outreach, decision = one.outreach, one.decision
    kind = "信函 letter" if outreach.channel == Channel.CHANNEL_LETTER else "短信 SMS"
    yield Heading(f"{number}. {kind}  {when(outreach.create_time)}  {state_words(outreach.state)}", 2)
    reasons = [f"{code_text(finding.code)}：{finding.reason}" for finding in decision.findings]
    rows = [
        ("编号 Id", outreach.outreach_id),
        ("申请 Asked by", f"{outreach.caller_id}/{outreach.employee_id}  {outreach.request_id}"),
        ("决定 Decision", f"{state_words(decision.state)}，策略 policy {decision.policy_version}"),
        ("理由 Reasons", "\n".join(reasons)),
        ("后续 Since", "，".join(code_text(finding.code) for finding in outreach.findings)),
        ("撤回原因 Cause", code_text(outreach.cause)),
    ]
    yield Rows([row for row in rows if row[1]])
    sent = {attempt.attempt_id: attempt for attempt in outreach.attempts}
    for message in one.messages:
        yield from _message(message, sent[message.permit.attempt_id])
    for letter in one.letters:
        yield from _letter(letter)
    for reply in one.replies:
        kind = words.REPLY_KINDS.get(enum_name(ReplyKind.DESCRIPTOR, reply.kind), "")
        yield Text(f"回复 Reply  {when(reply.receive_time)}  {kind}")
        yield Text(reply.text, quoted=True)


def _message(message: EvidencedMessage, attempt: Any) -> Iterator[Block]:
    receipt = " ".join(filter(None, (attempt.carrier_message_id, attempt.carrier_code)))
    yield Text(
        f"放行 Released {when(attempt.release_time)}，号码 to {message.permit.phone_number}，"
        f"通道 by {attempt.carrier_id}，结果 result {state_words(attempt.state)} {receipt}，"
        f"策略 policy {message.policy_version}，金额序号 balance {message.permit.balance_sequence}"
    )
    yield Text(message_text(message.permit), quoted=True)


def _letter(letter: EvidencedLetter) -> Iterator[Block]:
    permit, state = letter.permit, enum_name(LetterState.DESCRIPTOR, letter.state)
    yield Text(
        f"函号 Letter {permit.letter_number}，{_word(words.LETTER_STATES, state)}，"
        f"策略 policy {letter.policy_version}，金额序号 balance {permit.balance_sequence}"
    )
    yield Text(letter_text(permit), quoted=True)
    rows = [
        ("PDF SHA-256", letter.pdf_sha256),
        ("交寄 Mailed", " ".join(filter(None, (when(letter.mail_time), letter.item_number, letter.acceptance)))),
        ("妥投 Delivered", "是 yes" if letter.delivered else ""),
        ("退信 Returned", _word(words.RETURN_REASONS, enum_name(ReturnReason.DESCRIPTOR, letter.return_reason))),
        ("退信扫描 SHA-256 of the scan", letter.return_scan_sha256),
    ]
    shown = [row for row in rows if row[1]]
    if shown:
        yield Rows(shown)


def _stops(evidence: Evidence) -> Iterator[Block]:
    yield Heading("三、暂停与禁止联系 Holds and no-contact marks")
    rows = [
        (
            when(hold.set_time),
            enum_name(HoldKind.DESCRIPTOR, hold.kind),
            hold.reason,
            hold.set_by,
            hold.lifted_by or _HELD,
        )
        for hold in evidence.holds
    ]
    rows += [
        (when(mark.set_time), enum_name(NoContactReason.DESCRIPTOR, mark.reason), mark.evidence, mark.set_by, _HELD)
        for mark in evidence.marks
    ]
    if rows:
        headings = ("时间 Time", "种类 Kind", "原因 Reason", "设置 Set by", "解除 Lifted by")
        yield Rows(rows, headings, (0.18, 0.2, 0.3, 0.16, 0.16))
    else:
        yield Text("无 none")


def _approvals(evidence: Evidence) -> Iterator[Block]:
    yield Heading("四、谁批准了什么 Who approved what")
    versions: list[Template | LetterVersion] = [*evidence.templates, *evidence.letter_versions]
    for version in versions:
        kind = "短信模板 Template" if isinstance(version, Template) else "信函版本 Letter version"
        yield Heading(f"{kind} {version.content.name}", 2)
        document = version.bank_document
        rows = [
            ("摘要 Digest", version.digest),
            ("起草 Drafted by", version.drafted_by),
            ("内审 Reviewed by", version.reviewed_by),
            ("批准 Approved by", version.approved_by),
            ("备案号 Filing", "" if isinstance(version, Template) else version.filing_number),
            ("银行批文 Bank's document", f"{document.reference} {document.date} {document.scan_sha256}".strip()),
            ("批文录入 Entered by", version.documented_by),
        ]
        yield Rows([row for row in rows if row[1]])
    if evidence.policies:
        yield Heading("策略 Policy", 2)
        rows4 = [
            (str(one.version), one.drafted_by, one.activated_by, when(one.effective_from)) for one in evidence.policies
        ]
        headings = ("版本 Version", "起草 Drafted by", "启用 Activated by", "生效 In force from")
        yield Rows(rows4, headings, (0.16, 0.28, 0.28, 0.28))


def _entry(body: dict[str, Any]) -> tuple[str, str, str, str]:
    details = []
    for name, value in body.items():
        if name == "codes":
            details.append("，".join(map(code_text, value)))
        elif name not in _HIDDEN:
            details.append(f"{name}={value if isinstance(value, str) else orjson.dumps(value).decode()}")
    time = datetime.fromisoformat(body["time"]).astimezone(CHINA)
    return str(body["seq"]), time.strftime("%Y-%m-%d %H:%M:%S"), kind_text(body["kind"]), "；".join(details)


def _word(known: dict[str, str], name: str) -> str:
    return f"{known.get(name, '')} {name}".strip()
