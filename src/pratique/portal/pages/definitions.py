"""The definitions: the list with its filters, one definition with its source, and its deletion."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pratique import policy
from pratique.errors import ConflictError
from pratique.portal import forms, links, policies, render
from pratique.portal.api import Json
from pratique.portal.authoring import rego_of, template_of

PAGE = 60


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows the list, as the query string says it."""

    search: str = ""
    category: str = ""
    type: str = ""
    effect: str = ""

    def keeps(self, row: policies.DefinitionRow) -> bool:
        """Tell whether a row passes all filters; every word of the search must occur."""
        text = f"{row.title} {row.description} {links.last(row.id)} {row.category}".lower()
        return (
            (not self.category or row.category.lower() == self.category.lower())
            and (not self.type or row.kind.lower() == self.type.lower())
            and (not self.effect or self.effect.lower() in (effect.lower() for effect in row.effects))
            and all(word in text for word in self.search.lower().split())
        )


async def index(request: Request) -> Response:
    """Show the definitions that pass the filters."""
    asked = request.query_params
    filters = Filters(*(asked.get(name, "").strip() for name in ("search", "category", "type", "effect")))
    documents, assignments = await asyncio.gather(
        request.state.api.list_definitions(), request.state.api.list_assignments()
    )
    rows = [policies.definition_row(document) for document in documents]
    kept = sorted((row for row in rows if filters.keeps(row)), key=lambda row: row.title.lower())
    start = min(int(asked.get("from", "0")) if asked.get("from", "0").isdigit() else 0, max(len(kept) - 1, 0))
    uses: dict[str, int] = {}
    for assignment in assignments:
        key = str(assignment["properties"].get("policyDefinitionId", "")).lower()
        uses[key] = uses.get(key, 0) + 1
    model = {
        "rows": kept[start : start + PAGE],
        "matching": len(kept),
        "total": len(rows),
        "start": start,
        "size": PAGE,
        "uses": uses,
        "filters": filters,
        "categories": sorted({row.category for row in rows}),
        "types": sorted({row.kind for row in rows}),
        "effects": sorted({effect for row in rows for effect in row.effects}),
    }
    return render.page(request, "definitions.html", model)


async def show(request: Request) -> Response:
    """Show one definition."""
    document, assigned = await _load(request)
    row = policies.definition_row(document)
    read = policy.Definition.from_arm(document)
    template = template_of(document)
    parameters = (document["properties"].get("parameters")) or {}
    model = {
        "row": row,
        "assigned": [policies.assignment_row(item, policies.by_id([document]), {}) for item in assigned],
        "template": template,
        "template_url": read.template_url(),
        "rego": rego_of(template) if template else [],
        "fields": forms.fields(parameters, {}, {}),
        "parameters": parameters,
        "details": read.details,
        "document": document,
    }
    return render.page(request, "definition.html", model)


async def delete(request: Request) -> Response:
    """Ask, then delete a custom definition; one that is assigned is not deleted."""
    document, assigned = await _load(request)
    row = policies.definition_row(document)
    if not row.custom:
        raise ConflictError(
            f"`{row.title}` is built in and cannot be deleted", hint="delete its assignments instead"
        )
    if request.method == "POST":
        await request.state.api.delete_definition(row.id)
        return RedirectResponse(
            links.query("/definitions", {"done": f"Deleted {row.title}."}), status_code=303
        )
    model = {
        "row": row,
        "assigned": [policies.assignment_row(item, policies.by_id([document]), {}) for item in assigned],
    }
    return render.page(request, "definition_delete.html", model)


async def _load(request: Request) -> tuple[Json, list[Json]]:
    definition_id = "/" + request.path_params["id"]
    document, assignments = await asyncio.gather(
        request.state.api.get_definition(definition_id), request.state.api.list_assignments()
    )
    used = [
        item
        for item in assignments
        if links.same(str(item["properties"].get("policyDefinitionId", "")), str(document["id"]))
    ]
    return document, used
