"""Compliance by policy and by cluster, one policy's components, and all components with filters."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pratique.portal import links, policies, render
from pratique.portal.api import Json
from pratique.portal.pages.assignments import covered
from pratique.portal.pages.overview import donut

PAGE = 100
STATES = ("NonCompliant", "Compliant", "Exempt", "Error", "Unknown", "NotStarted")
FILTERS = ("cluster", "assignment", "definition", "state", "kind", "namespace", "search")


async def index(request: Request) -> Response:
    """Show the compliance of every policy, or of every cluster."""
    api, asked = request.state.api, request.query_params
    by = "cluster" if asked.get("by") == "cluster" else "policy"
    overview, rows, assignments, definitions = await asyncio.gather(
        api.overview(), api.compliance(by), api.list_assignments(), api.list_definitions()
    )
    known = policies.by_id(definitions)
    listed = {str(item["id"]).lower(): policies.assignment_row(item, known, {}) for item in assignments}
    state, search = asked.get("state", ""), asked.get("search", "").strip()
    kept = [row for row in rows if _keeps(row, state, search)]
    model = {
        "by": by,
        "rows": sorted(kept, key=lambda row: (_rank(row), str(row.get("displayName") or row["id"]).lower())),
        "total": len(rows),
        "assignments": listed,
        "compliance": overview["compliance"],
        "donut": donut(overview["compliance"]),
        "filters": {"by": by, "state": state, "search": search},
        "states": STATES,
    }
    return render.page(request, "compliance.html", model)


def _keeps(row: Json, state: str, search: str) -> bool:
    text = f"{row.get('displayName', '')} {row['id']}".lower()
    return (not state or row["state"].lower() == state.lower()) and all(
        w in text for w in search.lower().split()
    )


def _rank(row: Json) -> int:
    """Worst first."""
    order = ("noncompliant", "error", "compliant")
    state = str(row["state"]).lower()
    return order.index(state) if state in order else len(order)


async def show(request: Request) -> Response:
    """Show one assignment's compliance: its components, and how each cluster stands."""
    api, asked = request.state.api, request.query_params
    document = await api.get_assignment("/" + request.path_params["id"])
    identifier = str(document["id"])
    filters = _filters(request)
    filters["assignment"] = identifier
    closed = asked.get("state", "") in ("Compliant", "Fixed") or asked.get("closed") == "true"
    found, compliance, clusters, definitions = await asyncio.gather(
        api.records(**filters, closed=closed, top=PAGE, skiptoken=asked.get("after")),
        api.compliance("policy"),
        api.clusters(),
        api.list_definitions(),
    )
    row = policies.assignment_row(document, policies.by_id(definitions), policies.by_id(compliance))
    model = {
        "row": row,
        "records": found.value,
        "next": found.next,
        "filters": {**filters, "closed": "true" if closed else ""},
        "covered": covered(clusters, row.scope, row.excluded),
    }
    return render.page(request, "compliance_policy.html", model)


async def components(request: Request) -> Response:
    """Show the components of all policies and clusters that pass the filters."""
    api, asked = request.state.api, request.query_params
    filters = _filters(request)
    closed = asked.get("closed") == "true"
    found, assignments, clusters = await asyncio.gather(
        api.records(**filters, closed=closed, top=PAGE, skiptoken=asked.get("after")),
        api.list_assignments(),
        api.clusters(),
    )
    model = {
        "records": found.value,
        "next": found.next,
        "filters": {**filters, "closed": "true" if closed else ""},
        "clusters": sorted(str(item["name"]) for item in clusters),
        "names": {str(item["id"]).lower(): links.title(item) for item in assignments},
    }
    return render.page(request, "components.html", model)


def _filters(request: Request) -> dict[str, str]:
    return {name: request.query_params.get(name, "").strip() for name in FILTERS}
