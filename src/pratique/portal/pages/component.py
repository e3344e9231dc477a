"""One Kubernetes object: what is wrong with it, where in it, since when, and what every policy says of it."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pratique.portal import links, policies, render
from pratique.portal.api import Json

HISTORY = 100


async def show(request: Request) -> Response:
    """Show the object of one record, with every record of that object."""
    api = request.state.api
    record = await api.record(request.path_params["id"])
    found, assignments, definitions, denials = await asyncio.gather(
        api.records(
            cluster=record["cluster"],
            kind=record["kind"],
            namespace=record.get("namespace") or "",
            search=record["name"],
            closed=True,
            top=HISTORY,
        ),
        api.list_assignments(),
        api.list_definitions(),
        api.denials(
            cluster=record["cluster"], namespace=record.get("namespace") or "", search=record["name"], top=10
        ),
    )
    same = [item for item in found.value if same_object(item, record)] or [record]
    known = policies.by_id(definitions)
    rows = {str(item["id"]).lower(): policies.assignment_row(item, known, {}) for item in assignments}
    model = {
        "record": record,
        "open": [item for item in same if not item.get("fixedAt")],
        "closed": [item for item in same if item.get("fixedAt")],
        "assignments": rows,
        "names": {key: row.title for key, row in rows.items()},
        "denials": [item for item in denials.value if item.get("name") == record["name"]],
        "command": kubectl(record),
        "address": links.page("/components", str(record["id"])),
    }
    return render.page(request, "component.html", model)


def same_object(left: Json, right: Json) -> bool:
    """Say whether two records speak of one object."""
    keys = ("cluster", "group", "kind", "namespace", "name")
    return all((left.get(key) or "") == (right.get(key) or "") for key in keys)


def kubectl(record: Json) -> str:
    """Return the command that shows the object."""
    kind = record["kind"].lower() + (f".{record['group']}" if record.get("group") else "")
    where = f" -n {record['namespace']}" if record.get("namespace") else ""
    return f"kubectl get {kind} {record['name']}{where} -o yaml"
