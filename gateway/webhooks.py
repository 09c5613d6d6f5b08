"""Where carriers push receipts and replies: kept, sealed, in a stream before they are answered. Nothing is parsed here.

<state_dir>/webhooks.yaml lists who may push; the path's secret is the state directory's secret webhook-<carrier_id>:

    carriers:
      aliyun-demo:
        kind: aliyun                 # aliyun, tencent or bank_http
        sources: [127.0.0.1/32]      # networks that the carrier pushes from
        answer: {"code": 0}          # only if it wants to see other JSON than its kind does

The carrier posts to /carriers/<carrier_id>/<secret>/receipts and .../replies.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

import yaml
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from outreach.runtime.bus import carrier_subject
from outreach.runtime.config import SettingError
from outreach.runtime.logs import EventLogger
from outreach.runtime.sealing import Sealer
from outreach.runtime.secret_files import ensure_secret

MAX_BODY_BYTES = 512 * 1024
"""Under the 1 MiB that a NATS message may hold."""
BODY_TIMEOUT_S = 10.0
RETRY_AFTER_S = 5
WHAT = ("receipts", "replies")

Store = Callable[[str, bytes, dict[str, str]], Awaitable[None]]
"""Keeps a payload under a subject with headers; returns once it is on disk. Raises StoreDown."""

_CARRIER_ID = re.compile(r"[a-z][a-z0-9-]{0,31}")
_log = EventLogger("webhooks")


class StoreDown(Exception):
    """What was pushed could not be kept."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a kind of carrier wants to see: to the probe of its console, and when a push was taken."""

    probe: Mapping[str, Any]
    taken: Mapping[str, Any]


ANSWERS = {
    "aliyun": Answers({"code": 0, "msg": "成功"}, {"code": 0, "msg": "接收成功"}),
    "tencent": Answers({"result": 0, "errmsg": "OK"}, {"result": 0, "errmsg": "OK"}),
    "bank_http": Answers({"code": 0}, {"code": 0}),
}


@dataclass(frozen=True, slots=True)
class Pusher:
    """A carrier that may push."""

    carrier_id: str
    secret: str
    sources: tuple[IPv4Network | IPv6Network, ...]
    answers: Answers

    def admits(self, secret: str, source: str) -> bool:
        """True if the secret is the carrier's and the address lies in its networks."""
        right = hmac.compare_digest(secret.encode(), self.secret.encode())
        return right and any(ip_address(source) in network for network in self.sources)


def read_pushers(state_dir: Path) -> dict[str, Pusher]:
    """The carriers of webhooks.yaml; none if there is no such file. Raises SettingError naming the carrier at fault."""
    path = state_dir / "webhooks.yaml"
    if not path.exists():
        return {}
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["carriers"].items()
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise SettingError(f"{path} must be YAML with a mapping `carriers` from carrier id to entry") from None
    return {str(carrier_id): _pusher(state_dir, str(carrier_id), entry) for carrier_id, entry in entries}


def application(pushers: Mapping[str, Pusher], sealer: Sealer, store: Store) -> Starlette:
    """The webhooks' HTTP application. Whoever is not known gets 404, whatever is wrong."""

    async def push(request: Request) -> Response:
        pusher = pushers.get(request.path_params["carrier_id"])
        source = request.client.host if request.client else ""
        what = request.path_params["what"]
        if pusher is None or what not in WHAT or not pusher.admits(request.path_params["secret"], source):
            _log.warning("push_refused", known_carrier=pusher is not None)
            return Response(status_code=404)
        if request.method == "GET":
            return JSONResponse(dict(pusher.answers.probe))
        body = await _body(request)
        if body is None:
            return Response(status_code=413)
        subject = carrier_subject(pusher.carrier_id, what)
        headers = {"Content-Type": request.headers.get("content-type", "")[:100]}
        try:
            await store(subject, sealer.seal(body, subject.encode()), headers)
        except StoreDown as error:
            _log.error("push_not_kept", error, subject=subject)
            return Response(status_code=503, headers={"Retry-After": str(RETRY_AFTER_S)})
        return JSONResponse(dict(pusher.answers.taken))

    return Starlette(routes=[Route("/carriers/{carrier_id}/{secret}/{what}", push, methods=["GET", "POST"])])


async def _body(request: Request) -> bytes | None:
    """The raw body; None if it is too large, too slow or broken off."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(body)


def _pusher(state_dir: Path, carrier_id: str, entry: Mapping[str, Any]) -> Pusher:
    try:
        if not _CARRIER_ID.fullmatch(carrier_id):
            raise ValueError("a carrier id is lower-case letters, digits and hyphens")
        answers = ANSWERS[entry["kind"]]
        if "answer" in entry:
            answers = Answers(entry["answer"], entry["answer"])
        sources = tuple(ip_network(text) for text in entry["sources"])
    except (KeyError, TypeError, ValueError) as error:
        raise SettingError(f"webhooks.yaml, carrier {carrier_id}: {type(error).__name__} {error}") from None
    return Pusher(carrier_id, ensure_secret(state_dir, f"webhook-{carrier_id}"), sources, answers)
