"""Chats that cannot be reached, messages that may have arrived, deliveries on lease, and what admins are told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BEFORE = "'planned', 'sending', 'postponed', 'uncertain', 'sent', 'unreachable', 'failed'"
_AFTER = "'planned', 'leased', 'sending', 'postponed', 'uncertain', 'sent', 'unreachable', 'failed'"


def upgrade() -> None:
    op.add_column("chat", sa.Column("away_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("chat", sa.Column("try_at", sa.DateTime(timezone=True), nullable=True))
    to_try = sa.text("try_at IS NOT NULL")
    op.create_index("ix_chat_try_at", "chat", ["try_at"], sqlite_where=to_try, postgresql_where=to_try)
    op.add_column("delivery", sa.Column("joined", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("delivery_part", sa.Column("doubts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("delivery_part", sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True))
    # Since when nobody knows; from now on the days are counted.
    op.execute("UPDATE chat SET away_at = CURRENT_TIMESTAMP, try_at = CURRENT_TIMESTAMP WHERE state = 'unreachable'")
    _states(_BEFORE, _AFTER)
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "subject", name="uq_notice_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notice_told_at", "notice", ["told_at"], unique=False)


def downgrade() -> None:
    op.drop_table("notice")
    op.execute("UPDATE delivery SET state = 'postponed' WHERE state = 'leased'")
    _states(_AFTER, _BEFORE)
    op.drop_column("delivery_part", "tried_at")
    op.drop_column("delivery_part", "doubts")
    op.drop_column("delivery", "joined")
    op.drop_index("ix_chat_try_at", "chat")
    op.drop_column("chat", "try_at")
    op.drop_column("chat", "away_at")


def _states(before: str, after: str) -> None:
    """Let a delivery's state be one of ``after``."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.drop_constraint("ck_state", "delivery", type_="check")
        op.create_check_constraint("ck_state", "delivery", f"state IN ({after})")
        return
    # A constraint that no stored row offends may be changed in the schema itself, with its version moved on:
    # https://www.sqlite.org/lang_altertable.html#otheralter
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.execute(
        sa.text("UPDATE sqlite_master SET sql = replace(sql, :before, :after) WHERE name = 'delivery'"),
        {"before": f"state IN ({before})", "after": f"state IN ({after})"},
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {int(version or 0) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
