"""Every route of the console, by every role, of its own bank and of another one, over HTTP."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from starlette.routing import Route

from gateway.console.app import application
from outreach.domain import roles
from outreach.runtime import tls
from outreach.runtime.access import GATEWAY, ROLES
from outreach.runtime.client import open_channel
from tests.service.access.bank_a import BankA
from tests.service.access.console import Console, Page
from tests.service.access.page_rows import ENDING, OPEN, PAGES, PageRow
from tests.service.access.stack import OTHER_BANK, Stack
from tests.service.approval_service.world import BANK

PEOPLE = sorted(roles.ROLES_OF_PEOPLE)
REFUSED, NOT_THERE = 403, 404
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Asked(NamedTuple):
    """A page about something of the bank, and what only the bank's own people may see."""

    row: PageRow
    path: str
    form: dict[str, str] | None
    values: set[bytes]


async def asked_of(method: str, path: str, bank_a: BankA) -> Asked:
    assert (method, path) in PAGES, f"{method} {path} is new: give it a row in tests/service/access/page_rows.py"
    row = PAGES[method, path]
    named = await row.named(bank_a) if row.named else ""
    filled = re.sub(r"\{(\w+)(:int)?\}", lambda match: row.values.get(match[1], named), path)
    form = {field: text.replace("{named}", named) for field, text in (row.form or {}).items()}
    return Asked(row, filled, form, await bank_a.values())


def may(role: str, row: PageRow) -> bool:
    return not row.rpc or any(role in ROLES[f"/outreach.v1.{rpc}"] for rpc in row.rpc.split())


def leaks(asked: Asked, address: str, page: Page) -> list[bytes]:
    """What the page shows of the bank beyond what was asked; links that lead back here hold the address."""
    known = f"{address} {asked.form}".encode()
    return [value for value in asked.values if value in page.body and value not in known]


async def test_every_route_has_a_row(stack: Stack) -> None:
    """A new route fails here until somebody has thought of who may use it."""
    async with open_channel(stack.authority_address, tls.channel_credentials(stack.state_dir, GATEWAY)) as channel:
        pages = application(channel, {}, None, None, list, secure=False)  # type: ignore[arg-type]  # nothing is asked of it
    found = {
        (method, route.path)
        for route in pages.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert found == PAGES.keys() | OPEN | ENDING


@pytest.mark.parametrize(("method", "path"), PAGES, ids=str)
async def test_a_page_is_for_its_roles(method: str, path: str, console: Console, bank_a: BankA) -> None:
    """Whoever has no role of the table is refused, and nothing of that person is in the ledger; the others pass."""
    asked = await asked_of(method, path, bank_a)
    bank = "*" if asked.row.all_banks else BANK
    for role in (role for role in PEOPLE if not may(role, asked.row)):
        page = await console.ask(method, asked.path, await console.person(role, bank), asked.form)
        assert page.status == REFUSED, role
    for role in (role for role in PEOPLE if may(role, asked.row)):
        page = await console.ask(method, asked.path, await console.person(role, bank), asked.form)
        assert page.status != REFUSED, role
        assert page.status < 500, (role, page.status)
        assert not page.to.startswith("/sign-in?"), role
        assert page.status < 400 or method == "POST" or asked.row.values, (role, page.status)


@pytest.mark.parametrize(("method", "path"), PAGES, ids=str)
async def test_another_banks_people_see_nothing(method: str, path: str, console: Console, bank_a: BankA) -> None:
    """As they come to the page, and as they ask for this bank by its name in the address or in a cookie."""
    asked = await asked_of(method, path, bank_a)
    for role in (role for role in PEOPLE if may(role, asked.row)):
        who = await console.person(role, OTHER_BANK)
        forced = who._replace(cookie=f"{who.cookie}; bank={BANK}")
        for person, address in ((who, asked.path), (forced, f"{asked.path}?bank={BANK}")):
            page = await console.ask(method, address, person, asked.form)
            assert leaks(asked, address, page) == [], role
            assert page.status < 500, role
            if asked.row.all_banks or (asked.row.named and "{" in path and not asked.row.grows):
                assert page.status in (REFUSED, NOT_THERE), (role, page.status)
    strangers = [entry for entry in await bank_a.world.entries() if OTHER_BANK in entry.get("by", "")]
    assert [entry for entry in strangers if entry["bank"] == BANK] == []


@pytest.mark.parametrize("bank", ["*", BANK])
@pytest.mark.parametrize("role", PEOPLE)
async def test_menus_lead_where_the_role_may_go(role: str, bank: str, console: Console) -> None:
    """Every line of the navigation opens, and no page that the person may not open is offered."""
    who = await console.person(role, bank)
    home = (await console.ask("GET", "/", who)).body.decode()
    navigation = home.partition("<nav")[2].partition("</nav>")[0]
    offered = set(re.findall(r'href="(/[^"?]*)"', navigation))
    assert "/" in offered
    for path in offered:
        assert (await console.ask("GET", path, who)).status == 200, path
        assert may(role, PAGES["GET", path]), path
