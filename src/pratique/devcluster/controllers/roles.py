"""Cluster roles that are put together from others by their labels.

Source: `pkg/controller/clusterroleaggregation` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable

from pratique.devcluster.authorization import MASTERS, RBAC
from pratique.devcluster.controllers.base import (
    Api,
    Controller,
    Object,
    copied,
    deleting,
    key_of,
    name_of,
    selects,
)
from pratique.devcluster.users import UserInfo

ROLES = f"clusterroles.{RBAC}"


class AggregatedRoles(Controller):
    """Writes the rules of roles that have an `aggregationRule`."""

    name = "clusterrole-aggregation-controller"
    watches = (ROLES,)

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        # It writes rules that it was not given, which its role in a real cluster allows it.
        self.user = UserInfo(self.user.username, (*self.user.groups, MASTERS), "", {})

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return every role that is put together: any other may be a part of it."""
        return [key_of(role) for role in self.api.list(ROLES) if role.get("aggregationRule")]

    async def sync(self, key: str) -> None:
        """Write the rules of all roles that the role's selectors choose, each rule once."""
        role = self.api.get(ROLES, key)
        if role is None or deleting(role):
            return
        selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
        rules: list[Object] = []
        for selector in selectors:
            for part in sorted(self.api.list(ROLES), key=name_of):
                if name_of(part) == name_of(role) or not selects(selector, part):
                    continue
                rules += [rule for rule in part.get("rules") or () if rule not in rules]
        if rules != (role.get("rules") or []):
            changed = copied(role)
            changed["rules"] = rules
            await self.api.update(ROLES, changed, user=self.user)
