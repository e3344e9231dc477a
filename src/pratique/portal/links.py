"""From ARM ids to the portal's own addresses and to words: the address of a thing is its page plus its id.

Ids are compared without regard to case, as ARM does; what is shown keeps the case that it was written in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

DEFINITION = "/providers/Microsoft.Authorization/policyDefinitions/"
ASSIGNMENT = "/providers/Microsoft.Authorization/policyAssignments/"
CLUSTER = "/providers/Microsoft.ContainerService/managedClusters/"


def last(resource_id: str) -> str:
    """Return the last segment of an id: the resource's own name."""
    return resource_id.rstrip("/").rsplit("/", 1)[-1]


def page(prefix: str, resource_id: str) -> str:
    """Return the portal's address for a resource under one of its pages."""
    return prefix + quote(resource_id if resource_id.startswith("/") else "/" + resource_id, safe="/")


def query(base: str, values: Mapping[str, Any]) -> str:
    """Return `base` with the values that are not empty as its query string."""
    kept = [(key, value) for key, value in values.items() if value not in ("", None)]
    return f"{base}?{urlencode(kept, doseq=True)}" if kept else base


def scope_of(assignment_id: str) -> str:
    """Return the scope that an assignment's id names."""
    at = assignment_id.lower().find(ASSIGNMENT.lower())
    return assignment_id[:at] if at >= 0 else ""


def contains(scope: str, resource_id: str) -> bool:
    """Say whether a resource lies in a scope, the scope itself included."""
    outer, inner = scope.rstrip("/").lower(), resource_id.rstrip("/").lower()
    return inner == outer or inner.startswith(outer + "/")


def scope_label(scope: str) -> tuple[str, str]:
    """Return what a scope is and what it is called: `("cluster", "embedded")`."""
    parts = [part for part in scope.split("/") if part]
    lowered = [part.lower() for part in parts]
    if not parts:
        return "tenant", "all"
    if "managedclusters" in lowered or "connectedclusters" in lowered:
        return "cluster", parts[-1]
    if "resourcegroups" in lowered:
        return "resource group", parts[lowered.index("resourcegroups") + 1]
    if "managementgroups" in lowered:
        return "management group", parts[-1]
    if lowered[0] == "subscriptions":
        return "subscription", parts[-1]
    return "scope", parts[-1]


def scopes_of(cluster_ids: Iterable[str]) -> list[str]:
    """Return every scope that holds one of these clusters: subscriptions, their groups, the clusters."""
    found: dict[str, str] = {}
    for cluster_id in cluster_ids:
        parts = cluster_id.strip("/").split("/")
        for length in (2, 4, len(parts)):
            scope = "/" + "/".join(parts[:length])
            found.setdefault(scope.lower(), scope)
    return [found[key] for key in sorted(found)]


def title(resource: Mapping[str, Any]) -> str:
    """Return what people call a definition or assignment: its display name, else its name."""
    properties = resource.get("properties") or {}
    return str(properties.get("displayName") or resource.get("name") or last(str(resource.get("id", ""))))


def same(left: str, right: str) -> bool:
    """Say whether two ids name one resource."""
    return left.rstrip("/").lower() == right.rstrip("/").lower()
