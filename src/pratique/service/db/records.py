"""Records as transitions: a row opens when a component violates, and is closed, never deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from pratique.policy import ids
from pratique.service.db import tables

Row = dict[str, Any]
Value = TypeVar("Value")

records = tables.records
# SQLite's limit on variables in one statement is 32,766 since 3.32; a slice stays far below it.
SLICE = 500


def held(connection: Connection, cluster: str, *, keys: Iterable[str] | None = None) -> dict[str, Row]:
    """Return what the agent of a cluster counts as open, by key; of some keys alone when they are given."""
    columns = select(records.c.key, records.c.id, records.c.fixed_at)
    mine = columns.where(records.c.cluster == cluster, records.c.held.is_(True))
    parts = [mine] if keys is None else [mine.where(records.c.key.in_(part)) for part in _slices(keys)]
    return {
        row.key: {"id": row.id, "fixed_at": row.fixed_at}
        for part in parts
        for row in connection.execute(part)
    }


def held_pairs(connection: Connection, cluster: str) -> list[tuple[str, str]]:
    """Return key and message of what the agent counts as open: what its digest covers."""
    # Plain rows of the driver: this runs for every report, over everything that is open.
    rows = connection.exec_driver_sql(
        "SELECT key, message FROM records WHERE cluster = ? AND held = 1", (cluster,)
    )
    return [(key, message) for key, message in rows]


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Open records."""
    if rows:
        connection.execute(insert(records), list(rows))


def refresh(connection: Connection, rows: Sequence[Row]) -> None:
    """Change what an open record says; each row has `id` and the columns that an agent sends."""
    if not rows:
        return
    columns = ("message", "messages", "field", "action", "last_seen", "uid", "reference_id")
    statement = (
        update(records)
        .where(records.c.id == bindparam("row_id"))
        .values({name: bindparam(f"new_{name}") for name in columns})
    )
    connection.execute(
        statement,
        [{"row_id": row["id"], **{f"new_{name}": row[name] for name in columns}} for row in rows],
    )


def release(connection: Connection, identifiers: Iterable[int], *, now: str) -> None:
    """The agent no longer counts these as open: close those that are not closed yet."""
    for part in _slices(identifiers):
        mine = records.c.id.in_(part)
        connection.execute(
            update(records).where(mine, records.c.fixed_at.is_(None)).values(fixed_at=now, closed_by="fixed")
        )
        connection.execute(update(records).where(mine).values(held=False))


def open_constraints(connection: Connection, cluster: str) -> list[tuple[str, str]]:
    """Return (kind, name) of the constraints of assignments that have open records in a cluster."""
    rows = connection.execute(
        select(records.c.constraint_kind, records.c.constraint_name)
        .where(records.c.cluster == cluster, records.c.fixed_at.is_(None), records.c.assignment_id != "")
        .distinct()
    )
    return [(row[0], row[1]) for row in rows]


def close(
    connection: Connection, cluster: str, *, constraint: tuple[str, str] | None, now: str, reason: str
) -> int:
    """Close the open records of a constraint, or all of a cluster; return how many."""
    statement = update(records).where(records.c.cluster == cluster, records.c.fixed_at.is_(None))
    if constraint is not None:
        statement = statement.where(
            records.c.constraint_kind == constraint[0], records.c.constraint_name == constraint[1]
        )
    return int(connection.execute(statement.values(fixed_at=now, closed_by=reason)).rowcount)


def release_all(connection: Connection, cluster: str) -> None:
    """Nobody holds any record of a cluster open any more."""
    connection.execute(
        update(records).where(records.c.cluster == cluster, records.c.held.is_(True)).values(held=False)
    )


def get(connection: Connection, identifier: int) -> Row | None:
    """Return one record."""
    row = connection.execute(select(records).where(records.c.id == identifier)).mappings().first()
    return dict(row) if row is not None else None


def find(connection: Connection, *, filters: Row, before: int, limit: int) -> list[Row]:
    """Return records newest first, below the id `before` (0: from the newest)."""
    statement = select(records).order_by(records.c.id.desc()).limit(limit)
    if before:
        statement = statement.where(records.c.id < before)
    closed = filters.get("closed")
    if closed == "only":
        statement = statement.where(records.c.fixed_at.is_not(None))
    elif not closed:
        statement = statement.where(records.c.fixed_at.is_(None))
    for name, column in (("cluster", records.c.cluster), ("kind", records.c.kind)):
        if filters.get(name):
            statement = statement.where(func.lower(column) == filters[name].lower())
    for name, column in (("assignment", records.c.assignment_id), ("definition", records.c.definition_id)):
        if filters.get(name):
            statement = statement.where(column == ids.key(filters[name]))
    if filters.get("namespace"):
        statement = statement.where(records.c.namespace == filters["namespace"])
    if search := filters.get("search"):
        columns = (records.c.name, records.c.namespace, records.c.message, records.c.constraint_name)
        statement = statement.where(
            or_(*(func.lower(column).contains(search.lower(), autoescape=True) for column in columns))
        )
    return [dict(row) for row in connection.execute(statement).mappings()]


def count_open(connection: Connection) -> dict[tuple[str, str, str], Row]:
    """Return open records by (cluster, constraint kind, constraint name): count, first and last time."""
    rows = connection.execute(
        select(
            records.c.cluster,
            records.c.constraint_kind,
            records.c.constraint_name,
            func.count().label("count"),
            func.min(records.c.first_seen).label("first_seen"),
            func.max(records.c.last_seen).label("last_seen"),
        )
        .where(records.c.fixed_at.is_(None))
        .group_by(records.c.cluster, records.c.constraint_kind, records.c.constraint_name)
    )
    return {
        (row["cluster"], row["constraint_kind"], row["constraint_name"]): dict(row) for row in rows.mappings()
    }


def get_session(connection: Connection, cluster: str) -> Row | None:
    """Return the report session of a cluster."""
    row = connection.execute(select(tables.sessions).where(tables.sessions.c.cluster == cluster))
    found = row.mappings().first()
    return dict(found) if found is not None else None


def list_sessions(connection: Connection) -> dict[str, str]:
    """Return when each cluster last reported."""
    rows = connection.execute(select(tables.sessions.c.cluster, tables.sessions.c.reported_at))
    return {row.cluster: row.reported_at for row in rows}


def put_session(connection: Connection, cluster: str, *, session: str, sequence: int, now: str) -> None:
    """Store how far a report session has come."""
    values = {"session": session, "sequence": sequence, "reported_at": now}
    statement = upsert(tables.sessions).values(cluster=cluster, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["cluster"], set_=values))


def put_totals(connection: Connection, cluster: str, rows: Sequence[Row], *, all_of_them: bool) -> None:
    """Store totals of a cluster; with `all_of_them` in place of those before."""
    _put(connection, tables.totals, cluster, rows, all_of_them)


def list_totals(connection: Connection) -> dict[tuple[str, str, str], Row]:
    """Return totals by (cluster, constraint kind, constraint name)."""
    rows = connection.execute(select(tables.totals)).mappings()
    return {(row["cluster"], row["constraint_kind"], row["constraint_name"]): dict(row) for row in rows}


def put_coverage(connection: Connection, cluster: str, rows: Sequence[Row], *, all_of_them: bool) -> None:
    """Store which kinds a cluster's audit covers; with `all_of_them` in place of those before."""
    _put(connection, tables.coverage, cluster, rows, all_of_them)


def list_coverage(connection: Connection, cluster: str) -> list[Row]:
    """Return which kinds a cluster's audit covers."""
    rows = connection.execute(select(tables.coverage).where(tables.coverage.c.cluster == cluster)).mappings()
    return [dict(row) for row in rows]


def forget_reports(connection: Connection, cluster: str) -> None:
    """Forget what a cluster reported besides its records; its next report has to be a full one."""
    for table in (tables.sessions, tables.totals, tables.coverage):
        connection.execute(delete(table).where(table.c.cluster == cluster))


def _put(connection: Connection, table: Table, cluster: str, rows: Sequence[Row], all_of_them: bool) -> None:
    if all_of_them:
        connection.execute(delete(table).where(table.c.cluster == cluster))
    if rows:
        keys = [column.name for column in table.primary_key]
        statement = upsert(table)
        values = {name: statement.excluded[name] for name in rows[0] if name not in keys}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), list(rows))


def _slices(values: Iterable[Value]) -> Iterable[list[Value]]:
    everything = list(values)
    for start in range(0, len(everything), SLICE):
        yield everything[start : start + SLICE]
