"""A policy tried on the past before anybody activates it."""

from __future__ import annotations

from urllib.parse import urlparse

from playwright.sync_api import expect

from tests.system.browser.people import Open
from tests.system.browser.test_pages import looked_at, violations


def test_a_draft_is_simulated_before_it_is_activated(open_as: Open) -> None:
    """The maker sees what earlier hours would have held; whoever activates finds those numbers beside the button."""
    maker = open_as("policy-maker", "/policies/new")
    maker.fill("#contact_until_minute", "12:00")
    maker.get_by_role("button", name="保存草案").click()
    expect(maker.locator("main .note.warn")).to_contain_text("还没有试算过")
    draft = maker.url
    maker.fill("#days", "30")
    maker.get_by_role("button", name="试算").click()
    matrix = maker.locator(".matrix").first
    expect(matrix).to_contain_text("等待")
    expect(matrix.locator("strong").first).to_be_visible()
    assert violations(maker) == []
    looked_at(maker, "zh-CN")
    approver = open_as("policy-approver", urlparse(draft).path)
    expect(approver.locator(".matrix").first).to_have_text(matrix.inner_text(), use_inner_text=True)
    expect(approver.get_by_role("button", name="启用")).to_be_visible()
    assert violations(approver) == []
    approver.locator("header a[lang=en]").click()
    looked_at(approver, "en")
