"""A template on its way through its roles, two people at the same gate, and what a refusal at the edge looks like."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from playwright.sync_api import Page, expect

from tests.system.browser.people import Office, Open
from tests.system.browser.runs import set_up

DONE = "[data-done]"
TEXT = "{recipient}您好，示例银行温馨提示，您的账单逾期{overdue}元。咨询010-00000001。受示例银行委托，示范服务公司。"
SIX_MINUTES_MS = 6 * 60 * 1000


def draft(page: Page, name: str) -> str:
    """Writes a template and returns where it is."""
    page.fill("#name", name)
    page.fill("#signature", "示例银行")
    page.fill("#text", TEXT)
    expect(page.locator("#preview")).to_contain_text("条计费")
    expect(page.locator("#preview")).to_contain_text("没有发现。")
    page.get_by_role("button", name="保存草稿").click()
    expect(page.locator(DONE)).to_contain_text("草稿已保存")
    return page.url.partition("/templates/")[2]


def grow_old(office: Office, name: str) -> None:
    """The person's password was given six minutes earlier than it was."""
    with closing(sqlite3.connect(office.installation.state_dir / "outreach.db", timeout=20)) as database:
        sql = "UPDATE user_session SET authenticated_real_ms = authenticated_real_ms - ? WHERE user_id = ?"
        database.execute(sql, (SIX_MINUTES_MS, name))
        database.commit()


def test_from_draft_to_approval(office: Office, open_as: Open) -> None:
    """Drafter, reviewer and bank each do their part; the reviewer, whose password is old, gives it again first, and
    finds the comment that was typed still there."""
    digest = draft(open_as("drafter-1", "/templates/new"), "browser-reminder")
    review = open_as("reviewer-1", f"/templates/{digest}")
    grow_old(office, "reviewer-1")
    review.wait_for_timeout(2_100)  # the gateway takes a session for good that long
    review.fill("#comment", "金额与银行一致")
    review.get_by_role("button", name="通过内部审核").click()
    expect(review.locator("h1")).to_have_text("再次确认身份")
    review.fill("#password", office.person("reviewer-1").password)
    review.fill("#code", office.person("reviewer-1").code())
    review.press("#code", "Enter")
    expect(review.locator("#comment")).to_have_value("金额与银行一致")
    review.get_by_role("button", name="通过内部审核").click()
    expect(review.locator(DONE)).to_contain_text("已通过内部审核")
    bank = open_as("demo-approver", "/")
    bank.get_by_role("row", name="browser-reminder").get_by_role("link").click()
    bank.get_by_role("button", name="批准", exact=True).click()
    expect(bank.locator(DONE)).to_contain_text("已批准")
    expect(bank.locator("h1 ~ .tag, .head .tag").first).to_have_text("已批准")
    assert bank.url.endswith(digest)


def test_two_people_at_one_gate(office: Office, open_as: Open) -> None:
    """Both press at once: one of them did it, the other is told what happened meanwhile, and nothing is done twice."""
    set_up(office, open_as("operator-1", "/people"), "reviewer-b", "compliance", "内部审核人")
    digest = draft(open_as("drafter-1", "/templates/new"), "browser-twice")
    pages = [open_as(name, f"/templates/{digest}") for name in ("reviewer-1", "reviewer-b")]
    for page in pages:
        page.evaluate("setTimeout(() => document.querySelector('button[formaction$=\"/pass\"]').click(), 50)")
    for page in pages:
        page.wait_for_url(lambda url: url.endswith((f"/templates/{digest}", "/pass")))
        expect(page.locator(f"{DONE}, .note.bad")).to_be_visible()
    (late,) = [page for page in pages if page.locator("h1").inner_text() == "未能完成"]
    expect(late.locator(".note.bad")).not_to_be_empty()
    late.get_by_role("link", name="返回").click()
    expect(late.locator(".head .tag").first).to_have_text("待银行批准")
    bodies = late.request.get(f"/templates/{digest}").text()
    assert bodies.count("待银行批准") == 1


def test_forbidden_words_are_shown_where_they_stand(open_as: Open) -> None:
    """The preview marks what the content check objects to while it is typed, and such a draft is not taken."""
    page = open_as("drafter-1", "/templates/new")
    page.fill("#name", "browser-threat")
    page.fill("#signature", "示例银行")
    page.fill("#text", "再不还款，公安机关将上门抓捕。")
    expect(page.locator("#preview .note.bad").first).to_be_visible()
    expect(page.locator("#preview mark").first).to_be_visible()
    page.get_by_role("button", name="保存草稿").click()
    expect(page.locator("[role=alert]").first).to_be_visible()
    expect(page.locator("#text")).to_have_value("再不还款，公安机关将上门抓捕。")
