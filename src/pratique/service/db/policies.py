"""Custom definitions, initiatives and assignments: documents under their lower-case ids."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from pratique.policy import ids
from pratique.service.db import tables
from pratique.service.db.store import timestamp

Document = dict[str, Any]


def put_definition(connection: Connection, document: Document, *, kind: str, scope: str) -> None:
    """Store a definition or an initiative (`kind` is the type's last name)."""
    now = timestamp()
    values = {
        "id": ids.key(document["id"]),
        "kind": kind,
        "scope": ids.key(scope),
        "name": document["name"],
        "document": document,
        "created_at": now,
        "updated_at": now,
    }
    statement = upsert(tables.definitions).values(**values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={"document": document, "updated_at": now})
    )


def get_definition(connection: Connection, identifier: str) -> Document | None:
    """Return a custom definition or initiative."""
    return connection.execute(
        select(tables.definitions.c.document).where(tables.definitions.c.id == ids.key(identifier))
    ).scalar()


def list_definitions(connection: Connection, *, kind: str) -> list[tuple[str, Document]]:
    """Return (scope, document) of each custom definition of a kind, oldest first."""
    table = tables.definitions
    rows = connection.execute(
        select(table.c.scope, table.c.document)
        .where(table.c.kind == kind)
        .order_by(table.c.created_at, table.c.id)
    )
    return [(row.scope, row.document) for row in rows]


def delete_definition(connection: Connection, identifier: str) -> None:
    """Delete a definition or an initiative."""
    connection.execute(delete(tables.definitions).where(tables.definitions.c.id == ids.key(identifier)))


def put_assignment(connection: Connection, document: Document, *, scope: str) -> None:
    """Store an assignment."""
    now = timestamp()
    definition = ids.key(document["properties"]["policyDefinitionId"])
    values = {
        "id": ids.key(document["id"]),
        "scope": ids.key(scope),
        "name": document["name"],
        "definition_id": definition,
        "document": document,
        "created_at": now,
        "updated_at": now,
    }
    statement = upsert(tables.assignments).values(**values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"],
            set_={"document": document, "definition_id": definition, "updated_at": now},
        )
    )


def get_assignment(connection: Connection, identifier: str) -> Document | None:
    """Return an assignment."""
    return connection.execute(
        select(tables.assignments.c.document).where(tables.assignments.c.id == ids.key(identifier))
    ).scalar()


def list_assignments(connection: Connection, *, definition: str = "") -> list[Document]:
    """Return the assignments, oldest first; those of one definition when it is given."""
    table = tables.assignments
    statement = select(table.c.document).order_by(table.c.created_at, table.c.id)
    if definition:
        statement = statement.where(table.c.definition_id == ids.key(definition))
    return list(connection.execute(statement).scalars())


def delete_assignment(connection: Connection, identifier: str) -> None:
    """Delete an assignment."""
    connection.execute(delete(tables.assignments).where(tables.assignments.c.id == ids.key(identifier)))
