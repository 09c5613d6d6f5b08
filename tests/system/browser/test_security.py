"""What another site, a thief of a cookie or a forged form cannot do."""

from __future__ import annotations

import pytest
from playwright.sync_api import APIResponse, Page

from tests.system.browser.people import Office, Open

COOKIE = "outreach"


def token(page: Page) -> str:
    found = page.locator("meta[name=form-token]").get_attribute("content")
    assert found
    return found


def post(page: Page, path: str, form: dict[str, str | float | bool], **headers: str) -> APIResponse:
    return page.request.post(path, form=form, headers=headers, max_redirects=0)


def test_a_post_without_the_form_token_is_refused(open_as: Open) -> None:
    """Neither without it nor with another session's does a form do anything."""
    page, other = open_as("supervisor-1", "/accounts"), open_as("drafter-1")
    form = {"account": "DEMO-26-9999", "kind": "DISPUTE", "reason": "forged"}
    for brought in ({}, {"form_token": ""}, {"form_token": token(other)}):
        answer = post(page, "/accounts/holds", {**form, **brought})
        assert answer.status == 403
        assert "页面已过期" in answer.text()
    page.reload()
    assert "forged" not in page.content()


def test_a_post_from_another_origin_is_refused(open_as: Open) -> None:
    """Even with the right token."""
    page = open_as("supervisor-1", "/accounts")
    form: dict[str, str | float | bool] = {"form_token": token(page)}
    assert post(page, "/accounts/holds", form, Origin="http://evil.example").status == 403
    assert post(page, "/sign-in", {"name": "drafter-1"}, Origin="null").status == 403


def test_answers_carry_their_guards(open_as: Open) -> None:
    """No frame, no foreign script, no sniffing, nothing kept by caches; static files may be kept."""
    page = open_as("drafter-1")
    headers = page.request.get("/templates").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "same-origin")
    assert page.request.get("/static/console.css").headers.get("cache-control") != "no-store"


def test_scripts_cannot_read_the_session(open_as: Open) -> None:
    """The session's cookie is HttpOnly and SameSite, and no cookie lies open to scripts."""
    page = open_as("drafter-1")
    (cookie,) = (one for one in page.context.cookies() if one["name"] == COOKIE)
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    assert page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(open_as: Open, to: str) -> None:
    """Only paths of the console are gone to, whatever the address or a form asks for."""
    page = open_as("drafter-1", "/password")
    answer = page.request.get("/language/zh", params={"to": to}, max_redirects=0)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    page.goto(f"/sign-in-again?to={to}")
    assert page.locator("input[name=to]").get_attribute("value") == "/"


def test_who_is_not_signed_in_sees_nothing(office: Office) -> None:
    """Every page leads to the sign-in, and from there back."""
    context = office.context()
    page = context.new_page()
    page.goto("/templates/new?from=a")
    assert page.url == f"{office.url}/sign-in?to=/templates/new%3Ffrom%3Da"
    assert page.request.get("/events/stream", max_redirects=0).status == 303
    context.close()


def test_wrong_codes_do_not_open(office: Office) -> None:
    """A wrong password and a wrong code get the same answer, which does not say which one it was."""
    context = office.context()
    page = context.new_page()
    page.goto("/sign-in")
    said = []
    for password, code in (("wrong password", "000000"), (office.person("supervisor-2").password, "000000")):
        page.wait_for_timeout(1_100)
        page.fill("#name", "supervisor-2")
        page.fill("#password", password)
        page.fill("#code", code)
        with page.expect_response("**/sign-in") as answered:
            page.press("#code", "Enter")
        assert answered.value.status == 401
        said.append(page.locator(".note.bad").inner_text())
    assert said[0] == said[1]
    context.close()


def test_pages_of_other_roles_are_refused(open_as: Open) -> None:
    """The mailroom neither sees nor reaches the policies."""
    page = open_as("mailroom-1")
    assert page.locator("nav a[href='/policies']").count() == 0
    answer = page.request.get("/people")
    assert answer.status == 403
