"""Every page in both languages: it is there, accessible, and fits a phone and a large type."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.system.browser.pages import PAGES, Shown, opened
from tests.system.browser.people import DESKTOP, Office, Open

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PHONE: ViewportSize = {"width": 390, "height": 800}
HALF: ViewportSize = {"width": DESKTOP["width"] // 2, "height": DESKTOP["height"] // 2}
"""What is left of a desktop at 200 % zoom, in CSS pixels."""


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, each with the places."""
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", RULES)
    assert found["passes"]
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def overflow(page: Page, viewport: ViewportSize) -> int:
    """By how many pixels the page is wider than the viewport."""
    page.set_viewport_size(viewport)
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


@pytest.mark.parametrize("shown", PAGES, ids=lambda shown: shown.name)
def test_a_page_is_for_everybody(open_as: Open, shown: Shown) -> None:
    """It answers without a complaint of the browser, axe finds nothing, and nothing is cut off at 390 px or 200 %; the
    same page is there in English."""
    page = opened(shown, open_as, "zh")
    assert violations(page) == []
    looked_at(page, "zh-CN")
    page.locator("header a[lang=en]").click()
    looked_at(page, "en")


def test_the_page_to_sign_in_is_for_everybody(office: Office) -> None:
    """The same, for who is not signed in."""
    context = office.context()
    page = context.new_page()
    page.goto("/sign-in")
    assert violations(page) == []
    looked_at(page, "zh-CN")
    page.locator("a[lang=en]").click()
    looked_at(page, "en")
    context.close()


def looked_at(page: Page, language: str) -> None:
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert page.locator("h1").count() == 1
    assert page.locator("main .note.bad").count() == 0
    assert (overflow(page, HALF), overflow(page, PHONE)) == (0, 0)
    page.set_viewport_size(DESKTOP)
