"""What the mailroom's pages tell: by when to hand over, and a camera only where the policy in force allows it."""

from __future__ import annotations

import re

import pytest

from outreach.domain.roles import INSPECTOR, MAILROOM, SUPERVISOR
from tests.service.access.bank_a import BankA
from tests.service.access.console import Console
from tests.service.access.stack import OTHER_BANK, Stack
from tests.service.approval_service.world import BANK

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_only_the_policy_in_force_opens_the_camera(stack: Stack, console: Console, bank_a: BankA) -> None:
    """Another bank's does not; it opens it where a clerk scans, and neither on other pages nor for who only looks; the
    next version closes it again."""
    run, _ = await bank_a.run()
    closed, _ = await bank_a.run("mailed")
    await bank_a.room.close(closed)

    async def camera(path: str, role: str = MAILROOM) -> bool:
        """Whether the page offers it; the browser is told the same."""
        who = await console.person(role, "*")
        async with console.http.get(f"{console.url}{path}", headers={"Cookie": who.cookie}) as answer:
            assert answer.status == 200
            policy, page = answer.headers["Permissions-Policy"], await answer.text()
        offered = 'src="/static/camera.js"' in page
        assert policy == f"camera=({'self' if offered else ''}), microphone=(), geolocation=()"
        assert offered == ("用相机扫描" in page)
        return offered

    page = f"/mailroom/{run}?bank={BANK}"
    await stack.world.open_bank(OTHER_BANK, mailroom_camera_allowed=True)
    assert not await camera(page)
    await stack.world.open_bank(mailroom_camera_allowed=True)
    assert await camera(page)
    assert not await camera(page, INSPECTOR)
    for other in (f"/mailroom?bank={BANK}", f"/mailroom/returns?bank={BANK}", f"/mailroom/{closed}?bank={BANK}"):
        assert not await camera(other), other
    await stack.world.open_bank()
    assert not await camera(page)


async def test_a_sheets_code_is_scanned_as_the_letters_number_is(console: Console, bank_a: BankA) -> None:
    """A camera or a scanner may read either code of a letter; item numbers follow after a space."""
    run, number = await bank_a.run()
    form = {"step": "print", "scanned": f"{run}|{number}|1/1|0a1b2c3d"}
    page = await console.ask("POST", f"/mailroom/{run}/scan", await console.person(MAILROOM, "*"), form)
    assert f'<b class="mono">{number}</b> 已打印' in page.body.decode()


async def test_the_cutoff_is_told_while_letters_are_left(console: Console, bank_a: BankA) -> None:
    """At home to who hands over, in the mailroom and on the run, with the seconds that the business clock has left; not
    on a run of which nothing is left."""
    run, number = await bank_a.run("sealed")
    told = re.compile(r'class="cutoff[^"]*".*data-seconds-left="(\d+)".*</span> (.*)</p>')

    async def cutoff(path: str, role: str = MAILROOM) -> tuple[str, str] | None:
        page = await console.ask("GET", f"{path}?bank={BANK}", await console.person(role, "*"))
        found = told.search(page.body.decode())
        return (found[1], found[2]) if found else None

    seconds, left = await cutoff(f"/mailroom/{run}") or ("", "")
    assert 0 < int(seconds) <= 24 * 3600
    assert left == "本批 1 封未交"
    for path in ("/", "/mailroom"):
        shown, left = await cutoff(path) or ("", "")
        assert shown == seconds
        assert re.search("[1-9][0-9]* 批未交", left)
    assert await cutoff("/", SUPERVISOR) is None
    await bank_a.room.mail(number)
    assert await cutoff(f"/mailroom/{run}") is None


async def test_the_next_step_is_that_of_the_letters_that_are_left(console: Console, bank_a: BankA) -> None:
    """A sealed letter that was mailed is no more to be mailed: home says that its run is to be closed."""
    run, number = await bank_a.run("sealed")

    async def waiting() -> str:
        home = await console.ask("GET", f"/?bank={BANK}", await console.person(MAILROOM, "*"))
        found = re.search(rf'<a href="/mailroom/{run}">([^<]*)</a>', home.body.decode())
        return found[1] if found else ""

    assert await waiting() == "交寄 1 封"
    await bank_a.room.mail(number)
    assert await waiting() == "批次待平账关闭"
    left = await bank_a.room.get_run(run)
    assert (left.sealed, left.in_pile, left.sealed_in_pile) == (1, 0, 0)
