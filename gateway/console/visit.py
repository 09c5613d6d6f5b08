"""One request to the console: who, for which bank, in which language; and how a page answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import grpc
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.console import showing
from gateway.console.desk import Desk
from gateway.console.oidc import Providers
from gateway.console.packs import Packs
from gateway.console.signing_in import Sessions, SignedIn
from gateway.console.words import CHINESE, LANGUAGES, Words
from gateway.door import Door
from gateway.pdfs import Pdfs
from gateway.rates import RateLimiter
from outreach.domain.errors import Kind, Refusal

CHINA = ZoneInfo("Asia/Shanghai")
DONE_COOKIE, LANGUAGE_COOKIE, BANK_COOKIE = "done", "language", "bank"
_YEAR_S = 365 * 24 * 3600


@dataclass(frozen=True)
class Console:
    """The parts that all pages share."""

    sessions: Sessions
    channels: dict[str, grpc.aio.Channel]
    """The authority under the empty name; another service by its name if it is served elsewhere."""
    rates: RateLimiter
    pdfs: Pdfs
    providers: Providers
    door: Door
    packs: Packs = field(default_factory=Packs)

    @cached_property
    def templates(self) -> Environment:
        environment = Environment(
            loader=PackageLoader("gateway.console"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(showing.GLOBALS)
        environment.filters.update(showing.FILTERS)
        return environment


class Visit:
    """What a page knows of the request. Pages get one as request.state.visit."""

    def __init__(self, console: Console, request: Request, signed_in: SignedIn | None) -> None:
        self.console = console
        self.request = request
        self._signed_in = signed_in
        chosen = request.cookies.get(LANGUAGE_COOKIE, CHINESE)
        self.words = Words(chosen if chosen in LANGUAGES else CHINESE)

    @property
    def signed_in(self) -> SignedIn:
        if self._signed_in is None:
            raise RuntimeError("a page behind the door was reached by nobody")
        return self._signed_in

    @cached_property
    def desk(self) -> Desk:
        return Desk(self.signed_in.session.principal, self.console.channels)

    @cached_property
    def banks(self) -> list[str]:
        """Every bank that the person may see."""
        return list(self.signed_in.session.banks)

    @cached_property
    def bank(self) -> str:
        """The bank whose pages are shown. Raises Refusal if there is none."""
        asked = self.request.query_params.get("bank") or self.request.cookies.get(BANK_COOKIE, "")
        if asked in self.banks:
            return asked
        if not self.banks:
            raise Refusal(
                Kind.DENIED, "您还没有可查看的银行，请联系运维。You have no bank to look at: ask an operator."
            )
        return self.banks[0]

    async def ask(self, name: str, request: Any) -> Any:
        return await self.desk.ask(name, request)

    async def form(self) -> FormData:
        """The posted form. Raises Refusal if it does not bring back the session's form token."""
        form = await self.request.form(max_files=5, max_fields=500, max_part_size=4 * 1024 * 1024)
        brought = form.get("form_token") or self.request.headers.get("X-Form-Token", "")
        if brought != self.signed_in.form_token:
            raise Refusal(
                Kind.DENIED,
                "页面已过期，请刷新后重试；您填写的内容仍在。The page is out of date: reload it; your input is kept.",
            )
        return form

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """The page of a template."""
        response = HTMLResponse(self.text(template, **values), status)
        if "done" in self.request.cookies and status < 300 and "HX-Request" not in self.request.headers:
            response.delete_cookie(DONE_COOKIE)
        if self._signed_in is not None and self.request.query_params.get("bank") in self.banks:
            response.set_cookie(BANK_COOKIE, self.bank, max_age=_YEAR_S, samesite="lax", httponly=True)
        return response

    def text(self, template: str, **values: Any) -> str:
        """What a template makes, for a page that is sent part by part."""
        return self.console.templates.get_template(template).render(**self._common(), **values)

    def done(self, to: str, chinese: str, **values: object) -> Response:
        """Goes to a page, which shows once what was done."""
        response = RedirectResponse(to, 303)
        said = self.words(chinese, **values)
        response.set_cookie(DONE_COOKIE, showing.pack(said), max_age=60, samesite="lax", httponly=True)
        return response

    def time(self, timestamp: Any) -> datetime | None:
        """A protobuf timestamp in the bank's time; None if it is unset."""
        moment: datetime | None = timestamp.ToDatetime(CHINA) if timestamp.ByteSize() else None
        return moment

    @property
    def here(self) -> str:
        """The page to come back to: the one asked for, or the one whose form was posted."""
        request = self.request
        if request.method == "GET":
            return request.url.path + (f"?{request.url.query}" if request.url.query else "")
        _, _, rest = request.headers.get("referer", "").partition("://")
        host, _, path = rest.partition("/")
        return f"/{path}" if host == request.headers.get("host") else "/"

    def _common(self) -> Mapping[str, Any]:
        signed_in = self._signed_in
        return {
            "visit": self,
            "_": self.words,
            "path": self.request.url.path,
            "form_token": signed_in.form_token if signed_in else "",
            "done_words": showing.unpack(self.request.cookies.get(DONE_COOKIE, "")),
            "navigation": showing.navigation(self.desk, self.words) if signed_in else [],
        }
