"""Summaries that models make: of what, how far they are, what they cost, what they let be found later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("summary", sa.Column("made_of", sa.Text(), server_default="", nullable=False))
    op.add_column("summary", sa.Column("subjects", sa.JSON(), server_default="[]", nullable=False))
    op.create_table(
        "summary_job",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("made_of", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('full', 'headline')", name="ck_kind"),
        sa.CheckConstraint("state IN ('waiting', 'asked', 'made', 'refused', 'passed')", name="ck_state"),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"]),
        sa.PrimaryKeyConstraint("paper_id", "language"),
    )
    op.create_index("ix_summary_job_state", "summary_job", ["state", "wanted"], unique=False)
    op.create_table(
        "spending",
        sa.Column("spent_on", sa.Date(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("doubtful", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("spent_on"),
    )
    op.create_table(
        "late_words",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("announcement_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["announcement_id"], ["announcement.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_late_words_announcement_id", "late_words", ["announcement_id"], unique=False)


def downgrade() -> None:
    op.drop_table("late_words")
    op.drop_table("spending")
    op.drop_table("summary_job")
    op.drop_column("summary", "subjects")
    op.drop_column("summary", "made_of")
