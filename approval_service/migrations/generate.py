"""Writes the next migration: what schema.py has and the migrations so far do not give.

python -m approval_service.migrations.generate "What changes." && ruff format approval_service/migrations
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

FOLDER = Path(__file__).parent


def generate(message: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    number = len(list((FOLDER / "versions").glob("*.py"))) + 1
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/outreach.db", poolclass=NullPool)
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")


if __name__ == "__main__":
    generate(sys.argv[1])
