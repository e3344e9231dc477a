"""Who did what: the service's activity log, newest first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pratique.portal import render

PAGE = 50


async def index(request: Request) -> Response:
    """Show the log, filtered by actor, operation or target."""
    asked = request.query_params
    filters = {name: asked.get(name, "") for name in ("actor", "operation", "target")}
    found = await request.state.api.activity(
        actor=filters["actor"],
        operation=filters["operation"],
        target=filters["target"],
        top=PAGE,
        skiptoken=asked.get("after"),
    )
    model = {"rows": found.value, "next": found.next, "filters": filters}
    return render.page(request, "activity.html", model)
