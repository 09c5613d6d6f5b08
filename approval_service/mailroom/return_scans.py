"""Scans of returned mail: drawn anew before they are kept, sealed for the person, and shown for a reason only."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Any

from PIL import Image

from approval_service.calls import Call, covers, require_plain
from approval_service.mailroom.people import require_designated
from approval_service.store import accounts as account_store
from approval_service.store import letters as store
from approval_service.store import return_scans as scan_store
from approval_service.writer import Tx, one_by_one
from outreach.domain.errors import invalid, not_found
from outreach.domain.roles import INSPECTOR, SUPERVISOR
from outreach.v1.mailroom_service_pb2 import FetchReturnScanRequest, FetchReturnScanResponse, ReturnRequest

MAX_PIXELS = 40_000_000
MAX_SIDE = 2_200
"""Of what is kept: an A4 page at 190 dots an inch."""
QUALITY = 80
_WRONG = (
    f"须为 JPEG 或 PNG 图像，至多 {MAX_PIXELS // 1_000_000} 百万像素，请重新扫描。It must be a JPEG or PNG of at most "
    f"{MAX_PIXELS // 1_000_000} megapixels: scan it again."
)


def prepared(request: ReturnRequest) -> ReturnRequest:
    """The request with its image drawn anew, and the hash of that. Takes up to a second, so outside of the write lock.
    Raises Refusal."""
    if not request.scan_image:
        return request
    if request.scan_sha256:
        raise invalid("scan_sha256", "已附图像，勿再填散列。The image is here: leave its hash out.")
    made = ReturnRequest(scan_image=drawn_anew(request.scan_image))
    made.letter_number, made.reason = request.letter_number, request.reason
    made.scan_sha256 = hashlib.sha256(made.scan_image).hexdigest()
    return made


def drawn_anew(image: bytes) -> bytes:
    """The picture as a JPEG of our own: whatever else the file held is gone. Raises Refusal."""
    try:
        with Image.open(BytesIO(image), formats=("JPEG", "PNG")) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise invalid("scan_image", _WRONG)
            opened.draft("RGB", (MAX_SIDE, MAX_SIDE))
            picture = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise invalid("scan_image", _WRONG) from None
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    made = BytesIO()
    picture.save(made, "JPEG", quality=QUALITY)
    return made.getvalue()


def keep(tx: Tx, letter: Any, image: bytes) -> None:
    """Keeps what `prepared` made, unless the person is erased."""
    person = account_store.persons_by_id(tx.connection, [letter.person_id]).get(letter.person_id)
    if person is None:
        return
    sealed = tx.keys.person(person.wrapped_key).seal(image)
    scan_store.put(tx.connection, letter.letter_number, letter.person_id, sealed)


def _fetch(tx: Tx, call: Call[FetchReturnScanRequest]) -> FetchReturnScanResponse:
    number = call.request.letter_number
    letter = store.by_number(tx.connection, [number]).get(number)
    scan = scan_store.get(tx.connection, number)
    person = account_store.persons_by_id(tx.connection, [scan.person_id]).get(scan.person_id) if scan else None
    if letter is None or scan is None or person is None or not covers(call.principal, letter.bank_id):
        raise not_found("letter_number: 没有此函的退信扫描件。No scan of that letter is kept.")
    actor = require_designated(tx, call, SUPERVISOR, INSPECTOR)
    image = tx.keys.person(person.wrapped_key).unseal(scan.image_sealed)
    tx.record(
        "return_scan_seen",
        letter.bank_id,
        outreach=letter.outreach_id,
        attempt=number,
        scan_sha256=letter.return_scan_sha256,
        reason=require_plain("reason", call.request.reason),
        by=actor,
    )
    return FetchReturnScanResponse(image=image)


fetch_return_scan = one_by_one(_fetch)
"""Handler of FetchReturnScan: each look is an entry."""
