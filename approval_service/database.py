"""The engines: one for the writer, one for readers. SQLite and PostgreSQL by URL."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from approval_service import schema

IDLE_TIMEOUT_MS = 5_000
BUSY_TIMEOUT_MS = 10_000
CACHE_KIB = 32 * 1024
MIGRATION_LOCK = 0x6F757472
CHECKPOINT_PAGES = 8_000
"""Pages (4 KiB) in the write-ahead log before they are copied into the file: one that many commits touch is copied
once."""


class Database:
    """A migrated database. `begin_write` takes the one write lock; readers never wait for it.

    `url` is an SQLAlchemy URL: sqlite:///path or postgresql+psycopg://host/database.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.writer = self._engine(pool_size=1)
        self.reader = self._engine(pool_size=4)

    def _engine(self, pool_size: int) -> Engine:
        if not self.is_sqlite:
            engine = create_engine(self.url, pool_size=pool_size, pool_pre_ping=True)

            @event.listens_for(engine, "connect")
            def set_timeout(connection: object, _record: object) -> None:
                cursor = connection.cursor()  # type: ignore[attr-defined]  # DB-API connection, untyped in the event
                cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_TIMEOUT_MS}")
                cursor.close()
                connection.commit()  # type: ignore[attr-defined]  # likewise

            return engine
        engine = create_engine(
            self.url,
            pool_size=pool_size,
            connect_args={"check_same_thread": False, "isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000},
        )

        @event.listens_for(engine, "connect")
        def set_pragmas(connection: object, _record: object) -> None:
            cursor = connection.cursor()  # type: ignore[attr-defined]  # DB-API connection, untyped in the event
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA secure_delete = ON")
            cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            cursor.close()

        return engine

    def lock(self, connection: Connection) -> None:
        """Takes the write lock for the transaction that is to begin on a writer connection."""
        if self.is_sqlite:
            # sqlite3 would begin a deferred transaction at the first write, which fails at once when it must upgrade.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(select(schema.head.c.id).where(schema.head.c.id == 1).with_for_update())

    def scrub(self) -> bool:
        """Writes SQLite's log into the file and empties it: what was overwritten is in neither. True once that is done;
        a reader may be in the way. PostgreSQL keeps dead rows until it vacuums (docs/personal_data.md)."""
        if not self.is_sqlite:
            return True
        with self.reader.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 200")
            try:
                busy: int = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        return not busy

    def migrate(self) -> None:
        """Brings the database to the newest schema."""
        config = AlembicConfig()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            if not self.is_sqlite:
                # Replicas that start together take turns; the second finds nothing left to do.
                connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            command.upgrade(config, "head")

    def close(self) -> None:
        self.writer.dispose()
        self.reader.dispose()
