"""The desired state of each cluster: every assignment bound for it, as one document with a revision.

Recomputed inside the transaction that changed a definition, an assignment or a cluster, so a state is
never seen without its cause; the streams are told when that transaction is kept. A revision moves only
when the content does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from pratique.policy import Assignment, Cluster, Definition, Manifests, bind
from pratique.policy.bind import PROTECTED_NAMESPACES
from pratique.service.actions import trend
from pratique.service.actions.context import Context
from pratique.service.db import clusters, policies, records
from pratique.service.db.store import timestamp

CONFLICT = "ConstraintTemplateConflicts"


@dataclass(frozen=True, slots=True)
class Member:
    """An assignment with the definition that it assigns."""

    assignment: Assignment
    definition: Definition


def members(context: Context, connection: Connection) -> list[Member]:
    """Return every assignment with its definition, oldest first."""
    found = []
    for document in policies.list_assignments(connection):
        assignment = Assignment.from_arm(document)
        definition = find_definition(context, connection, assignment.definition_id)
        if definition is not None:
            found.append(Member(assignment, definition))
    return found


def find_definition(context: Context, connection: Connection, identifier: str) -> Definition | None:
    """Return a definition, built in or custom."""
    builtin = context.library.definition(identifier)
    if builtin is not None:
        return builtin
    document = policies.get_definition(connection, identifier)
    return Definition.from_arm(document) if document is not None else None


def recompute(context: Context, connection: Connection, *, only: str = "") -> list[str]:
    """Bring the desired state of every cluster (or of one) up to date; return those that changed.

    Records of constraints that are no longer desired are closed here: that is what the end of an assignment
    means, whichever way it came.
    """
    everyone = members(context, connection)
    changed = []
    for row in clusters.list_all(connection):
        if only and row["name"] != only.lower():
            continue
        if _recompute_one(context, connection, row, everyone):
            changed.append(row["name"])
    if changed:
        trend.note(connection)
    return changed


def announce(context: Context, changed: list[str]) -> None:
    """Tell the held streams; call it after the transaction is kept."""
    for name in changed:
        context.hub.publish("desired", cluster=name)


def read(context: Context, name: str) -> bytes:
    """Return a cluster's desired state as JSON; the caller has checked that the cluster is there."""
    with context.store.read() as connection:
        row = clusters.get_desired(connection, name)
    return bytes(row["document"]) if row else _document(0, [])[1]


def bound_cluster(context: Context, row: dict[str, Any]) -> Cluster:
    """Return a stored cluster as policies see it."""
    return Cluster.from_resource(row["document"], management_groups=context.world.management_groups)


def _recompute_one(
    context: Context, connection: Connection, row: dict[str, Any], everyone: list[Member]
) -> bool:
    cluster = bound_cluster(context, row)
    bindings, manifests = _bind_all(context, everyone, cluster)
    content_hash, _ = _document(0, manifests)
    old = clusters.get_desired(connection, row["name"])
    if old is not None and old["hash"] == content_hash and old["bindings"] == bindings:
        return False
    same = old is not None and old["hash"] == content_hash
    revision = old["revision"] if old is not None and same else (old["revision"] if old else 0) + 1
    _, document = _document(revision, manifests)
    clusters.put_desired(
        connection, row["name"], revision=revision, hash=content_hash, document=document, bindings=bindings
    )
    _close_orphans(connection, row["name"], bindings)
    return not same


def _bind_all(
    context: Context, everyone: list[Member], cluster: Cluster
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    bindings: list[dict[str, Any]] = []
    templates: dict[str, dict[str, Any]] = {}
    constraints: list[dict[str, Any]] = []
    for member in everyone:
        if not member.assignment.covers(cluster.scope, management_groups=cluster.management_groups):
            continue
        found = bind(member.assignment, member.definition, cluster, fetch=context.library.fetch)
        conflict = ""
        if found.template is not None and found.constraint is not None:
            name = found.template["metadata"]["name"]
            first = templates.setdefault(name, found.template)
            if first["spec"] != found.template["spec"]:
                owner = first["metadata"]["annotations"].get("azure-policy-definition-id", "")
                conflict = f"template `{name}` is already installed from `{owner}` with another content"
            else:
                constraints.append(found.constraint)
        bindings.append(_binding(member, found, conflict))
    return bindings, [*templates.values(), *constraints]


def _binding(member: Member, found: Manifests, conflict: str) -> dict[str, Any]:
    constraint = None if conflict else found.constraint
    return {
        "assignmentId": member.assignment.id,
        "definitionId": member.definition.id,
        "referenceId": "",
        "effect": found.effect,
        "enforcementMode": member.assignment.enforcement_mode,
        "constraintKind": constraint["kind"] if constraint else "",
        "constraintName": constraint["metadata"]["name"] if constraint else "",
        "templateName": found.template["metadata"]["name"] if constraint and found.template else "",
        "code": CONFLICT if conflict else found.code,
        "reason": conflict or found.reason,
        "failed": bool(conflict) or found.failed,
    }


def _document(revision: int, manifests: list[dict[str, Any]]) -> tuple[str, bytes]:
    body = {"manifests": manifests, "settings": {"excludedNamespaces": list(PROTECTED_NAMESPACES)}}
    content_hash = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return content_hash, orjson.dumps({"revision": revision, "hash": content_hash, **body})


def _close_orphans(connection: Connection, name: str, bindings: list[dict[str, Any]]) -> None:
    wanted = {(binding["constraintKind"], binding["constraintName"]) for binding in bindings}
    now = timestamp()
    for constraint in records.open_constraints(connection, name):
        if constraint not in wanted:
            records.close(connection, name, constraint=constraint, now=now, reason="unassigned")
