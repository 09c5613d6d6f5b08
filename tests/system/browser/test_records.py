"""What inspectors and supervisors find: why a message was blocked, and that the ledger is whole."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
from base64 import b64decode
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect

from tests.system.browser.people import Office, Open
from tests.system.browser.test_sessions import wait_until_back
from tests.system.conftest import ROOT

DONE = "[data-done]"


def test_a_blocked_message_is_understood(open_as: Open) -> None:
    """Found by its request id; state, rule and reason stand there in the language of the page."""
    page = open_as("supervisor-1", "/outreach")
    page.fill("#search", "letter-address-03")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("letter-address-03")
    expect(page.locator(".head .tag")).to_have_text("已拦截")
    expect(page.get_by_role("region", name="规则的结论")).to_contain_text("敏感地址")
    expect(page.get_by_role("region", name="规则的结论")).to_contain_text("公检法")
    expect(page.locator(".timeline li")).to_have_count(2)
    page.get_by_role("link", name="English").click()
    expect(page.locator(".head .tag")).to_have_text("Blocked")
    expect(page.get_by_role("region", name="What the rules say")).to_contain_text("Address sensitive")
    page.get_by_role("link", name="中文").click()


def test_a_case_file_is_submitted_and_its_lines_are_found(office: Office, open_as: Open, tmp_path: Path) -> None:
    """The lines of the example file, by their case; what is blocked says by which rule, and by day it is found, too."""
    shutil.copy(ROOT / "examples" / "try.csv", tmp_path)
    office.installation.cli("submit", str(tmp_path / "try.csv"), "--as", "clerk-1")
    page = open_as("supervisor-1", "/outreach")
    page.fill("#case", "CASE-try")
    page.get_by_role("button", name="查找").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.select_option("#code", "NOT_PLACED")
    page.get_by_role("button", name="查找").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("try-3")
    page.locator("tbody a").click()
    expect(page.get_by_role("region", name="规则的结论")).to_contain_text("未委案")
    page.goto("/outreach?since=2001-01-01&until=2001-01-01")
    expect(page.locator(".empty")).to_contain_text("没有符合条件的触达")


def test_a_pack_of_evidence_waits_for_who_asked(office: Office, open_as: Open, tmp_path: Path) -> None:
    """Asked for beside the message, left, found again, fetched, and proven elsewhere with the ledger's key."""
    page = open_as("supervisor-1", "/outreach?state=RETURNED")
    page.locator("tbody a").first.click()
    page.fill("#purpose", "投诉 TS-2026-0017")
    page.get_by_role("button", name="制作证据包").click()
    expect(page.locator(DONE)).to_contain_text("可以离开")
    page.goto("/accounts")
    page.get_by_role("link", name="证据包").click()
    page.get_by_role("row", name="TS-2026-0017").get_by_role("link").click()
    fetch_and_verify(office, page, tmp_path / "pack.zip")
    stranger = open_as("inspector-1", page.url)
    expect(stranger.locator(".note.bad")).to_contain_text("重新制作")
    made = open_as("inspector-1", "/ledger?kind=evidence_made")
    expect(made.locator("tbody tr").first).to_contain_text("console/supervisor-1")
    expect(made.locator("tbody time").first).to_have_attribute("title", re.compile(r"\+08:00$"))

    page.get_by_role("button", name="移除").click()
    expect(page.locator(DONE)).to_contain_text("已移除")
    expect(page.get_by_role("row", name="TS-2026-0017")).to_have_count(0)


@pytest.mark.parametrize("service", ["gateway", "approval_service"])
def test_a_pack_outlives_what_makes_it(office: Office, open_as: Open, tmp_path: Path, service: str) -> None:
    """Killed in the middle of making it: the order is there, and it gets made without a word typed again."""
    page = open_as("supervisor-1", "/outreach?state=RETURNED")
    page.locator("tbody a").first.click()
    page.fill("#purpose", f"投诉 {service}")
    pids = office.installation.pids()
    os.kill(pids["letter_service"], signal.SIGSTOP)  # so that the originals are still awaited
    try:
        page.get_by_role("button", name="制作证据包").click()
        expect(page.locator(DONE)).to_contain_text("可以离开")
        with page.expect_request(lambda request: "x-by-itself" in request.headers):
            pass  # the page looks again, and that is nobody's act
        page.goto("about:blank")
        os.kill(pids[service], signal.SIGKILL)
    finally:
        os.kill(pids["letter_service"], signal.SIGCONT)
    wait_until_back(page)
    page.goto("/evidence")
    assert office.installation.pids()[service] != pids[service]
    page.get_by_role("row", name=f"投诉 {service}").get_by_role("link").click()
    fetch_and_verify(office, page, tmp_path / "pack.zip")


def fetch_and_verify(office: Office, page: Page, file: Path) -> None:
    """The pack of one letter, once it is made."""
    with page.expect_download() as downloading:
        page.get_by_role("link", name="下载 ZIP").click(timeout=60_000)
    downloading.value.save_as(file)
    page.locator("summary").click()
    key = page.locator("details .code").inner_text().split("'")[1]
    report = office.installation.cli("evidence", "verify", str(file), "--key", key)
    assert (report["ok"], report["letters"]) == (True, 1)


def test_a_pack_that_cannot_be_made_says_why(open_as: Open) -> None:
    """A purpose with a telephone number goes into no ledger; the form is there again with all that was typed."""
    page = open_as("supervisor-1", "/evidence?account_number=DEMO-26-0003")
    page.fill("#purpose", "来电 13800138000")
    page.get_by_role("button", name="制作证据包").click()
    expect(page.locator(".note.bad")).to_contain_text("用途")
    page.get_by_role("link", name="返回").click()
    assert (page.input_value("#value"), page.input_value("#purpose")) == ("DEMO-26-0003", "来电 13800138000")


def test_a_search_that_finds_nothing_says_so(open_as: Open) -> None:
    """An unknown id and an empty result each tell what to do."""
    page = open_as("supervisor-1", "/outreach?search=no-such-request")
    expect(page.locator(".note.warn")).to_contain_text("没有此编号的触达")
    page.goto("/outreach?case=no-such-case")
    expect(page.locator(".empty")).to_contain_text("放宽条件")


def test_the_ledger_is_verified_and_taken_away(office: Office, open_as: Open, tmp_path: Path) -> None:
    """Verified on the spot; what is exported verifies elsewhere by the key shown; a sample is drawn again alike."""
    page = open_as("inspector-1", "/ledger")
    page.locator("summary").first.click()
    key = page.locator("p.code").first.inner_text()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="导出账本").click()
    downloading.value.save_as(tmp_path / "ledger.jsonl")
    assert office.installation.cli("ledger", "verify", str(tmp_path / "ledger.jsonl"), "--key", key)["ok"]
    page.get_by_role("button", name="现在验证全部").click()
    expect(page.locator(".note.good")).to_contain_text("账本完整")
    draws = [page.request.get("/ledger/sample.csv?seed=2026&count=5").text() for _ in range(2)]
    assert draws[0] == draws[1]
    assert len(draws[0].splitlines()) == 6


def test_a_person_is_found_by_the_masked_name(open_as: Open) -> None:
    """Also where the name was typed in full: the address that it leads to has it masked."""
    page = open_as("supervisor-1", "/outreach")
    page.fill("#name", "王小明")
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_have_value("王**")
    assert page.url.endswith("/outreach?name=%E7%8E%8B%2A%2A")
    expect(page.locator("tbody tr")).not_to_have_count(0)
    page.fill("#name", "欧阳**")
    page.get_by_role("button", name="查找").click()
    expect(page.locator(".empty")).to_contain_text("没有符合条件的触达")


def test_the_proof_of_each_step_is_one_click_from_its_message(office: Office, open_as: Open, tmp_path: Path) -> None:
    """From a step of the message to the entry that records it, whose proof verifies elsewhere by the key shown."""
    page = open_as("inspector-1", "/outreach?state=DELIVERED")
    page.locator("main tbody a").first.click()
    outreach, steps = page.locator("dd.mono").first.inner_text(), page.locator(".timeline li")
    expect(steps.last).to_contain_text("已送达")
    expect(steps.locator("a")).to_have_count(steps.count() - 1)
    steps.last.locator("a").click()
    seq = int(page.url.rpartition("/")[2])
    expect(page.locator("main")).to_contain_text(outreach)
    expect(page.locator("main")).to_contain_text("delivered")
    expect(page.locator("h1")).to_have_text(f"账本第 {seq} 条")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="下载证明").click()
    path = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(path)
    page.locator("summary").click()
    key = page.locator("pre.code").first.inner_text().split("'")[1]
    verified = office.installation.cli("ledger", "verify-proof", str(path), "--key", key)
    assert (path.name, verified["index"]) == (f"entry-{seq}.tlog-proof", seq)


def test_systems_and_keys_are_seen_without_a_secret(office: Office, open_as: Open) -> None:
    """Each registered caller with its roles and its key's fingerprint; the ledger's key is the one that signs."""
    page = open_as("operator-1", "/keys")
    registered = office.installation.state_dir / "callers.yaml"
    callers = yaml.safe_load(registered.read_text(encoding="utf-8"))["callers"]
    rows = page.get_by_role("region", name="调用方").get_by_role("row")
    expect(rows).to_have_count(len(callers) + 1)
    for name, entry in callers.items():
        row = rows.filter(has=page.get_by_text(name, exact=True))
        expect(row).to_contain_text("可用" if entry["active"] else "停用")
        digests = [hashlib.sha256(b64decode(key)).hexdigest() for key in entry["public_keys"]]
        assert [one.get_attribute("title") for one in row.locator("[title]").all()] == digests
    signs = office.installation.cli("ledger", "checkpoint", "--as", "inspector-1")["verifier_key"]
    expect(page.get_by_role("region", name="账本签名密钥").locator("dd").last).to_have_text(signs)


def test_a_list_of_addresses_is_repaired(open_as: Open) -> None:
    """Each address gets its verdict with the words at fault marked; the same comes as CSV and as a workbook, which can
    be brought again."""
    page = open_as("mailroom-1", "/clinic")
    page.fill("#addresses", "浙江省杭州市西湖区文三路8号3幢402室\n上海市徐汇区人民检察院")
    page.get_by_role("button", name="检查", exact=True).click()
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.locator("tbody tr").nth(0)).to_contain_text("可用")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("敏感地址")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="检查并下载 CSV").click()
    assert "ADDRESS_SENSITIVE" in downloading.value.path().read_text(encoding="utf-8-sig")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="检查并下载 XLSX").click()
    page.goto("/clinic")
    page.fill("#addresses", "")
    page.set_input_files("#file", downloading.value.path())
    page.get_by_role("button", name="检查", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").nth(1)).to_contain_text("敏感地址")


def test_a_change_appears_while_one_looks(office: Office, open_as: Open) -> None:
    """What the case system withdraws stands on top of the live page at once, in the page's language."""
    page = open_as("supervisor-1", "/events")
    row = page.locator("tbody[sse-swap] tr").first
    page.wait_for_timeout(500)
    mine = ("--bank", "demo-bank", "--as", "clerk-1")
    office.installation.cli("cancel", "--case", "CASE-unverified-04", "--reason", "browser test", *mine)
    expect(row).to_contain_text("unverified-04")
    expect(row).to_contain_text("已取消")
