"""Sessions and processes that end in the middle of something: a clear message, and nothing that was typed is lost."""

from __future__ import annotations

import os
import signal

from playwright.sync_api import Page, expect

from tests.system.browser.people import Office, Open

ACCOUNT, REASON = "DEMO-26-0001", "客户称已与银行协商，待核"
DONE = "[data-done]"
REMEMBERED_MS = 2_100
"""The gateway takes a session for good so long."""


def test_a_session_that_ends_keeps_the_form(office: Office, open_as: Open) -> None:
    """Whoever has to sign in again in the middle of a form comes back to it and finds what was typed."""
    page = open_as("drafter-1", "/templates/new")
    page.fill("#name", "browser-kept")
    page.fill("#text", "尊敬的{recipient}，请留意账单。")
    expect(page.locator("#preview .bubble").first).to_be_visible()
    page.context.clear_cookies(name="outreach")
    page.fill("#signature", "示例银行")
    page.get_by_role("button", name="保存草稿").click()
    sign_in_and_find(office, page, ("browser-kept", "示例银行", "尊敬的{recipient}，请留意账单。"))
    page.context.clear_cookies(name="outreach")
    page.fill("#text", "尊敬的{recipient}，请查看账单。")  # whose preview finds the session over
    sign_in_and_find(office, page, ("browser-kept", "示例银行", "尊敬的{recipient}，请查看账单。"))
    assert "401 from /templates/preview" in office.problems.pop()


def sign_in_and_find(office: Office, page: Page, typed: tuple[str, str, str]) -> None:
    expect(page.locator("#code")).to_be_visible()
    office.sign_in(page, office.person("drafter-1"))
    expect(page).to_have_url(f"{office.url}/templates/new")
    assert tuple(page.input_value(field) for field in ("#name", "#signature", "#text")) == typed


def test_a_restarted_authority_loses_nothing(office: Office, open_as: Open) -> None:
    """While it is away a page says so in words; afterwards the same form, still filled in, is taken."""
    page = open_as("supervisor-1", "/accounts")
    fill_hold(page)
    os.kill(office.installation.pids()["approval_service"], signal.SIGKILL)
    submit_hold(page)
    if page.locator("h1").inner_text() == "未能完成":
        expect(page.locator(".note.bad")).to_contain_text("稍后重试")
        assert "127.0.0.1" not in page.content()
        wait_until_back(page)
        page.goto("/accounts")
        assert page.input_value("#why") == REASON
        submit_hold(page)
    expect(page.locator(DONE)).to_contain_text("已暂停")
    expect(page.get_by_role("row", name=REASON)).to_have_count(1)


def test_a_restarted_gateway_loses_nothing(office: Office, open_as: Open) -> None:
    """Its sessions are the authority's: whoever was signed in still is."""
    page = open_as("supervisor-1", "/accounts")
    before = office.installation.pids()["gateway"]
    os.kill(before, signal.SIGKILL)
    wait_until_back(page)
    page.reload()
    expect(page.locator("h1")).to_have_text("账户与暂停")
    assert office.installation.pids()["gateway"] != before


def test_who_is_shut_out_is_out(office: Office, open_as: Open) -> None:
    """An open page ends within seconds of the deactivation, a live one by itself, and the door stays shut."""
    live, still = open_as("supervisor-2", "/events"), open_as("supervisor-2", "/outreach")
    page = open_as("operator-1", "/people/supervisor-2")
    page.get_by_role("button", name="立即停用").click()
    expect(page.locator("h1")).to_have_text("supervisor-2 已停用")
    still.wait_for_timeout(REMEMBERED_MS)
    still.get_by_role("button", name="查找").click()
    expect(still.locator("#code")).to_be_visible()
    expect(live.locator("#code")).to_be_visible(timeout=15_000)
    person = office.person("supervisor-2")
    still.wait_for_timeout(1_100)
    still.fill("#name", person.name)
    still.fill("#password", person.password)
    still.fill("#code", person.code())
    still.press("#code", "Enter")
    expect(still.locator(".note.bad")).to_be_visible()
    office.problems.remove("[object Event]")  # what htmx says of the stream that was refused


def fill_hold(page: Page) -> None:
    page.fill("#hold-account", ACCOUNT)
    page.select_option("#kind", "DISPUTE")
    page.fill("#why", REASON)


def submit_hold(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="暂停：").click()


def wait_until_back(page: Page) -> None:
    for _ in range(150):
        try:
            if page.request.get("/accounts").ok:
                return
        except Exception:  # noqa: BLE001, S110  # whatever it is, it is not back yet
            pass
        page.wait_for_timeout(200)
    raise AssertionError("it did not come back")
