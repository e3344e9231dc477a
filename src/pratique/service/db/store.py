"""The open database: reading and writing transactions, migrations at start, a backup before each.

One writer at a time, taken by a lock of ours and `BEGIN IMMEDIATE`, so no writer ever waits inside SQLite
for a lock that it cannot get; readers see the last commit (WAL). Everything here blocks: the routes call
it in a thread.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from pratique.errors import ConflictError, UnavailableError

MIGRATIONS = Path(__file__).with_name("migrations")


def timestamp() -> str:
    """Return the present time as ISO 8601 text in UTC, in microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Store:
    """The database of one service: `read()` and `write()` yield a connection in a transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine: sqlalchemy.Engine | None = None
        self._writing = threading.RLock()

    def open(self) -> None:
        """Open the file, making it or bringing it up to this version's schema.

        Raises ConflictError when a newer version has written the data.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.parent.chmod(0o700)
        descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
        os.close(descriptor)
        engine = sqlalchemy.create_engine(
            f"sqlite:///{self.path}", connect_args={"check_same_thread": False, "timeout": 30}, pool_size=8
        )
        sqlalchemy.event.listen(engine, "connect", _configure)
        sqlalchemy.event.listen(engine, "begin", _begin)
        try:
            self._migrate(engine)
        except sqlalchemy.exc.DatabaseError as error:
            engine.dispose()
            raise UnavailableError(
                f"cannot read `{self.path}`: {error.orig}",
                hint="put back a backup (`pratique.db.<version>.backup` beside it), or start with `--reset`",
            ) from error
        except BaseException:
            engine.dispose()
            raise
        self._engine = engine

    def close(self) -> None:
        """Close every connection; closing twice is fine."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment of the data."""
        with self._opened().connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection whose changes are kept when the block ends well, and dropped when it raises."""
        engine = self._opened()
        with (
            self._writing,
            engine.connect().execution_options(writing=True) as connection,
            connection.begin(),
        ):
            yield connection

    def _opened(self) -> sqlalchemy.Engine:
        if self._engine is None:
            raise UnavailableError("the service's data is closed", hint="start the service")
        return self._engine

    def _migrate(self, engine: sqlalchemy.Engine) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        scripts = ScriptDirectory.from_config(config)
        head = scripts.get_current_head()
        known = {script.revision for script in scripts.walk_revisions()}
        with engine.connect() as connection:
            inspector = sqlalchemy.inspect(connection)
            current: str | None = None
            if inspector.has_table("alembic_version"):
                current = connection.execute(
                    sqlalchemy.text("select version_num from alembic_version")
                ).scalar()
        if current == head:
            return
        if current is not None and current not in known:
            raise ConflictError(
                f"`{self.path}` was written by a newer version of pratique (schema `{current}`)",
                hint="install that version again, or start with another PRATIQUE_HOME",
            )
        if current is not None:
            self._back_up(current)
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _back_up(self, version: str) -> Path:
        target = self.path.with_name(f"{self.path.name}.{version}.backup")
        descriptor = os.open(target, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
        os.close(descriptor)
        source, copy = sqlite3.connect(self.path), sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
        return target


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction handling commits before some statements; ours is explicit
    # (SQLAlchemy's documentation, dialect pysqlite, "Serializable isolation / Savepoints").
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
