"""What people look at: the overview, compliance by policy and by cluster, and the lists behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from pratique.compliance import Summary, state
from pratique.policy import effect_of, ids
from pratique.policy.bind import EFFECT_DISABLED
from pratique.service.actions import desired, fleet, rollup, states, trend
from pratique.service.actions.context import Context
from pratique.service.db import clusters, journal, policies, records
from pratique.service.errors import MissingError, RequestError

Document = dict[str, Any]

PAGE, LARGEST = 100, 1000
NOTHING_APPLIES = Summary(state.COMPLIANT)


def overview(context: Context) -> Document:
    """Return the figures of the first page."""
    with context.store.read() as connection:
        cells = states.cells(connection)
        whole = rollup.by_cluster(cells)
        yesterday = (datetime.now(UTC) - timedelta(hours=24)).isoformat().replace("+00:00", "Z")
        custom = policies.list_definitions(connection, kind="policyDefinitions")
        return {
            "compliance": {
                **rollup.counted(whole),
                "percentage": round(whole.percentage, 1),
                "components": rollup.components(cells),
            },
            "definitions": {"builtIn": len(context.library.definitions), "custom": len(custom)},
            "assignments": _by_policy(context, connection, cells),
            "clusters": _by_cluster(context, connection, cells),
            "denials": {"last24h": journal.count_denials(connection, yesterday)},
            "trend": trend.points(connection),
        }


def compliance(context: Context, by: str) -> list[Document]:
    """Return a row for each assignment (`policy`) or for each cluster (`cluster`)."""
    if by not in ("policy", "cluster"):
        raise RequestError(f"`{by}` is not a grouping", target="by", hint="write `policy` or `cluster`")
    with context.store.read() as connection:
        cells = states.cells(connection)
        build = _by_policy if by == "policy" else _by_cluster
        return build(context, connection, cells)


def list_records(context: Context, filters: Document, *, skip: str, top: str) -> tuple[list[Document], str]:
    """Return a page of records and the token of the next one."""
    state = filters.pop("state", "")
    if state and state.casefold() not in ("noncompliant", "compliant", "fixed", "open"):
        raise RequestError(
            f"`{state}` is not a state of records", target="state", hint="write NonCompliant or Fixed"
        )
    if state.casefold() in ("compliant", "fixed"):
        filters["closed"] = "only"
    with context.store.read() as connection:
        size, before = page_size(top), page_start(skip)
        rows = records.find(connection, filters=filters, before=before, limit=size + 1)
        names = _names(connection)
    return [_record(row, names) for row in rows[:size]], str(rows[size - 1]["id"]) if len(rows) > size else ""


def get_record(context: Context, identifier: str) -> Document:
    """Return one record."""
    with context.store.read() as connection:
        row = records.get(connection, int(identifier)) if _small(identifier) else None
        names = _names(connection)
    if row is None:
        raise MissingError(f"there is no record `{identifier}`", code="RecordNotFound")
    return _record(row, names)


def list_denials(context: Context, filters: Document, *, skip: str, top: str) -> tuple[list[Document], str]:
    """Return a page of denials and the token of the next one."""
    with context.store.read() as connection:
        size, before = page_size(top), page_start(skip)
        rows = journal.list_denials(connection, filters=filters, before=before, limit=size + 1)
        names = _names(connection)
    return [_denial(row, names) for row in rows[:size]], str(rows[size - 1]["id"]) if len(rows) > size else ""


def list_activity(context: Context, filters: Document, *, skip: str, top: str) -> tuple[list[Document], str]:
    """Return a page of the activity log and the token of the next one."""
    with context.store.read() as connection:
        size, before = page_size(top), page_start(skip)
        rows = journal.list_activity(connection, filters=filters, before=before, limit=size + 1)
    found = [
        {
            "id": str(row["id"]),
            "time": row["time"],
            "actor": row["actor"],
            "actorType": row["actor_type"],
            "operation": row["operation"],
            "target": row["target"],
            "detail": row["detail"],
        }
        for row in rows[:size]
    ]
    return found, str(rows[size - 1]["id"]) if len(rows) > size else ""


def page_size(top: str) -> int:
    """Return how many rows a page has."""
    if not top:
        return PAGE
    if not _small(top) or int(top) < 1:
        raise RequestError(f"`{top}` is not a number of rows", target="top", hint=f"write 1 to {LARGEST}")
    return min(int(top), LARGEST)


def page_start(skip: str) -> int:
    """Return where a page starts."""
    if not skip:
        return 0
    if not _small(skip):
        raise RequestError(f"`{skip}` is not a token of ours", target="skiptoken", hint="follow `nextLink`")
    return int(skip)


def _small(text: str) -> bool:
    """Tell whether a text is a whole number that the database can hold."""
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _by_policy(context: Context, connection: Connection, cells: list[states.Cell]) -> list[Document]:
    grouped = rollup.group(cells, "assignment")
    found = []
    for member in desired.members(context, connection):
        assignment = member.assignment
        part = grouped.get(assignment.id, [])
        effects = sorted({cell.binding["effect"] for cell in part if cell.binding["effect"]})
        effect = effects[0] if effects else _effect(member)
        summary = rollup.by_cluster(part)
        if not part and effect.casefold() != EFFECT_DISABLED.casefold():
            # Nothing falls under it, so nothing is wrong: Azure shows 100% (0 out of 0).
            summary = NOTHING_APPLIES
        found.append(
            {
                "id": assignment.id,
                "name": assignment.name,
                "displayName": assignment.display_name or assignment.name,
                "definitionId": member.definition.id,
                "definitionName": member.definition.display_name,
                "scope": assignment.scope.id,
                "effect": effect,
                "enforcementMode": assignment.enforcement_mode,
                **rollup.row(part, summary),
                "clusters": rollup.counted(summary),
            }
        )
    return found


def _effect(member: desired.Member) -> str:
    return str(effect_of(member.definition, member.assignment.check_against(member.definition)))


def _by_cluster(_context: Context, connection: Connection, cells: list[states.Cell]) -> list[Document]:
    grouped = rollup.group(cells, "cluster")
    found = []
    for row in clusters.list_all(connection):
        part = grouped.get(row["name"], [])
        view = fleet.view(row)
        found.append(
            {
                "id": view["resourceId"],
                "name": view["name"],
                "location": view["location"],
                "addon": view["addon"],
                "lastSeen": view["lastSeen"],
                **rollup.row(part, summary := rollup.by_assignment(part)),
                "assignments": rollup.counted(summary),
            }
        )
    return found


def _names(connection: Connection) -> dict[str, str]:
    """Return how names and ids were spelled by their writers, by their lower-case form."""
    found = {name.lower(): name for name in clusters.names(connection)}
    for document in policies.list_assignments(connection):
        for identifier in (document["id"], document["properties"]["policyDefinitionId"]):
            found[ids.key(identifier)] = identifier
    return found


def _record(row: Document, names: dict[str, str]) -> Document:
    return {
        "id": str(row["id"]),
        "cluster": names.get(row["cluster"], row["cluster"]),
        "key": row["key"],
        "constraintKind": row["constraint_kind"],
        "constraintName": row["constraint_name"],
        "assignmentId": names.get(row["assignment_id"], row["assignment_id"]),
        "definitionId": names.get(row["definition_id"], row["definition_id"]),
        "referenceId": row["reference_id"],
        "group": row["group"],
        "version": row["version"],
        "kind": row["kind"],
        "namespace": row["namespace"],
        "name": row["name"],
        "uid": row["uid"],
        "message": row["message"],
        "messages": row["messages"],
        "field": row["field"],
        "action": row["action"],
        "state": state.NON_COMPLIANT if row["fixed_at"] is None else state.COMPLIANT,
        "firstSeen": row["first_seen"],
        "lastSeen": row["last_seen"],
        "fixedAt": row["fixed_at"],
        "closedBy": row["closed_by"],
    }


def _denial(row: Document, names: dict[str, str]) -> Document:
    return {
        "id": str(row["id"]),
        "cluster": names.get(row["cluster"], row["cluster"]),
        "time": row["time"],
        "constraintKind": row["constraint_kind"],
        "constraintName": row["constraint_name"],
        "assignmentId": names.get(row["assignment_id"], row["assignment_id"]),
        "message": row["message"],
        "action": row["action"],
        "user": row["user"],
        "groups": row["groups"],
        "operation": row["operation"],
        "group": row["group"],
        "version": row["version"],
        "kind": row["kind"],
        "namespace": row["namespace"],
        "name": row["name"],
        "requestUid": row["request_uid"],
        "dryRun": row["dry_run"],
    }
