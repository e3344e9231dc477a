"""Clusters, what is desired of each, and what each last told about itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from pratique.service.db import tables
from pratique.service.db.store import timestamp

Row = dict[str, Any]


def get(connection: Connection, name: str) -> Row | None:
    """Return a cluster's row, with the revision that is desired of it."""
    return next(iter(_rows(connection, name)), None)


def list_all(connection: Connection) -> list[Row]:
    """Return every cluster, by name."""
    return _rows(connection, "")


def names(connection: Connection) -> list[str]:
    """Return the clusters' names as their writers spelled them."""
    rows = connection.execute(select(tables.clusters.c.document).order_by(tables.clusters.c.name)).scalars()
    return [document["name"] for document in rows]


def put(connection: Connection, document: Row, *, kubeconfig: str | None) -> None:
    """Make a cluster or change its document; without a kubeconfig the old one stays."""
    values = {
        "name": document["name"].lower(),
        "document": document,
        "kubeconfig": kubeconfig or "",
        "agents": [],
        "problems": [],
        "foreign": [],
        "created_at": timestamp(),
    }
    changed: Row = {"document": document}
    if kubeconfig is not None:
        changed["kubeconfig"] = kubeconfig
    connection.execute(
        upsert(tables.clusters).values(**values).on_conflict_do_update(index_elements=["name"], set_=changed)
    )


def change(connection: Connection, name: str, **values: Any) -> None:
    """Change columns of a cluster."""
    connection.execute(update(tables.clusters).where(tables.clusters.c.name == name.lower()).values(**values))


def remove(connection: Connection, name: str) -> None:
    """Forget a cluster and what was desired of it and counted in it; its records are the caller's."""
    for table in (tables.desired, tables.sessions, tables.totals, tables.coverage):
        connection.execute(delete(table).where(table.c.cluster == name.lower()))
    connection.execute(delete(tables.clusters).where(tables.clusters.c.name == name.lower()))


def get_desired(connection: Connection, name: str) -> Row | None:
    """Return the desired state's row: revision, hash, document (bytes), bindings."""
    row = connection.execute(select(tables.desired).where(tables.desired.c.cluster == name.lower()))
    found = row.mappings().first()
    return dict(found) if found is not None else None


def put_desired(connection: Connection, name: str, **values: Any) -> None:
    """Store a new desired state: revision, hash, document, bindings."""
    values["updated_at"] = timestamp()
    statement = upsert(tables.desired).values(cluster=name.lower(), **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["cluster"], set_=values))


def list_bindings(connection: Connection) -> dict[str, list[Row]]:
    """Return what is bound in each cluster: cluster name (lower case) to bindings."""
    rows = connection.execute(select(tables.desired.c.cluster, tables.desired.c.bindings))
    return {row.cluster: row.bindings for row in rows}


def _rows(connection: Connection, name: str) -> list[Row]:
    statement = (
        select(tables.clusters, tables.desired.c.revision, tables.desired.c.hash)
        .join_from(
            tables.clusters, tables.desired, tables.desired.c.cluster == tables.clusters.c.name, isouter=True
        )
        .order_by(tables.clusters.c.name)
    )
    if name:
        statement = statement.where(tables.clusters.c.name == name.lower())
    return [dict(row) for row in connection.execute(statement).mappings()]
