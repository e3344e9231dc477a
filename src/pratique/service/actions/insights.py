"""Policy states as Azure's clients read them: rows, component rows, summaries.

In: the tables, a scope, and OData options as text. Out: the answers of azure-policy.md 5.2-5.5, all counted
from the same cells as the portal's pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sqlalchemy.engine import Connection

from pratique.compliance import state
from pratique.policy import Scope, ids
from pratique.policy.cluster import MANAGED_CLUSTERS
from pratique.service.actions import desired, odata, states
from pratique.service.actions.context import Context
from pratique.service.db import clusters, policies, records
from pratique.service.errors import MissingError, RequestError
from pratique.service.world import RESOURCE_GROUP

Row = dict[str, Any]

PAGE = 1000
QUERY = "providers/Microsoft.PolicyInsights/policyStates/latest/queryResults?api-version=2019-10-01"
STATE_COLUMNS = (
    "timestamp",
    "resourceId",
    "policyAssignmentId",
    "policyDefinitionId",
    "effectiveParameters",
    "isCompliant",
    "subscriptionId",
    "resourceType",
    "resourceLocation",
    "resourceGroup",
    "resourceTags",
    "policyAssignmentName",
    "policyAssignmentOwner",
    "policyAssignmentParameters",
    "policyAssignmentScope",
    "policyDefinitionName",
    "policyDefinitionAction",
    "policyDefinitionCategory",
    "policySetDefinitionId",
    "policySetDefinitionName",
    "policySetDefinitionOwner",
    "policySetDefinitionCategory",
    "policySetDefinitionParameters",
    "managementGroupIds",
    "policyDefinitionReferenceId",
    "complianceState",
    "complianceReasonCode",
    "policyDefinitionGroupNames",
    "policyDefinitionVersion",
    "policySetDefinitionVersion",
    "policyAssignmentVersion",
)
COMPONENT_COLUMNS = (
    *(name for name in STATE_COLUMNS if name not in ("resourceTags", "effectiveParameters")),
    "componentId",
    "componentType",
    "componentName",
)


@dataclass(frozen=True, slots=True)
class Query:
    """The options of one query, as text."""

    filter: str = ""
    apply: str = ""
    orderby: str = ""
    select: str = ""
    expand: str = ""
    top: str = ""
    skip: str = ""
    start: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """One page of rows; `next` is the token of the following one; aggregated rows have no ids."""

    rows: list[Row]
    next: str = ""
    aggregated: bool = False


def query_states(context: Context, scope: str, query: Query) -> Results:
    """Return policy states at a scope, a resource, a definition or an assignment."""
    with context.store.read() as connection:
        within = _within(context, connection, scope)
        rows = _rows(context, connection, within)
    return _answer(rows, query, STATE_COLUMNS)


def query_components(context: Context, scope: str, query: Query) -> Results:
    """Return the components that are not compliant now, each with what it violates."""
    with context.store.read() as connection:
        within = _within(context, connection, scope)
        cells = [cell for cell in states.cells(connection) if within(cell)]
        members = {member.assignment.id: member for member in desired.members(context, connection)}
        rows = []
        for cell in cells:
            if not cell.violating:
                continue
            base = _state_row(context, cell, members[cell.binding["assignmentId"]])
            filters = {"cluster": cell.cluster["name"], "assignment": cell.binding["assignmentId"]}
            for record in records.find(connection, filters=filters, before=0, limit=1_000_000):
                rows.append(_component_row(base, record, expand=query.expand))
    return _answer(rows, query, COMPONENT_COLUMNS)


def summarize(context: Context, scope: str, query: Query, *, base: str) -> Row:
    """Return the summary of policy states at a scope; `base` is the address for `queryResultsUri`."""
    with context.store.read() as connection:
        within = _within(context, connection, scope)
        rows = _rows(context, connection, within)
    test = odata.read_filter(query.filter, columns=STATE_COLUMNS)
    rows = [row for row in _in_window(rows, query) if test(row)]
    uri = f"{base}{scope}/{QUERY}"
    assignments = []
    for identifier, part in _grouped(rows, "policyAssignmentId").items():
        results = _results(part, uri, f"PolicyAssignmentId eq '{identifier}'")
        definitions = []
        for member in _grouped(part, "policyDefinitionReferenceId", "policyDefinitionId").values():
            one = member[0]
            definition = one["policyDefinitionId"]
            narrower = f"PolicyAssignmentId eq '{identifier}' and PolicyDefinitionId eq '{definition}'"
            found = _results(member, uri, narrower)
            del found["nonCompliantPolicies"]
            definitions.append(
                {
                    "policyDefinitionId": one["policyDefinitionId"],
                    "policyDefinitionReferenceId": one["policyDefinitionReferenceId"] or None,
                    "policyDefinitionGroupNames": [],
                    "effect": one["policyDefinitionAction"],
                    "results": found,
                }
            )
        assignments.append(
            {
                "policyAssignmentId": identifier,
                "policySetDefinitionId": part[0]["policySetDefinitionId"],
                "results": results,
                "policyDefinitions": definitions,
                "policyGroups": [],
            }
        )
    assignments.sort(key=lambda entry: -int(entry["results"]["nonCompliantResources"]))
    if query.top:
        assignments = assignments[: _number(query.top, "$top")]
    return {"results": _results(rows, uri, ""), "policyAssignments": assignments}


def _within(context: Context, connection: Connection, scope: str) -> Callable[[states.Cell], bool]:
    """Return the test for cells of a scope, which may also be a definition's or an assignment's id."""
    parsed = ids.parse(scope)
    kind = parsed.type.casefold() if parsed is not None else ""
    if kind == ids.ASSIGNMENTS.casefold():
        if policies.get_assignment(connection, scope) is None:
            raise MissingError(f"there is no policy assignment `{scope}`", code="PolicyAssignmentNotFound")
        return lambda cell: ids.same(cell.binding["assignmentId"], scope)
    if kind in (ids.DEFINITIONS.casefold(), ids.SET_DEFINITIONS.casefold()):
        # Clients ask below the subscription for built-in definitions too: the name decides.
        name = ids.key(ids.last_segment(scope))
        return lambda cell: ids.key(ids.last_segment(cell.binding["definitionId"])) == name
    place = context.world.locate(scope, clusters.names(connection))
    groups = context.world.management_groups
    return lambda cell: place.contains(Scope.parse(cell.cluster["document"]["id"]), management_groups=groups)


def _rows(context: Context, connection: Connection, within: Callable[[states.Cell], bool]) -> list[Row]:
    members = {member.assignment.id: member for member in desired.members(context, connection)}
    return [
        _state_row(context, cell, members[cell.binding["assignmentId"]])
        for cell in states.cells(connection)
        if within(cell) and cell.binding["assignmentId"] in members
    ]


def _state_row(context: Context, cell: states.Cell, member: desired.Member) -> Row:
    assignment, definition = member.assignment, member.definition
    resource = cell.cluster["document"]
    values = {name: {"value": value} for name, value in assignment.parameters.items()}
    return {
        "timestamp": cell.timestamp,
        "resourceId": resource["id"],
        "policyAssignmentId": assignment.id,
        "policyDefinitionId": definition.id,
        "effectiveParameters": "",
        "isCompliant": cell.state not in (state.NON_COMPLIANT, state.ERROR, state.CONFLICT),
        "subscriptionId": context.world.subscription,
        "resourceType": MANAGED_CLUSTERS,
        "resourceLocation": resource["location"],
        "resourceGroup": RESOURCE_GROUP,
        "resourceTags": json.dumps(resource["tags"]) if resource["tags"] else "tbd",
        "policyAssignmentName": assignment.name,
        "policyAssignmentOwner": "tbd",
        "policyAssignmentParameters": json.dumps(values) if values else "",
        "policyAssignmentScope": assignment.scope.id,
        "policyDefinitionName": definition.name,
        "policyDefinitionAction": cell.binding["effect"].lower(),
        "policyDefinitionCategory": definition.category or "tbd",
        "policySetDefinitionId": "",
        "policySetDefinitionName": "",
        "policySetDefinitionOwner": "",
        "policySetDefinitionCategory": "",
        "policySetDefinitionParameters": "",
        "managementGroupIds": ",".join(context.world.management_groups),
        "policyDefinitionReferenceId": cell.binding["referenceId"],
        "complianceState": cell.state,
        "complianceReasonCode": cell.code,
        "policyDefinitionGroupNames": [],
        "policyDefinitionVersion": definition.version,
        "policySetDefinitionVersion": "",
        "policyAssignmentVersion": "",
    }


def _component_row(base: Row, record: Row, *, expand: str) -> Row:
    component = f"{record['namespace']}/{record['name']}" if record["namespace"] else record["name"]
    row = {name: value for name, value in base.items() if name not in ("resourceTags", "effectiveParameters")}
    row |= {
        "timestamp": record["last_seen"],
        "componentType": record["kind"].lower(),
        "componentId": component,
        "componentName": record["name"],
        "complianceState": state.NON_COMPLIANT,
        "isCompliant": False,
    }
    if "policyevaluationdetails" in expand.casefold():
        row["policyEvaluationDetails"] = {"reason": "\n".join(record["messages"])}
    return row


def _answer(rows: list[Row], query: Query, columns: Iterable[str]) -> Results:
    names = tuple(columns)
    test = odata.read_filter(query.filter, columns=names)
    rows = [row for row in _in_window(rows, query) if test(row)]
    aggregated = bool(query.apply.strip())
    known: tuple[str, ...] = names
    if aggregated:
        rows = odata.apply(rows, query.apply, columns=names)
        known = tuple(rows[0]) if rows else ()
    rows = odata.order(rows, query.orderby, columns=known)
    total = len(rows)
    start = _number(query.skip, "$skiptoken") if query.skip else 0
    size = _number(query.top, "$top") if query.top else PAGE
    page = odata.select(rows[start : start + size], query.select, columns=known)
    more = not query.top and start + size < total
    return Results(page, str(start + size) if more else "", aggregated)


def _in_window(rows: list[Row], query: Query) -> list[Row]:
    """Keep what was last reported inside `$from`..`$to`, where these are given: latest states do not age."""
    for text, name in ((query.start, "$from"), (query.end, "$to")):
        if text and not text[:4].isdecimal():
            raise RequestError(f"`{text}` is not a time", target=name, hint="as in 2026-01-31T00:00:00Z")
    start, end = query.start.replace(" ", "T"), query.end.replace(" ", "T")
    return [
        row
        for row in rows
        if (not start or row["timestamp"] >= start) and (not end or row["timestamp"] <= end)
    ]


def _grouped(rows: list[Row], *names: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault("\n".join(row[name] for name in names).strip(), []).append(row)
    return found


def _results(rows: list[Row], uri: str, condition: str) -> Row:
    resources = _states_of(rows, "resourceId")
    policies_ = _states_of(rows, "policyAssignmentId", "policyDefinitionId", "policyDefinitionReferenceId")
    text = "IsCompliant eq false" + (f" and {condition}" if condition else "")
    return {
        "queryResultsUri": f"{uri}&$filter={quote(text)}",
        "nonCompliantResources": resources.count(state.NON_COMPLIANT),
        "nonCompliantPolicies": policies_.count(state.NON_COMPLIANT),
        "resourceDetails": _details(resources),
        "policyDetails": _details(policies_),
        "policyGroupDetails": [],
    }


def _states_of(rows: list[Row], *names: str) -> list[str]:
    return [state.worst(row["complianceState"] for row in part) for part in _grouped(rows, *names).values()]


def _details(found: list[str]) -> list[Row]:
    return [
        {"complianceState": name.lower(), "count": found.count(name)} for name in state.RANK if name in found
    ]


def _number(text: str, option: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise RequestError(f"`{option}` must be a whole number, not `{text}`", target=option)
    return int(text)
