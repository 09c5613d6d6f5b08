"""Every page of the console: who opens it, and where it is."""

from __future__ import annotations

from typing import NamedTuple

from playwright.sync_api import Page

from tests.system.browser.people import Open


class Shown(NamedTuple):
    """A page. `follow` are the links to click from `path`, one after the other."""

    name: str
    who: str
    path: str
    follow: tuple[str, ...] = ()


FIRST_ROW = "main tbody a"
PAGES = (
    Shown("home-reviewer", "reviewer-1", "/"),
    Shown("home-supervisor", "supervisor-1", "/"),
    Shown("outreach", "supervisor-1", "/outreach"),
    Shown("outreach-one", "supervisor-1", "/outreach?state=DELIVERED", (FIRST_ROW,)),
    Shown("outreach-blocked", "supervisor-1", "/outreach?state=BLOCKED", (FIRST_ROW,)),
    Shown("templates", "drafter-1", "/templates"),
    Shown("template", "reviewer-1", "/templates", (FIRST_ROW,)),
    Shown("template-new", "drafter-1", "/templates", (FIRST_ROW, "main a[href*='from=']")),
    Shown("letter-versions", "drafter-1", "/letter-versions"),
    Shown("letter-version", "reviewer-1", "/letter-versions", (FIRST_ROW,)),
    Shown("letter-version-new", "drafter-1", "/letter-versions", (FIRST_ROW, "main a[href*='from=']")),
    Shown("policies", "policy-maker", "/policies"),
    Shown("policy", "policy-maker", "/policies", (FIRST_ROW,)),
    Shown("policy-new", "policy-maker", "/policies/new"),
    Shown("accounts", "supervisor-1", "/accounts"),
    Shown("personal", "supervisor-1", "/personal"),
    Shown("personal-retention", "supervisor-1", "/personal/retention"),
    Shown("quantities", "administrator-1", "/quantities"),
    Shown("mailroom", "mailroom-1", "/mailroom"),
    Shown("run", "mailroom-1", "/mailroom", (FIRST_ROW,)),
    Shown("returns", "mailroom-1", "/mailroom/returns"),
    Shown("clinic", "mailroom-1", "/clinic"),
    Shown("unconfirmed", "operator-1", "/unconfirmed"),
    Shown("events", "supervisor-1", "/events"),
    Shown("ledger", "inspector-1", "/ledger"),
    Shown("ledger-entry", "inspector-1", "/ledger", (FIRST_ROW,)),
    Shown("evidence", "supervisor-1", "/evidence"),
    Shown("people", "operator-1", "/people"),
    Shown("person", "operator-1", "/people/drafter-1"),
    Shown("keys", "operator-1", "/keys"),
    Shown("caller", "operator-1", "/keys/callers/case-system"),
    Shown("password", "drafter-1", "/password"),
    Shown("sign-in-again", "reviewer-1", "/sign-in-again"),
)


def opened(shown: Shown, open_as: Open, language: str) -> Page:
    """The page, in that language."""
    page = open_as(shown.who, f"/language/{language}?to={shown.path.replace('?', '%3F').replace('=', '%3D')}")
    for link in shown.follow:
        page.locator(link).first.click()
    page.wait_for_load_state()
    return page
