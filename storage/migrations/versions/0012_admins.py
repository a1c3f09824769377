"""Bans, announcements by admins, changes of topics that can be undone, for which chat somebody speaks in private, and
of chats who may subscribe there and where their digests go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_BEFORE = "'papers', 'nothing', 'not-in-yet'"
_AFTER = "'papers', 'nothing', 'not-in-yet', 'bulletin'"
_OF_A_BULLETIN = sa.text("kind = 'bulletin'")


def upgrade() -> None:
    for name in ("banned", "open_to_all"):
        op.add_column("chat", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in ("target_chat", "target_thread"):
        op.add_column("chat", sa.Column(name, sa.Text(), nullable=True))
    _kinds(_BEFORE, _AFTER)
    op.create_index(
        "ix_delivery_bulletin", "delivery", ["upto", "state"], unique=False,
        sqlite_where=_OF_A_BULLETIN, postgresql_where=_OF_A_BULLETIN,
    )  # fmt: skip
    op.create_table(
        "ban",
        sa.Column("whom", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("whom"),
    )
    op.create_table(
        "bulletin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("after_id", sa.Integer(), nullable=False),
        sa.Column("upto_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_bulletin_state", "bulletin", ["state"], unique=False)
    op.create_table(
        "proxy",
        sa.Column("here", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("chat", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("here"),
    )
    op.create_index("ix_proxy_chat", "proxy", ["chat"], unique=False)
    op.create_table(
        "topic_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "topic_follower",
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("chat_id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["change_id"], ["topic_change.id"]),
        sa.ForeignKeyConstraint(["chat_id"], ["chat.id"]),
        sa.PrimaryKeyConstraint("change_id", "subscription_id"),
    )
    op.create_index("ix_topic_follower_chat_id", "topic_follower", ["chat_id"], unique=False)


def downgrade() -> None:
    for name in ("topic_follower", "topic_change", "proxy", "bulletin", "ban"):
        op.drop_table(name)
    op.drop_index("ix_delivery_bulletin", "delivery")
    op.execute("DELETE FROM delivery_part WHERE delivery_id IN (SELECT id FROM delivery WHERE kind = 'bulletin')")
    op.execute("DELETE FROM delivery WHERE kind = 'bulletin'")
    _kinds(_AFTER, _BEFORE)
    for name in ("target_thread", "target_chat", "open_to_all", "banned"):
        op.drop_column("chat", name)


def _kinds(before: str, after: str) -> None:
    """Let a delivery's kind be one of ``after``."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.drop_constraint("ck_kind", "delivery", type_="check")
        op.create_check_constraint("ck_kind", "delivery", f"kind IN ({after})")
        return
    # A constraint that no stored row offends may be changed in the schema itself, with its version moved on:
    # https://www.sqlite.org/lang_altertable.html#otheralter
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.execute(
        sa.text("UPDATE sqlite_master SET sql = replace(sql, :before, :after) WHERE name = 'delivery'"),
        {"before": f"kind IN ({before})", "after": f"kind IN ({after})"},
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {int(version or 0) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
