"""The database: its schema, its migrations, and what happens to data of other versions."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from pratique.errors import ConflictError, UnavailableError
from pratique.service.db import accounts, tables
from pratique.service.db.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Any:
    found = Store(tmp_path / "state" / "pratique.db")
    found.open()
    yield found
    found.close()


def test_the_migrations_make_the_tables_that_the_code_uses(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_nobody_else_can_read_the_data(store: Store) -> None:
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_a_write_that_fails_keeps_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as connection:
        accounts.put_fact(connection, "half", "done")
        raise ZeroDivisionError
    with store.read() as connection:
        assert accounts.get_fact(connection, "half") is None


def test_readers_see_the_last_commit_while_somebody_writes(store: Store) -> None:
    with store.write() as writing:
        accounts.put_fact(writing, "key", "new")
        with store.read() as reading:
            assert accounts.get_fact(reading, "key") is None
    with store.read() as reading:
        assert accounts.get_fact(reading, "key") == "new"


def test_data_of_a_newer_version_is_refused_and_untouched(store: Store) -> None:
    store.close()
    _set_version(store.path, "9999")
    before = store.path.read_bytes()
    with pytest.raises(ConflictError, match="newer version"):
        store.open()
    assert store.path.read_bytes() == before


def test_data_of_an_older_version_is_backed_up_and_migrated(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with store.write() as connection:
        accounts.put_fact(connection, "kept", "yes")
    store.close()
    monkeypatch.setattr("pratique.service.db.store.MIGRATIONS", _with_one_more(tmp_path))
    store.open()
    with store.read() as connection:
        assert accounts.get_fact(connection, "kept") == "yes"
        assert connection.exec_driver_sql("select count(*) from added").scalar() == 0
    backup = store.path.with_name("pratique.db.0001.backup")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with sqlite3.connect(backup) as copy:
        assert copy.execute("select value from facts where key = 'kept'").fetchall() == [("yes",)]
        assert copy.execute("select name from sqlite_master where name = 'added'").fetchall() == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state" / "pratique.db"
    path.parent.mkdir()
    path.write_bytes(b"this is not a database, but it is long enough to look at" * 20)
    with pytest.raises(UnavailableError, match=r"pratique\.db"):
        Store(path).open()


def _set_version(path: Path, version: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("update alembic_version set version_num = ?", (version,))
    connection.close()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()


def _with_one_more(folder: Path) -> Path:
    """Return a copy of the migrations with a later version."""
    from pratique.service.db.store import MIGRATIONS

    copy = folder / "migrations"
    (copy / "versions").mkdir(parents=True)
    for file in (MIGRATIONS / "env.py", *MIGRATIONS.glob("versions/v*.py")):
        (copy / file.relative_to(MIGRATIONS)).write_text(file.read_text())
    (copy / "versions" / "v9000_more.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        "revision, down_revision, branch_labels, depends_on = '9000', '0001', None, None\n"
        "def upgrade():\n    op.create_table('added', sa.Column('id', sa.Integer, primary_key=True))\n"
    )
    return copy
