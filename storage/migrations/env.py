"""How Alembic meets the database: inside the transaction of the connection it is given."""

from __future__ import annotations

from alembic import context

from storage.tables import METADATA

connection = context.config.attributes["connection"]
# SQLite can do this in a transaction; Alembic only assumes it cannot.
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
