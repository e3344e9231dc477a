"""What was refused at admission: who, what, when, by which policy."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pratique.portal import links, render

PAGE = 50


async def index(request: Request) -> Response:
    """Show the denials, newest first."""
    api, asked = request.state.api, request.query_params
    filters = {name: asked.get(name, "") for name in ("cluster", "namespace", "search", "assignment")}
    found, clusters, assignments = await asyncio.gather(
        api.denials(
            cluster=filters["cluster"],
            namespace=filters["namespace"],
            search=filters["search"],
            assignment=filters["assignment"],
            top=PAGE,
            skiptoken=asked.get("after"),
        ),
        api.clusters(),
        api.list_assignments(),
    )
    names = {item["id"].lower(): links.title(item) for item in assignments}
    model = {
        "rows": found.value,
        "next": found.next,
        "filters": filters,
        "clusters": sorted(item["name"] for item in clusters),
        "names": names,
    }
    return render.page(request, "denials.html", model)
