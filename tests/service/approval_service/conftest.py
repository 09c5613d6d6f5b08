"""A real database of each kind, and an authority with a real writer on it.

A test that uses `database` or `authority` runs twice: on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from approval_service.authority import Authority
from approval_service.database import Database
from tests.postgres import PostgresServer, running_postgres
from tests.service.approval_service.world import PEOPLE, World, clear, running_authority

_TEMPLATE = "outreach_template"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server with one migrated database, outreach_template, to make others from."""
    with running_postgres() as server:
        _migrate(server.create_database(_TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres: PostgresServer) -> str:
    """The database that the tests of this session use one after the other."""
    return postgres.create_database("outreach", _TEMPLATE)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file."""
    path = tmp_path_factory.mktemp("template") / "outreach.db"
    _migrate(f"sqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty database that nobody else uses."""
    if request.param == "sqlite":
        path = tmp_path / "outreach.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        database = Database(f"sqlite:///{path}")
        yield database
        database.close()
    else:
        database = Database(request.getfixturevalue("postgres_url"))
        yield database
        clear(database)
        database.close()


@pytest.fixture
async def authority(database: Database) -> AsyncIterator[Authority]:
    """An authority on a database of its own; its business clock stands at NOW_MS."""
    async with running_authority(database) as authority:
        yield authority


@pytest.fixture
async def world(authority: Authority) -> World:
    """A bank with five employees and a policy in force."""
    world = World(authority)
    await world.hire(*PEOPLE)
    await world.open_bank()
    return world
