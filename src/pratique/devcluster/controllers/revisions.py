"""ControllerRevisions: the history of StatefulSets and DaemonSets.

Source: `pkg/controller/history/controller_history.go` of Kubernetes.
"""

from __future__ import annotations

import copy

from pratique.devcluster.controllers.base import (
    Api,
    Object,
    copied,
    deleting,
    name_of,
    namespace_of,
    owned_by,
    owner_reference,
    uid_of,
)
from pratique.devcluster.controllers.rollouts import template_hash
from pratique.devcluster.users import UserInfo

RESOURCE = "controllerrevisions.apps"
HASH_LABEL = "controller-revision-hash"


def snapshot(owner: Object) -> Object:
    """Return the patch that restores an owner's template: what `kubectl rollout undo` applies."""
    template = copy.deepcopy(owner["spec"]["template"])
    return {"spec": {"template": {"$patch": "replace", **template}}}


class History:
    """Reads and writes the revisions of one controller's objects."""

    def __init__(self, api: Api, user: UserInfo) -> None:
        self._api = api
        self._user = user

    def of(self, owner: Object) -> list[Object]:
        """Return an owner's revisions, oldest first."""
        found = [r for r in self._api.list(RESOURCE, namespace_of(owner)) if owned_by(r, owner)]
        return sorted(found, key=lambda r: (int(r.get("revision", 0)), name_of(r)))

    async def current(self, owner: Object) -> Object:
        """Return the revision of the owner's present template, made or moved to the end if need be."""
        data = snapshot(owner)
        found = self.of(owner)
        newest = int(found[-1].get("revision", 0)) if found else 0
        same = next((r for r in reversed(found) if r.get("data") == data), None)
        if same is not None:
            if int(same.get("revision", 0)) == newest:
                return same
            return await self._api.update(RESOURCE, {**copied(same), "revision": newest + 1}, user=self._user)
        labels = dict((owner["spec"]["template"].get("metadata") or {}).get("labels") or {})
        short = template_hash(owner["spec"]["template"])
        made = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": f"{name_of(owner)}-{short}",
                "namespace": namespace_of(owner),
                "labels": {**labels, "controller.kubernetes.io/hash": short},
                "annotations": _annotations(owner),
                "ownerReferences": [owner_reference(owner)],
            },
            "data": data,
            "revision": newest + 1,
        }
        return await self._api.create(RESOURCE, made, namespace=namespace_of(owner), user=self._user)

    async def trim(self, owner: Object, live: set[str]) -> None:
        """Delete the oldest revisions beyond the history that is wanted, but none that pods still have."""
        limit = int(owner["spec"].get("revisionHistoryLimit", 10))
        old = [r for r in self.of(owner) if name_of(r) not in live and not deleting(r)]
        for revision in old[: max(0, len(old) - limit)]:
            await self._api.delete(
                RESOURCE,
                name_of(revision),
                namespace=namespace_of(revision),
                uid=uid_of(revision),
                user=self._user,
            )


def _annotations(owner: Object) -> dict[str, str]:
    found = owner["metadata"].get("annotations") or {}
    return {k: v for k, v in found.items() if k != "kubectl.kubernetes.io/last-applied-configuration"}
