"""The mailroom: the queue, runs, scanning by keyboard alone, the pull list, the hand-over, what comes back."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
from starlette.datastructures import FormData
from starlette.responses import Response, StreamingResponse

from gateway.console import mail_cutoff, pictures
from gateway.console.forms import file_of, text, whole
from gateway.console.security import PERMISSIONS, WITH_CAMERA
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.domain.ids import new_id
from outreach.domain.letter_numbers import FORM, number_in_code
from outreach.runtime.errors import refusal_of
from outreach.v1.mailroom_service_pb2 import (
    CloseRunRequest,
    ConfirmPrintedRequest,
    FetchLetterPdfRequest,
    FetchReturnScanRequest,
    FetchRunPdfRequest,
    GetQueueRequest,
    GetQueueResponse,
    GetRunRequest,
    GetRunResponse,
    LetterSelection,
    LetterState,
    ListLettersRequest,
    ListRunsRequest,
    MailRequest,
    MailScan,
    PullRequest,
    ReturnReason,
    ReturnRequest,
    RunState,
    ScanResult,
    SealRequest,
    SpoilRequest,
    StartRunRequest,
)
from outreach.v1.outreach_service_pb2 import PostalClass
from outreach.wording import words as names
from outreach.wording.formats import inert

RUN_TONES = {RunState.RUN_STATE_RENDERING: "busy", RunState.RUN_STATE_READY: "wait", RunState.RUN_STATE_CLOSED: "calm"}
LETTER_TONES = {"RELEASED": "wait", "PRINTED": "busy", "MAILED": "good", "RETURNED": "bad", "TO_PULL": "warn"}
STEPS = {"print": "确认打印", "seal": "确认盖章", "mail": "确认交寄", "pull": "抽出销毁", "spoil": "作废重印"}
SHOWN = 200


async def rooms(visit: Visit) -> Response:
    """The queue and the runs."""
    queue: GetQueueResponse = await visit.ask("MailroomService/GetQueue", GetQueueRequest(bank_id=visit.bank))
    runs = await visit.ask("MailroomService/ListRuns", ListRunsRequest(bank_id=visit.bank, page_size=50))
    return visit.page(
        "mailroom.html",
        queue=queue.lines,
        cutoff=await mail_cutoff.of_bank(visit, queue),
        runs=runs.runs,
        run_tones=RUN_TONES,
        request_id=new_id(),
        **_names(),
    )


async def start(visit: Visit) -> Response:
    form = await visit.form()
    request = StartRunRequest(
        bank_id=visit.bank,
        version_digest=text(form, "version"),
        postal_class=PostalClass.ValueType(whole(form, "postal_class")),
        max_letters=whole(form, "max_letters"),
        run_request_id=text(form, "request_id"),
    )
    run = (await visit.ask("MailroomService/StartRun", request)).run
    if not run.run_id:
        return visit.done("/mailroom", "没有可打印的信函：规则在放行时全部拦下或推迟")
    return visit.done(f"/mailroom/{run.run_id}", "批次已建立，正在排版")


async def run_page(visit: Visit, results: Sequence[ScanResult] = (), step: str = "") -> Response:
    """One run: its numbers, its pull list first, its letters, and the scanning."""
    found = await _run(visit)
    run = found.run
    letters = await _letters(visit, run, LetterState.LETTER_STATE_UNSPECIFIED)
    to_pull = await _letters(visit, run, LetterState.LETTER_STATE_TO_PULL) if run.to_pull else []
    scanning = run.state == RunState.RUN_STATE_READY and visit.desk.may("MailroomService/ConfirmPrinted")
    camera = scanning and found.camera_allowed
    page = visit.page(
        "run.html",
        run=run,
        cutoff=mail_cutoff.of_run(visit, found),
        letters=letters,
        to_pull=to_pull,
        results=results,
        step=_next_step(run, step),
        steps=STEPS,
        run_tones=RUN_TONES,
        letter_tones=LETTER_TONES,
        registered=run.postal_class == PostalClass.POSTAL_CLASS_REGISTERED,
        scanning=scanning,
        finished=not (run.differences or run.to_pull),
        camera=camera,
        letter_form=FORM,
        **_names(),
    )
    if camera:
        page.headers[PERMISSIONS] = WITH_CAMERA
    if run.state != RunState.RUN_STATE_RENDERING and "HX-Request" in visit.request.headers:
        page.headers["HX-Refresh"] = "true"  # the page that waited for the layout is opened anew, ready to scan
    return page


def _next_step(run: Any, step: str) -> str:
    """The step as it was chosen while letters are left for it, then the next one that has some."""
    left = {
        "print": run.pending - run.to_pull if run.pending > run.to_pull else 0,
        "pull": run.to_pull,
        "seal": run.in_pile - run.sealed_in_pile,
        "mail": run.sealed_in_pile,
    }
    if step and left.get(step, 1):
        return step
    return next((name for name, count in left.items() if count > 0), "mail")


async def scan(visit: Visit) -> Response:
    """One step for scanned letters, or for a range of the run."""
    form, run_id = await visit.form(), visit.request.path_params["run_id"]
    step, scanned = text(form, "step"), _scanned(form, "scanned")
    selection = LetterSelection(letter_numbers=scanned[:1])
    if not scanned:
        selection = LetterSelection(
            run_id=run_id,
            first_position=whole(form, "first"),
            last_position=whole(form, "last"),
            except_letter_numbers=_scanned(form, "except"),
        )
    results = await _done(
        visit, step, selection, scanned, text(form, "reason"), (whole(form, "before"), whole(form, "after"))
    )
    return await run_page(visit, results, step)


def _letter(form: FormData) -> str:
    return number_in_code(text(form, "letter_number"))


def _scanned(form: FormData, name: str) -> list[str]:
    return [number_in_code(code) for code in text(form, name).split()]


async def _done(
    visit: Visit, step: str, selection: LetterSelection, scanned: list[str], reason: str, counter: tuple[int, int]
) -> Sequence[ScanResult]:
    match step:
        case "print":
            return _results(await visit.ask("MailroomService/ConfirmPrinted", ConfirmPrintedRequest(letters=selection)))
        case "seal":
            request = SealRequest(letters=selection, counter_before=counter[0], counter_after=counter[1])
            return _results(await visit.ask("MailroomService/Seal", request))
        case "mail" if len(scanned) > 1:
            item = MailScan(letter_number=scanned[0], item_number=scanned[1])
            return _results(await visit.ask("MailroomService/Mail", MailRequest(scans=[item])))
        case "mail":
            return _results(await visit.ask("MailroomService/Mail", MailRequest(range=selection)))
        case "pull":
            return _results(await visit.ask("MailroomService/Pull", PullRequest(letters=selection)))
        case "spoil" if scanned:
            spoilt = SpoilRequest(letter_number=scanned[0], reason=reason)
            return [(await visit.ask("MailroomService/Spoil", spoilt)).result]
    raise Refusal(Kind.INVALID, "scanned: 请扫描一封信函。Scan one letter.", field="scanned")


async def close(visit: Visit) -> Response:
    form, run_id = await visit.form(), visit.request.path_params["run_id"]
    request = CloseRunRequest(run_id=run_id, explanation=text(form, "explanation"))
    answer = await visit.ask("MailroomService/CloseRun", request)
    if answer.waits_for_second_person:
        return visit.done(f"/mailroom/{run_id}", "差异说明已记录，等待第二人确认")
    return visit.done(f"/mailroom/{run_id}", "批次已平账关闭")


async def pdf(visit: Visit) -> Response:
    """The run's PDF. Released once to a station; again with a reason."""
    form = await visit.form()
    request = FetchRunPdfRequest(
        run_id=visit.request.path_params["run_id"], station=text(form, "station"), reason=text(form, "reason")
    )
    visit.desk.check(request)
    pieces = visit.console.pdfs.run(visit.desk.principal, request)
    return await _download(pieces, f"{request.run_id}.pdf")


async def copy(visit: Visit) -> Response:
    """The archive copy of one letter, for a reason that goes into the ledger."""
    form = await visit.form()
    request = FetchLetterPdfRequest(letter_number=_letter(form), reason=text(form, "reason"))
    visit.desk.check(request)
    pieces = visit.console.pdfs.letter(visit.desk.principal, request)
    return await _download(pieces, f"{request.letter_number}-copy.pdf")


async def manifest(visit: Visit) -> Response:
    """The run's letters as CSV, for the desk or the counter."""
    run = (await _run(visit)).run
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["position", "letter_number", "sheets", "pdf_sha256", "item_number", "state"])
    for letter in await _letters(visit, run, LetterState.LETTER_STATE_UNSPECIFIED, everything=True):
        state = LetterState.Name(letter.state).removeprefix("LETTER_STATE_")
        row = [letter.letter_number, letter.sheets, letter.pdf_sha256, letter.item_number, state]
        writer.writerow([letter.position, *(inert(str(cell)) for cell in row)])
    headers = {"Content-Disposition": f'attachment; filename="{run.run_id}.csv"'}
    return Response("\ufeff" + written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


async def returns(visit: Visit) -> Response:
    visit.desk.require("MailroomService/Return", "MailroomService/FetchReturnScan")
    letter = visit.request.query_params.get("letter", "")
    return visit.page("returns.html", result=None, chosen="", letter=letter, **_names())


async def come_back(visit: Visit) -> Response:
    form = await visit.form()
    reason = dict(ReturnReason.items()).get(
        f"RETURN_REASON_{text(form, 'reason')}", ReturnReason.RETURN_REASON_UNSPECIFIED
    )
    image = await pictures.scan(await file_of(form, "scan"))
    request = ReturnRequest(letter_number=_letter(form), reason=reason, scan_image=image)
    result = await visit.ask("MailroomService/Return", request)
    return visit.page("returns.html", result=result, chosen=text(form, "reason"), letter="", **_names())


async def look(visit: Visit) -> Response:
    """The scan of what came back, for a reason that goes into the ledger."""
    form = await visit.form()
    request = FetchReturnScanRequest(letter_number=_letter(form), reason=text(form, "reason"))
    answer = await visit.ask("MailroomService/FetchReturnScan", request)
    image = "data:image/jpeg;base64," + base64.b64encode(answer.image).decode()
    return visit.page("return_scan.html", letter=request.letter_number, image=image)


async def _download(pieces: AsyncIterator[Any], name: str) -> Response:
    """Streams, but not before the first piece: what is refused must still be told as a page. Raises Refusal."""
    try:
        first = await anext(pieces)
    except grpc.aio.AioRpcError as error:
        raise refusal_of(error) from None

    async def rest() -> AsyncIterator[bytes]:
        yield first.chunk
        async for piece in pieces:
            yield piece.chunk

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(rest(), media_type="application/pdf", headers=headers)


async def _run(visit: Visit) -> GetRunResponse:
    request = GetRunRequest(run_id=visit.request.path_params["run_id"])
    found: GetRunResponse = await visit.ask("MailroomService/GetRun", request)
    return found


async def _letters(visit: Visit, run: Any, state: LetterState.ValueType, *, everything: bool = False) -> list[Any]:
    request = ListLettersRequest(
        bank_id=run.bank_id, run_id=run.run_id, state=state, page_size=1000 if everything else SHOWN
    )
    found: list[Any] = []
    while True:
        page = await visit.ask("MailroomService/ListLetters", request)
        found += page.letters
        request.page_token = page.next_page_token
        if not (everything and page.next_page_token):
            return found


def _results(answer: Any) -> Sequence[ScanResult]:
    results: Sequence[ScanResult] = answer.results
    return results


def _names() -> dict[str, Any]:
    return {
        "run_names": {RunState.Value(f"RUN_STATE_{key}"): name for key, name in names.RUN_STATES.items()},
        "letter_names": names.LETTER_STATES,
        "letter_plain": lambda state: LetterState.Name(state).removeprefix("LETTER_STATE_"),
        "class_names": {PostalClass.Value(f"POSTAL_CLASS_{key}"): name for key, name in names.POSTAL_CLASSES.items()},
        "reason_names": names.RETURN_REASONS,
        "return_reason": lambda reason: names.RETURN_REASONS[ReturnReason.Name(reason).removeprefix("RETURN_REASON_")],
    }


ROUTES = (
    ("/mailroom", ["GET"], rooms),
    ("/mailroom/runs", ["POST"], start),
    ("/mailroom/returns", ["GET"], returns),
    ("/mailroom/returns", ["POST"], come_back),
    ("/mailroom/returns/scan", ["POST"], look),
    ("/mailroom/copy", ["POST"], copy),
    ("/mailroom/{run_id}", ["GET"], run_page),
    ("/mailroom/{run_id}/scan", ["POST"], scan),
    ("/mailroom/{run_id}/pdf", ["POST"], pdf),
    ("/mailroom/{run_id}/close", ["POST"], close),
    ("/mailroom/{run_id}/manifest.csv", ["GET"], manifest),
)
