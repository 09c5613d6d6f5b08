from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.system.browser.people import Office, Open
from tests.system.conftest import Installation

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
collect_ignore_glob = [] if CHROMIUM else ["test_*.py", "screenshots.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not CHROMIUM:
        terminalreporter.write_line(
            "未运行浏览器测试：没有 Chromium，见 make browser · browser tests left out: no Chromium"
        )


# Playwright's loop runs in the main thread as long as its fixture lives: tests outside of the package must not meet it.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def office(played: Installation, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A running copy of the installation in which the example day was played, and its people."""
    state_dir = tmp_path_factory.mktemp("console") / "state"
    shutil.copytree(played.state_dir, state_dir)
    installation = Installation(state_dir)
    with installation.running():
        office = Office(installation, browser)
        yield office
        office.close()


@pytest.fixture
def open_as(office: Office) -> Iterator[Open]:
    """Opens tabs, and demands afterwards that no browser complained."""
    yield office.page
    office.close_tabs()
    problems, office.problems = office.problems, []
    assert problems == []
