"""The one synthetic world: a tenant, a subscription, a resource group and its clusters, with their ids.

In: the GUIDs that were made once for this installation. Out: ids in their proper spelling, and whether a
scope exists. It knows nothing of what is assigned there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pratique.policy import Scope, ids
from pratique.policy.cluster import MANAGED_CLUSTERS
from pratique.service.errors import ScopeNotFoundError

RESOURCE_GROUP = "pratique"


@dataclass(frozen=True, slots=True)
class World:
    """The GUIDs of an installation and where it says that it is."""

    tenant: str
    subscription: str
    location: str

    @property
    def subscription_id(self) -> str:
        """Return the subscription's resource id."""
        return f"/subscriptions/{self.subscription}"

    @property
    def group_id(self) -> str:
        """Return the resource group's id."""
        return f"{self.subscription_id}/resourceGroups/{RESOURCE_GROUP}"

    @property
    def root_id(self) -> str:
        """Return the id of the tenant's root management group, which is named as the tenant."""
        return f"/providers/Microsoft.Management/managementGroups/{self.tenant}"

    @property
    def management_groups(self) -> tuple[str, ...]:
        """Return the names of the management groups above every cluster."""
        return (self.tenant,)

    def cluster_id(self, name: str) -> str:
        """Return a cluster's resource id."""
        return f"{self.group_id}/providers/{MANAGED_CLUSTERS}/{name}"

    def locate(self, text: str, clusters: Collection[str]) -> Scope:
        """Return the scope with its proper spelling.

        Raises ScopeNotFoundError when nothing here has that id.
        """
        scope = Scope.parse(text)
        wanted = ids.key(scope.id)
        known = [self.root_id, self.subscription_id, self.group_id]
        known += [self.cluster_id(name) for name in clusters]
        for candidate in known:
            if ids.key(candidate) == wanted:
                return Scope.parse(candidate)
        code, what, choices = _missing(scope, self, clusters)
        raise ScopeNotFoundError(
            f"{what} `{scope.name}` is not known here", code=code, hint=f"use one of: {', '.join(choices)}"
        )


def _missing(scope: Scope, world: World, clusters: Collection[str]) -> tuple[str, str, list[str]]:
    if scope.kind == "managementGroup":
        return "ManagementGroupNotFound", "management group", [world.root_id]
    if scope.subscription.casefold() != world.subscription:
        if scope.kind == "subscription":
            return "SubscriptionNotFound", "subscription", [world.subscription_id]
        return "SubscriptionNotFound", "the subscription of", [world.subscription_id]
    if scope.resource_group.casefold() != RESOURCE_GROUP:
        return (
            "ResourceGroupNotFound",
            "the resource group of" if scope.resource else "resource group",
            [world.group_id],
        )
    return "ResourceNotFound", "cluster", [world.cluster_id(name) for name in clusters] or [world.group_id]
