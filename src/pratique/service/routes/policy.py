"""`Microsoft.Authorization`: definitions, initiatives and assignments, as Azure Resource Manager has them."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from pratique.policy import Scope, ids
from pratique.service.actions import fleet, policies
from pratique.service.errors import RequestError
from pratique.service.routes.table import WRITERS, Answer, Call, Document, Operation

PROVIDER = "/providers/Microsoft.Authorization"
MANAGEMENT_GROUP = "/providers/Microsoft.Management/managementGroups/{mg}"
SUBSCRIPTION = "/subscriptions/{subscription}"
PAGE = 200

_EQUALS = re.compile(
    r"^\s*(policyType|category|policyDefinitionId)\s+eq\s+'((?:[^']|'')*)'\s*$", re.IGNORECASE
)
_WHICH = {"atscope()": "above", "atexactscope()": "exact", "atscopeandbelow()": "below"}


def list_tenant(call: Call) -> Document:
    """List the built-in documents."""
    return _definitions(call, None)


def list_at_scope(call: Call) -> Document:
    """List what can be assigned at a scope."""
    return _definitions(call, _place(call))


def get_builtin(call: Call) -> Document:
    """Show a built-in document."""
    kind = _kind(call)
    found = policies.builtins(call.context, kind).get(ids.key(_identifier("", kind, call.params["name"])))
    if found is None:
        # `az` asks here first for every name, and must be told 404 to look in the subscription.
        return policies.get_definition(call.context, kind, _identifier("", kind, call.params["name"]))
    return found


def get_at_scope(call: Call) -> Document:
    """Show a document of a scope; a built-in one answers under any management group.

    `az` mistakes the full id of a built-in definition for a management group's (article-verbatim.md 9).
    """
    kind, name = _kind(call), call.params["name"]
    builtin = policies.builtins(call.context, kind).get(ids.key(_identifier("", kind, name)))
    if "mg" in call.params and builtin is not None:
        return builtin
    return policies.get_definition(call.context, kind, _identifier(_place(call).id, kind, name))


def put_definition(call: Call) -> Answer:
    """Save a definition: 201 also when it was there, as `az` insists."""
    if _kind(call) != policies.DEFINITIONS:
        raise RequestError(
            "initiatives of your own cannot be stored yet",
            code="NotSupported",
            hint="assign their definitions one by one",
        )
    document = policies.put_definition(
        call.context, call.actor, scope=_place(call), name=call.params["name"], body=call.body()
    )
    return Answer(document, 201)


def delete_definition(call: Call) -> Answer:
    """Delete a definition; 204 when there was none."""
    kind = _kind(call)
    identifier = _identifier(_place(call).id, kind, call.params["name"])
    found = policies.delete_definition(call.context, call.actor, kind, identifier)
    return Answer(found, 200) if found is not None else Answer(status=204)


def list_versions(call: Call) -> Document:
    """List a definition's versions: the one that it has."""
    document = get_at_scope(call) if {"mg", "subscription"} & call.params.keys() else get_builtin(call)
    return {"value": [_version(document)]}


def get_version(call: Call) -> Document:
    """Show a definition's version."""
    document = get_at_scope(call) if {"mg", "subscription"} & call.params.keys() else get_builtin(call)
    return _version(document)


def list_assignments(call: Call) -> Document:
    """List assignments: at, above or below a scope, as `$filter` says; else those that touch it."""
    scope = _scope(call)
    condition = call.option("$filter").strip()
    which = _WHICH.get(condition.casefold().replace(" ", ""), "")
    equals = _EQUALS.match(condition)
    if condition and not which and (equals is None or equals[1].casefold() != "policydefinitionid"):
        raise _bad_filter(
            condition, "atScope(), atExactScope(), atScopeAndBelow() or policyDefinitionId eq '...'"
        )
    found = policies.list_assignments(call.context, scope, which)
    if equals is not None:
        wanted = equals[2].replace("''", "'")
        found = [
            document for document in found if ids.same(document["properties"]["policyDefinitionId"], wanted)
        ]
    return _paged(call, found)


def get_assignment(call: Call) -> Document:
    """Show an assignment."""
    return policies.get_assignment(call.context, _assignment_id(call))


def put_assignment(call: Call) -> Answer:
    """Save an assignment: 201 also when it was there, as `az` insists."""
    document = policies.put_assignment(
        call.context, call.actor, scope=call.params["scope"], name=call.params["name"], body=call.body()
    )
    return Answer(document, 201)


def patch_assignment(call: Call) -> Document:
    """Change members of an assignment."""
    old = policies.get_assignment(call.context, _assignment_id(call))
    body = call.body()
    given = body.get("properties") or {}
    if not isinstance(given, dict):
        raise RequestError("`properties` must be an object", target="properties")
    merged = {**old, **body, "properties": {**old["properties"], **given}}
    return policies.put_assignment(
        call.context, call.actor, scope=call.params["scope"], name=call.params["name"], body=merged
    )


def delete_assignment(call: Call) -> Answer:
    """Delete an assignment; 204 when there was none."""
    found = policies.delete_assignment(call.context, call.actor, _assignment_id(call))
    return Answer(found, 200) if found is not None else Answer(status=204)


def _definitions(call: Call, place: Scope | None) -> Document:
    kind = _kind(call)
    found = policies.list_definitions(call.context, kind, place)
    condition = call.option("$filter").strip()
    if condition:
        equals = _EQUALS.match(condition)
        folded = condition.casefold().replace(" ", "")
        if equals is not None and equals[1].casefold() == "policytype":
            found = policies.matching(found, policy_type=equals[2])
        elif equals is not None and equals[1].casefold() == "category":
            found = policies.matching(found, category=equals[2])
        elif folded == "atexactscope()":
            here = ids.key(place.id) if place is not None else ""
            found = [
                document
                for document in found
                if ids.key(document["id"]).startswith(f"{here}/providers/microsoft.authorization/")
            ]
        elif folded not in ("atscope()", "atscopeandbelow()"):
            raise _bad_filter(condition, "policyType eq '...', category eq '...' or atExactScope()")
    return _paged(call, found)


def _paged(call: Call, found: list[Document]) -> Document:
    top, skip = call.option("$top"), call.option("$skiptoken")
    if top and not (top.isascii() and top.isdecimal() and len(top) <= 9 and int(top) > 0):
        raise RequestError(f"`$top` must be a whole number, not `{top}`", target="$top")
    start = _position(skip) if skip else 0
    size = min(int(top), PAGE) if top else PAGE
    answer: Document = {"value": found[start : start + size]}
    if start + size < len(found) and not top:
        token = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        query = {**call.query, "$skiptoken": token}
        answer["nextLink"] = f"{call.origin}{call.params['path']}?{urlencode(query)}"
    return answer


def _position(token: str) -> int:
    try:
        return max(0, int(base64.urlsafe_b64decode(token.encode()).decode()))
    except ValueError as error:
        raise RequestError("`$skiptoken` is not a token of ours", hint="follow `nextLink`") from error


def _bad_filter(condition: str, choices: str) -> RequestError:
    return RequestError(
        f"cannot filter by `{condition}`", code="InvalidFilter", target="$filter", hint=f"write {choices}"
    )


def _kind(call: Call) -> str:
    # The pattern takes any case; the table's key is the part after the provider.
    folded = call.params["path"].casefold()
    return policies.SETS if "/policysetdefinitions" in folded else policies.DEFINITIONS


def _identifier(scope: str, kind: str, name: str) -> str:
    return f"{scope}/providers/{policies.TYPES[kind]}/{name}"


def _place(call: Call) -> Scope:
    if "mg" in call.params:
        text = f"/providers/Microsoft.Management/managementGroups/{call.params['mg']}"
    else:
        text = f"/subscriptions/{call.params['subscription']}"
    return call.context.world.locate(text, ())


def _scope(call: Call) -> Scope:
    return call.context.world.locate(call.params["scope"], fleet.names(call.context))


def _assignment_id(call: Call) -> str:
    return ids.assignment_id(call.params["scope"], call.params["name"])


def _version(document: Document) -> Document:
    properties = document["properties"]
    metadata: dict[str, Any] = properties.get("metadata") or {}
    version = str(properties.get("version") or metadata.get("version") or "1.0.0")
    return {
        **document,
        "id": f"{document['id']}/versions/{version}",
        "name": version,
        "type": f"{document['type']}/versions",
        "properties": {**properties, "version": version},
    }


def _documents() -> list[Operation]:
    found = []
    for kind, noun in ((policies.DEFINITIONS, "definition"), (policies.SETS, "initiative")):
        path = f"{PROVIDER}/{kind}"
        answer = "PolicyDefinition" if kind == policies.DEFINITIONS else "ArmResource"
        query = ("$filter", "$top", "$skiptoken")
        found += [
            Operation("GET", path, f"List built-in {noun}s", list_tenant, query=query, answer="ArmList"),
            Operation("GET", f"{path}/{{name}}", f"Show a built-in {noun}", get_builtin, answer=answer),
            Operation(
                "GET", f"{path}/{{name}}/versions", "List its versions", list_versions, answer="ArmList"
            ),
            Operation(
                "GET", f"{path}/{{name}}/versions/{{version}}", "Show a version", get_version, answer=answer
            ),
        ]
        for scope in (SUBSCRIPTION, MANAGEMENT_GROUP):
            item = f"{scope}{path}/{{name}}"
            found += [
                Operation(
                    "GET", f"{scope}{path}", f"List {noun}s", list_at_scope, query=query, answer="ArmList"
                ),
                Operation("GET", item, f"Show a {noun}", get_at_scope, answer=answer),
                Operation(
                    "PUT",
                    item,
                    f"Save a {noun}",
                    put_definition,
                    WRITERS,
                    body="PolicyDefinitionWrite",
                    answer=answer,
                    status=201,
                ),
                Operation("DELETE", item, f"Delete a {noun}", delete_definition, WRITERS, answer=answer),
                Operation("GET", f"{item}/versions", "List its versions", list_versions, answer="ArmList"),
                Operation(
                    "GET", f"{item}/versions/{{version}}", "Show a version", get_version, answer=answer
                ),
            ]
    return found


ASSIGNMENTS = f"{{scope}}{PROVIDER}/policyAssignments"
ASSIGNMENT = f"{ASSIGNMENTS}/{{name}}"

OPERATIONS = [
    *_documents(),
    Operation(
        "GET",
        ASSIGNMENTS,
        "List assignments",
        list_assignments,
        query=("$filter", "$top", "$skiptoken"),
        answer="ArmList",
    ),
    Operation("GET", ASSIGNMENT, "Show an assignment", get_assignment, answer="PolicyAssignment"),
    Operation(
        "PUT",
        ASSIGNMENT,
        "Assign a definition",
        put_assignment,
        WRITERS,
        body="PolicyAssignmentWrite",
        answer="PolicyAssignment",
        status=201,
    ),
    Operation(
        "PATCH",
        ASSIGNMENT,
        "Change an assignment",
        patch_assignment,
        WRITERS,
        body="PolicyAssignmentWrite",
        answer="PolicyAssignment",
    ),
    Operation(
        "DELETE", ASSIGNMENT, "Delete an assignment", delete_assignment, WRITERS, answer="PolicyAssignment"
    ),
]
OPERATIONS = [replace(operation, tag="policy") for operation in OPERATIONS]
