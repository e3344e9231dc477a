"""What alembic runs: the migrations on the connection that `Store` hands in."""

from __future__ import annotations

from alembic import context

from pratique.service.db import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,
    transactional_ddl=False,  # `Store` holds the transaction
)
context.run_migrations()
