"""The tables of the first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chat",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("chat", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("time", sa.Time(), nullable=False),
        sa.Column("days", sa.JSON(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("wants", sa.JSON(), nullable=False),
        sa.Column("empty_day", sa.Text(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("admitted", sa.Boolean(), nullable=False),
        sa.CheckConstraint("empty_day IN ('say', 'silent')", name="ck_empty_day"),
        sa.CheckConstraint("layout IN ('brief', 'plain')", name="ck_layout"),
        sa.CheckConstraint("place IN ('private', 'group', 'channel')", name="ck_place"),
        sa.CheckConstraint("state IN ('active', 'stopped', 'unreachable')", name="ck_state"),
        sa.CheckConstraint("size > 0", name="ck_size"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("platform", "chat", "thread", name="uq_chat_address"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_chat_due_at", "chat", ["due_at"], unique=False)
    op.create_table(
        "feed",
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fresh_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch_on", sa.Date(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("category"),
    )
    op.create_table("fence", sa.Column("name", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("name"))
    op.create_table(
        "paper",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("links", sa.JSON(), nullable=False),
        sa.Column("subjects", sa.JSON(), nullable=False),
        sa.Column("journal", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("first_announced_on", sa.Date(), nullable=True),
        sa.Column("dated_on", sa.Date(), nullable=True),
        sa.Column("text_on", sa.Date(), nullable=True),
        sa.Column("title_mark", sa.Text(), nullable=False),
        sa.Column("joined_id", sa.Integer(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["joined_id"],
            ["paper.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_paper_joined_id", "paper", ["joined_id"], unique=False)
    op.create_index("ix_paper_seq", "paper", ["seq"], unique=False)
    op.create_index("ix_paper_title_mark", "paper", ["title_mark"], unique=False)
    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "topic",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slug"),
    )
    op.create_table(
        "validators",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("last_modified", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("url"),
    )
    op.create_table(
        "announcement",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("news", sa.Text(), nullable=False),
        sa.Column("announced_on", sa.Date(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("heard", sa.JSON(), nullable=False),
        sa.CheckConstraint("news IN ('new', 'cross', 'update', 'published')", name="ck_news"),
        sa.ForeignKeyConstraint(
            ["paper_id"],
            ["paper.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_announcement_announced_on", "announcement", ["announced_on"], unique=False)
    op.create_index("ix_announcement_paper_id", "announcement", ["paper_id"], unique=False)
    op.create_index(
        "uq_announcement_day",
        "announcement",
        ["paper_id", "announced_on"],
        unique=True,
        sqlite_where=sa.text("news IN ('new', 'cross')"),
        postgresql_where=sa.text("news IN ('new', 'cross')"),
    )
    op.create_index(
        "uq_announcement_new",
        "announcement",
        ["paper_id"],
        unique=True,
        sqlite_where=sa.text("news = 'new'"),
        postgresql_where=sa.text("news = 'new'"),
    )
    op.create_index(
        "uq_announcement_published",
        "announcement",
        ["paper_id"],
        unique=True,
        sqlite_where=sa.text("news = 'published'"),
        postgresql_where=sa.text("news = 'published'"),
    )
    op.create_index(
        "uq_announcement_version",
        "announcement",
        ["paper_id", "version"],
        unique=True,
        sqlite_where=sa.text("news = 'update'"),
        postgresql_where=sa.text("news = 'update'"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chat_id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("chat", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest_on", sa.Date(), nullable=False),
        sa.Column("upto", sa.Integer(), nullable=False),
        sa.Column("digest", sa.JSON(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('papers', 'nothing', 'not-in-yet')", name="ck_kind"),
        sa.CheckConstraint("layout IN ('brief', 'plain')", name="ck_layout"),
        sa.CheckConstraint(
            "state IN ('planned', 'sending', 'postponed', 'uncertain', 'sent', 'unreachable', 'failed')",
            name="ck_state",
        ),
        sa.ForeignKeyConstraint(
            ["chat_id"],
            ["chat.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("chat_id", "kind", "digest_on", "upto", name="uq_delivery_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_delivery_state_due_at", "delivery", ["state", "due_at"], unique=False)
    op.create_table(
        "invite",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_by", sa.Integer(), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["used_by"],
            ["chat.id"],
        ),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "paper_key",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"],
            ["paper.id"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_paper_key_paper_id", "paper_key", ["paper_id"], unique=False)
    op.create_table(
        "paper_merge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("with_key", sa.Text(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("other", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["other_id"],
            ["paper.id"],
        ),
        sa.ForeignKeyConstraint(
            ["paper_id"],
            ["paper.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_paper_merge_other_id", "paper_merge", ["other_id"], unique=False)
    op.create_table(
        "subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chat_id", sa.Integer(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(topic IS NULL) <> (query = '')", name="ck_one_of_two"),
        sa.ForeignKeyConstraint(
            ["chat_id"],
            ["chat.id"],
        ),
        sa.ForeignKeyConstraint(
            ["topic"],
            ["topic.slug"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_subscription_topic", "subscription", ["topic"], unique=False)
    op.create_index(
        "uq_subscription_query",
        "subscription",
        ["chat_id", "query"],
        unique=True,
        sqlite_where=sa.text("topic IS NULL"),
        postgresql_where=sa.text("topic IS NULL"),
    )
    op.create_index(
        "uq_subscription_topic",
        "subscription",
        ["chat_id", "topic"],
        unique=True,
        sqlite_where=sa.text("topic IS NOT NULL"),
        postgresql_where=sa.text("topic IS NOT NULL"),
    )
    op.create_table(
        "summary",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["paper_id"],
            ["paper.id"],
        ),
        sa.PrimaryKeyConstraint("paper_id", "language"),
    )
    op.create_table(
        "delivery_part",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("papers", sa.JSON(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("tried", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["delivery.id"],
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number"),
    )
    op.execute("INSERT INTO fence (name) VALUES ('ingest')")


def downgrade() -> None:
    for table in (
        "delivery_part",
        "summary",
        "subscription",
        "paper_merge",
        "paper_key",
        "invite",
        "delivery",
        "announcement",
        "validators",
        "topic",
        "setting",
        "paper",
        "fence",
        "feed",
        "chat",
    ):
        op.drop_table(table)
