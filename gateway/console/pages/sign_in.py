"""Signing in and out, the first password, and password and code again before an approval."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from gateway.console.visit import LANGUAGE_COOKIE, Visit
from gateway.console.words import LANGUAGES
from outreach.domain.errors import Kind, Refusal
from outreach.v1.session_service_pb2 import ChangePasswordRequest, LogInRequest, ReauthenticateRequest
from outreach.validation import violations

ATTEMPTS_PER_SECOND = 1.0
"""By one address: the account itself is locked after five failures."""
_YEAR_S = 365 * 24 * 3600


async def sign_in(visit: Visit) -> Response:
    if visit.request.method == "GET":
        return visit.page("sign_in.html", to=_to(visit.request.query_params.get("to", "/")), name="", problem="")
    form = await visit.request.form(max_files=0, max_fields=10)
    name, to = str(form.get("name", "")).strip(), _to(str(form.get("to", "/")))
    try:
        visit.console.rates.enter(f"sign-in {_client(visit)}", ATTEMPTS_PER_SECOND)
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
        problem = visit.words.of(refusal.message)
        return visit.page("sign_in.html", 401, to=to, name=name, problem=problem)
    response = RedirectResponse(to, 303)
    visit.console.sessions.open(response, opened.token)
    return response


async def sign_out(visit: Visit) -> Response:
    await visit.form()
    response = RedirectResponse("/sign-in", 303)
    await visit.console.sessions.close(visit.request, response)
    return response


async def sign_in_again(visit: Visit) -> Response:
    to = _to(visit.request.query_params.get("to", "/"))
    if visit.request.method == "GET":
        return visit.page("sign_in_again.html", to=to, problem="")
    form = await visit.form()
    to = _to(str(form.get("to", "/")))
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
        return visit.page("sign_in_again.html", 401, to=to, problem=visit.words.of(refusal.message))
    visit.console.sessions.forget(visit.signed_in.token)
    return RedirectResponse(to, 303)


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
    response = RedirectResponse(_to(visit.request.query_params.get("to", "/")), 303)
    if chosen in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_YEAR_S, samesite="lax", httponly=True)
    return response


def _to(path: str) -> str:
    """A path of ours to go to; the home page instead of anything else."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _client(visit: Visit) -> str:
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
