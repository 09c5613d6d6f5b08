"""`make screenshots`: each page in both languages, in docs/screenshots/. No file that `make test` collects."""

from __future__ import annotations

import io
from pathlib import Path
from urllib.parse import urlparse

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.system.browser.pages import PAGES, Shown, opened
from tests.system.browser.people import Office, Open
from tests.system.browser.runs import started_run
from tests.system.conftest import ROOT

FOLDER = ROOT / "docs" / "screenshots"
LANGUAGES = ("zh", "en")
MOST_PIXELS = 1_600
"""Of a page's height; what is longer goes on as it begins."""
COLOURS = 64


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("shown", [page for page in PAGES if page.name != "run"], ids=lambda shown: shown.name)
def test_screenshot(open_as: Open, shown: Shown, language: str) -> None:
    """A page as its people see it."""
    save(opened(shown, open_as, language), FOLDER / f"{shown.name}.{language}.png")


@pytest.mark.parametrize("language", LANGUAGES)
def test_screenshot_of_the_sign_in(office: Office, language: str) -> None:
    """The page that everybody sees first."""
    context = office.context()
    page = context.new_page()
    page.goto(f"/language/{language}?to=/sign-in")
    save(page, FOLDER / f"sign-in.{language}.png")
    context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_screenshot_of_a_run(office: Office, open_as: Open, run: str, language: str) -> None:
    """A run that is ready to print: the page that the mailroom works with."""
    save(open_as("mailroom-1", f"/language/{language}?to={run}"), FOLDER / f"run.{language}.png")


@pytest.fixture(scope="package")
def run(office: Office) -> str:
    """Where it is."""
    return urlparse(started_run(office, office.page).url).path


def save(page: Page, path: Path) -> None:
    """In few colours, so that the folder stays small."""
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, MOST_PIXELS)))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
