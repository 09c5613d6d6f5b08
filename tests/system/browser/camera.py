"""A camera to test with. Chromium's own fake device gives the pictures, a stand-in reads what a test says they show:
Chromium on Linux has no BarcodeDetector, as it has on Android.
"""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.system.browser.people import Office, Open
from tests.system.browser.runs import DONE
from tests.system.browser.test_pages import violations

STAND_IN = """
window.inView = [];
window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["qr_code", "code_128", "data_matrix"]; }
  constructor(options) { window.asked = options.formats; }
  async detect(video) {
    if (!video.videoWidth || !video.srcObject.active) throw new DOMException("no picture", "InvalidStateError");
    return window.inView.map((rawValue) => ({ rawValue }));
  }
};
"""
BUTTON = "用相机扫描"


def allow(office: Office, open_as: Open) -> None:
    """A version of the policy that allows the camera, from now on."""
    maker = open_as("policy-maker", "/policies/new")
    maker.select_option("#mailroom_camera_allowed", "是")
    maker.get_by_role("button", name="保存草案").click()
    approver = open_as("policy-approver", maker.url.removeprefix(office.url))
    approver.get_by_role("button", name="启用").click()
    if office.confirm(approver, "policy-approver"):
        approver.get_by_role("button", name="启用").click()
    expect(approver.locator(DONE)).to_contain_text("策略已启用")


def is_shut(page: Page) -> bool:
    """The browser would give it to no script of the page."""
    return page.evaluate("document.featurePolicy.allowsFeature('camera')") is False


def read(page: Page, letter: str, other: str) -> None:
    """The letter is read and sent as a scanner does it; nothing is before that: not while the camera is off, not of two
    letters at once, and not a second time."""
    page.add_init_script(STAND_IN)
    page.reload()
    button, video = page.get_by_role("button", name=BUTTON), page.locator("video")
    expect(button).to_be_visible()
    expect(video).to_be_hidden()
    hold_before(page, letter)
    button.click()
    expect(page.locator("[role=status] b").first).to_have_text(letter)
    expect(page.locator("[role=status]").first).to_contain_text("已打印")
    expect(video).to_be_visible()  # it stays on for the next letter
    hold_before(page, f"run|{letter}|1/1|0a1b2c3d", "6901234567892")
    expect(page.locator("[data-camera] p")).to_contain_text("刚扫过")
    hold_before(page, letter, other)
    expect(page.locator("[data-camera] p")).to_contain_text("只对准一封")
    assert page.evaluate("window.asked") == ["code_128", "data_matrix"]
    assert violations(page) == []
    page.get_by_role("button", name="关闭摄像头").click()
    expect(video).to_be_hidden()
    assert page.evaluate("document.querySelector('video').srcObject.active") is False


def hold_before(page: Page, *codes: str) -> None:
    """The codes come into the camera's view."""
    page.evaluate("codes => { window.inView = codes; }", list(codes))
