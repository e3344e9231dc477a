"""Scopes: management group > subscription > resource group > resource (a cluster), and what lies in them.

In: ids as text. Out: `Scope`, which can say what it contains. Which management groups stand above a
subscription is not in an id, so whoever asks hands that chain in. It knows nothing of policies.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pratique.policy import ids
from pratique.policy.errors import ScopeError

KINDS = ("managementGroup", "subscription", "resourceGroup", "resource")

_MANAGEMENT_GROUP = re.compile(r"/providers/Microsoft\.Management/managementGroups/(?P<group>[^/]+)", re.I)
_SUBSCRIPTION = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)"
    r"(?:/resourceGroups/(?P<resource_group>[^/]+)(?P<resource>/providers/.+)?)?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One place that a policy can be assigned to."""

    kind: str
    id: str
    management_group: str = ""
    subscription: str = ""
    resource_group: str = ""
    resource: str = ""

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read a scope from its id.

        Raises `ScopeError` when the id is none of the four kinds.
        """
        trimmed = text.strip().rstrip("/") if isinstance(text, str) else ""
        if group := _MANAGEMENT_GROUP.fullmatch(trimmed):
            return cls("managementGroup", trimmed, management_group=group["group"])
        match = _SUBSCRIPTION.fullmatch(trimmed)
        if match is None:
            raise ScopeError(
                f"`{text}` is not a scope",
                target="scope",
                hint="write `/subscriptions/ID`, `/subscriptions/ID/resourceGroups/NAME`, a cluster's"
                " resource id, or `/providers/Microsoft.Management/managementGroups/NAME`",
            )
        resource_group, resource = match["resource_group"] or "", match["resource"] or ""
        if resource and ids.parse(trimmed) is None:
            raise ScopeError(
                f"`{text}` does not end in `/providers/NAMESPACE/TYPE/NAME`",
                target="scope",
                hint="name one resource, such as"
                " `.../providers/Microsoft.ContainerService/managedClusters/NAME`",
            )
        kind = "resource" if resource else "resourceGroup" if resource_group else "subscription"
        return cls(
            kind,
            trimmed,
            subscription=match["subscription"],
            resource_group=resource_group,
            resource=resource,
        )

    @property
    def name(self) -> str:
        """Return the last name in the id: what a person calls this scope."""
        return ids.last_segment(self.id)

    def contains(self, other: Scope, *, management_groups: Sequence[str] = ()) -> bool:
        """Tell whether `other` is this scope or lies below it.

        `management_groups` are the names (or ids) of the groups above `other`, in any order.
        """
        mine, theirs = ids.key(self.id), ids.key(other.id)
        if mine == theirs:
            return True
        if self.kind == "managementGroup":
            name = self.management_group.casefold()
            return any(ids.key(ids.last_segment(group)) == name for group in management_groups)
        return theirs.startswith(mine + "/")

    def ancestors(self) -> tuple[Scope, ...]:
        """Return the scopes above this one that its own id names, nearest first."""
        found = []
        if self.resource:
            found.append(f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}")
        if self.resource_group:
            found.append(f"/subscriptions/{self.subscription}")
        return tuple(Scope.parse(text) for text in found)


def in_any(scopes: Sequence[str], place: Scope, *, management_groups: Sequence[str] = ()) -> bool:
    """Tell whether `place` lies in one of the scopes, as an assignment's `notScopes` ask."""
    return any(Scope.parse(text).contains(place, management_groups=management_groups) for text in scopes)
