"""Personal data in the browser: found by post, restricted and lifted, exported and erased by two people."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

from playwright.sync_api import Page, expect

from tests.system.browser.people import Office, Open

DONE = "[data-done]"
OLD = """\
account_number,role,customer_id,name,phone_numbers,addresses,agreed_to_quiet_hours,event_id,agency_id,product_name,start_time,\
end_time,sequence,as_of_time,overdue_amount_fen,outstanding_amount_fen,minimum_payment_fen,due_date
DEMO-20-0001,debtor,DC-20-0001,旧例甲,15400010001,,,old-0001,demo-agency,信用卡,2020-03-01T00:00:00+08:00,\
2020-06-01T00:00:00+08:00,1,2020-03-17T06:00:00+08:00,100000,400000,10000,2020-02-20
"""
"""An account that ended years ago: nothing obliges to keep it."""


def find(page: Page, number: str) -> None:
    page.goto("/personal")
    page.select_option("#subject", "customer_id")
    page.fill("#value", number)
    page.get_by_role("button", name="查找此人").click()
    expect(page.locator("h1 .tag")).to_be_visible()
    assert number not in page.url


def test_a_person_is_restricted_and_lifted_by_another(open_as: Open) -> None:
    page = open_as("supervisor-1", "/personal")
    find(page, "DC-26-0009")
    expect(page.locator("h1 .tag")).to_have_text("正常")
    expect(page.locator(".note.warn")).to_contain_text("保存期限至")
    page.fill("#restrict-reason", "依法保存")
    page.get_by_role("button", name="限制处理").click()
    expect(page.locator(DONE)).to_contain_text("已限制处理")
    expect(page.locator("h1 .tag")).to_have_text("已限制处理")
    expect(page.locator("h1")).not_to_contain_text("*")
    page.fill("#lift-reason", "已核实")
    page.get_by_role("button", name="申请解除限制").click()
    expect(page.locator("main table")).to_contain_text("须由另一人处理")
    other = open_as("operator-1", "/personal")
    other.get_by_role("row", name="已核实").get_by_role("button", name="批准解除").click()
    expect(other.locator(DONE)).to_contain_text("已批准 1 项")


def test_an_export_is_approved_by_another_and_fetched_once(open_as: Open, tmp_path: Path) -> None:
    page = open_as("supervisor-1", "/personal")
    find(page, "DC-26-0010")
    page.fill("#export-reason", "本人来函 LTR-9")
    page.get_by_role("button", name="申请导出").click()
    expect(page.locator(DONE)).to_contain_text("等待另一人处理")
    mine = page.url
    other = open_as("operator-1", "/personal")
    other.get_by_role("row", name="LTR-9").get_by_role("button", name="批准导出").click()
    expect(other.locator(DONE)).to_contain_text("已批准 1 项")
    page.goto(mine)
    with page.expect_download() as download:
        page.get_by_role("button", name="领取（一次）").click()
    download.value.save_as(tmp_path / "held.zip")
    with ZipFile(tmp_path / "held.zip") as files:
        assert sorted(files.namelist()) == ["held.json", "held.xlsx"]
    page.goto(mine)
    expect(page.get_by_role("button", name="领取（一次）")).to_have_count(0)


def test_who_is_kept_no_longer_is_told_and_erased_by_two(office: Office, open_as: Open, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text(OLD, encoding="utf-8")
    office.installation.cli("placement", "import", str(tmp_path / "old.csv"), "--bank", "demo-bank")
    page = open_as("supervisor-1", "/personal")
    find(page, "DC-20-0001")
    expect(page.locator(".note.warn")).to_have_count(0)
    mine = page.url
    page.goto("/personal")
    page.get_by_role("link", name="保存期限已到的人").click()
    page.fill("#retention-reason", "到期清理 2026Q1")
    page.get_by_role("button", name="申请删除这些人").click()
    expect(page.locator(DONE)).to_contain_text("已申请删除 1 人")
    other = open_as("operator-1", "/")
    expect(other.locator("main")).to_contain_text("个人信息申请待处理")
    other.goto("/personal")
    other.get_by_role("row", name="到期清理").get_by_role("button", name="批准整批删除").click()
    expect(other.locator(DONE)).to_contain_text("已批准 1 项")
    page.goto(mine)
    for _ in range(20):
        if page.locator("h1 .tag").inner_text() == "已删除":
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(page.locator("h1 .tag")).to_have_text("已删除")
