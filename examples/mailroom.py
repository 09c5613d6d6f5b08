"""What people do with letters in the course of the day: quantities, print runs, the post, what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from examples.letter_versions import LETTER
from examples.office import BANKS, Desk
from examples.stage import POLL_S, SETTLE_TIMEOUT_S, Stage
from outreach.domain.item_numbers import s10_check_digit
from outreach.v1.mailroom_service_pb2 import (
    AcceptedItem,
    CloseRunRequest,
    ConfirmPrintedRequest,
    FetchRunPdfRequest,
    GetRunRequest,
    Letter,
    LetterSelection,
    LetterState,
    ListLettersRequest,
    MailRequest,
    MailScan,
    PrintRun,
    PullRequest,
    RecordAcceptanceRequest,
    ReleaseCareRequest,
    ReturnReason,
    ReturnRequest,
    RunState,
    ScanResult,
    SealRequest,
    SpoilRequest,
    StartRunRequest,
)
from outreach.v1.outreach_service_pb2 import PostalClass
from outreach.v1.quantity_service_pb2 import (
    AskQuantityRequest,
    DecideQuantityRequest,
    ListQuantitiesRequest,
    QuantityState,
)

ASKED, GRANTED = 40, 25
CLASSES = {"demo-bank": PostalClass.POSTAL_CLASS_ORDINARY, "sample-bank": PostalClass.POSTAL_CLASS_REGISTERED}
FIRST, SECOND = "first", "second"
STATION = "mailroom-station-1"


async def ask_quantities(stage: Stage) -> None:
    """The team lead asks for letters of both banks."""
    lead = stage.office["team-lead-1"]
    for bank in BANKS:
        asked = await lead.ask(lead.quantities.ListQuantities, ListQuantitiesRequest(bank_id=bank))
        if not asked.quantities:  # a repeated step finds it done
            request = AskQuantityRequest(bank_id=bank, letter_name=LETTER, number=ASKED, reason="三月逾期账户首次致函")
            await lead.ask(lead.quantities.AskQuantity, request)
    stage.board.tell(stage.now, f"team-lead-1 每家银行申请 {ASKED} 封 · asks for {ASKED} letters of each bank")


async def grant_quantities(stage: Stage) -> None:
    """The administration department cuts it; a reviewer lets one small amount go."""
    administrator, reviewer = stage.office["administrator-1"], stage.office["reviewer-1"]
    for bank in BANKS:
        listed = await administrator.ask(
            administrator.quantities.ListQuantities,
            ListQuantitiesRequest(bank_id=bank, state=QuantityState.QUANTITY_STATE_ASKED),
        )
        for one in listed.quantities:
            with administrator.once():
                request = DecideQuantityRequest(quantity_id=one.quantity_id, granted=GRANTED, comment="本月限额")
                await administrator.ask(administrator.quantities.DecideQuantity, request)
    small = await _outreach_id(stage, "letter-waits-01")
    with reviewer.once():
        release = ReleaseCareRequest(outreach_id=small, reason="已核对金额与客户情况")
        await reviewer.ask(reviewer.mailroom.ReleaseCare, release)
    stage.board.tell(stage.now, f"administrator-1 批准 {GRANTED} 封，其余不批 · grants {GRANTED}, cuts the rest")


async def print_first_runs(stage: Stage) -> None:
    """One run for each bank: laid out, released to the station, printed; one letter is spoiled."""
    for bank in BANKS:
        run = await _printed_run(stage, bank, FIRST)
        stage.board.tell(
            stage.now, f"{bank} 打印批次 {run.letters} 封 {run.sheets} 张 · a run of {run.letters} letters"
        )
    clerk = stage.office["mailroom-1"]
    number = await _letter_number(stage, "letter-spoiled-01")
    await clerk.ask(clerk.mailroom.Spoil, SpoilRequest(letter_number=number, reason="卡纸破损"))
    stage.board.tell(stage.now, "一封卡纸作废，另号重印 · one is spoiled and will be printed under a new number")


async def mail_first_runs(stage: Stage) -> None:
    """What was repaid meanwhile is pulled; the rest is sealed and handed to the post. A case is withdrawn."""
    clerk_3, pulled, mailed = stage.office["clerk-3"], 0, 0
    await clerk_3.cancel("demo-bank", "案件系统撤回", case_id="CASE-letter-withdrawn")
    for bank in BANKS:
        pulled += await _pull_all(stage, bank)
        mailed += await _mail_all(stage, bank)
    stage.board.tell(stage.now, f"抽出 {pulled} 封，盖章交寄 {mailed} 封 · {pulled} pulled, {mailed} sealed and mailed")


async def second_run(stage: Stage) -> None:
    """What was spoiled or repriced, printed anew and mailed."""
    run = await _printed_run(stage, "demo-bank", SECOND)
    mailed = await _mail_all(stage, "demo-bank")
    stage.board.tell(
        stage.now, f"重印 {run.letters} 封，交寄 {mailed} 封 · {run.letters} printed anew, {mailed} mailed"
    )


async def mail_comes_back(stage: Stage) -> None:
    clerk = stage.office["mailroom-2"]
    number = await _letter_number(stage, "letter-returned-01")
    request = ReturnRequest(letter_number=number, reason=ReturnReason.RETURN_REASON_NO_SUCH_ADDRESS)
    await clerk.ask(clerk.mailroom.Return, request)
    stage.board.tell(stage.now, "一封退回：无此地址，地址关闭 · one comes back: no such address, which is closed now")


async def close_runs(stage: Stage) -> None:
    """The numbers meet, so the runs close."""
    clerk = stage.office["mailroom-1"]
    for bank, label in (("demo-bank", FIRST), ("sample-bank", FIRST), ("demo-bank", SECOND)):
        run = await _run(stage, bank, label)
        with clerk.once():
            await clerk.ask(clerk.mailroom.CloseRun, CloseRunRequest(run_id=run.run_id))
    stage.board.tell(stage.now, "三个批次平账关闭 · three runs reconcile and close")


async def _run(stage: Stage, bank: str, label: str) -> PrintRun:
    """The run of that label; it is started when it is asked for first."""
    clerk = stage.office["mailroom-1"]
    request = StartRunRequest(
        bank_id=bank,
        version_digest=stage.digests[bank, f"letter {LETTER}"],
        postal_class=CLASSES[bank],
        run_request_id=f"{label}-{bank}",
    )
    run = (await clerk.ask(clerk.mailroom.StartRun, request)).run
    if not run.run_id:
        raise RuntimeError(f"nothing of {bank} could be printed")
    end = time.monotonic() + SETTLE_TIMEOUT_S
    while run.state == RunState.RUN_STATE_RENDERING:
        if time.monotonic() > end:
            raise RuntimeError(f"{bank}'s run was not laid out")
        await asyncio.sleep(POLL_S)
        run = (await clerk.ask(clerk.mailroom.GetRun, GetRunRequest(run_id=run.run_id))).run
    return run


async def _printed_run(stage: Stage, bank: str, label: str) -> PrintRun:
    """Starts a run, saves its PDF as the station gets it, and confirms every print."""
    run, clerk = await _run(stage, bank, label), stage.office["mailroom-1"]
    reason = "处理中断，重新下载" if stage.office.settings.rough and run.releases else ""
    fetched = FetchRunPdfRequest(run_id=run.run_id, station=STATION, reason=reason)
    folder = stage.office.settings.state_dir / "printed"
    folder.mkdir(mode=0o700, exist_ok=True)
    chunks = [part.chunk async for part in clerk.stream(clerk.mailroom.FetchRunPdf, fetched)]
    (folder / f"{label}-{bank}.pdf").write_bytes(b"".join(chunks))
    selection = LetterSelection(run_id=run.run_id, first_position=1, last_position=run.letters)
    done = await clerk.ask(clerk.mailroom.ConfirmPrinted, ConfirmPrintedRequest(letters=selection))
    _require(stage, done.results)
    return run


async def _pull_all(stage: Stage, bank: str) -> int:
    clerk = stage.office["mailroom-1"]
    numbers = [letter.letter_number for letter in await _letters(stage, bank, LetterState.LETTER_STATE_TO_PULL)]
    if numbers:
        selection = LetterSelection(letter_numbers=numbers)
        done = await clerk.ask(clerk.mailroom.Pull, PullRequest(letters=selection))
        _require(stage, done.results)
    return len(numbers)


async def _mail_all(stage: Stage, bank: str) -> int:
    """Seals and mails every letter in the pile, and takes over the post's list."""
    clerk = stage.office["mailroom-2"]
    letters = await _letters(stage, bank, LetterState.LETTER_STATE_PRINTED)
    if not letters:
        return 0
    selection = LetterSelection(letter_numbers=[letter.letter_number for letter in letters])
    _require(stage, (await clerk.ask(clerk.mailroom.Seal, SealRequest(letters=selection))).results)
    if CLASSES[bank] == PostalClass.POSTAL_CLASS_REGISTERED:
        scans = [MailScan(letter_number=letter.letter_number, item_number=_item_number(letter)) for letter in letters]
        request = MailRequest(scans=scans)
    else:
        request = MailRequest(range=selection)
    results = (await clerk.ask(clerk.mailroom.Mail, request)).results
    _require(stage, results)
    await _accept(clerk, letters)
    return len(results)


async def _accept(clerk: Desk, letters: Sequence[Letter]) -> None:
    for run_id in {letter.run_id for letter in letters}:
        items = [AcceptedItem(letter_number=one.letter_number) for one in letters if one.run_id == run_id]
        request = RecordAcceptanceRequest(run_id=run_id, reference="POST-2026-0317", items=items)
        await clerk.ask(clerk.mailroom.RecordAcceptance, request)


def _item_number(letter: Letter) -> str:
    """A registered item's number with its right check digit (UPU S10)."""
    digits = f"{letter.position:08d}"
    return f"RA{digits}{s10_check_digit(digits)}CN"


async def _letters(stage: Stage, bank: str, state: LetterState.ValueType) -> list[Letter]:
    clerk = stage.office["mailroom-1"]
    request = ListLettersRequest(bank_id=bank, state=state, page_size=1000)
    return list((await clerk.ask(clerk.mailroom.ListLetters, request)).letters)


async def _outreach_id(stage: Stage, request_id: str) -> str:
    return (await stage.office["clerk-1"].get(request_id=request_id)).outreach_id


async def _letter_number(stage: Stage, request_id: str) -> str:
    """The first number that was printed for a request."""
    return (await stage.office["clerk-1"].get(request_id=request_id)).letters[0].letter_number


def _require(stage: Stage, results: Sequence[ScanResult]) -> None:
    """Raises RuntimeError naming the first scan that was refused, unless processes are being killed meanwhile."""
    for result in results:
        if not (result.ok or stage.office.settings.rough):
            raise RuntimeError(f"{result.letter_number}: {result.message or result.codes}")
