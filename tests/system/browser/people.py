"""People at the console: each signs in once, with codes of an authenticator, and keeps a browser context."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson
import pyotp
from playwright.sync_api import Browser, BrowserContext, Page, Response, ViewportSize, expect

from tests.system.conftest import Installation

STEP_S = 30
SIGN_IN_PAUSE_S = 1.05
"""The console takes one attempt a second from one address."""
FAILED_LOAD = "Failed to load resource"
"""What Chromium says of every status from 400 on, a page that refuses something among them."""
OVER = 401
"""What a live page is told when its session is over."""
DESKTOP: ViewportSize = {"width": 1280, "height": 900}


@dataclass
class Person:
    """What somebody knows: a password, and an authenticator whose codes are each good once."""

    name: str
    password: str
    secret: str
    last_step: int = 0
    context: BrowserContext | None = None

    def code(self) -> str:
        """A code that was not used yet. The authority allows one step of drift either way."""
        step = max(self.last_step + 1, int(time.time()) // STEP_S)
        while step > int(time.time()) // STEP_S + 1:
            time.sleep(0.5)
        self.last_step = step
        return pyotp.TOTP(self.secret).at(step * STEP_S)


@dataclass
class Office:
    """The console of an installation, as its people see it."""

    installation: Installation
    browser: Browser
    problems: list[str] = field(default_factory=list)
    """What browsers complained of: errors of scripts, refused resources, violations of the security policy."""
    _people: dict[str, Person] = field(default_factory=dict)
    _last_sign_in: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.installation.port + 44}"

    def person(self, name: str) -> Person:
        if name not in self._people:
            known = orjson.loads((self.installation.state_dir / "console-users.json").read_bytes())[name]
            self.meet(Person(name, known["password"], known["totp_secret"]))
        return self._people[name]

    def meet(self, person: Person) -> None:
        """Somebody whose account the example did not make."""
        self._people[person.name] = person

    def context(self) -> BrowserContext:
        """A browser of its own, with nobody signed in."""
        context = self.browser.new_context(base_url=self.url, viewport=DESKTOP, locale="zh-CN", reduced_motion="reduce")
        context.set_default_timeout(15_000)
        context.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: self._note(str(error.error)))
        context.on("response", self._look_at)
        return context

    def _note(self, problem: str) -> None:
        if not problem.startswith(FAILED_LOAD):
            self.problems.append(problem)

    def _look_at(self, response: Response) -> None:
        if response.status >= 400 and response.status != OVER and response.request.resource_type != "document":
            self.problems.append(f"{response.status} {response.url}")

    def sign_in(self, page: Page, person: Person) -> None:
        """On the page that asks for it."""
        time.sleep(max(0.0, self._last_sign_in + SIGN_IN_PAUSE_S - time.monotonic()))
        page.fill("#name", person.name)
        page.fill("#password", person.password)
        page.fill("#code", person.code())
        page.press("#code", "Enter")
        expect(page.locator("#code")).to_have_count(0)
        self._last_sign_in = time.monotonic()

    def confirm(self, page: Page, name: str) -> bool:
        """Gives password and code again if the page demands it; the form is there again then, to be sent once more."""
        if page.locator("h1").inner_text() != "再次确认身份":
            return False
        page.fill("#password", self.person(name).password)
        page.fill("#code", self.person(name).code())
        page.press("#code", "Enter")
        expect(page.locator("#code")).to_have_count(0)
        return True

    def page(self, name: str, path: str = "/") -> Page:
        """A new tab of somebody who is signed in."""
        person = self.person(name)
        if person.context is None:
            person.context = self.context()
            page = person.context.new_page()
            page.goto("/sign-in")
            self.sign_in(page, person)
            if page.url.endswith("/password"):
                self.change_password(page, person)
            page.close()
        person.context.add_cookies([{"name": "language", "value": "zh", "url": self.url, "httpOnly": True}])
        page = person.context.new_page()
        page.goto(path)
        if "/sign-in?" in page.url:
            self.sign_in(page, person)
        return page

    def change_password(self, page: Page, person: Person) -> None:
        """As the first sign-in demands."""
        new = f"correct horse battery {len(person.name)}"
        page.fill("#old", person.password)
        page.fill("#new", new)
        page.fill("#again", new)
        page.press("#again", "Enter")
        expect(page.locator("[data-done]")).to_be_visible()
        person.password = new

    def close_tabs(self) -> None:
        for person in self._people.values():
            for page in person.context.pages if person.context else ():
                page.close()

    def close(self) -> None:
        for person in self._people.values():
            if person.context is not None:
                person.context.close()


Open = Callable[..., Page]
"""Opens a tab: who, and where."""
