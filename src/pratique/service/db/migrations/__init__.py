"""The schema's history, run by alembic at start."""
