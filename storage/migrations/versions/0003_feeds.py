"""What is known of days, polls and what feeds sent wrong."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gap",
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("missed_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'filled', 'empty', 'given-up')", name="ck_state"),
        sa.PrimaryKeyConstraint("category", "missed_on"),
    )
    op.create_index("ix_gap_state", "gap", ["state"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mark"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_quarantine_last_at", "quarantine", ["last_at"], unique=False)
    op.add_column("feed", sa.Column("upto_on", sa.Date(), nullable=True))
    # What came in before is where the looking for missed days begins.
    op.execute("UPDATE feed SET upto_on = batch_on WHERE fresh_at IS NOT NULL")
    op.add_column("chat", sa.Column("since_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("chat", "since_on")
    op.drop_column("feed", "upto_on")
    op.drop_table("quarantine")
    op.drop_table("gap")
