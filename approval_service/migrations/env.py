"""Runs migrations on the connection that Database.migrate hands over."""

from __future__ import annotations

from alembic import context

from approval_service import schema

context.configure(connection=context.config.attributes["connection"], target_metadata=schema.metadata)
with context.begin_transaction():
    context.run_migrations()
