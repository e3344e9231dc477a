"""`docs/reference/api.md`: the table of operations as a page for people; `make docs` writes it."""

from __future__ import annotations

from typing import Any

from pratique.service.routes.metrics import Metrics
from pratique.service.routes.operations import everything
from pratique.service.routes.schemas import SCHEMAS
from pratique.service.routes.table import PUBLIC, Operation

TAGS = {
    "session": "Signing in",
    "clusters": "Clusters",
    "agents": "What agents use",
    "compliance": "What is known",
    "policy": "Definitions and assignments (Azure Resource Manager)",
    "insights": "Policy states (Azure Resource Manager)",
    "resources": "Scopes (Azure Resource Manager)",
    "identity": "Tokens for the Azure CLI",
    "system": "Looking after it",
}
INTRODUCTION = """# The API

Written by `make docs` from the table of operations; `/openapi.json` of a running service has the same with
full schemas. Everything is JSON. A request carries `Authorization: Bearer TOKEN`: a session's from
`POST /api/v1/login`, a service principal's from `POST /adfs/oauth2/token`, or an agent's, which is good for
its own cluster alone.

Lists answer `{"value": [...], "nextLink": ...}`; follow `nextLink` until there is none. Errors answer
`{"error": {"code", "message", "target", "details", "hint"}}`; the `hint` says what to do instead, and of a
template that does not compile each of `details` has `file`, `line`, `column` and `text`.

Paths outside of `/api/v1` are those of Azure Resource Manager: they compare without case, take any
`api-version`, and `{scope}` is the id of a management group, a subscription, a resource group or a cluster.
`/api/v1/events` sends server-sent events named `records`, `assignments`, `definitions`, `clusters`,
`denials` and `activity`; the held stream of a cluster's desired state sends one JSON document a line. Both
say that they live every ten seconds.
"""


def markdown() -> str:
    """Return the page."""
    operations = everything(Metrics())
    parts = [INTRODUCTION]
    for tag, title in TAGS.items():
        parts.append(f"\n## {title}\n\n| | | who | query | body | answer |\n|---|---|---|---|---|---|\n")
        parts += [_row(operation) for operation in operations if operation.tag == tag]
    parts.append("\n## Bodies and answers\n\nA member with `*` is required.\n")
    for name, schema in SCHEMAS.items():
        if name not in ("Object", "ArmList", "QueryResults"):
            parts.append(f"\n### {name}\n\n{_members(schema)}")
    return "".join(parts)


def _row(operation: Operation) -> str:
    cells = (
        f"`{operation.method} {operation.path}`",
        operation.summary,
        "anyone" if operation.roles == PUBLIC else ", ".join(operation.roles),
        ", ".join(f"`{name}`" for name in operation.query),
        _link(operation.body),
        f"{operation.status} {_link(operation.answer)}".strip(),
    )
    return "| " + " | ".join(cells) + " |\n"


def _link(name: str) -> str:
    plain = name.removesuffix("[]")
    if plain in ("", "Object", "ArmList", "QueryResults"):
        return ""
    shown = f"list of {plain}" if name.endswith("[]") else plain
    return f"[{shown}](#{plain.lower()})"


def _members(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    lines = [
        f"- `{name}`{'*' if name in required else ''}: {_type(member)}\n"
        for name, member in schema.get("properties", {}).items()
    ]
    return "".join(lines)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rsplit("/", 1)[-1])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if kind == "object" and schema.get("properties"):
        inner = ", ".join(f"`{name}` {_type(member)}" for name, member in schema["properties"].items())
        return f"{{{inner}}}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
