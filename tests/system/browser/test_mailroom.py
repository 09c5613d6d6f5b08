"""A person is set up, a quantity granted, a run printed, one of its letters pulled, the other mailed and returned."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from urllib.parse import urlparse

import pypdfium2
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from examples.generate import FOLDER
from gateway.console.pages.mailroom import STEPS
from tests.system.browser import camera
from tests.system.browser.people import Office, Open
from tests.system.browser.runs import DONE, started_run

GRANTED = "letter-quantity-01"
"""One of the two letters of team-b that wait for a quantity."""


def account_of(request_id: str) -> str:
    texts = (path.read_text(encoding="utf-8") for path in (FOLDER / "letters").glob("*.csv"))
    rows = (row for text in texts for row in csv.DictReader(text.splitlines()))
    return next(row["account_number"] for row in rows if row["request_id"] == request_id)


def scan(page: Page, *codes: str) -> None:
    """As a keyboard-wedge scanner types: into the field that has the focus, ended by Enter."""
    expect(page.locator("#scanned")).to_be_focused()
    page.keyboard.type(" ".join(codes))
    page.keyboard.press("Enter")
    expect(page.locator("[role=status] b").first).to_have_text(codes[0])


def choose(page: Page, step: str) -> None:
    """The step, by the keyboard alone, and back to the field for scans."""
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#step")).to_be_focused()
    page.keyboard.press("Home")
    for _ in range(list(STEPS).index(step)):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")


def test_letters_from_quantity_to_return(office: Office, open_as: Open, tmp_path: Path) -> None:
    """The run is fetched once, scanned by the keyboard alone and closed; a repayment shows its letter to be pulled. One
    letter is scanned by the camera once the policy allows it."""
    page = started_run(office, open_as)
    page.get_by_role("button", name="下载 PDF 打印").focus()
    with page.expect_download() as downloading:
        page.keyboard.press("Enter")
    downloading.value.save_as(tmp_path / "run.pdf")
    assert len(pypdfium2.PdfDocument(tmp_path / "run.pdf")) >= 2
    page.reload()
    first, second = page.locator("tbody td:nth-child(2)").all_inner_texts()
    by_camera(office, open_as, page, first, second)
    page.reload()
    scan(page, first)
    scan(page, second)
    scan(page, second)  # again: it gets its first answer, and the field was empty

    repay(office, account_of(GRANTED))
    expect(page.locator("main")).to_contain_text("已打印")
    run = page.url.removesuffix("/scan")
    expect_to_pull(page, run)
    pulled = re.findall(r"[A-Z]+-\d{6}-\w{8}", page.locator("main [role=alert]").inner_text())[0]
    mailed = ({first, second} - {pulled}).pop()
    choose(page, "pull")
    scan(page, pulled)
    page.goto(run)
    choose(page, "seal")
    scan(page, mailed)
    choose(page, "mail")
    scan(page, mailed)
    expect(page.locator("[role=status]")).to_contain_text("已交寄")
    page.get_by_role("button", name="关闭批次").click()
    expect(page.locator(DONE)).to_contain_text("已平账关闭")

    page.goto("/mailroom/returns")
    expect(page.locator("#number")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowDown")
    page.set_input_files("#scan", slip(tmp_path))
    page.focus("#number")
    page.keyboard.type(mailed)
    page.keyboard.press("Enter")
    expect(page.locator("[role=status]")).to_contain_text("地址已关闭")
    look_at_the_slip(page, mailed)


def by_camera(office: Office, open_as: Open, page: Page, letter: str, other: str) -> None:
    """Not before the policy allows it, and not in a browser that cannot read codes, which says so."""
    expect(page.get_by_role("button", name=camera.BUTTON)).to_have_count(0)
    assert camera.is_shut(page)
    camera.allow(office, open_as)
    page.reload()
    if not page.evaluate("'BarcodeDetector' in window"):
        expect(page.locator("[data-camera] p")).to_contain_text("不会识读条码")
        expect(page.get_by_role("button", name=camera.BUTTON)).to_be_hidden()
    assert not camera.is_shut(page)
    camera.read(open_as("mailroom-1", urlparse(page.url).path), letter, other)


def slip(folder: Path) -> Path:
    """What the post stuck on it, as a scanner makes a PDF of it."""
    image = Image.new("RGB", (900, 600), "white")
    ImageDraw.Draw(image).rectangle((100, 100, 500, 300), outline="red", width=8)
    image.save(folder / "slip.pdf")
    return folder / "slip.pdf"


def look_at_the_slip(page: Page, number: str) -> None:
    """The scan is shown for a reason."""
    page.fill("#look-number", number)
    page.fill("#look-reason", "TS-2026-0012")
    page.press("#look-reason", "Enter")
    shown = page.locator("img.sheet")
    assert shown.evaluate("image => image.complete && image.naturalWidth > 500")


def repay(office: Office, account: str) -> None:
    """The bank says that nothing is owed any more."""
    now = office.installation.cli("summary", "--bank", "demo-bank", "--as", "operator-1")["business_time"]
    amounts = ("--amount", "5000", "--overdue-after", "0", "--outstanding-after", "0")
    arguments = ("--account", account, "--kind", "full", *amounts, "--sequence", "900", "--at", now)
    office.installation.cli("repay", *arguments, "--as", "demo-feed")


def expect_to_pull(page: Page, run: str) -> None:
    """The page shows it once the event was applied."""
    for _ in range(50):
        page.goto(run)
        if page.locator("main [role=alert]").count():
            return
        page.wait_for_timeout(200)
    raise AssertionError("nothing is to be pulled")
