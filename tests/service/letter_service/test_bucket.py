"""The archive in a bucket, against a small stand-in that speaks as much of S3 as the client uses. It checks no
signature: whether a real store takes ours is shown by nothing here.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from letter_service.archive import Archive, NotKept
from letter_service.settings import LetterSettings, open_archive

BUCKET = "letters"


class StandIn:
    """Objects in memory: PUT, GET, DELETE, and uploads in parts. `failing` answers 403 to all."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.failing = False
        self.app = web.Application(client_max_size=64 * 1024 * 1024)
        self.app.router.add_route("*", "/{bucket}/{key:.*}", self._answer)
        self.app.router.add_route("*", "/{bucket}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
        if self.failing:
            return _xml("<Error><Code>AccessDenied</Code></Error>", 403)
        if "location" in request.query:
            return _xml('<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>')
        verbs = {"GET": self._get, "PUT": self._put, "POST": self._post, "DELETE": self._delete}
        return await verbs[request.method](request, request.match_info["key"])

    async def _get(self, request: web.Request, key: str) -> web.Response:
        if key not in self.objects:
            return _xml("<Error><Code>NoSuchKey</Code></Error>", 404)
        return web.Response(body=self.objects[key])

    async def _put(self, request: web.Request, key: str) -> web.Response:
        body = await request.read()
        if "partNumber" in request.query:
            self.parts[request.query["uploadId"]][int(request.query["partNumber"])] = body
        else:
            self.objects[key] = body
        return web.Response(headers={"ETag": '"tag"'})

    async def _post(self, request: web.Request, key: str) -> web.Response:
        if "uploads" in request.query:
            self.parts["u1"] = {}
            result = f"<Bucket>{BUCKET}</Bucket><Key>{key}</Key><UploadId>u1</UploadId>"
            return _xml(f"<InitiateMultipartUploadResult>{result}</InitiateMultipartUploadResult>")
        parts = self.parts.pop(request.query["uploadId"])
        self.objects[key] = b"".join(parts[number] for number in sorted(parts))
        result = f"<Bucket>{BUCKET}</Bucket><Key>{key}</Key><ETag>tag</ETag><Location>here</Location>"
        return _xml(f"<CompleteMultipartUploadResult>{result}</CompleteMultipartUploadResult>")

    async def _delete(self, request: web.Request, key: str) -> web.Response:
        self.objects.pop(key, None)
        return web.Response(status=204)


def _xml(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="application/xml")


@pytest.fixture
def store() -> Iterator[tuple[StandIn, str]]:
    """The stand-in in a thread, and its URL: the client blocks, as it does in letter_service."""
    stand_in, loop, ready = StandIn(), asyncio.new_event_loop(), threading.Event()
    stopped = asyncio.Event()
    ports: list[int] = []

    async def serve() -> None:
        runner = web.AppRunner(stand_in.app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(runner.addresses[0][1])
        ready.set()
        await stopped.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield stand_in, f"http://127.0.0.1:{ports[0]}/{BUCKET}/pdfs"
    loop.call_soon_threadsafe(stopped.set)
    thread.join(10)
    loop.close()


def archive_at(folder: Path, url: str) -> Archive:
    return open_archive(
        LetterSettings(state_dir=folder, archive=url, archive_access_key="key", archive_secret_key="secret")
    )


@pytest.mark.parametrize("size", [0, 1_000, 12_000_000])
def test_a_bucket_keeps_what_a_folder_keeps(tmp_path: Path, store: tuple[StandIn, str], size: int) -> None:
    """Small and large PDFs come back whole, lie sealed under the prefix, and leave nothing on this machine."""
    stand_in, url = store
    archive = archive_at(tmp_path, url)
    pdf = b"%PDF-1.7" * (size // 8)
    sha256 = archive.keep(pdf)
    pieces, length = archive.read(sha256)
    assert b"".join(pieces) == pdf
    assert length == len(pdf)
    assert list(stand_in.objects) == [f"pdfs/{sha256}"]
    assert b"%PDF-1.7" not in stand_in.objects[f"pdfs/{sha256}"]
    assert [path for path in (tmp_path / "letters").rglob("*") if path.is_file()] == []
    archive.remove(sha256)
    with pytest.raises(NotKept):
        archive.read(sha256)


def test_a_store_that_refuses_is_an_error_to_try_again(tmp_path: Path, store: tuple[StandIn, str]) -> None:
    """A refusal is told by its code alone, and what was to be kept is not taken for kept."""
    stand_in, url = store
    archive = archive_at(tmp_path, url)
    stand_in.failing = True
    with pytest.raises(OSError, match="AccessDenied"):
        archive.keep(b"pdf")
    stand_in.failing = False
    assert stand_in.objects == {}
    assert archive.keep(b"pdf")
