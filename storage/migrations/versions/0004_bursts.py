"""Papers that arrived late or in a burst, and what of them is still to be pushed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("announcement", sa.Column("arrival", sa.Text(), nullable=False, server_default="daily"))
    op.add_column("chat", sa.Column("rest_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("chat", "rest_id")
    op.drop_column("announcement", "arrival")
