"""SQLAlchemy, and only here: tables, the unit of work, the outbox, the message log, migrations."""
