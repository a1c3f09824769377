"""Languages that a chat accepts beside its own, and topics that were proposed and nobody has looked at yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("chat", "delivery"):
        op.add_column(table, sa.Column("accepts", sa.Text(), server_default="", nullable=False))
    op.add_column("topic", sa.Column("proposed", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("topic", "proposed")
    for table in ("delivery", "chat"):
        op.drop_column(table, "accepts")
