"""Digests of their own: chats that follow the same share one, instead of a copy each. What a chat follows is found by
an index: those that keep a subscription unique hold a part of the rows each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "digest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    postgresql = op.get_context().dialect.name == "postgresql"
    # A column that refers elsewhere can be added to SQLite's table only where it may be empty.
    op.execute("ALTER TABLE delivery ADD COLUMN digest_id INTEGER REFERENCES digest (id)")
    op.execute("INSERT INTO digest (id, content) SELECT id, digest FROM delivery")
    op.execute("UPDATE delivery SET digest_id = id")
    if postgresql:
        op.execute("SELECT setval(pg_get_serial_sequence('digest', 'id'), coalesce(max(id), 0) + 1, false) FROM digest")
    op.drop_column("delivery", "digest")
    op.create_index("ix_subscription_chat_id", "subscription", ["chat_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_subscription_chat_id", "subscription")
    op.execute("ALTER TABLE delivery ADD COLUMN digest JSON")
    op.execute("UPDATE delivery SET digest = (SELECT content FROM digest WHERE digest.id = delivery.digest_id)")
    op.drop_column("delivery", "digest_id")
    op.drop_table("digest")
