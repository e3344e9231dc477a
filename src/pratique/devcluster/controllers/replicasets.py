"""Keep as many pods as a ReplicaSet wants.

Source: `pkg/controller/replicaset/replica_set.go` of Kubernetes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from pratique.devcluster.controllers import conditions, pods
from pratique.devcluster.controllers.base import (
    Api,
    Controller,
    Object,
    controller_of,
    copied,
    deleting,
    key_of,
    namespace_of,
    selects,
    split,
)
from pratique.devcluster.controllers.events import Recorder
from pratique.kube import status

RESOURCE = "replicasets.apps"


class ReplicaSets(Controller):
    """The ReplicaSet controller."""

    name = "replicaset-controller"
    watches = (RESOURCE, "pods")
    kind = "ReplicaSet"

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        recorder = Recorder(api, self.name, self.user)
        self._pods = pods.PodControl(api, self.user, recorder)

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return the ReplicaSet itself, a pod's owner, or those that may take a stray pod."""
        if resource == RESOURCE or controller_of(obj) is not None:
            return super().keys_for(change, resource, obj)
        return [
            key_of(item)
            for item in self.api.list(RESOURCE, namespace_of(obj))
            if selects(item["spec"].get("selector"), obj) or change == "MODIFIED"
        ]

    async def sync(self, key: str) -> None:
        """Create or delete pods, then write down what there is."""
        namespace, name = split(key)
        owner = self.api.get(RESOURCE, name, namespace)
        if owner is None:
            return
        selector = owner["spec"].get("selector")
        await self._pods.adopt(owner, selector)
        failure: status.StatusError | None = None
        found = [pod for pod in self._pods.claim(owner, selector) if pods.active(pod)]
        if not deleting(owner):
            try:
                await self._manage(owner, found)
            except status.StatusError as error:
                failure = error
        found = [pod for pod in self._pods.claim(owner, selector) if pods.active(pod)]
        await self._write_status(owner, found, failure)
        if failure is not None:
            raise failure
        self._look_again(key, owner, found)

    async def _manage(self, owner: Object, found: list[Object]) -> None:
        missing = int(owner["spec"].get("replicas", 1)) - len(found)
        if missing > 0:
            await self._pods.create_many(owner, owner["spec"].get("template") or {}, missing)
        elif missing < 0:
            surplus = sorted(found, key=pods.deletion_order)[:-missing]
            await asyncio.gather(*(self._pods.delete(owner, pod) for pod in surplus))

    def _look_again(self, key: str, owner: Object, found: list[Object]) -> None:
        wait = int(owner["spec"].get("minReadySeconds") or 0)
        if wait and any(pods.ready(pod) and not pods.available(pod, wait) for pod in found):
            self.queue.add_after(key, wait)

    async def _write_status(
        self, owner: Object, found: list[Object], failure: status.StatusError | None
    ) -> None:
        current = self.api.get(RESOURCE, owner["metadata"]["name"], namespace_of(owner))
        if current is None or current["metadata"]["uid"] != owner["metadata"]["uid"]:
            return
        old = current.get("status") or {}
        new = _status(owner, found, old)
        items = list(old.get("conditions") or ())
        if failure is None:
            items = conditions.drop(items, "ReplicaFailure")
        elif conditions.find(items, "ReplicaFailure") is None:
            reason = "FailedCreate" if len(found) < int(owner["spec"].get("replicas", 1)) else "FailedDelete"
            items = conditions.put(items, conditions.build("ReplicaFailure", "True", reason, failure.message))
        if items:
            new["conditions"] = items
        if new != old:
            changed = copied(current)
            changed["status"] = new
            await self.api.update(RESOURCE, changed, subresource="status", user=self.user)


def _status(owner: Object, found: list[Object], old: Object) -> Object:
    wait = int(owner["spec"].get("minReadySeconds") or 0)
    labels = ((owner["spec"].get("template") or {}).get("metadata") or {}).get("labels") or {}
    counts: dict[str, Any] = {
        "fullyLabeledReplicas": sum(
            labels.items() <= (pod["metadata"].get("labels") or {}).items() for pod in found
        ),
        "readyReplicas": sum(map(pods.ready, found)),
        "availableReplicas": sum(pods.available(pod, wait) for pod in found),
    }
    new = {name: count for name, count in counts.items() if count}
    return {"replicas": len(found), "observedGeneration": owner["metadata"].get("generation", 1), **new}
