"""The console as an ASGI application: routes, who may pass, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import grpc
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.console.oidc import Providers
from gateway.console.pages import (
    accounts,
    clinic,
    events,
    evidence,
    home,
    keys,
    ledger,
    letter_versions,
    mailroom,
    outreach,
    people,
    personal,
    policies,
    provider_sign_in,
    quantities,
    sign_in,
    templates,
    unconfirmed,
)
from gateway.console.security import Guard
from gateway.console.signing_in import Sessions, SignedIn, SignedOut
from gateway.console.visit import Console, Visit
from gateway.door import Door
from gateway.pdfs import Pdfs
from gateway.rates import RateLimiter
from outreach.domain.errors import Kind, Refusal
from outreach.domain.ids import new_id
from outreach.runtime.access import NOT_PROVEN_LATELY
from outreach.runtime.logs import EventLogger

PAGES = (
    home,
    outreach,
    templates,
    letter_versions,
    policies,
    accounts,
    personal,
    quantities,
    mailroom,
    clinic,
    unconfirmed,
    events,
    ledger,
    evidence,
    people,
    keys,
)
FIRST_PASSWORD_PATH = "/password"  # noqa: S105  # a path
_STATUS = {
    Kind.INVALID: 422,
    Kind.UNAUTHENTICATED: 401,
    Kind.DENIED: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.PRECONDITION: 409,
    Kind.EXHAUSTED: 429,
    Kind.UNAVAILABLE: 503,
}
_log = EventLogger("console")
Page = Callable[[Visit], Awaitable[Response]]


def application(
    authority: grpc.aio.Channel,
    others: dict[str, grpc.aio.Channel],
    pdfs: Pdfs,
    providers: Providers,
    door: Door,
    *,
    secure: bool,
) -> Starlette:
    """`others` are the channels of services that the authority does not serve, by the service's name."""
    sessions, channels = Sessions(authority, secure=secure), {"": authority, **others}
    console = Console(sessions, channels, RateLimiter(), pdfs, providers, door)
    routes = [
        *(
            Route(path, _open(console, page), methods=methods)
            for module in (sign_in, provider_sign_in)
            for path, methods, page in module.OPEN_ROUTES
        ),
        *(
            Route(path, _closed(console, page), methods=methods)
            for module in (sign_in, provider_sign_in, *PAGES)
            for path, methods, page in module.ROUTES
        ),
        Mount("/static", _Static(), name="static"),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, secure=secure)],
        exception_handlers={404: _missing(console), 405: _missing(console), Exception: _incident(console)},
    )


class _Static:
    """Our own files, and htmx's out of its package."""

    def __init__(self) -> None:
        self._own = StaticFiles(packages=[("gateway.console", "static")])
        self._htmx = StaticFiles(directory=str(files("django_htmx") / "static" / "django_htmx"))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        served = self._htmx if "htmx" in scope["path"] or "hx-" in scope["path"] else self._own
        await served(scope, receive, send)


def _open(console: Console, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await _answered(Visit(console, request, None), page)

    return answer


def _closed(console: Console, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            signed_in: SignedIn = await console.sessions.of(request)
        except SignedOut:
            return _to_sign_in(Visit(console, request, None))
        except Refusal as refusal:
            return _refused(Visit(console, request, None), refusal)
        if signed_in.session.must_change_password and request.url.path not in (FIRST_PASSWORD_PATH, "/sign-out"):
            return RedirectResponse(FIRST_PASSWORD_PATH, 303)
        return await _answered(Visit(console, request, signed_in), page)

    return answer


async def _answered(visit: Visit, page: Page) -> Response:
    try:
        return await page(visit)
    except Refusal as refusal:
        if refusal.reason == NOT_PROVEN_LATELY:
            return RedirectResponse(f"/sign-in-again?to={quote(visit.here)}", 303)
        if refusal.kind is Kind.UNAUTHENTICATED:
            return _to_sign_in(visit)
        return _refused(visit, refusal)


def _to_sign_in(visit: Visit) -> Response:
    if "HX-Request" in visit.request.headers or "event-stream" in visit.request.headers.get("Accept", ""):
        return Response(status_code=401)  # console.js keeps the forms before it leaves the page
    return RedirectResponse(f"/sign-in?to={quote(visit.here)}", 303)


def _refused(visit: Visit, refusal: Refusal) -> Response:
    back = visit.here
    if refusal.kind is Kind.NOT_FOUND and visit.request.method == "GET":
        back = visit.request.url.path.rpartition("/")[0] or "/"
    return visit.page("refused.html", _STATUS[refusal.kind], refusal=refusal, back=back)


def _missing(console: Console) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        refusal = Refusal(
            Kind.NOT_FOUND, "没有这个页面，请从首页进入。There is no such page: start from the home page."
        )
        return Visit(console, request, None).page("refused.html", status, refusal=refusal, back="/")

    return answer


def _incident(console: Console) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        incident = new_id()
        _log.error("incident", error, incident=incident)
        message = f"页面出错，请告知运维事故号 {incident}。The page failed: tell your operator that incident."
        refusal = Refusal(Kind.UNAVAILABLE, message)
        return Visit(console, request, None).page("refused.html", 500, refusal=refusal, back="/")

    return answer
