"""The scan of what came back: drawn anew, kept sealed, shown for a reason, and in the pack of evidence."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from approval_service import evidence
from approval_service.calls import Call
from approval_service.mailroom import return_scans, returns
from approval_service.store import return_scans as scan_store
from outreach.domain.errors import Refusal
from outreach.domain.roles import DRAFTER, INSPECTOR
from outreach.evidence.assembly import assemble
from outreach.evidence.check import check
from outreach.evidence.pack import read
from outreach.v1.common_pb2 import Principal
from outreach.v1.evidence_service_pb2 import ExportEvidenceRequest
from outreach.v1.mailroom_service_pb2 import (
    FetchReturnScanRequest,
    LetterState,
    ReturnReason,
    ReturnRequest,
    ReturnResponse,
)
from tests.service.approval_service.mailroom import Mailroom, open_mailroom
from tests.service.approval_service.world import BANK, World, principal


def scan(kind: str = "PNG", size: tuple[int, int] = (3000, 1500), comment: str = "") -> bytes:
    made = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = comment
    Image.new("RGB", size, (250, 240, 230)).save(made, kind, exif=exif)
    return made.getvalue()


@pytest.fixture
async def letter(world: World) -> tuple[Mailroom, str]:
    """One that was mailed."""
    room = await open_mailroom(world)
    await room.place("7301")
    _, (number,) = await room.printed("7301")
    assert (await room.mail(number))[0].ok
    return room, number


async def send_back(room: Mailroom, number: str, image: bytes = b"") -> ReturnResponse:
    request = ReturnRequest(letter_number=number, reason=ReturnReason.RETURN_REASON_MOVED, scan_image=image)
    return await room.write(returns.return_letter, return_scans.prepared(request))


async def look(room: Mailroom, number: str, who: Principal | None = None) -> bytes:
    request = FetchReturnScanRequest(letter_number=number, reason="TS-1")
    return (await room.write(return_scans.fetch_return_scan, request, who)).image


async def test_a_scan_is_kept_sealed_and_each_look_recorded(world: World, letter: tuple[Mailroom, str]) -> None:
    """A JPEG of our own, smaller, without what the file said beside the picture; its hash is in the ledger."""
    room, number = letter
    await send_back(room, number, scan(comment="张三"))
    kept = await look(room, number)
    with Image.open(BytesIO(kept)) as picture:
        assert (picture.format, picture.size, dict(picture.getexif())) == ("JPEG", (2200, 1100), {})
    digest = hashlib.sha256(kept).hexdigest()
    (returned,) = await world.entries("returned")
    (seen,) = await world.entries("return_scan_seen")
    assert (returned["scan_sha256"], seen["scan_sha256"], seen["reason"]) == (digest, digest, "TS-1")
    assert (await room.letters(state=LetterState.LETTER_STATE_RETURNED))[0].return_scan_kept
    stored = await world.authority.read(scan_store.get, number)
    assert stored is not None
    assert b"JFIF" in kept
    assert b"JFIF" not in stored.image_sealed


async def test_a_scan_may_come_later_but_not_twice(world: World, letter: tuple[Mailroom, str]) -> None:
    """Recorded without one, then with one; another one changes nothing."""
    room, number = letter
    await send_back(room, number)
    with pytest.raises(Refusal, match="扫描件"):
        await look(room, number)
    assert (await send_back(room, number, scan("JPEG"))).result.ok
    first = await look(room, number)
    assert (await send_back(room, number, scan(size=(50, 50)))).result.ok
    assert await look(room, number) == first
    assert [entry["by"] for entry in await world.entries("return_scanned")] == ["agency/eve"]


async def test_who_may_look(letter: tuple[Mailroom, str]) -> None:
    """An inspector of the bank; not one of another bank, nor somebody with another role."""
    room, number = letter
    await send_back(room, number, scan())
    assert await look(room, number, principal("ann", roles=[INSPECTOR]))
    with pytest.raises(Refusal, match="No scan"):
        await look(room, number, principal("ann", roles=[INSPECTOR], banks=["other-bank"]))
    with pytest.raises(Refusal, match="designated"):
        await look(room, number, principal("ann", roles=[DRAFTER]))


@pytest.mark.parametrize(
    "image",
    [
        b"rubbish",
        b"%PDF-1.7 a script may hide here",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + bytes(40),
        scan()[:300],
        scan("JPEG", size=(8000, 6000)),
        scan(size=(15_000, 15_000)),
    ],
    ids=["rubbish", "pdf", "svg", "gif", "cut off", "too many pixels", "bomb"],
)
def test_what_is_no_plain_picture_is_refused(image: bytes) -> None:
    """Whatever it is, with the same way out."""
    with pytest.raises(Refusal, match="scan_image"):
        return_scans.prepared(ReturnRequest(letter_number="X", scan_image=image))


async def test_the_scan_is_in_the_pack(world: World, letter: tuple[Mailroom, str], tmp_path: Path) -> None:
    """As an original whose hash is proven; another picture in its place is found."""
    room, number = letter
    await send_back(room, number, scan())

    async def fetch(letter_number: str) -> AsyncIterator[bytes]:
        yield await look(room, letter_number)

    steps = list[str]()
    request = ExportEvidenceRequest(bank_id=BANK, letter_number=number, purpose="TS-1")
    parts = evidence.make(world.authority, Call(principal("ann"), request))
    made = await assemble(parts, fetch, fetch, lambda step, done, total: steps.append(f"{step} {done}/{total}"))
    assert steps[-3:] == ["ORIGINALS 0/2", "ORIGINALS 1/2", "WRITING 0/0"]
    assert (made.counts["letters"], made.missing) == (1, 0)
    (tmp_path / "pack.zip").write_bytes(made.file)
    pack, files = read(tmp_path / "pack.zip")
    name = f"letters/{number}-returned.jpg"
    assert files[name].startswith(b"\xff\xd8")
    key = world.authority.signer.verifier_key
    assert check(pack, files, key).problems == []
    assert check(pack, files | {name: scan("JPEG")}, key).problems == [f"{name}: 被改动 it was changed"]
