"""Who did what: the service's activity log, newest first."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pratique.portal import render

PAGE = 50


async def index(request: Request) -> Response:
    """Show the log, filtered by actor, operation or target."""
    asked = request.query_params
    filters = {name: asked.get(name, "") for name in ("actor", "operation", "target")}
    api = request.state.api
    found, assignments, definitions, clusters = await asyncio.gather(
        api.activity(
            actor=filters["actor"],
            operation=filters["operation"],
            target=filters["target"],
            top=PAGE,
            skiptoken=asked.get("after"),
        ),
        api.list_assignments(),
        api.list_definitions(),
        api.clusters(),
    )
    # The log outlives what it speaks of; only what is still there can be opened.
    known = {str(item["id"]).lower() for item in [*assignments, *definitions]}
    known |= {str(item["resourceId"]).lower() for item in clusters}
    model = {"rows": found.value, "next": found.next, "filters": filters, "known": known}
    return render.page(request, "activity.html", model)
