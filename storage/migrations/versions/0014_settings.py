"""What a chat may mute and pause, digests as announced and without a sound, and more layouts.

The version before takes what is paused or muted for followed, and a layout that it does not know for ``brief``, for as
long as its processes go on beside the new ones.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("chat", sa.Column("as_announced", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("chat", sa.Column("quiet", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("chat", sa.Column("rich_layout", sa.Text(), server_default="", nullable=False))
    waiting = sa.text("as_announced")
    op.create_index("ix_chat_as_announced", "chat", ["due_at"], sqlite_where=waiting, postgresql_where=waiting)
    op.add_column("delivery", sa.Column("quiet", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("delivery", sa.Column("rich_layout", sa.Text(), server_default="", nullable=False))
    op.add_column("subscription", sa.Column("standing", sa.Text(), server_default="followed", nullable=False))


def downgrade() -> None:
    op.drop_column("subscription", "standing")
    op.drop_column("delivery", "rich_layout")
    op.drop_column("delivery", "quiet")
    op.drop_index("ix_chat_as_announced", "chat")
    op.drop_column("chat", "rich_layout")
    op.drop_column("chat", "quiet")
    op.drop_column("chat", "as_announced")
