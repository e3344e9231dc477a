"""The assignments: the list, one of them, its enforcement and its deletion."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pratique.errors import NotFoundError
from pratique.portal import forms, links, policies, render
from pratique.portal.api import Api, Json


async def index(request: Request) -> Response:
    """Show the assignments with what they cover and how they stand."""
    api = request.state.api
    assignments, definitions, compliance = await asyncio.gather(
        api.list_assignments(), api.list_definitions(), api.compliance("policy")
    )
    known, states = policies.by_id(definitions), policies.by_id(compliance)
    rows = [policies.assignment_row(item, known, states) for item in assignments]
    search = request.query_params.get("search", "").strip()
    kept = [
        row
        for row in rows
        if all(w in f"{row.title} {row.definition} {row.scope}".lower() for w in search.lower().split())
    ]
    model = {"rows": sorted(kept, key=lambda row: row.title.lower()), "search": search, "total": len(rows)}
    return render.page(request, "assignments.html", model)


async def show(request: Request) -> Response:
    """Show one assignment: what it says, with which values, where it stands."""
    api = request.state.api
    document = await api.get_assignment("/" + request.path_params["id"])
    definition, compliance, clusters, log = await asyncio.gather(
        _definition(api, document),
        api.compliance("policy"),
        api.clusters(),
        api.activity(target=str(document["id"]), top=10),
    )
    known = policies.by_id([definition]) if definition else {}
    row = policies.assignment_row(document, known, policies.by_id(compliance))
    declared = ((definition or {}).get("properties") or {}).get("parameters") or {}
    model = {
        "row": row,
        "values": shown_values(declared, document),
        "covered": covered(clusters, row.scope, row.excluded),
        "document": document,
        "log": log.value,
    }
    return render.page(request, "assignment.html", model)


def shown_values(declared: Json, document: Json) -> list[tuple[forms.Field, str, bool]]:
    """Return each parameter, the value that holds, and whether the assignment sets it."""
    given: dict[str, Any] = {
        name: entry.get("value") if isinstance(entry, dict) else entry
        for name, entry in (document["properties"].get("parameters") or {}).items()
    }
    found = []
    for field in forms.fields(declared, given, {}):
        text = ", ".join(field.chosen) if field.kind in ("tags", "choices") else field.text
        found.append((field, text, field.name in given))
    return found


def covered(clusters: list[Json], scope: str, excluded: tuple[str, ...] | list[str]) -> list[Json]:
    """Return the clusters that lie in a scope and in none of the excluded ones."""
    return [
        cluster
        for cluster in clusters
        if links.contains(scope, cluster["resourceId"])
        and not any(links.contains(outside, cluster["resourceId"]) for outside in excluded)
    ]


async def enforcement(request: Request) -> Response:
    """Switch whether violations are refused, or only seen."""
    identifier = "/" + request.path_params["id"]
    document = await request.state.api.get_assignment(identifier)
    enforced = request.state.form.get("enforced") == "true"
    properties = {**document["properties"], "enforcementMode": "Default" if enforced else "DoNotEnforce"}
    await request.state.api.put_assignment(str(document["id"]), {**document, "properties": properties})
    words = "Enforcement is on." if enforced else "Enforcement is off: violations are seen, not refused."
    target = links.page("/assignments", str(document["id"]))
    return RedirectResponse(links.query(target, {"done": words}), status_code=303)


async def delete(request: Request) -> Response:
    """Ask, then delete an assignment."""
    api = request.state.api
    document = await api.get_assignment("/" + request.path_params["id"])
    if request.method == "POST":
        await api.delete_assignment(str(document["id"]))
        done = f"Deleted {links.title(document)}. Its constraint leaves the clusters within seconds."
        return RedirectResponse(links.query("/assignments", {"done": done}), status_code=303)
    definition, clusters = await asyncio.gather(_definition(api, document), api.clusters())
    row = policies.assignment_row(document, policies.by_id([definition]) if definition else {}, {})
    model = {"row": row, "covered": covered(clusters, row.scope, row.excluded)}
    return render.page(request, "assignment_delete.html", model)


async def _definition(api: Api, assignment: Json) -> Json | None:
    try:
        return await api.get_definition(str(assignment["properties"]["policyDefinitionId"]))
    except NotFoundError:
        return None  # the assignment outlived its definition; the page says so
