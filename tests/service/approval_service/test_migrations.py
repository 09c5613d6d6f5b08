# Until the first release there is one migration. After a change of schema.py, write it anew:
#     rm approval_service/migrations/versions/0001_initial.py
#     python -m approval_service.migrations.generate "Initial." && ruff format approval_service/migrations
from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from approval_service import schema
from approval_service.database import Database


def test_the_migrations_give_the_schema(database: Database) -> None:
    """A migrated database has the tables, columns and indexes of schema.py, and nothing else."""
    with database.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_partial_indexes_are_partial(database: Database) -> None:
    """What is indexed only while it waits is indexed only then, on each kind of database."""
    option = f"{database.url.get_backend_name()}_where"
    wanted = {index.name for table in schema.metadata.tables.values() for index in table.indexes if index.kwargs}
    assert wanted
    with database.reader.connect() as connection:
        inspector = inspect(connection)
        found = {
            index["name"]
            for table in schema.metadata.tables
            for index in inspector.get_indexes(table)
            if option in index.get("dialect_options", {})
        }
    assert found == wanted


def test_migrating_again_changes_nothing(database: Database) -> None:
    """A service that starts on a database of its own version finds nothing to do."""
    database.migrate()
    with database.reader.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
