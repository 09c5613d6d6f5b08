"""Signing in by an OpenID Connect provider, being proven again before an approval, and signing out, in a browser."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from examples.stage import FOLDER
from outreach.cli.fields import read_yaml
from outreach.client import Connection, read_identity
from outreach.runtime import tls
from outreach.v1.common_pb2 import ProviderIdentity
from outreach.v1.operations_service_pb2 import SetEmployeeRequest
from outreach.v1.operations_service_pb2_grpc import OperationsServiceStub
from outreach.v1.policy_service_pb2 import ActivatePolicyRequest, DraftPolicyRequest
from outreach.v1.policy_service_pb2_grpc import PolicyServiceStub
from outreach.v1.user_service_pb2 import ApproveUserRequest, CreateUserRequest
from outreach.v1.user_service_pb2_grpc import UserServiceStub
from tests.fakes.oidc_provider import OidcProvider
from tests.system.browser.people import DESKTOP, Office
from tests.system.browser.test_pages import looked_at, violations
from tests.system.browser.test_sessions import REMEMBERED_MS
from tests.system.conftest import Installation

SUBJECT = "a-0017"
PERSON = "wang.min"
MAKER, CHECKER = "operator-1", "operator-2"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    made = OidcProvider(tmp_path_factory.mktemp("provider"))
    with made.in_thread():
        yield made


@pytest.fixture(scope="module")
def agency(browser: Browser, provider: OidcProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A console whose people the provider proves: one operator has an account."""
    installation = Installation(tmp_path_factory.mktemp("agency") / "state")
    office = Office(installation, browser)
    settings = installation.state_dir.parent / "oidc.yaml"
    provider.write_settings(settings, office.url)
    installation.environment["OUTREACH_OIDC_FILE"] = str(settings)
    with installation.running():
        identity = ProviderIdentity(issuer=provider.issuer, subject=SUBJECT)
        # Playwright has a loop in this thread.
        opening = threading.Thread(target=lambda: asyncio.run(open_for(installation, identity)))
        opening.start()
        opening.join()
        yield office


async def open_for(installation: Installation, identity: ProviderIdentity) -> None:
    """Employees, a bank with a policy, and the account."""

    async def ask(who: str, stub: Any, rpc: str, request: Any) -> Any:
        ca, address = tls.ca_certificate(installation.state_dir), installation.environment["OUTREACH_GATEWAY_ADDRESS"]
        identity = read_identity(installation.state_dir, who)
        async with Connection(address, ca, identity, authenticated_s=time.time()) as connection:
            return await connection.call(getattr(stub(connection.channel), rpc), request)

    for name in (MAKER, CHECKER, "policy-maker", "policy-approver"):
        employee = SetEmployeeRequest(caller_id="agency", employee_id=name, active=True)
        await ask(MAKER, OperationsServiceStub, "SetEmployee", employee)
    draft = DraftPolicyRequest(bank_id="demo-bank")
    read_yaml(FOLDER / "demo-bank" / "policy.yaml", draft.policy)
    version = (await ask("policy-maker", PolicyServiceStub, "DraftPolicy", draft)).version.version
    activation = ActivatePolicyRequest(bank_id="demo-bank", version=version)
    await ask("policy-approver", PolicyServiceStub, "ActivatePolicy", activation)
    account = CreateUserRequest(user_id=PERSON, roles=["operator"], bank_ids=["*"], identity=identity)
    await ask(MAKER, UserServiceStub, "CreateUser", account)
    await ask(CHECKER, UserServiceStub, "ApproveUser", ApproveUserRequest(user_id=PERSON))


@pytest.fixture
def page(agency: Office) -> Iterator[Page]:
    """A browser of its own, which takes the provider's certificate."""
    context = agency.browser.new_context(
        base_url=agency.url, viewport=DESKTOP, locale="zh-CN", reduced_motion="reduce", ignore_https_errors=True
    )
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def at_provider(page: Page, subject: str = SUBJECT) -> None:
    expect(page.locator("h1")).to_have_text("统一登录")
    page.fill("#subject", subject)
    page.press("#subject", "Enter")


def proven_long_ago(claims: dict[str, Any]) -> None:
    claims["auth_time"] = int(time.time()) - 3600


def test_the_whole_way(agency: Office, provider: OidcProvider, page: Page) -> None:
    """In by the provider; an approval sends there again and comes back to the form as it was; out at both."""
    page.goto("/people")
    assert violations(page) == []
    looked_at(page, "zh-CN")
    provider.spoil = proven_long_ago
    page.get_by_role("link", name="机构统一登录").click()
    at_provider(page)
    expect(page).to_have_url(f"{agency.url}/people")
    provider.spoil = lambda claims: None
    assert violations(page) == []
    page.fill("#user_id", "new.colleague")
    page.get_by_label("检查员").check()
    page.select_option("#issuer", provider.issuer)
    page.fill("#subject", "a-0018")
    page.get_by_role("button", name="设立，").click()
    expect(page.locator("h1")).to_have_text("再次确认身份")
    assert violations(page) == []
    looked_at(page, "zh-CN")
    page.get_by_role("link", name="机构统一登录").press("Enter")
    at_provider(page)
    expect(page).to_have_url(f"{agency.url}/people")
    assert (page.input_value("#user_id"), page.input_value("#subject")) == ("new.colleague", "a-0018")
    assert page.get_by_label("检查员").is_checked()
    page.get_by_role("button", name="设立，").click()
    expect(page.locator("[data-done]")).to_contain_text("统一登录证明")
    listed = agency.installation.cli("user", "list", "--as", "operator-1")["users"]
    (made,) = [user for user in listed if user["user_id"] == "new.colleague"]
    assert made["identity"] == {"issuer": provider.issuer, "subject": "a-0018"}
    assert made["changed_by"] == f"console/{PERSON}"
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_role("link", name="机构统一登录")).to_be_visible()
    assert "/end" in provider.asked
    page.goto("/people")
    page.get_by_role("link", name="机构统一登录").click()
    expect(page.locator("#subject")).to_be_visible()  # it asks for a name again


def test_the_provider_ends_a_session(agency: Office, provider: OidcProvider, page: Page) -> None:
    """Somebody is shut out there: an open page is over within seconds, and the ledger says by whom."""
    page.goto("/people")
    page.get_by_role("link", name="机构统一登录").click()
    at_provider(page)
    expect(page).to_have_url(f"{agency.url}/people")
    token = provider.sign(provider.logout_claims(sub=SUBJECT))
    told = page.request.post("/oidc/agency/back-channel-logout", form={"logout_token": token})
    assert told.status == 200, told.text()
    page.wait_for_timeout(REMEMBERED_MS)
    page.reload()
    page.get_by_role("link", name="机构统一登录").click()
    expect(page).to_have_url(f"{agency.url}/people")
    page.goto("/ledger?kind=signed_out_by_provider")
    expect(page.locator("tbody tr")).to_contain_text(PERSON)


def test_who_has_no_account_is_told_so(page: Page) -> None:
    """In words, and with a way back; nothing of the provider's answer is shown."""
    page.goto("/sign-in")
    page.get_by_role("link", name="机构统一登录").click()
    at_provider(page, "a-9999")
    expect(page.locator(".note.bad")).to_contain_text("此身份没有可用的账号")
    assert violations(page) == []
    page.get_by_role("link", name="返回").click()
    expect(page.locator("h1")).to_have_text("触达网关")


def test_who_is_shut_out_is_out(agency: Office, page: Page) -> None:
    """An open page ends within seconds of the deactivation, and the provider's word opens the door no more."""
    page.goto("/sign-in")
    page.get_by_role("link", name="机构统一登录").click()
    at_provider(page)
    expect(page.get_by_role("button", name="退出")).to_be_visible()
    agency.installation.cli("user", "deactivate", PERSON, "--as", "operator-2")
    page.wait_for_timeout(2_100)
    page.goto("/people")
    page.get_by_role("link", name="机构统一登录").click()
    expect(page.locator(".note.bad")).to_contain_text("此身份没有可用的账号")
