"""Facts about the installation, users, service principals, tokens and sign-in links. Hashes only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from pratique.service.db import tables
from pratique.service.db.store import timestamp

Row = dict[str, Any]


def get_fact(connection: Connection, key: str) -> str | None:
    """Return a fact's value."""
    found: str | None = connection.execute(
        select(tables.facts.c.value).where(tables.facts.c.key == key)
    ).scalar()
    return found


def put_fact(connection: Connection, key: str, value: str) -> None:
    """Store a fact."""
    statement = upsert(tables.facts).values(key=key, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


def get_user(connection: Connection, name: str) -> Row | None:
    """Return a user with the hash of the password."""
    return _one(connection, select(tables.users).where(tables.users.c.name == name))


def put_user(connection: Connection, name: str, *, password_hash: str, role: str) -> None:
    """Make a user, or give one a new password and role."""
    values = {"name": name, "password_hash": password_hash, "role": role, "created_at": timestamp()}
    statement = upsert(tables.users).values(**values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"password_hash": password_hash, "role": role}
        )
    )


def get_principal(connection: Connection, client_id: str) -> Row | None:
    """Return a service principal with the hash of its secret."""
    return _one(
        connection, select(tables.principals).where(tables.principals.c.client_id == client_id.lower())
    )


def first_principal(connection: Connection) -> Row | None:
    """Return the service principal that the first start made."""
    return _one(connection, select(tables.principals).order_by(tables.principals.c.created_at).limit(1))


def put_principal(connection: Connection, client_id: str, *, name: str, secret_hash: str, role: str) -> None:
    """Make a service principal, or give one a new secret."""
    values = {
        "client_id": client_id,
        "name": name,
        "secret_hash": secret_hash,
        "role": role,
        "created_at": timestamp(),
    }
    statement = upsert(tables.principals).values(**values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["client_id"], set_={"secret_hash": secret_hash})
    )


def get_token(connection: Connection, token_hash: str) -> Row | None:
    """Return what a token stands for."""
    return _one(connection, select(tables.tokens).where(tables.tokens.c.hash == token_hash))


def add_token(connection: Connection, **values: Any) -> None:
    """Store a token's hash: `hash, kind, subject, role, cluster, expires_at`."""
    connection.execute(insert(tables.tokens).values(created_at=timestamp(), **values))


def remove_token(connection: Connection, token_hash: str) -> None:
    """Forget a token."""
    connection.execute(delete(tables.tokens).where(tables.tokens.c.hash == token_hash))


def remove_agent_tokens(connection: Connection, cluster: str) -> None:
    """Forget the agent tokens of a cluster."""
    connection.execute(
        delete(tables.tokens).where(tables.tokens.c.kind == "agent", tables.tokens.c.cluster == cluster)
    )


def remove_tokens_of(connection: Connection, subject: str) -> None:
    """End every session and API token of a user."""
    connection.execute(
        delete(tables.tokens).where(tables.tokens.c.kind != "agent", tables.tokens.c.subject == subject)
    )


def remove_expired(connection: Connection, now: str) -> None:
    """Forget tokens and links that no longer work."""
    connection.execute(delete(tables.tokens).where(tables.tokens.c.expires_at < now))
    connection.execute(delete(tables.links).where(tables.links.c.expires_at < now))


def add_link(connection: Connection, link_hash: str, *, user: str, expires_at: str) -> None:
    """Store a one-time link's hash."""
    connection.execute(insert(tables.links).values(hash=link_hash, user=user, expires_at=expires_at))


def take_link(connection: Connection, link_hash: str, *, now: str) -> str | None:
    """Use a one-time link up and return its user, or None when it does not work (any more)."""
    statement = delete(tables.links).where(tables.links.c.hash == link_hash, tables.links.c.expires_at > now)
    found: str | None = connection.execute(statement.returning(tables.links.c.user)).scalar()
    return found


def _one(connection: Connection, statement: Any) -> Row | None:
    row = connection.execute(statement).mappings().first()
    return dict(row) if row is not None else None
