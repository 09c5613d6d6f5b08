"""Signing in by an OpenID Connect provider, being proven by it again before an approval, and signing out there too."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway.console import oidc
from gateway.console.oidc import Attempt
from gateway.console.oidc_provider import Proven, refused
from gateway.console.pages.sign_in import client_of, own_path
from gateway.console.signing_in import SignedOut
from gateway.console.visit import Visit
from outreach.domain.errors import Kind, Refusal
from outreach.runtime.refusal_log import RefusalLog
from outreach.v1.session_service_pb2 import (
    EndProviderSessionsRequest,
    LogInByProviderRequest,
    ReauthenticateByProviderRequest,
)

STARTS_PER_SECOND = 5.0
"""By one address."""
LOGOUTS_PER_SECOND = 100.0
"""By one address: a provider signs out many people at the end of a shift."""
_log = RefusalLog("console")


async def start(visit: Visit) -> Response:
    """Leads to the provider."""
    visit.console.rates.enter(f"oidc {client_of(visit)}", STARTS_PER_SECOND)
    return await _sent(visit, "")


async def again(visit: Visit) -> Response:
    """Leads to the provider, which is to ask the person anew."""
    return await _sent(visit, visit.signed_in.token)


async def callback(visit: Visit) -> Response:
    """The browser comes back with the provider's answer."""
    providers, back = visit.console.providers, "/sign-in"
    try:
        attempt = providers.taken(visit.request)
        back = f"/sign-in{'-again' if attempt.session else ''}?to={quote(attempt.to)}"
        proven = await providers.prove(attempt, visit.request)
        response = await (_prove_again(visit, attempt, proven) if attempt.session else _sign_in(visit, attempt, proven))
    except Refusal as refusal:
        response = _failed(visit, refusal, back)
    providers.forget(visit.request, response)
    return response


async def back_channel_logout(visit: Visit) -> Response:
    """The provider itself, not a browser, tells that somebody signed out there or was shut out (OpenID Connect
    Back-Channel Logout 1.0). Who it is, its token proves alone."""
    visit.console.rates.enter(f"oidc-logout {client_of(visit)}", LOGOUTS_PER_SECOND)
    provider = visit.console.providers.get(visit.request.path_params["provider"])
    form = await visit.request.form(max_files=0, max_fields=10)
    try:
        ended = await provider.read_logout(str(form.get("logout_token", "")))
    except Refusal as refusal:
        _log.note("logout_refused", refusal.reason, provider=provider.settings.provider_id)
        return JSONResponse({"error": "invalid_request", "error_description": refusal.reason}, 400)
    request = EndProviderSessionsRequest(issuer=provider.settings.issuer, provider_session=ended.session)
    request.issue_time.FromSeconds(ended.issued_s)
    await visit.console.sessions.call("EndProviderSessions", request)
    provider.note_logout(ended)
    return Response()


async def signed_out(visit: Visit) -> Response:
    """Signs the browser out at the provider as well, which takes a page of its own: no form may lead elsewhere."""
    providers = visit.console.providers
    provider = providers.get(visit.request.path_params["provider"])
    address = await provider.sign_out_address(f"{providers.settings.console_url}/sign-in")
    if not address:
        return RedirectResponse("/sign-in", 303)
    return visit.page("signed_out.html", address=address, name=visit.words.of(provider.settings.name))


async def _sent(visit: Visit, session_token: str) -> Response:
    provider_id = visit.request.path_params["provider"]
    response = Response(status_code=303)
    try:
        to = own_path(visit.request.query_params.get("to", "/"))
        await visit.console.providers.send(response, provider_id, to, session_token)
    except Refusal as refusal:
        return _failed(visit, refusal, "/sign-in")
    return response


async def _sign_in(visit: Visit, attempt: Attempt, proven: Proven) -> Response:
    request = LogInByProviderRequest(identity=proven.identity, provider_session=proven.session)
    request.authenticate_time.FromSeconds(proven.authenticated_s)
    opened = await visit.console.sessions.call("LogInByProvider", request)
    response = RedirectResponse(attempt.to, 303)
    visit.console.sessions.open(response, opened.token)
    return response


async def _prove_again(visit: Visit, attempt: Attempt, proven: Proven) -> Response:
    try:
        token = (await visit.console.sessions.of(visit.request)).token
    except SignedOut:
        raise refused("SESSION_OVER") from None
    if not oidc.is_session(attempt, token):
        raise refused("ANOTHER_SESSION")
    request = ReauthenticateByProviderRequest(token=token, identity=proven.identity, provider_session=proven.session)
    request.authenticate_time.FromSeconds(proven.authenticated_s)
    await visit.console.sessions.call("ReauthenticateByProvider", request)
    visit.console.sessions.forget(token)
    return RedirectResponse(attempt.to, 303)


def _failed(visit: Visit, refusal: Refusal, back: str) -> Response:
    if refusal.kind is not Kind.UNAUTHENTICATED:
        raise refusal
    _log.note("sign_in_refused", refusal.reason, provider=visit.request.path_params["provider"])
    return visit.page("refused.html", 401, refusal=refusal, back=back)


OPEN_ROUTES = (
    ("/oidc/{provider}/start", ["GET"], start),
    ("/oidc/{provider}/callback", ["GET"], callback),
    ("/oidc/{provider}/back-channel-logout", ["POST"], back_channel_logout),
    ("/signed-out/{provider}", ["GET"], signed_out),
)
ROUTES = (("/oidc/{provider}/again", ["GET"], again),)
