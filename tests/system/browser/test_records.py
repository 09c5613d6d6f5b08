"""What inspectors and supervisors find: why a message was blocked, and that the ledger is whole."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.system.browser.people import Office, Open


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


def test_a_list_of_addresses_is_repaired(open_as: Open) -> None:
    """Each address gets its verdict with the words at fault marked; the same comes as CSV."""
    page = open_as("mailroom-1", "/clinic")
    page.fill("#addresses", "浙江省杭州市西湖区文三路8号3幢402室\n上海市徐汇区人民检察院")
    page.get_by_role("button", name="检查", exact=True).click()
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.locator("tbody tr").nth(0)).to_contain_text("可用")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("敏感地址")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="检查并下载 CSV").click()
    assert "ADDRESS_SENSITIVE" in downloading.value.path().read_text(encoding="utf-8-sig")


def test_a_change_appears_while_one_looks(office: Office, open_as: Open) -> None:
    """What the case system withdraws stands on top of the live page at once, in the page's language."""
    page = open_as("supervisor-1", "/events")
    row = page.locator("tbody[sse-swap] tr").first
    page.wait_for_timeout(500)
    mine = ("--bank", "demo-bank", "--as", "clerk-1")
    office.installation.cli("cancel", "--case", "CASE-unverified-04", "--reason", "browser test", *mine)
    expect(row).to_contain_text("unverified-04")
    expect(row).to_contain_text("已取消")
