"""The pack of a real authority's evidence checks, and whatever is changed in it is found."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pypdfium2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import MessageToJson

from outreach.evidence.check import check
from outreach.evidence.pack import Pack, read, zipped
from outreach.evidence.summary import summary
from outreach.ledger.checkpoint import Signer
from outreach.v1.evidence_service_pb2 import ProvenEntry
from tests.service.approval_service.mailroom import open_mailroom
from tests.service.approval_service.test_evidence import complained, make
from tests.service.approval_service.world import World


@pytest.fixture
async def pack(world: World) -> Pack:
    """Of an account with a message that was sent, a reply, a complaint and what it cancelled."""
    await complained(world)
    made = await make(world, account_number="0001")
    return Pack(made.content, made.entries, made.seal.checkpoint)


def problems(world: World, pack: Pack, files: dict[str, bytes]) -> list[str]:
    return check(pack, files, world.authority.signer.verifier_key).problems


def written(world: World, pack: Pack, path: Path) -> tuple[Pack, dict[str, bytes]]:
    path.write_bytes(zipped(pack, world.authority.signer.verifier_key, {"summary.pdf": summary(pack)}))
    return read(path)


async def test_a_pack_checks_offline(world: World, pack: Pack, tmp_path: Path) -> None:
    """Written and read again, nothing is found wrong; the message stands in it as the handset showed it."""
    again, files = written(world, pack, tmp_path / "pack.zip")
    report = check(again, files, world.authority.signer.verifier_key)
    assert (report.problems, report.messages, report.unproven) == ([], 1, [])
    (text,) = [data.decode() for name, data in files.items() if name.startswith("messages/")]
    assert text.startswith("【示例银行】尊敬的张三，您尾号0001的账户逾期123.45元")


async def test_what_is_changed_in_a_pack_is_found(world: World, pack: Pack, tmp_path: Path) -> None:
    """The content, a text, an entry, a proof, a commitment, an entry left out: each is named."""
    _, files = written(world, pack, tmp_path / "pack.zip")
    assert (
        "evidence.json" in problems(world, replace(pack, content=pack.content.replace(b"123.45", b"543.21")), files)[0]
    )
    name = next(name for name in files if name.startswith("messages/"))
    assert problems(world, pack, files | {name: b"other"}) == [f"{name}: 缺失或被改动 it is missing or was changed"]
    first, *rest = pack.entries
    forged = ProvenEntry(entry=first.entry, proof=first.proof)
    forged.entry.body = first.entry.body.replace(b'"kind"', b'"kine"')
    assert f"entry {first.entry.index} " in problems(world, replace(pack, entries=[forged, *rest]), files)[0]
    moved = ProvenEntry(entry=first.entry, proof=first.proof)
    moved.entry.index += 1
    assert len(problems(world, replace(pack, entries=[moved, *rest]), files)) == 1
    assert "evidence_made" not in str(problems(world, pack, files))
    assert problems(world, replace(pack, entries=list(pack.entries[:-1])), files) == [
        "缺少制作此证据包的条目 the entry of the making of this pack is missing"
    ]
    unreleased = [one for one in pack.entries if b'"kind":"released"' not in one.entry.body]
    assert "承诺" in problems(world, replace(pack, entries=unreleased), files)[0]


async def test_a_content_made_up_by_others_is_found(world: World, pack: Pack, tmp_path: Path) -> None:
    """Who writes another text and its file has no entry that bears its hash."""
    evidence = pack.evidence
    evidence.outreach[0].messages[0].permit.template_text = "恭喜中奖"
    forged = replace(pack, content=MessageToJson(evidence).encode())
    again, files = written(world, forged, tmp_path / "pack.zip")
    assert problems(world, again, files) == [
        "evidence.json 被改动：与账本中的摘要不符 it was changed: the ledger has another hash of it"
    ]


async def test_a_pack_of_another_ledger_is_found(world: World, pack: Pack, tmp_path: Path) -> None:
    """Whoever makes up a whole ledger has not signed it with the key that is known."""
    again, files = written(world, pack, tmp_path / "pack.zip")
    other = Signer("example.com/ledger", Ed25519PrivateKey.generate())
    (problem,) = check(again, files, other.verifier_key).problems
    assert "not signed by" in problem


async def test_the_summary_tells_the_story(pack: Pack) -> None:
    """A PDF with the text, the reply, the hold, who approved, and the timeline; its font is embedded."""
    document = pypdfium2.PdfDocument(summary(pack))
    text = "".join(page.get_textpage().get_text_range() for page in document).replace("\r\n", "")
    for expected in (
        "张三",
        "逾期123.45元",
        "好的",
        "客户投诉",
        "agency/cat",
        "放行 released",
        "账户暂停 ACCOUNT_ON_HOLD",
    ):
        assert expected in text


async def test_the_pack_of_a_letter(world: World, tmp_path: Path) -> None:
    """Its values word for word, with the commitment that the ledger has; a PDF in it is no proof by itself."""
    room = await open_mailroom(world)
    await room.place("7301")
    await room.ask("7301")
    run = await room.start()
    (permit,) = await room.permits(run.run_id)
    made = await make(world, letter_number=permit.letter_number)
    pack = Pack(made.content, made.entries, made.seal.checkpoint)
    name = f"letters/{permit.letter_number}.pdf"
    (tmp_path / "pack.zip").write_bytes(zipped(pack, world.authority.signer.verifier_key, {name: b"%PDF"}))
    again, files = read(tmp_path / "pack.zip")
    report = check(again, files, world.authority.signer.verifier_key)
    assert (report.problems, report.letters, report.unproven) == ([], 1, [name])
    assert permit.recipient_name in files[f"letters/{permit.letter_number}.txt"].decode()
    assert summary(again).startswith(b"%PDF")


def test_a_file_that_is_no_pack_is_refused(tmp_path: Path) -> None:
    """Rubbish, another ZIP, and one that unpacks to more than there can be."""
    path = tmp_path / "pack.zip"
    for data in (b"rubbish", _zip({"a.txt": b"a"}), _zip({"a.txt": bytes(300 * 1024 * 1024)})):
        path.write_bytes(data)
        with pytest.raises(Exception, match="证据包"):
            read(path)


def _zip(files: dict[str, bytes]) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w", 8) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()
