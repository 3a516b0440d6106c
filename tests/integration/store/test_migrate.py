"""The migrations make the tables that the code knows, and can be undone."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from ccms_ws.errors import StoreError, StoreUnavailable
from ccms_ws.store import migrate
from ccms_ws.store.column_types import metadata
from ccms_ws.store.engine import open_engine
from tests.support.databases import postgresql_database

VERSIONS = Path(migrate.__file__).parent / "migrations" / "versions"


def described(engine: Engine) -> dict[str, Any]:
    """Everything that the database knows of its tables, except the order in which constraints were made."""
    if engine.dialect.name == "sqlite":
        return definitions(engine)
    inspector = inspect(engine)
    return {
        table: {
            "comment": inspector.get_table_comment(table),
            "columns": [{**column, "type": repr(column["type"])} for column in inspector.get_columns(table)],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(map(repr, inspector.get_foreign_keys(table))),
            "unique": sorted(map(repr, inspector.get_unique_constraints(table))),
            "checks": sorted(map(repr, inspector.get_check_constraints(table))),
            "indexes": sorted(map(repr, inspector.get_indexes(table))),
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def definitions(engine: Engine) -> dict[str, Any]:
    """The lines of the definition of each table and index."""
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    with engine.connect() as connection:
        found = connection.execute(text(query)).all()
    # A table that was copied has its name in quotes.
    lines = {
        name: sorted(line.strip().rstrip(",").replace('"', "") for line in sql.splitlines()) for name, sql in found
    }
    return {name: lines[name] for name in lines if name != "alembic_version"}


def test_migrated_database_equals_the_tables(blank_database_url: str, tmp_path: Path) -> None:
    engine = open_engine(blank_database_url)
    migrate.upgrade(engine)
    migrated = described(engine)
    engine.dispose()
    if blank_database_url.startswith("sqlite"):
        assert described_by_metadata(f"sqlite:///{tmp_path}/other.db") == migrated
    else:
        with postgresql_database() as other:
            assert described_by_metadata(other) == migrated
    assert set(metadata.tables) <= set(migrated)


def described_by_metadata(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).touch()
    engine = open_engine(url)
    metadata.create_all(engine)
    facts = described(engine)
    engine.dispose()
    return facts


def test_every_table_and_column_is_documented() -> None:
    silent = [str(column) for table in metadata.tables.values() for column in table.c if not column.comment]
    assert silent == []
    assert [table.name for table in metadata.tables.values() if not table.comment] == []


def test_versions_go_up_and_down_step_by_step(blank_database_url: str) -> None:
    engine = open_engine(blank_database_url)
    scripts = ScriptDirectory(str(files("ccms_ws.store") / "migrations"))
    revisions = [script.revision for script in scripts.walk_revisions()][::-1]
    assert revisions[:11] == [f"{number:04}" for number in range(1, 12)]
    for revision in revisions:
        migrate.upgrade(engine, revision)
        assert migrate.current_revision(engine) == revision
    assert migrate.is_current(engine)
    for revision in revisions[-2::-1]:
        migrate.downgrade(engine, revision)
        assert migrate.current_revision(engine) == revision
        assert not migrate.is_current(engine)
    migrate.downgrade(engine, "base")
    assert migrate.current_revision(engine) is None
    migrate.upgrade(engine)
    assert migrate.is_current(engine)
    engine.dispose()


def test_failed_upgrade_leaves_nothing_behind(blank_database_url: str) -> None:
    engine = open_engine(blank_database_url)
    migrate.upgrade(engine, "0001")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE abstract_section (in_the_way INTEGER)"))
    with pytest.raises(StoreError):
        migrate.upgrade(engine)
    assert migrate.current_revision(engine) == "0001"
    assert "referral" not in inspect(engine).get_table_names()
    engine.dispose()


def test_upgrade_of_a_current_database_changes_nothing(engine: Engine) -> None:
    before = described(engine)
    migrate.upgrade(engine)
    assert described(engine) == before


def test_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/court.db")
    migrate.upgrade(engine)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("court.db", "court.db-wal", "court.db-shm"), 0o600)
    engine.dispose()


def test_only_an_upgrade_makes_a_file(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/missing.db")
    with pytest.raises(StoreUnavailable):
        migrate.current_revision(engine)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        migrate.upgrade(open_engine(f"sqlite:///{tmp_path}/no/folder.db"))  # it never connects
