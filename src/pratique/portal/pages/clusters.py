"""The clusters: how each stands, its agents and their problems, and the add-on's switch."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pratique.portal import links, policies, render
from pratique.portal.pages.assignments import covered


async def index(request: Request) -> Response:
    """Show every cluster."""
    clusters, compliance = await asyncio.gather(
        request.state.api.clusters(), request.state.api.compliance("cluster")
    )
    model = {
        "clusters": sorted(clusters, key=lambda item: str(item["name"])),
        "states": policies.by_id(compliance),
    }
    return render.page(request, "clusters.html", model)


async def show(request: Request) -> Response:
    """Show one cluster."""
    api, name = request.state.api, request.path_params["name"]
    cluster = await api.cluster(name)
    compliance, assignments, definitions, records = await asyncio.gather(
        api.compliance("cluster"),
        api.list_assignments(),
        api.list_definitions(),
        api.records(cluster=name, top=20),
    )
    rows = [policies.assignment_row(item, policies.by_id(definitions), {}) for item in assignments]
    model = {
        "cluster": cluster,
        "standing": policies.by_id(compliance).get(cluster["resourceId"].lower(), {}),
        "assignments": [row for row in rows if covered([cluster], row.scope, row.excluded)],
        "records": records.value,
        "more": records.next,
        "names": {row.id.lower(): row.title for row in rows},
        "current": cluster.get("appliedRevision") == cluster.get("desiredRevision"),
    }
    return render.page(request, "cluster.html", model)


async def addon(request: Request) -> Response:
    """Ask for the add-on to be put into the cluster, or taken out of it."""
    name = request.path_params["name"]
    await request.state.api.set_addon(name, request.state.form.get("enabled") == "true")
    if request.headers.get("hx-request"):
        return await show(request)
    return RedirectResponse(links.page("/clusters", name), status_code=303)
