"""A run of the two letters that wait for a quantity, from the account of the lead who asks for it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Page, expect

from tests.system.browser.people import Office, Open, Person

DONE = "[data-done]"
LEAD = "lead-b"


def started_run(office: Office, open_as: Open) -> Page:
    """The mailroom's page of it, laid out and ready to print."""
    set_up(office, open_as("operator-1", "/people"), LEAD, "team-b", "组长（申请信函）")
    lead = open_as(LEAD, "/quantities")
    lead.fill("#number", "2")
    lead.fill("#reason", "本组两封待寄")
    lead.get_by_role("button", name="申请").click()
    expect(lead.locator(DONE)).to_contain_text("等待行政部门批准")
    office_page = open_as("administrator-1", "/quantities")
    office_page.get_by_role("row", name="本组两封待寄").get_by_role("button", name="决定").click()
    expect(office_page.locator(DONE)).to_contain_text("2 封等待的信函现在待打印")

    page = open_as("mailroom-1", "/mailroom")
    page.get_by_role("button", name="建立批次").first.click()
    expect(page.locator(".head .tag").first).to_have_text("可打印", timeout=60_000)
    return page


def set_up(office: Office, page: Page, name: str, team: str, role: str) -> None:
    """An operator makes somebody's account, another one approves it; the person can sign in."""
    page.fill("#user_id", name)
    page.fill("#team", team)
    page.get_by_label(role).check()
    page.get_by_role("button", name="设立").click()
    if office.confirm(page, "operator-1"):
        page.get_by_role("button", name="设立").click()
    expect(page.locator("h1")).to_have_text(name)
    password, address = (page.locator("dd.mono").nth(n).inner_text() for n in range(2))
    secret = parse_qs(urlparse(address).query)["secret"][0]
    office.installation.cli("user", "approve", name, "--as", "operator-2")
    office.meet(Person(name, password, secret))
