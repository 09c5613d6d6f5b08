"""Mail: the second permit. Every rule runs again as the letter is handed to the post."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from approval_service.calls import Call
from approval_service.letter_permits import JudgedRow, LetterGroup
from approval_service.mailroom.moves import MAILED, PRINTED, RETURNED, TO_PULL, LetterMoves
from approval_service.mailroom.people import require_designated
from approval_service.mailroom.permits import require_permits
from approval_service.mailroom.repricing import asks_too_much
from approval_service.mailroom.scans import Scan, scanned, selected
from approval_service.mailroom.start import PART
from approval_service.rules import DAY_MS
from approval_service.store import letters as store
from approval_service.writer import Tx, one_by_one
from outreach.domain import states
from outreach.domain.codes import Code
from outreach.domain.errors import invalid
from outreach.domain.item_numbers import item_number_warning
from outreach.runtime.logs import EventLogger
from outreach.v1.mailroom_service_pb2 import MailRequest, MailResponse, ScanResult
from outreach.v1.outreach_service_pb2 import PostalClass

_log = EventLogger("mailroom")
ITEM_REUSE_MS = 366 * DAY_MS
"""An item number may come again after twelve months (UPU S10)."""
REGISTERED = PostalClass.POSTAL_CLASS_REGISTERED

_RULES_REFUSE = "规则不允许寄出，请抽出销毁。The rules do not let it leave: take it out and destroy it. "
_RULES_WAIT = "规则要求等待，请留在函件中稍后再扫。It has to wait: keep it and scan it again later. "
_UNSEALED = "尚未用印登记，请先盖章。It is not recorded as sealed: seal it first."
_NO_ITEM = "挂号信须扫描邮件号。Registered mail needs the post's item number."
_ITEM_TAKEN = "该邮件号十二个月内已用于另一函件。The item number was used for another letter within twelve months."
_UNREADABLE = "无法核对规则，请留在函件中并告知运维。It cannot be judged: keep it, and tell your operator."
_OTHER_ITEM = "已用另一邮件号交寄。It was mailed under another item number already."


@dataclass(slots=True)
class _Handover:
    """One call's letters as they are handed over."""

    tx: Tx
    actor: str
    moves: LetterMoves
    taken: dict[str, Any]
    """The letter last mailed under each item number of the call."""
    used: set[str] = field(default_factory=set)
    """Item numbers of letters of this very call."""


def _mail(tx: Tx, call: Call[MailRequest]) -> MailResponse:
    actor = require_designated(tx, call)
    scans, items = _named(tx, call)
    for bank_id in {scan.letter.bank_id for scan in scans if scan.letter is not None and _in_pile(scan)}:
        require_permits(tx, bank_id)
    handover = _Handover(tx, actor, LetterMoves(tx), store.by_item(tx.connection, items.values()))
    results = []
    for start in range(0, len(scans), PART):
        part = scans[start : start + PART]
        group = LetterGroup(tx, [scan.outreach for scan in part if _in_pile(scan)])
        results += [_hand_over(handover, group, scan, items.get(scan.number, "")) for scan in part]
    handover.moves.write()
    return MailResponse(results=results)


def _in_pile(scan: Scan) -> bool:
    return scan.letter is not None and scan.letter.state == PRINTED


mail = one_by_one(_mail)
"""Handler of Mail."""


def _named(tx: Tx, call: Call[MailRequest]) -> tuple[list[Scan], Mapping[str, str]]:
    """The letters of a call, and the item number of those scanned one by one."""
    request = call.request
    if bool(request.scans) == request.HasField("range"):
        raise invalid("scans", "请给出逐件扫描，或范围，二者取一。Give scans one by one, or a range.")
    if request.HasField("range"):
        return selected(tx, call, request.range), {}
    items = {scan.letter_number: scan.item_number for scan in request.scans}
    if len(items) != len(request.scans):
        raise invalid("scans", "同一函号扫描了两次。A letter was scanned twice in one call.")
    return scanned(tx, call, items), items


def _hand_over(handover: _Handover, group: LetterGroup, scan: Scan, item: str) -> ScanResult:
    letter = scan.letter
    if letter is not None and letter.state in (MAILED, RETURNED):
        return scan.again() if item in ("", letter.item_number) else scan.refused(_OTHER_ITEM)
    if letter is not None and letter.state == TO_PULL:
        return _to_pull(scan, letter.codes.split(",") if letter.codes else [letter.cause])
    if refused := scan.run_refuses():
        return refused
    if letter is None or letter.state != PRINTED:
        return scan.refused()
    problem = _UNSEALED if not letter.sealed else _item_problem(handover, scan, item)
    return scan.refused(problem) if problem else _judge(handover, group, scan, item)


def _judge(handover: _Handover, group: LetterGroup, scan: Scan, item: str) -> ScanResult:
    try:
        judged = group.judge(scan.outreach)
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001  # one that cannot be judged does not keep a whole range from the post
        _log.error("cannot_be_judged", error, attempt=scan.number)
        return scan.refused(_UNREADABLE)
    if codes := _refusals(judged, scan.letter):
        return _refuse(handover, scan, judged, codes)
    if judged.may_leave:
        return _leave(handover, scan, judged, item)
    waits = scan.refused(_RULES_WAIT + ", ".join(judged.codes))
    waits.codes.extend(judged.codes)
    return waits


def _item_problem(handover: _Handover, scan: Scan, item: str) -> str:
    if not item:
        return _NO_ITEM if scan.run is not None and scan.run.postal_class == REGISTERED else ""
    taken = handover.taken.get(item)
    recent = taken is not None and taken.mailed_ms > handover.tx.now_ms - ITEM_REUSE_MS
    return _ITEM_TAKEN if recent or item in handover.used else ""


def _refusals(judged: JudgedRow, letter: Any) -> list[str]:
    if judged.refusals:
        return judged.codes
    return [Code.REPAID_IN_PART] if asks_too_much(letter, judged.letter.account) else []


def _refuse(handover: _Handover, scan: Scan, judged: JudgedRow, codes: Sequence[str]) -> ScanResult:
    handover.moves.move(
        scan.letter,
        scan.outreach,
        TO_PULL,
        states.TO_PULL,
        columns={"cause": codes[0], "codes": ",".join(codes), "made_anew": codes == [Code.REPAID_IN_PART]},
        codes=codes,
        cause=codes[0],
        policy=judged.policy_version,
        by=handover.actor,
    )
    return _to_pull(scan, codes)


def _to_pull(scan: Scan, codes: Sequence[str]) -> ScanResult:
    return ScanResult(letter_number=scan.number, state=TO_PULL, message=_RULES_REFUSE + ", ".join(codes), codes=codes)


def _leave(handover: _Handover, scan: Scan, judged: JudgedRow, item: str) -> ScanResult:
    handover.used.add(item)
    handover.moves.move(
        scan.letter,
        scan.outreach,
        MAILED,
        states.MAILED,
        columns={"item_number": item, "mailed_ms": handover.tx.now_ms},
        policy=judged.policy_version,
        item=item,
        by=handover.actor,
    )
    return scan.done(MAILED, item_number_warning(item))
