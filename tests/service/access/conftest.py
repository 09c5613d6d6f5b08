from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from approval_service.database import Database
from tests.service.access.bank_a import BankA, open_bank_a
from tests.service.access.console import Console
from tests.service.access.stack import Stack, serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One for all tests of a module: what one test makes does not matter to another."""
    folder = tmp_path_factory.mktemp("access")
    database = Database(f"sqlite:///{folder / 'outreach.db'}")
    database.migrate()
    async with serving(folder, database) as running:
        yield running
    database.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank_a(stack: Stack) -> BankA:
    return await open_bank_a(stack.world)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def console(stack: Stack) -> AsyncIterator[Console]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        yield Console(stack, http)
