"""The schema's history, read by Alembic."""
