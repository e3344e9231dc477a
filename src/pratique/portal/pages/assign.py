"""The assign wizard: basics, parameters, review. The whole draft travels in one form, so nothing is stored.

Every step is in the form and one of them is visible; `go` says which one the person asks for, and what
comes before it must be right first. Editing an assignment is the same wizard with its place fixed.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pratique import policy
from pratique.errors import ConflictError, InputError, NotFoundError
from pratique.portal import forms, links, policies, render
from pratique.portal.api import Json
from pratique.portal.pages.assignments import covered
from pratique.portal.problems import Problem, problem_of
from pratique.portal.session import Form

STEPS = (("basics", "Basics"), ("parameters", "Parameters"), ("review", "Review + create"))


@dataclass(frozen=True, slots=True)
class Draft:
    """An assignment in the making."""

    name: str
    title: str
    scope: str
    description: str = ""
    excluded: tuple[str, ...] = ()
    enforced: bool = True
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Return the id that it will have."""
        return self.scope + links.ASSIGNMENT + self.name


@dataclass(frozen=True, slots=True)
class World:
    """What the wizard needs to know of the installation."""

    definition: Json
    clusters: list[Json]
    scopes: list[str]
    previous: Json | None = None

    @property
    def declared(self) -> Json:
        """Return the definition's parameters."""
        found: Json = self.definition["properties"].get("parameters") or {}
        return found


async def wizard(request: Request) -> Response:
    """Assign a definition."""
    definition_id = request.query_params.get("definition", "")
    if request.method == "POST":
        definition_id = request.state.form.get("definition", definition_id)
    if not definition_id:
        return await _choose(request)
    definition, clusters = await asyncio.gather(
        request.state.api.get_definition(definition_id), request.state.api.clusters()
    )
    world = World(definition, clusters, links.scopes_of(item["resourceId"] for item in clusters))
    if request.method == "POST":
        return await _answer(request, world)
    scope = request.query_params.get("scope", "")
    draft = Draft(
        name=secrets.token_hex(12),
        title=links.title(definition)[:128],
        scope=scope or (world.scopes[-1] if len(clusters) == 1 else ""),
    )
    return _show(request, world, draft, "basics", {})


async def edit(request: Request) -> Response:
    """Change an assignment; where it holds and what it assigns stay."""
    previous = await request.state.api.get_assignment("/" + request.path_params["id"])
    properties = previous["properties"]
    try:
        definition = await request.state.api.get_definition(str(properties["policyDefinitionId"]))
    except NotFoundError:
        raise ConflictError(
            f"the definition of `{links.title(previous)}` is gone", hint="delete the assignment"
        ) from None
    clusters = await request.state.api.clusters()
    scopes = links.scopes_of(item["resourceId"] for item in clusters)
    world = World(definition, clusters, scopes, previous)
    if request.method == "POST":
        return await _answer(request, world)
    draft = Draft(
        name=str(previous["name"]),
        title=links.title(previous),
        scope=links.scope_of(str(previous["id"])),
        description=str(properties.get("description") or ""),
        excluded=tuple(properties.get("notScopes") or ()),
        enforced=properties.get("enforcementMode", "Default") != "DoNotEnforce",
        values={key: entry["value"] for key, entry in (properties.get("parameters") or {}).items()},
    )
    return _show(request, world, draft, "basics", {})


async def _choose(request: Request) -> Response:
    documents = await request.state.api.list_definitions()
    rows = sorted((policies.definition_row(item) for item in documents), key=lambda row: row.title.lower())
    model = {"rows": rows, "scope": request.query_params.get("scope", "")}
    return render.page(request, "assign_choose.html", model)


async def _answer(request: Request, world: World) -> Response:
    form: Form = request.state.form
    draft = _draft(form, world)
    values, wrong = forms.read(world.declared, form)
    draft = replace(draft, values=values)
    go = form.get("go", "review")
    basics = _check_basics(draft, world)
    parameters = {**forms.missing(world.declared, values), **wrong}
    if go == "basics":
        return _show(request, world, draft, "basics", {})
    if basics:
        return _show(request, world, draft, "basics", basics, status=400)
    if go == "parameters":
        return _show(request, world, draft, "parameters", wrong)
    parameters = parameters or _check_values(draft, world)
    if parameters:
        return _show(request, world, draft, "parameters", parameters, status=400)
    if go == "create":
        return await _create(request, world, draft)
    return _show(request, world, draft, "review", {})


async def _create(request: Request, world: World, draft: Draft) -> Response:
    try:
        saved = await request.state.api.put_assignment(draft.id, body_of(draft, world))
    except (InputError, ConflictError, NotFoundError) as error:
        return _show(request, world, draft, "review", {}, problem=problem_of(error), status=400)
    target = links.page("/assignments", str(saved.get("id") or draft.id))
    done = (
        "Saved; the clusters get the change now." if world.previous else "Assigned; the clusters get it now."
    )
    return RedirectResponse(links.query(target, {"done": done}), status_code=303)


def _draft(form: Form, world: World) -> Draft:
    fixed = world.previous
    return Draft(
        name=str(fixed["name"]) if fixed else form.get("name", "").strip() or secrets.token_hex(12),
        title=form.get("title", "").strip(),
        scope=links.scope_of(str(fixed["id"])) if fixed else form.get("scope", "").strip(),
        description=form.get("description", "").strip(),
        excluded=tuple(str(item) for item in form.getlist("excluded") if item),
        enforced=form.get("enforced", "true") == "true",
    )


def _check_basics(draft: Draft, world: World) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if not draft.title:
        wrong["title"] = "Give the assignment a name, so that people know it in lists."
    elif len(draft.title) > 128:
        wrong["title"] = "The name may have 128 characters at most."
    if not draft.scope:
        wrong["scope"] = "Choose where the policy holds."
    elif not any(links.same(draft.scope, scope) for scope in world.scopes) and not world.previous:
        wrong["scope"] = "No cluster of this installation lies in this scope: choose one of the list."
    outside = [item for item in draft.excluded if draft.scope and not links.contains(draft.scope, item)]
    if outside or any(links.same(item, draft.scope) for item in draft.excluded):
        wrong["excluded"] = "Only what lies inside the scope, and is not all of it, can be excluded."
    if len(draft.description) > 512:
        wrong["description"] = "The description may have 512 characters at most."
    return wrong


def _check_values(draft: Draft, world: World) -> dict[str, str]:
    try:
        _resolve(draft, world)
    except policy.PolicyError as error:
        name = error.target.rpartition("parameters.")[2].split(".")[0]
        problem = problem_of(error)
        return {name if name in world.declared else "": f"{problem.message} {problem.hint}".strip()}
    return {}


def _resolve(draft: Draft, world: World) -> tuple[str, dict[str, Any]]:
    """Return the effect and every parameter's value that the draft would have."""
    definition = policy.Definition.from_arm(world.definition)
    assignment = policy.Assignment.from_arm(body_of(draft, world), identifier=draft.id)
    values = assignment.check_against(definition)
    return policy.effect_of(definition, values), values


def body_of(draft: Draft, world: World) -> Json:
    """Return the ARM document that creates the draft."""
    old = (world.previous or {}).get("properties") or {}
    kept = {key: old[key] for key in ("metadata", "nonComplianceMessages", "definitionVersion") if key in old}
    values = forms.changed(world.declared, draft.values)
    return {
        "properties": {
            **kept,
            "displayName": draft.title,
            "description": draft.description,
            "policyDefinitionId": str(world.definition["id"]),
            "notScopes": list(draft.excluded),
            "enforcementMode": "Default" if draft.enforced else "DoNotEnforce",
            "parameters": {name: {"value": value} for name, value in values.items()},
        }
    }


def consequences(draft: Draft, world: World) -> list[tuple[str, str]]:
    """Return what will happen, as (icon, sentence)."""
    effect, values = _resolve(draft, world)
    inside = covered(world.clusters, draft.scope, draft.excluded)
    running = [item["name"] for item in inside if (item.get("addon") or {}).get("state") == "Enabled"]
    waiting = [item["name"] for item in inside if item["name"] not in running]
    details = policy.Definition.from_arm(world.definition).details
    kinds = _names([str(kind) for kind in details.get("kinds") or []]) or "any"
    said: list[tuple[str, str]] = []
    if effect == "Disabled":
        return [
            ("dots", "The effect is Disabled: nothing is installed in any cluster, nothing is evaluated.")
        ]
    if running:
        said.append(("cluster", f"Within seconds it holds in {_names(running)}."))
    if waiting:
        said.append(("alert", f"In {_names(waiting)} it waits until the add-on is enabled there."))
    if not inside:
        said.append(("alert", "No cluster lies in this scope, so for now it holds nowhere."))
    if effect == "Deny" and draft.enforced:
        said.append(
            (
                "stop",
                f"Requests that create or change objects of kind {kinds} are refused when they violate it.",
            )
        )
    elif effect == "Deny":
        said.append(("eye", "Nothing is refused: enforcement is off. Violations are recorded."))
    else:
        said.append(("eye", f"Nothing is refused: objects of kind {kinds} that violate it are recorded."))
    said.append(
        ("list", "What exists already is judged, and shown under Compliance; nothing that runs is stopped.")
    )
    if namespaces := values.get("excludedNamespaces"):
        said.append(("shield", f"It does not look into the namespaces {_names(namespaces)}."))
    return said


def _names(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _show(
    request: Request,
    world: World,
    draft: Draft,
    step: str,
    errors: dict[str, str],
    *,
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    body = body_of(draft, world)
    model = {
        "steps": STEPS,
        "step": step,
        "draft": draft,
        "definition": policies.definition_row(world.definition),
        "previous": world.previous,
        "scopes": world.scopes,
        "fields": forms.fields(world.declared, draft.values, errors),
        "errors": errors,
        "problem": problem,
        "consequences": consequences(draft, world) if step == "review" else [],
        "effect": _resolve(draft, world)[0] if step == "review" else "",
        "body": body,
        "changed": [
            (
                forms.label_of(name, world.declared[name]),
                value if isinstance(value, str) else render.compact_json(value),
            )
            for name, value in forms.changed(world.declared, draft.values).items()
        ],
        "command": command_of(draft, body),
        "action": links.page("/assignments/edit", draft.id) if world.previous else "/assign",
    }
    return render.page(request, "assign.html", model, status=status)


def command_of(draft: Draft, body: Json) -> str:
    """Return the `az` command that does the same."""
    properties = body["properties"]
    lines = [
        f"az policy assignment create --name {draft.name}",
        f"  --display-name {_quoted(draft.title)}",
        f"  --policy {properties['policyDefinitionId']}",
        f"  --scope {draft.scope}",
    ]
    if draft.excluded:
        lines.append("  --not-scopes " + " ".join(draft.excluded))
    if not draft.enforced:
        lines.append("  --enforcement-mode DoNotEnforce")
    if properties["parameters"]:
        compact = render.compact_json(properties["parameters"])
        lines.append(f"  --params {_quoted(compact)}")
    return " \\\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
