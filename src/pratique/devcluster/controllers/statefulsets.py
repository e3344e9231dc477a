"""Keep a StatefulSet's numbered pods: made in order, updated and removed in reverse order.

Source: `pkg/controller/statefulset` of Kubernetes.
"""

from __future__ import annotations

import copy

from pratique.devcluster.controllers import pods
from pratique.devcluster.controllers.base import (
    Api,
    Controller,
    Object,
    copied,
    deleting,
    key_of,
    name_of,
    namespace_of,
    split,
)
from pratique.devcluster.controllers.events import Recorder
from pratique.devcluster.controllers.revisions import HASH_LABEL, History
from pratique.kube import status

RESOURCE = "statefulsets.apps"
CLAIMS = "persistentvolumeclaims"


class StatefulSets(Controller):
    """The StatefulSet controller."""

    name = "statefulset-controller"
    watches = (RESOURCE, "pods")
    kind = "StatefulSet"

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._recorder = Recorder(api, self.name, self.user)
        self._pods = pods.PodControl(api, self.user, self._recorder)
        self._history = History(api, self.user)

    async def sync(self, key: str) -> None:
        """Take one step, then write down what there is."""
        namespace, name = split(key)
        owner = self.api.get(RESOURCE, name, namespace)
        if owner is None:
            return
        await self._pods.adopt(owner, owner["spec"].get("selector"))
        newest = await self._history.current(owner)
        before = (owner.get("status") or {}).get("currentRevision") or name_of(newest)
        failure: status.StatusError | None = None
        if not deleting(owner):
            try:
                await self._step(owner, before, name_of(newest))
            except status.StatusError as error:
                failure = error
        found = self._by_ordinal(owner)
        live = {_revision(pod) for pod in found.values()} | {name_of(newest), before}
        await self._history.trim(owner, live)
        await self._write_status(owner, found, before, name_of(newest))
        if failure is not None:
            raise failure

    def _by_ordinal(self, owner: Object) -> dict[int, Object]:
        prefix = f"{name_of(owner)}-"
        found = {}
        for pod in self._pods.claim(owner, None):
            ordinal = name_of(pod).removeprefix(prefix)
            if ordinal.isdigit():
                found[int(ordinal)] = pod
        return found

    async def _step(self, owner: Object, before: str, newest: str) -> None:
        spec = owner["spec"]
        first = int((spec.get("ordinals") or {}).get("start", 0))
        wanted = range(first, first + int(spec.get("replicas", 1)))
        ordered = spec.get("podManagementPolicy") != "Parallel"
        found = self._by_ordinal(owner)
        partition = int(((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0)
        for ordinal in wanted:
            pod = found.get(ordinal)
            if pod is not None and pods.phase(pod) in ("Failed", "Succeeded") and not deleting(pod):
                await self._delete(owner, pod)
                return
            if pod is None:
                rolling = (spec.get("updateStrategy") or {}).get("type") == "RollingUpdate"
                old = rolling and before != newest and ordinal < first + partition
                await self._create(owner, ordinal, before if old else newest)
                if ordered:
                    return
            elif ordered and (deleting(pod) or not self._available(owner, pod)):
                self._wait_for(owner, pod)
                return
        surplus = sorted((at for at in found if at not in wanted), reverse=True)
        for ordinal in surplus:
            if not deleting(found[ordinal]):
                await self._delete(owner, found[ordinal])
            if ordered:
                return
        if (spec.get("updateStrategy") or {}).get("type") == "RollingUpdate":
            await self._update(owner, found, [at for at in wanted if at >= first + partition], newest)

    async def _update(
        self, owner: Object, found: dict[int, Object], ordinals: list[int], newest: str
    ) -> None:
        for ordinal in sorted(ordinals, reverse=True):
            pod = found.get(ordinal)
            if pod is None:
                return
            if _revision(pod) != newest and not deleting(pod):
                await self._delete(owner, pod)
                return
            if not self._available(owner, pod):
                self._wait_for(owner, pod)
                return

    def _available(self, owner: Object, pod: Object) -> bool:
        return pods.available(pod, int(owner["spec"].get("minReadySeconds") or 0))

    def _wait_for(self, owner: Object, pod: Object) -> None:
        seconds = int(owner["spec"].get("minReadySeconds") or 0)
        if seconds and pods.ready(pod):
            self.queue.add_after(key_of(owner), seconds)

    async def _create(self, owner: Object, ordinal: int, revision: str) -> None:
        name = f"{name_of(owner)}-{ordinal}"
        said = f"create Pod {name} in StatefulSet {name_of(owner)}"
        try:
            await self._claims(owner, ordinal)
            pod = self._build(owner, ordinal, revision)
            await self.api.create("pods", pod, namespace=namespace_of(owner), user=self.user)
        except status.StatusError as error:
            if error.code != 409:
                await self._recorder.warning(owner, "FailedCreate", f"{said} failed error: {error.message}")
            raise
        await self._recorder.normal(owner, "SuccessfulCreate", f"{said} successful")

    async def _delete(self, owner: Object, pod: Object) -> None:
        told = f"delete Pod {{}} in StatefulSet {name_of(owner)} successful"
        await self._pods.delete(owner, pod, told=told)

    def _build(self, owner: Object, ordinal: int, revision: str) -> Object:
        name = f"{name_of(owner)}-{ordinal}"
        pod = pods.from_template(owner, self._template(owner, revision))
        metadata, spec = pod["metadata"], pod["spec"]
        metadata["name"] = name
        metadata["labels"] = {
            **(metadata.get("labels") or {}),
            "apps.kubernetes.io/pod-index": str(ordinal),
            HASH_LABEL: revision,
            "statefulset.kubernetes.io/pod-name": name,
        }
        spec["hostname"], spec["subdomain"] = name, owner["spec"].get("serviceName") or ""
        claims = [c["metadata"]["name"] for c in owner["spec"].get("volumeClaimTemplates") or ()]
        own = [v for v in spec.get("volumes") or () if v["name"] not in claims]
        made = [
            {"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}"}} for claim in claims
        ]
        if made or own:
            spec["volumes"] = [*made, *own]
        return pod

    def _template(self, owner: Object, revision: str) -> Object:
        kept = next((r for r in self._history.of(owner) if name_of(r) == revision), None)
        if kept is None:
            return dict(owner["spec"]["template"])
        return {k: v for k, v in kept["data"]["spec"]["template"].items() if k != "$patch"}

    async def _claims(self, owner: Object, ordinal: int) -> None:
        for template in owner["spec"].get("volumeClaimTemplates") or ():
            name = f"{template['metadata']['name']}-{name_of(owner)}-{ordinal}"
            if self.api.get(CLAIMS, name, namespace_of(owner)) is not None:
                continue
            claim = {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {
                    **copy.deepcopy(template["metadata"]),
                    "name": name,
                    "labels": dict(owner["spec"]["selector"].get("matchLabels") or {}),
                },
                "spec": copy.deepcopy(template["spec"]),
            }
            await self.api.create(CLAIMS, claim, namespace=namespace_of(owner), user=self.user)

    async def _write_status(self, owner: Object, found: dict[int, Object], before: str, newest: str) -> None:
        current = self.api.get(RESOURCE, name_of(owner), namespace_of(owner))
        if current is None or current["metadata"]["uid"] != owner["metadata"]["uid"]:
            return
        there = [pod for pod in found.values() if not deleting(pod)]
        updated = [pod for pod in there if _revision(pod) == newest]
        ready = [pod for pod in there if pods.ready(pod)]
        wanted = int(owner["spec"].get("replicas", 1))
        if len(updated) == wanted == len(ready) and len(there) == wanted:
            before = newest  # the roll-out is over
        counts = {
            "readyReplicas": len(ready),
            "currentReplicas": sum(_revision(pod) == before for pod in there),
            "updatedReplicas": len(updated),
        }
        new: Object = {
            "observedGeneration": owner["metadata"].get("generation", 1),
            "replicas": len(there),
            "availableReplicas": sum(self._available(owner, pod) for pod in there),
            **{name: count for name, count in counts.items() if count},
            "currentRevision": before,
            "updateRevision": newest,
            "collisionCount": 0,
        }
        if (current.get("status") or {}) != new:
            changed = copied(current)
            changed["status"] = new
            await self.api.update(RESOURCE, changed, subresource="status", user=self.user)


def _revision(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(HASH_LABEL, ""))
