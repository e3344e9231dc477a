"""Writing a policy: create or change a custom definition; what does not compile is shown where it is wrong."""

from __future__ import annotations

import re
import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pratique.errors import ConflictError, InputError
from pratique.portal import authoring, links, policies, render
from pratique.portal.api import Json
from pratique.portal.problems import Problem, problem_of


async def new(request: Request) -> Response:
    """Write a new definition, or a copy of one (`?from=<id>`)."""
    if request.method == "POST":
        draft = _draft(request)
        name = slug(draft.title)
        existing = await request.state.api.list_definitions()
        identifier = f"/subscriptions/{request.state.me['subscriptionId']}{links.DEFINITION}{name}"
        if any(links.same(str(item["id"]), identifier) for item in existing):
            identifier += "-" + secrets.token_hex(2)
        return await _save(request, draft, identifier, previous=None)
    draft = authoring.Draft()
    if source := request.query_params.get("from", ""):
        draft = authoring.copied(authoring.draft_of(await request.state.api.get_definition(source)))
    return _form(request, draft, None, row=None)


async def edit(request: Request) -> Response:
    """Change a custom definition."""
    document = await request.state.api.get_definition("/" + request.path_params["id"])
    row = policies.definition_row(document)
    if not row.custom:
        raise ConflictError(
            f"`{row.title}` is built in and cannot be changed", hint="duplicate it and change the copy"
        )
    if request.method == "POST":
        return await _save(request, _draft(request), row.id, previous=document)
    return _form(request, authoring.draft_of(document), None, row=row)


async def _save(
    request: Request, draft: authoring.Draft, identifier: str, *, previous: Json | None
) -> Response:
    row = policies.definition_row(previous) if previous else None
    if wrong := _check(draft):
        return _form(request, draft, wrong, row=row, status=400)
    try:
        body = authoring.definition_of(draft, previous=previous)
        saved = await request.state.api.put_definition(identifier, body)
    except (InputError, ConflictError) as error:
        return _form(request, draft, problem_of(error, field="template"), row=row, status=400)
    target = links.page("/definitions", str(saved.get("id") or identifier))
    return RedirectResponse(links.query(target, {"done": f"Saved {draft.title}."}), status_code=303)


def _check(draft: authoring.Draft) -> Problem | None:
    if not draft.title:
        return Problem(
            "A definition needs a name.", hint="Say what it asks for, in a few words.", field="title"
        )
    if len(draft.title) > 128:
        return Problem("The name is longer than 128 characters.", hint="Shorten it.", field="title")
    if not draft.kinds.strip():
        return Problem("Say which kinds the policy looks at.", hint="For example Pod.", field="kinds")
    if not draft.template.strip():
        return Problem("The template is empty.", hint="Start from the example.", field="template")
    return None


def _draft(request: Request) -> authoring.Draft:
    form = request.state.form
    return authoring.Draft(
        title=form.get("title", "").strip(),
        description=form.get("description", "").strip(),
        category=form.get("category", "").strip(),
        groups=form.get("groups", "").strip(),
        kinds=form.get("kinds", "").strip(),
        effect=form.get("effect", "Audit") if form.get("effect") in authoring.EFFECTS else "Audit",
        template=form.get("template", "").replace("\r\n", "\n"),
    )


def _form(
    request: Request,
    draft: authoring.Draft,
    problem: Problem | None,
    *,
    row: policies.DefinitionRow | None,
    status: int = 200,
) -> Response:
    model = {"draft": draft, "problem": problem, "row": row, "effects": authoring.EFFECTS}
    return render.page(request, "editor.html", model, status=status)


def slug(title: str) -> str:
    """Return a resource name made of a title's letters and digits."""
    made = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-")
    return made or "policy-" + secrets.token_hex(4)
