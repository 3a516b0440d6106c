"""The migrations make the tables that the code knows, and can be undone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from ccms_ws.errors import StoreError, StoreUnavailable
from ccms_ws.store import migrate
from ccms_ws.store.column_types import metadata
from ccms_ws.store.engine import open_engine
from ccms_ws.store.migrations.columns import add_column
from ccms_ws.store.migrations.types import code, flag
from tests.support.databases import postgresql_database


def described(engine: Engine) -> dict[str, Any]:
    """Tables by column, key, constraint, index and trigger, except the order in which constraints were made."""
    inspector = inspect(engine)
    comments = engine.dialect.supports_comments
    return {
        table: {
            "comment": inspector.get_table_comment(table) if comments else None,
            "columns": {
                column["name"]: {**column, "type": repr(column["type"])} for column in inspector.get_columns(table)
            },
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(map(repr, inspector.get_foreign_keys(table))),
            "unique": sorted(map(repr, inspector.get_unique_constraints(table))),
            "checks": sorted(
                (check["name"] or "", check["sqltext"]) for check in inspector.get_check_constraints(table)
            ),
            "indexes": {
                index["name"]: (
                    *(index["column_names"], bool(index["unique"])),
                    str(index.get("dialect_options", {}).get(f"{engine.dialect.name}_where")),
                )
                for index in inspector.get_indexes(table)
            },
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def triggers(engine: Engine) -> dict[str, str]:
    query = {
        "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal",
    }
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(text(query[engine.dialect.name]))}


TRIGGERS = {
    "abstract_transition": "abstract",
    "collection_batch_transition": "collection_batch",
    "ledger_entry_reversal": "ledger_entry",
    "ledger_entry_unchanged": "ledger_entry",
    "outbox_message_ended": "outbox_message",
    "outbox_message_transition": "outbox_message",
}


def test_migrated_database_equals_the_tables(blank_database_url: str, tmp_path: Path) -> None:
    engine = open_engine(blank_database_url)
    migrate.upgrade(engine)
    migrated = described(engine)
    assert triggers(engine) == TRIGGERS
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
    assert revisions[0] == "r1"
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


def open_engine_file(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        Path(engine.url.database or "").touch()


def test_failed_upgrade_leaves_nothing_behind(blank_database_url: str) -> None:
    engine = open_engine(blank_database_url)
    open_engine_file(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE reported_entry (in_the_way INTEGER)"))
    with pytest.raises(StoreError):
        migrate.upgrade(engine)
    assert migrate.current_revision(engine) is None
    assert "court" not in inspect(engine).get_table_names()
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


@pytest.mark.parametrize("revision", ["0001", "0016", "r999"])
def test_revision_of_another_history_is_refused(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    before = described(engine)
    for change in (migrate.upgrade, lambda engine: migrate.downgrade(engine, "base")):
        with pytest.raises(StoreError, match=f"schema {revision}") as refused:
            change(engine)
        assert "db upgrade" in refused.value.hint
    assert not migrate.is_current(engine)
    assert described(engine) == before


def test_column_is_added_in_place_with_its_rules(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO court VALUES ('CA034015J', 'Court', '34', '34440')"))
    other, kept = described(engine), triggers(engine)
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        kind: sa.Column[Any] = sa.Column(
            "kind", code("ck_court_kind", "a", "b"), nullable=False, server_default="a", comment="Kind"
        )
        add_column("court", kind, sa.CheckConstraint("kind <> name", name="ck_court_kind_name"))
        add_column("outbox_message", sa.Column("urgent", flag("ck_outbox_message_urgent"), comment="Urgent"))
    now = described(engine)
    assert triggers(engine) == kept
    assert now["court"]["columns"].keys() - other["court"]["columns"].keys() == {"kind"}
    assert {name for name, _ in now["court"]["checks"]} - {name for name, _ in other["court"]["checks"]} == {
        "ck_court_kind",
        "ck_court_kind_name",
    }
    assert now["court"]["indexes"] == other["court"]["indexes"]
    with engine.begin() as connection:
        assert connection.execute(text("SELECT kind FROM court")).scalar_one() == "a"
    for value in ("c", "Court"):
        with pytest.raises(StoreError), engine.begin() as connection:
            connection.execute(text("UPDATE court SET kind = :value"), {"value": value})
    if engine.dialect.name == "postgresql":
        assert now["court"]["columns"]["kind"]["comment"] == "Kind"


def test_column_without_a_value_for_old_rows_is_refused(engine: Engine) -> None:
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        with pytest.raises(ValueError, match="no server default"):
            add_column("court", sa.Column("kind", sa.Text(), nullable=False))
        with pytest.raises(ValueError, match="references"):
            add_column("court", sa.Column("of", sa.Text(), sa.ForeignKey("court.ori")))


def test_two_upgrades_at_once_make_one_schema(blank_database_url: str) -> None:
    engines = [open_engine(blank_database_url) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        # Alembic keeps one environment a process: the second upgrade waits for the lock in its own connection.
        assert list(pool.map(lambda engine: migrate.current_revision(migrated(engine)), engines)) == ["r2", "r2"]
    with engines[0].connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM message_chain")).scalar_one() == 8
    for engine in engines:
        engine.dispose()


def migrated(engine: Engine) -> Engine:
    migrate.upgrade(engine)
    return engine
