"""What both webhooks share: what they see of the cluster, and the answers that they give.

In: an AdmissionRequest. Out: its Namespace, whether a process leaves it alone, and `response` objects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pratique.agent import guard
from pratique.agent.exclusions import Exclusions
from pratique.client.providers import Providers
from pratique.constraint import Library
from pratique.constraint.expansion import Expander
from pratique.errors import NotFoundError
from pratique.kube.schema import kind_of

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """What the webhooks see of the cluster."""

    library: Library
    exclusions: Exclusions
    namespaces: Mapping[str, Object]
    """Namespace objects by `/name`, as an informer keeps them."""
    fetch_namespace: Callable[[str], Awaitable[Object | None]]
    expander: Expander
    providers: Providers

    def excluded(self, process: str, request: Object) -> bool:
        """Tell whether a process leaves a request's namespace alone; a Namespace counts as being in itself."""
        name = request.get("name" if guard.is_namespace(request["kind"]) else "namespace")
        return self.exclusions.excluded(process, name or "")


async def namespace_of(world: World, name: str) -> Object | None:
    """Return a Namespace, or None for no name; raises `NotFoundError` when there is none of that name."""
    if not name:
        return None
    found = world.namespaces.get(f"/{name}") or await world.fetch_namespace(name)
    if found is None:
        raise NotFoundError(f'namespaces "{name}" not found')
    return found


def allow(message: str, warnings: tuple[str, ...] = ()) -> Object:
    """Return the `response` that lets a request through."""
    response: Object = {"allowed": True, "status": {"code": 299 if warnings else 200}}
    if message:
        response["status"]["message"] = message
    if warnings:
        response["warnings"] = list(warnings)
    return response


def refuse(code: int, message: str, *, reason: str = "") -> Object:
    """Return the `response` that refuses a request."""
    status: Object = {"code": code, "message": message}
    if reason:
        status["reason"] = reason
    return {"allowed": False, "status": status}


def unreadable(found: Any) -> str:
    """Return what Go's decoder says of something that should have been an object."""
    if found is None:
        return "unexpected end of JSON input"
    kind = {"boolean": "bool", "integer": "number"}.get(kind_of(found), kind_of(found))
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
