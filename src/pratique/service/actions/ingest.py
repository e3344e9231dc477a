"""Reports of agents, turned into records: opened, refreshed, closed; never lost, never counted twice.

A report belongs to a session and has a number in it. A repeated one is acknowledged and changes nothing; a
gap, an unknown session or a digest that differs asks the agent for everything. A full report replaces
whatever was open. What an agent holds open and what we show open are two things: an assignment that goes
closes its records here at once, and the agent catches up (`records.held`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from pratique.client.service import digest
from pratique.policy import ids
from pratique.service.actions import trend
from pratique.service.actions.context import Context
from pratique.service.actions.fleet import get_row
from pratique.service.db import clusters, journal, records
from pratique.service.db.store import timestamp
from pratique.service.errors import RequestError

Document = dict[str, Any]

TEXTS = (
    ("key", "key"),
    ("constraint_kind", "constraintKind"),
    ("constraint_name", "constraintName"),
    ("assignment_id", "assignmentId"),
    ("reference_id", "referenceId"),
    ("group", "group"),
    ("version", "version"),
    ("kind", "kind"),
    ("namespace", "namespace"),
    ("name", "name"),
    ("uid", "uid"),
    ("message", "message"),
    ("field", "field"),
    ("action", "action"),
)
DENIAL_TEXTS = (
    ("time", "time"),
    ("constraint_kind", "constraintKind"),
    ("constraint_name", "constraintName"),
    ("assignment_id", "assignmentId"),
    ("message", "message"),
    ("action", "action"),
    ("user", "user"),
    ("operation", "operation"),
    ("group", "group"),
    ("version", "version"),
    ("kind", "kind"),
    ("namespace", "namespace"),
    ("name", "name"),
    ("request_uid", "requestUid"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """A report, read and checked."""

    session: str
    sequence: int
    full: bool
    upserts: list[Document]
    removals: list[str]
    totals: list[Document]
    coverage: list[Document]
    digest: str


def report(context: Context, name: str, body: Document) -> Document:
    """Take a report in; answer how far the session has come, and whether everything is needed."""
    row = get_row(context, name)
    cluster = row["name"]
    given = read_report(body)
    now = timestamp()
    with context.store.write() as connection:
        session = records.get_session(connection, cluster)
        verdict = _place(session, given)
        if verdict is not None:
            clusters.change(connection, cluster, last_seen=now)
            return verdict
        changed = _store(connection, cluster, given, now)
        agrees = digest(records.held_pairs(connection, cluster))
        if given.full and given.digest and agrees != given.digest:
            raise RequestError(
                "the digest does not fit the records of this full report",
                code="DigestMismatch",
                target="digest",
                hint="digest = sha256 over the sorted lines `key TAB message`, joined by newlines",
            )
        records.put_session(connection, cluster, session=given.session, sequence=given.sequence, now=now)
        counted, covered = _totals(cluster, given.totals, now), _coverage(cluster, given.coverage)
        records.put_totals(connection, cluster, counted, all_of_them=given.full)
        records.put_coverage(connection, cluster, covered, all_of_them=given.full)
        clusters.change(connection, cluster, last_seen=now)
        trend.note(connection)
    context.hub.publish("records", cluster=cluster, changed=changed)
    return {"accepted": given.sequence, "resync": bool(given.digest) and agrees != given.digest}


def denials(context: Context, name: str, body: Document) -> Document:
    """Take denials in; a repeated one counts once."""
    cluster = get_row(context, name)["name"]
    rows = []
    for index, entry in enumerate(_objects(body, "denials")):
        values = _texts(entry, DENIAL_TEXTS, f"denials[{index}]")
        groups = entry.get("groups") or []
        rows.append(
            {
                **values,
                "cluster": cluster,
                "assignment_id": ids.key(values["assignment_id"]),
                "time": values["time"] or timestamp(),
                "groups": [str(group) for group in groups] if isinstance(groups, list) else [],
                "dry_run": bool(entry.get("dryRun")),
            }
        )
    with context.store.write() as connection:
        added = journal.add_denials(connection, rows)
    if added:
        context.hub.publish("denials", cluster=cluster)
    return {"accepted": len(rows), "new": added}


def read_report(body: Document) -> Report:
    """Return the report that a body holds.

    Raises RequestError naming the first member that is wrong.
    """
    session, sequence, full = body.get("session"), body.get("sequence"), body.get("full", False)
    if not isinstance(session, str) or not session:
        raise RequestError("`session` must be text", target="session")
    if not isinstance(sequence, int) or isinstance(sequence, bool) or sequence < 1:
        raise RequestError("`sequence` must be a whole number from 1", target="sequence")
    removals = body.get("removals") or []
    if not isinstance(removals, list) or not all(isinstance(key, str) for key in removals):
        raise RequestError("`removals` must be an array of keys", target="removals")
    upserts = []
    for index, entry in enumerate(_objects(body, "upserts")):
        where = f"upserts[{index}]"
        values = _texts(entry, TEXTS, where)
        if not values["key"]:
            raise RequestError(f"`{where}` needs a `key`", target=f"{where}.key")
        messages = entry.get("messages")
        values["messages"] = messages if isinstance(messages, list) else [values["message"]]
        values["first_seen"] = _text(entry, "firstSeen", where)
        values["last_seen"] = _text(entry, "lastSeen", where)
        upserts.append(values)
    return Report(
        session=session,
        sequence=sequence,
        full=bool(full),
        upserts=upserts,
        removals=removals,
        totals=_objects(body, "totals"),
        coverage=_objects(body, "coverage"),
        digest=_text(body, "digest", ""),
    )


def _place(session: Document | None, given: Report) -> Document | None:
    """Return the answer when the report is not to be stored: seen before, or out of order."""
    known = session is not None and session["session"] == given.session
    last = session["sequence"] if session is not None and known else 0
    if known and given.sequence <= last:
        return {"accepted": last, "resync": False}
    if given.full:
        return None
    if not known or given.sequence != last + 1:
        return {"accepted": last, "resync": True}
    return None


def _store(connection: Connection, cluster: str, given: Report, now: str) -> int:
    touched = None if given.full else [*(entry["key"] for entry in given.upserts), *given.removals]
    held = records.held(connection, cluster, keys=touched)
    owners = _owners(clusters.get_desired(connection, cluster))
    fresh, refreshed, gone = [], [], []
    latest = {entry["key"]: entry for entry in given.upserts}
    for key, entry in latest.items():
        entry["last_seen"] = entry["last_seen"] or now
        owner = owners.get((entry["constraint_kind"], entry["constraint_name"]))
        before = held.get(key)
        if before is not None and (before["fixed_at"] is None or owner is None):
            refreshed.append({**entry, "id": before["id"]})
            continue
        if before is not None:
            gone.append(before["id"])  # closed by an assignment that went and came back: a new row opens
        fresh.append(_opened(cluster, entry, owner, now))
    keys = set(held) - set(latest) if given.full else set(given.removals) & set(held)
    gone += [held[key]["id"] for key in keys]
    records.release(connection, gone, now=now)
    records.refresh(connection, refreshed)
    records.add(connection, fresh)
    return len(fresh) + len(refreshed) + len(gone)


def _opened(cluster: str, entry: Document, owner: Document | None, now: str) -> Document:
    assignment = owner["assignmentId"] if owner else entry["assignment_id"]
    # A late report of a constraint that an assignment no longer wants opens nothing: it is stored closed,
    # so that both ends still agree on what the agent holds.
    late = owner is None and bool(entry["assignment_id"])
    return {
        **entry,
        "cluster": cluster,
        "assignment_id": ids.key(assignment),
        "definition_id": ids.key(owner["definitionId"]) if owner else "",
        "reference_id": owner["referenceId"] if owner else entry["reference_id"],
        "first_seen": entry["first_seen"] or now,
        "fixed_at": now if late else None,
        "closed_by": "unassigned" if late else "",
        "held": True,
    }


def _owners(row: Document | None) -> dict[tuple[str, str], Document]:
    if row is None:
        return {}
    return {
        (binding["constraintKind"], binding["constraintName"]): binding
        for binding in row["bindings"]
        if binding["constraintName"]
    }


def _totals(cluster: str, rows: list[Document], now: str) -> list[Document]:
    found = {}
    for entry in rows:
        kind, name = str(entry.get("constraintKind") or ""), str(entry.get("constraintName") or "")
        found[kind, name] = {
            "cluster": cluster,
            "constraint_kind": kind,
            "constraint_name": name,
            "evaluated": _count(entry, "evaluated"),
            "violating": _count(entry, "violating"),
            "updated_at": now,
        }
    return list(found.values())


def _coverage(cluster: str, rows: list[Document]) -> list[Document]:
    found = {}
    for entry in rows:
        key = tuple(str(entry.get(name) or "") for name in ("group", "version", "kind"))
        found[key] = {
            "cluster": cluster,
            "group": key[0],
            "version": key[1],
            "kind": key[2],
            "objects": _count(entry, "objects"),
            "last_listed": _text(entry, "lastListed", "coverage") or None,
            "error": _text(entry, "error", "coverage"),
        }
    return list(found.values())


def _objects(body: Document, name: str) -> list[Document]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RequestError(f"`{name}` must be an array of objects", target=name)
    return value


def _texts(entry: Document, names: tuple[tuple[str, str], ...], where: str) -> Document:
    return {column: _text(entry, name, where) for column, name in names}


def _text(entry: Document, name: str, where: str) -> str:
    value = entry.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RequestError(f"`{name}` must be text", target=f"{where}.{name}".lstrip("."))
    return value


def _count(entry: Document, name: str) -> int:
    value = entry.get(name) or 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RequestError(f"`{name}` must be a whole number", target=name)
    return value
