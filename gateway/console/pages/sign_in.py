"""Signing in and out, the first password, and password and code again before an approval."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from gateway.console.visit import LANGUAGE_COOKIE, Visit
from gateway.console.words import LANGUAGES
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.refusal_log import RefusalLog
from outreach.v1.session_service_pb2 import ChangePasswordRequest, LogInRequest, ReauthenticateRequest
from outreach.validation import violations

ATTEMPTS_PER_SECOND = 1.0
"""By one address: the account itself is locked after five failures."""
_YEAR_S = 365 * 24 * 3600
_log = RefusalLog("console")


async def sign_in(visit: Visit) -> Response:
    if visit.request.method == "GET":
        return _sign_in_page(visit, 200, own_path(visit.request.query_params.get("to", "/")))
    form = await visit.request.form(max_files=0, max_fields=10)
    name, to = str(form.get("name", "")).strip(), own_path(str(form.get("to", "/")))
    try:
        if not visit.console.providers.settings.local_accounts:
            raise Refusal(Kind.DENIED, "请用统一登录。Passwords are not taken here: sign in by the provider.")
        visit.console.rates.enter(f"sign-in {client_of(visit)}", ATTEMPTS_PER_SECOND)
        asked = LogInRequest(
            user_id=name, password=str(form.get("password", "")), totp_code=str(form.get("code", "")).replace(" ", "")
        )
        if violations(asked):
            raise Refusal(
                Kind.UNAUTHENTICATED,
                "请填写账号、密码和 6 位验证码。Give your name, your password and the six-digit code.",
            )
        opened = await visit.console.sessions.call("LogIn", asked)
    except Refusal as refusal:
        _log.note("sign_in_refused", refusal.reason)
        return _sign_in_page(visit, 401, to, name, visit.words.of(refusal.message))
    response = RedirectResponse(to, 303)
    visit.console.sessions.open(response, opened.token)
    return response


def _sign_in_page(visit: Visit, status: int, to: str, name: str = "", problem: str = "") -> Response:
    settings = visit.console.providers.settings
    offered = [(one.provider_id, visit.words.of(one.name)) for one in settings.providers]
    shown = {"to": to, "name": name, "problem": problem, "providers": offered, "local": settings.local_accounts}
    return visit.page("sign_in.html", status, **shown)


async def sign_out(visit: Visit) -> Response:
    await visit.form()
    provider = visit.console.providers.of_issuer(visit.signed_in.session.issuer)
    response = RedirectResponse(f"/signed-out/{provider.settings.provider_id}" if provider else "/sign-in", 303)
    await visit.console.sessions.close(visit.request, response)
    return response


async def sign_in_again(visit: Visit) -> Response:
    to, issuer = own_path(visit.request.query_params.get("to", "/")), visit.signed_in.session.issuer
    if issuer:
        return _to_provider(visit, issuer, to)
    if visit.request.method == "GET":
        return visit.page("sign_in_again.html", to=to, problem="", provider=None)
    form = await visit.form()
    to = own_path(str(form.get("to", "/")))
    asked = ReauthenticateRequest(
        token=visit.signed_in.token,
        password=str(form.get("password", "")),
        totp_code=str(form.get("code", "")).replace(" ", ""),
    )
    try:
        if violations(asked):
            raise Refusal(Kind.INVALID, "请填写密码和 6 位验证码。Give your password and the six-digit code.")
        await visit.console.sessions.call("Reauthenticate", asked)
    except Refusal as refusal:
        _log.note("sign_in_refused", refusal.reason)
        return visit.page("sign_in_again.html", 401, to=to, problem=visit.words.of(refusal.message), provider=None)
    visit.console.sessions.forget(visit.signed_in.token)
    return RedirectResponse(to, 303)


def _to_provider(visit: Visit, issuer: str, to: str) -> Response:
    """The page from which a link leads to the provider that proves this person."""
    provider = visit.console.providers.of_issuer(issuer)
    if provider is None:
        raise Refusal(
            Kind.DENIED, "您的统一登录已不再使用，请联系运维。Your provider is not used any more: ask an operator."
        )
    shown = (provider.settings.provider_id, visit.words.of(provider.settings.name))
    return visit.page("sign_in_again.html", to=to, problem="", provider=shown)


async def password(visit: Visit) -> Response:
    if visit.request.method == "GET":
        return visit.page("password.html", problem="")
    form = await visit.form()
    new, again = str(form.get("new", "")), str(form.get("again", ""))
    asked = ChangePasswordRequest(token=visit.signed_in.token, old_password=str(form.get("old", "")), new_password=new)
    try:
        if new != again:
            raise Refusal(Kind.INVALID, "两次输入的新密码不一致。The two new passwords differ.")
        if violations(asked):
            raise Refusal(Kind.INVALID, "新密码须为 12 至 128 个字符。The new password needs 12 to 128 characters.")
        await visit.console.sessions.call("ChangePassword", asked)
    except Refusal as refusal:
        return visit.page("password.html", 422, problem=visit.words.of(refusal.message))
    visit.console.sessions.forget(visit.signed_in.token)
    return visit.done("/", "密码已更改")


async def language(visit: Visit) -> Response:
    chosen = visit.request.path_params["language"]
    response = RedirectResponse(own_path(visit.request.query_params.get("to", "/")), 303)
    if chosen in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_YEAR_S, samesite="lax", httponly=True)
    return response


def own_path(path: str) -> str:
    """A path of ours to go to; the home page instead of anything else."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def client_of(visit: Visit) -> str:
    """The address that the request came from."""
    return visit.request.client.host if visit.request.client else ""


OPEN_ROUTES = (
    ("/sign-in", ["GET", "POST"], sign_in),
    ("/language/{language}", ["GET"], language),
)
ROUTES = (
    ("/sign-out", ["POST"], sign_out),
    ("/sign-in-again", ["GET", "POST"], sign_in_again),
    ("/password", ["GET", "POST"], password),
)
