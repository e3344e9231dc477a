"""What happened: the activity log (append-only, the database itself refuses changes), denials, the trend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from pratique.policy import ids
from pratique.service.db import tables
from pratique.service.db.store import timestamp

Row = dict[str, Any]


def log(
    connection: Connection,
    *,
    actor: str,
    actor_type: str,
    operation: str,
    target: str,
    detail: Row | None = None,
) -> None:
    """Append an entry to the activity log."""
    connection.execute(
        insert(tables.activity).values(
            time=timestamp(),
            actor=actor,
            actor_type=actor_type,
            operation=operation,
            target=target,
            detail=detail or {},
        )
    )


def list_activity(connection: Connection, *, filters: Row, before: int, limit: int) -> list[Row]:
    """Return entries newest first, below the id `before` (0: from the newest)."""
    table = tables.activity
    statement = select(table).order_by(table.c.id.desc()).limit(limit)
    if before:
        statement = statement.where(table.c.id < before)
    for name in ("target", "operation", "actor"):
        if filters.get(name):
            column = table.c[name]
            statement = statement.where(func.lower(column).contains(filters[name].lower(), autoescape=True))
    return [dict(row) for row in connection.execute(statement).mappings()]


def add_denials(connection: Connection, rows: Sequence[Row]) -> int:
    """Store denials, each once; return how many were new."""
    if not rows:
        return 0
    statement = upsert(tables.denials).on_conflict_do_nothing().returning(tables.denials.c.id)
    return len(connection.execute(statement, list(rows)).all())


def list_denials(connection: Connection, *, filters: Row, before: int, limit: int) -> list[Row]:
    """Return denials newest first, below the id `before` (0: from the newest)."""
    table = tables.denials
    statement = select(table).order_by(table.c.id.desc()).limit(limit)
    if before:
        statement = statement.where(table.c.id < before)
    if cluster := filters.get("cluster"):
        statement = statement.where(table.c.cluster == cluster.lower())
    if assignment := filters.get("assignment"):
        statement = statement.where(table.c.assignment_id == ids.key(assignment))
    if namespace := filters.get("namespace"):
        statement = statement.where(table.c.namespace == namespace)
    if search := filters.get("search"):
        columns = (table.c.message, table.c.name, table.c.namespace, table.c.user, table.c.constraint_name)
        statement = statement.where(
            or_(*(func.lower(column).contains(search.lower(), autoescape=True) for column in columns))
        )
    return [dict(row) for row in connection.execute(statement).mappings()]


def count_denials(connection: Connection, since: str) -> int:
    """Return how many requests were denied since a time."""
    table = tables.denials
    statement = select(func.count()).select_from(table).where(table.c.time >= since, table.c.action == "deny")
    return int(connection.execute(statement).scalar() or 0)


def put_trend(connection: Connection, time: str, *, non_compliant: int, percentage: float) -> None:
    """Store the trend's point of a minute; the last of the minute stays."""
    values = {"non_compliant": non_compliant, "percentage": percentage}
    statement = upsert(tables.trend).values(time=time, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["time"], set_=values))


def list_trend(connection: Connection, since: str) -> list[Row]:
    """Return the trend's points since a time, oldest first, with the last one before it as the start."""
    table = tables.trend
    start = connection.execute(
        select(table).where(table.c.time < since).order_by(table.c.time.desc()).limit(1)
    ).mappings()
    rows = connection.execute(select(table).where(table.c.time >= since).order_by(table.c.time)).mappings()
    return [dict(row) for row in (*start, *rows)]
