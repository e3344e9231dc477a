"""The cluster that a policy is bound for, as a resource among others.

In: an ARM resource document. Out: `Cluster`. It knows nothing of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pratique.policy import ids
from pratique.policy.errors import ScopeError
from pratique.policy.scope import Scope

MANAGED_CLUSTERS = "Microsoft.ContainerService/managedClusters"
CONNECTED_CLUSTERS = "Microsoft.Kubernetes/connectedClusters"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster: its id, where it is, its tags and properties, and the management groups above it."""

    id: str
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    management_groups: tuple[str, ...] = ()
    kind: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)
    sku: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_resource(
        cls, document: Mapping[str, Any], *, management_groups: tuple[str, ...] = ()
    ) -> Cluster:
        """Read a cluster from its ARM document (`id`, `location`, `tags`, `properties`)."""
        return cls(
            id=str(document.get("id") or document.get("resourceId") or ""),
            location=str(document.get("location") or ""),
            tags=dict(document.get("tags") or {}),
            properties=dict(document.get("properties") or {}),
            management_groups=management_groups,
            kind=str(document.get("kind") or ""),
            identity=dict(document.get("identity") or {}),
            sku=dict(document.get("sku") or {}),
        )

    @property
    def name(self) -> str:
        """Return the cluster's name."""
        return ids.last_segment(self.id)

    @property
    def type(self) -> str:
        """Return the cluster's resource type."""
        parsed = ids.parse(self.id)
        if parsed is None:
            raise ScopeError(f"`{self.id}` is not the resource id of a cluster", target="id")
        return parsed.type

    @property
    def scope(self) -> Scope:
        """Return the cluster as a scope."""
        return Scope.parse(self.id)

    def document(self) -> dict[str, Any]:
        """Return the resource as a policy rule sees it."""
        document: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "location": self.location,
            "tags": dict(self.tags),
            "properties": self.properties,
        }
        for name, value in (("kind", self.kind), ("identity", self.identity), ("sku", self.sku)):
            if value:
                document[name] = value
        return document
