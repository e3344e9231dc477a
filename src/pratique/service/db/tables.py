"""The tables, as SQLAlchemy Core sees them; `migrations/` makes them, and a test holds the two equal.

Times are ISO 8601 text in UTC, which sorts as time does. Ids are stored in lower case for comparison, the
spelling that the writer used lives in the document.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

facts = Table(
    "facts",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

definitions = Table(
    "definitions",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("name", String, nullable=False),
    Column("document", JSON, nullable=False),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
)

assignments = Table(
    "assignments",
    metadata,
    Column("id", String, primary_key=True),
    Column("scope", String, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("definition_id", String, nullable=False, index=True),
    Column("document", JSON, nullable=False),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
)

clusters = Table(
    "clusters",
    metadata,
    Column("name", String, primary_key=True),
    Column("document", JSON, nullable=False),
    Column("kubeconfig", Text, nullable=False, default=""),
    Column("addon_state", String, nullable=False, default="Disabled"),
    Column("addon_message", Text, nullable=False, default=""),
    Column("agents", JSON, nullable=False),
    Column("problems", JSON, nullable=False),
    Column("foreign", JSON, nullable=False),
    Column("last_seen", String),
    Column("kubernetes_version", String, nullable=False, default=""),
    Column("applied_revision", Integer, nullable=False, default=0),
    Column("applied_at", String),
    Column("created_at", String, nullable=False),
)

desired = Table(
    "desired",
    metadata,
    Column("cluster", String, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("hash", String, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("bindings", JSON, nullable=False),
    Column("updated_at", String, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("cluster", String, nullable=False),
    Column("key", Text, nullable=False),
    Column("constraint_kind", String, nullable=False),
    Column("constraint_name", String, nullable=False),
    Column("assignment_id", String, nullable=False),
    Column("reference_id", String, nullable=False),
    Column("definition_id", String, nullable=False),
    Column("group", String, nullable=False),
    Column("version", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("namespace", String, nullable=False),
    Column("name", String, nullable=False),
    Column("uid", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("messages", JSON, nullable=False),
    Column("field", Text, nullable=False),
    Column("action", String, nullable=False),
    Column("first_seen", String, nullable=False),
    Column("last_seen", String, nullable=False),
    Column("fixed_at", String),
    Column("closed_by", String, nullable=False, default=""),
    # The agent still counts this row as open: what its digest covers, whatever we have closed meanwhile.
    Column("held", Boolean, nullable=False, default=True),
    sqlite_autoincrement=True,
)
Index("records_held", records.c.cluster, records.c.key, unique=True, sqlite_where=records.c.held.is_(True))
Index("records_open", records.c.assignment_id, records.c.cluster, sqlite_where=records.c.fixed_at.is_(None))

sessions = Table(
    "report_sessions",
    metadata,
    Column("cluster", String, primary_key=True),
    Column("session", String, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("reported_at", String, nullable=False),
)

totals = Table(
    "totals",
    metadata,
    Column("cluster", String, primary_key=True),
    Column("constraint_kind", String, primary_key=True),
    Column("constraint_name", String, primary_key=True),
    Column("evaluated", Integer, nullable=False),
    Column("violating", Integer, nullable=False),
    Column("updated_at", String, nullable=False),
)

coverage = Table(
    "coverage",
    metadata,
    Column("cluster", String, primary_key=True),
    Column("group", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("objects", Integer, nullable=False),
    Column("last_listed", String),
    Column("error", Text, nullable=False),
)

denials = Table(
    "denials",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("cluster", String, nullable=False),
    Column("time", String, nullable=False, index=True),
    Column("constraint_kind", String, nullable=False),
    Column("constraint_name", String, nullable=False),
    Column("assignment_id", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("action", String, nullable=False),
    Column("user", Text, nullable=False),
    Column("groups", JSON, nullable=False),
    Column("operation", String, nullable=False),
    Column("group", String, nullable=False),
    Column("version", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("namespace", String, nullable=False),
    Column("name", String, nullable=False),
    Column("request_uid", String, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
Index(
    "denials_once",
    denials.c.cluster,
    denials.c.request_uid,
    denials.c.constraint_kind,
    denials.c.constraint_name,
    denials.c.message,
    unique=True,
)

activity = Table(
    "activity",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("time", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("actor_type", String, nullable=False),
    Column("operation", String, nullable=False, index=True),
    Column("target", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    sqlite_autoincrement=True,
)

users = Table(
    "users",
    metadata,
    Column("name", String, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("role", String, nullable=False),
    Column("created_at", String, nullable=False),
)

principals = Table(
    "principals",
    metadata,
    Column("client_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("secret_hash", String, nullable=False),
    Column("role", String, nullable=False),
    Column("created_at", String, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False, index=True),
    Column("role", String, nullable=False),
    Column("cluster", String, nullable=False, default=""),
    Column("created_at", String, nullable=False),
    Column("expires_at", String),
)

links = Table(
    "links",
    metadata,
    Column("hash", String, primary_key=True),
    Column("user", String, nullable=False),
    Column("expires_at", String, nullable=False),
)

trend = Table(
    "trend",
    metadata,
    Column("time", String, primary_key=True),
    Column("non_compliant", Integer, nullable=False),
    Column("percentage", Float, nullable=False),
)
