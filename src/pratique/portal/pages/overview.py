"""The first page: how much holds, what does not, where, and what to do next on a new installation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from pratique.portal import charts, links, render, words
from pratique.portal.api import Json

WORST, RECENT = 6, 6


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do on a new installation."""

    title: str
    text: str
    action: str
    href: str
    done: bool


async def show(request: Request) -> Response:
    """Show the overview."""
    api = request.state.api
    overview, denials, assignments = await asyncio.gather(
        api.overview(), api.denials(top=RECENT), api.list_assignments()
    )
    compliance = overview["compliance"]
    names = {item["id"].lower(): links.title(item) for item in assignments}
    rows = sorted(overview["assignments"], key=lambda row: -row["components"]["nonCompliant"])
    model = {
        "compliance": compliance,
        "donut": donut(compliance),
        "trend": trend(overview["trend"]),
        "since": (overview["trend"] or [{"time": ""}])[0]["time"],
        "worst": rows[:WORST],
        "assignments": overview["assignments"],
        "clusters": overview["clusters"],
        "denials": denials.value,
        "last24h": overview["denials"]["last24h"],
        "names": names,
        "steps": steps(overview["clusters"], assignments),
        "failing": sum(1 for row in rows if row["components"]["nonCompliant"]),
        "violations": sum(row["components"]["nonCompliant"] for row in rows),
    }
    return render.page(request, "overview.html", model)


def donut(compliance: Json) -> charts.Chart:
    """Return the ring of resources by state."""
    parts = [
        charts.Part("Compliant", compliance.get("compliant", 0), "good"),
        charts.Part("Non-compliant", compliance.get("nonCompliant", 0), "bad"),
        charts.Part("Error", compliance.get("error", 0), "warn"),
        charts.Part("Exempt", compliance.get("exempt", 0), "muted"),
        charts.Part("Unknown", compliance.get("unknown", 0), "none"),
    ]
    evaluated = any(part.count for part in parts)
    centre = words.percent(compliance.get("percentage")) if evaluated else "–"
    return charts.donut(parts, centre=centre, caption="compliant", title="Overall compliance")


def trend(points: list[Json]) -> charts.Chart:
    """Return the compliance over the last days."""
    made = [
        charts.Point(at, point["percentage"])
        for point in points
        if (at := words.moment(point["time"])) is not None
    ]
    return charts.trend(made, title="Compliance", unit="%", top=100, now=datetime.now(UTC))


def steps(clusters: list[Json], assignments: list[Json]) -> list[Step]:
    """Return what a new installation still needs, in order; nothing once all of it is done."""
    enabled = [item for item in clusters if (item.get("addon") or {}).get("state") == "Enabled"]
    first = clusters[0]["name"] if clusters else ""
    made = [
        Step(
            "Connect a cluster",
            "Pratique needs to know a cluster before it can hold policies there.",
            "See how",
            "/clusters",
            bool(clusters),
        ),
        Step(
            "Enable the add-on",
            "It runs in the cluster: it answers admission requests and watches what already exists.",
            "Open the cluster",
            f"/clusters/{first}" if first else "/clusters",
            bool(enabled),
        ),
        Step(
            "Assign a policy",
            "Choose a definition, say where it holds and with which parameters.",
            "Browse definitions",
            "/definitions?category=Kubernetes",
            bool(assignments),
        ),
    ]
    return [] if all(step.done for step in made) else made
