"""The alembic environment of the court's database."""
