"""Two replicas that start together on an empty PostgreSQL."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import delete, func, select, text

from approval_service import main as approval_main
from approval_service import schema
from approval_service.catalog import CatalogCache
from approval_service.database import Database
from approval_service.main import ApprovalSettings
from approval_service.masters import MasterError
from approval_service.writer import Writer
from outreach.runtime.secret_files import new_key_line
from tests.postgres import PostgresServer
from tests.service.approval_service.authorities import custodian_of


def start(database: Database) -> None:
    Writer(database, custodian_of(database).open(), CatalogCache()).close()


def test_a_lost_master_key_is_not_replaced_by_another(tmp_path: Path) -> None:
    """The first start makes it; a later one asks for it by its id, or takes it from the environment."""
    database = Database(f"sqlite:///{tmp_path / 'outreach.db'}")
    database.migrate()
    path = tmp_path / "secrets" / "master-key"
    hashed = approval_main._custodian(ApprovalSettings(state_dir=tmp_path), database).open().hash("phone", "1")
    line = path.read_text().strip()
    path.unlink()
    with pytest.raises(MasterError, match="restore it from its backup"):
        approval_main._custodian(ApprovalSettings(state_dir=tmp_path), database).open()
    assert not path.exists()
    other = new_key_line().decode().strip()
    with pytest.raises(MasterError, match=f"needs {line.split()[0]}, and here is {other.split()[0]}"):
        approval_main._custodian(ApprovalSettings(state_dir=tmp_path, master_keys=other), database).open()
    settings = ApprovalSettings(state_dir=tmp_path, master_keys=f"{other},{line}")
    assert approval_main._custodian(settings, database).open().hash("phone", "1") == hashed
    assert not path.exists()
    database.close()


def heads(database: Database) -> int:
    with database.reader.connect() as connection:
        return connection.execute(select(func.count()).select_from(schema.head)).scalar_one()


def waiting(database: Database) -> int:
    """How many wait for a lock."""
    with database.reader.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return int(connection.execute(text(query)).scalar_one())


def test_both_bring_up_the_schema_and_the_head(postgres: PostgresServer) -> None:
    """One makes them, the other one finds them; neither fails."""
    url = postgres.create_database("starting", "template0")
    together = Barrier(2, timeout=20)

    def replica(_: int) -> Database:
        database = Database(url)
        together.wait()
        database.migrate()
        together.wait()
        start(database)
        return database

    with ThreadPoolExecutor(2) as threads:
        databases = list(threads.map(replica, range(2)))
    assert heads(databases[0]) == 1
    for database in databases:
        database.close()
    postgres.drop_database("starting")


def test_the_head_that_another_replica_just_made_is_used(postgres: PostgresServer, postgres_url: str) -> None:
    """It commits between our look and our own insert."""
    database, other = Database(postgres_url), Database(postgres_url)
    start(database)
    with other.writer.begin() as connection:
        row = connection.execute(select(schema.head)).mappings().one()
        connection.execute(delete(schema.head))
    with ThreadPoolExecutor(1) as thread:
        with other.writer.begin() as connection:
            connection.execute(schema.head.insert().values(**row))
            starting = thread.submit(start, database)
            while not waiting(other):
                time.sleep(0.02)
        starting.result(timeout=10)
    assert heads(database) == 1
    for one in (database, other):
        one.close()
