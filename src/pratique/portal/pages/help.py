"""The keyboard and the words, on one page; the overlay that `?` opens shows the same list."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pratique.portal import render


async def show(request: Request) -> Response:
    """Show the help page."""
    return render.page(request, "help.html", {})
