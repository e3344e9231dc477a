"""Definitions and assignments: found, listed, saved, deleted.

A definition's template is compiled when it is saved, so that a broken policy is refused with its line and
never reaches a cluster. Every change is in the activity log and in the clusters' desired states in one
transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.engine import Connection

from pratique.errors import InputError, PratiqueError
from pratique.policy import Assignment, Definition, Scope, ids
from pratique.service.actions import desired, templates
from pratique.service.actions.context import Actor, Context
from pratique.service.db import clusters, policies
from pratique.service.db.store import timestamp
from pratique.service.errors import InUseError, MissingError, RequestError

Document = dict[str, Any]

DEFINITIONS, SETS = "policyDefinitions", "policySetDefinitions"
TYPES = {DEFINITIONS: ids.DEFINITIONS, SETS: ids.SET_DEFINITIONS}
NOT_FOUND = {DEFINITIONS: "PolicyDefinitionNotFound", SETS: "PolicySetDefinitionNotFound"}


def builtins(context: Context, kind: str) -> dict[str, Document]:
    """Return the built-in documents of a kind by lower-case id."""
    return context.library.definitions if kind == DEFINITIONS else context.library.initiatives


def get_definition(context: Context, kind: str, identifier: str) -> Document:
    """Return a definition or an initiative, built in or custom."""
    found = builtins(context, kind).get(ids.key(identifier))
    if found is None:
        with context.store.read() as connection:
            found = policies.get_definition(connection, identifier)
    if found is None:
        raise _missing_definition(kind, identifier)
    return found


def list_definitions(context: Context, kind: str, scope: Scope | None) -> list[Document]:
    """Return what can be assigned at a scope: built-in documents, then custom ones at or above it.

    Without a scope (the tenant), built-in ones alone.
    """
    found = list(builtins(context, kind).values())
    if scope is None:
        return found
    with context.store.read() as connection:
        custom = policies.list_definitions(connection, kind=kind)
    for place, document in custom:
        if Scope.parse(place).contains(scope, management_groups=context.world.management_groups):
            found.append(document)
    return found


def put_definition(context: Context, actor: Actor, *, scope: Scope, name: str, body: Document) -> Document:
    """Save a custom definition, after checking that it can be read and that its template compiles."""
    if scope.kind not in ("subscription", "managementGroup"):
        raise RequestError(
            f"a definition cannot be stored at `{scope.id}`",
            code="InvalidPolicyDefinitionScope",
            hint=f"store it at `{context.world.subscription_id}`",
        )
    if not ids.valid_name(name):
        raise RequestError(f"`{name}` is not a name for a definition", code="InvalidPolicyDefinitionName")
    identifier = ids.definition_id(scope.id, name)
    properties = dict(body.get("properties") or {}) if isinstance(body.get("properties"), dict) else None
    if properties is None:
        raise RequestError(
            "a policy definition needs `properties`", code="InvalidPolicyDefinition", target="properties"
        )
    properties["policyType"] = "Custom"
    definition = Definition.from_arm({"properties": properties}, identifier=identifier)
    templates.check(definition, context.library.fetch)
    with context.store.write() as connection:
        old = policies.get_definition(connection, identifier)
        document = {**definition.to_arm(), "systemData": system_data(actor, old)}
        _check_assignments(connection, definition)
        policies.put_definition(connection, document, kind=DEFINITIONS, scope=scope.id)
        context.log(
            connection,
            actor,
            operation="Microsoft.Authorization/policyDefinitions/write",
            target=identifier,
            detail={"displayName": definition.display_name, "new": old is None},
        )
        changed = desired.recompute(context, connection)
    desired.announce(context, changed)
    context.hub.publish("definitions", definition=identifier)
    context.hub.publish("activity")
    return document


def delete_definition(context: Context, actor: Actor, kind: str, identifier: str) -> Document | None:
    """Delete a custom definition; None when there is none. One that is assigned stays."""
    if ids.key(identifier) in builtins(context, kind):
        raise InUseError("a built-in definition cannot be deleted", hint="delete its assignments instead")
    with context.store.write() as connection:
        document = policies.get_definition(connection, identifier)
        if document is None:
            return None
        users = policies.list_assignments(connection, definition=identifier)
        if users:
            names = ", ".join(f"`{user['id']}`" for user in users[:5])
            raise InUseError(
                f"`{document['name']}` is still assigned: {names}", hint="delete these assignments first"
            )
        policies.delete_definition(connection, identifier)
        context.log(
            connection,
            actor,
            operation=f"Microsoft.Authorization/{kind}/delete",
            target=document["id"],
        )
    context.hub.publish("definitions", definition=document["id"])
    context.hub.publish("activity")
    return document


def get_assignment(context: Context, identifier: str) -> Document:
    """Return an assignment."""
    with context.store.read() as connection:
        found = policies.get_assignment(connection, identifier)
    if found is None:
        raise MissingError(
            f"there is no policy assignment `{identifier}`",
            code="PolicyAssignmentNotFound",
            hint="`pratique assign list` shows them all, `az policy assignment list -d` too",
        )
    return found


def list_assignments(context: Context, scope: Scope, which: str) -> list[Document]:
    """Return assignments at a scope (`exact`), at it or `above`, at it or `below`; else above and below."""
    with context.store.read() as connection:
        found = policies.list_assignments(connection)
    groups = context.world.management_groups
    kept = []
    for document in found:
        place = Scope.parse(document["properties"]["scope"])
        same = ids.same(place.id, scope.id)
        above = place.contains(scope, management_groups=groups)
        below = scope.contains(place, management_groups=groups)
        if {"exact": same, "above": above, "below": below}.get(which, above or below):
            kept.append(document)
    return kept


def put_assignment(context: Context, actor: Actor, *, scope: str, name: str, body: Document) -> Document:
    """Save an assignment: its scope and definition must exist, its parameters must fit."""
    with context.store.write() as connection:
        place = context.world.locate(scope, clusters.names(connection))
        identifier = ids.assignment_id(place.id, name)
        old = policies.get_assignment(connection, identifier)
        assignment = Assignment.from_arm(body, identifier=identifier)
        for excluded in assignment.not_scopes:
            context.world.locate(excluded, clusters.names(connection))
        definition = desired.find_definition(context, connection, assignment.definition_id)
        if definition is None:
            raise _missing_definition(DEFINITIONS, assignment.definition_id, status=True)
        _check_reach(context, definition, place)
        assignment.check_against(definition)
        templates.check_reachable(definition, context.library.fetch)
        document = assignment.to_arm()
        document["properties"] = {
            **document["properties"],
            "policyDefinitionId": definition.id,
            "metadata": _metadata(assignment.metadata, actor, old),
            "displayName": assignment.display_name or name,
        }
        document["systemData"] = system_data(actor, old)
        policies.put_assignment(connection, document, scope=place.id)
        context.log(
            connection,
            actor,
            operation="Microsoft.Authorization/policyAssignments/write",
            target=identifier,
            detail={"policyDefinitionId": definition.id, "new": old is None},
        )
        changed = desired.recompute(context, connection)
    desired.announce(context, changed)
    context.hub.publish("assignments", assignment=identifier)
    context.hub.publish("records", assignment=identifier)
    context.hub.publish("activity")
    return document


def delete_assignment(context: Context, actor: Actor, identifier: str) -> Document | None:
    """Delete an assignment; None when there is none. Its records are closed."""
    with context.store.write() as connection:
        document = policies.get_assignment(connection, identifier)
        if document is None:
            return None
        policies.delete_assignment(connection, identifier)
        context.log(
            connection,
            actor,
            operation="Microsoft.Authorization/policyAssignments/delete",
            target=document["id"],
            detail={"policyDefinitionId": document["properties"]["policyDefinitionId"]},
        )
        changed = desired.recompute(context, connection)
    desired.announce(context, changed)
    context.hub.publish("assignments", assignment=document["id"])
    context.hub.publish("records", assignment=document["id"])
    context.hub.publish("activity")
    return document


def system_data(actor: Actor, old: Document | None) -> Document:
    """Return ARM's `systemData` for a write by `actor`."""
    kind = actor.type if actor.type in ("User", "Application") else "Key"
    now = timestamp()
    before = (old or {}).get("systemData") or {}
    return {
        "createdBy": before.get("createdBy", actor.name),
        "createdByType": before.get("createdByType", kind),
        "createdAt": before.get("createdAt", now),
        "lastModifiedBy": actor.name,
        "lastModifiedByType": kind,
        "lastModifiedAt": now,
    }


def _metadata(given: Any, actor: Actor, old: Document | None) -> Document:
    before = ((old or {}).get("properties") or {}).get("metadata") or {}
    now = timestamp()
    made = {"createdBy": before.get("createdBy", actor.name), "createdOn": before.get("createdOn", now)}
    if old is not None:
        made |= {"updatedBy": actor.name, "updatedOn": now}
    return {**dict(given), **made}


def _check_assignments(connection: Connection, definition: Definition) -> None:
    """Refuse a change of a definition that its assignments would not survive."""
    for document in policies.list_assignments(connection, definition=definition.id):
        try:
            Assignment.from_arm(document).check_against(definition)
        except InputError as error:
            raise InUseError(
                f"assignment `{document['name']}` would not fit this definition: {error.message}",
                hint="give new parameters a default value, or change the assignment first",
            ) from error


def _check_reach(context: Context, definition: Definition, place: Scope) -> None:
    home = ids.parse(definition.id)
    if home is None or not home.scope:
        return
    if not Scope.parse(home.scope).contains(place, management_groups=context.world.management_groups):
        raise RequestError(
            f"`{definition.name}` can be assigned at `{home.scope}` and below, not at `{place.id}`",
            code="InvalidCreatePolicyAssignmentRequest",
        )


def _missing_definition(kind: str, identifier: str, *, status: bool = False) -> PratiqueError:
    message = f"there is no policy definition `{identifier}`"
    hint = "`pratique policy list` shows the definitions and their ids"
    if status:
        # The assignment is what was addressed, so this is the request's fault and no 404.
        return RequestError(message, code=NOT_FOUND[kind], target="properties.policyDefinitionId", hint=hint)
    return MissingError(message, code=NOT_FOUND[kind], hint=hint)


def matching(documents: Iterable[Document], *, policy_type: str = "", category: str = "") -> list[Document]:
    """Return the documents of a policy type and a category, compared without case."""
    kept = []
    for document in documents:
        properties = document["properties"]
        if policy_type and str(properties.get("policyType", "")).casefold() != policy_type.casefold():
            continue
        found = (properties.get("metadata") or {}).get("category", "")
        if category and str(found).casefold() != category.casefold():
            continue
        kept.append(document)
    return kept
