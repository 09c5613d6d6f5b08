"""A system is shut out at the console and let in again: each page says what will happen before it does."""

from __future__ import annotations

import subprocess
import time

from playwright.sync_api import expect

from tests.system.browser.people import Office, Open
from tests.system.conftest import OUTREACH, ROOT

CALLER, REASON = "sample-bank", "私钥疑似泄露"
PATIENCE_S = 60.0


def refusal(office: Office) -> str:
    """What the caller is told; empty if it is let in."""
    command = [str(OUTREACH), "template", "list", "--bank", CALLER, "--as", "sample-approver"]
    environment = office.installation.environment
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False)
    return done.stderr.decode() if done.returncode else ""


def test_a_caller_is_shut_out(office: Office, open_as: Open) -> None:
    """With what is under way. Who shut it out is told who may let it in; an inspector sees it and changes nothing."""
    page = open_as("operator-1", "/keys")
    page.get_by_role("link", name=CALLER).click()
    expect(page.get_by_role("region", name="停用")).to_contain_text("只能由另一名运维恢复")
    expect(page.get_by_role("region", name="它的未了请求")).to_be_visible()
    page.fill("#reason", REASON)
    page.get_by_role("button", name="立即停用此调用方").click()
    expect(page.locator("[data-done]")).to_contain_text("已停用")
    expect(page.locator("main .note.bad")).to_contain_text(REASON)
    expect(page.get_by_role("region", name="恢复")).to_contain_text("须由另一名运维")
    assert "已被停用" in refusal(office)
    seen = open_as("inspector-1", f"/keys/callers/{CALLER}")
    expect(seen.locator("main .note.bad")).to_contain_text("operator-1")
    expect(seen.locator("main form")).to_have_count(0)
    office.installation.cli("caller", "reactivate", CALLER, "--reason", "已换钥", "--as", "operator-2")


def test_a_caller_is_let_in_by_another(office: Office, open_as: Open) -> None:
    """Who has proven to be there a short while ago; within seconds the caller is answered again."""
    office.installation.cli("caller", "deactivate", CALLER, "--reason", REASON, "--as", "operator-2")
    page = open_as("operator-1", f"/keys/callers/{CALLER}")
    expect(page.locator("main .head .tag")).to_have_text("调用方停用")
    for _ in range(2):
        page.fill("#reason", "已换钥")
        page.get_by_role("button", name="恢复此调用方").click()
        if not office.confirm(page, "operator-1"):
            break
    expect(page.locator("main .head .tag")).to_have_text("可用")
    end = time.monotonic() + PATIENCE_S
    while refusal(office):
        assert time.monotonic() < end, "the caller is still refused"
