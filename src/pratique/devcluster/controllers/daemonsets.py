"""Keep one pod of a DaemonSet on each node that takes it.

Source: `pkg/controller/daemon` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable

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
from pratique.devcluster.controllers.rollouts import resolve
from pratique.devcluster.node import scheduler
from pratique.devcluster.strategy import TEMPLATE_GENERATION
from pratique.kube import status

RESOURCE = "daemonsets.apps"
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


class DaemonSets(Controller):
    """The DaemonSet controller."""

    name = "daemonset-controller"
    watches = (RESOURCE, "pods", "nodes")
    kind = "DaemonSet"

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._pods = pods.PodControl(api, self.user, Recorder(api, self.name, self.user))
        self._history = History(api, self.user)

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return the DaemonSet itself, a pod's owner, or all after a change of a node."""
        if resource == "nodes":
            return [key_of(item) for item in self.api.list(RESOURCE)]
        return super().keys_for(change, resource, obj)

    async def sync(self, key: str) -> None:
        """Create and delete pods, then write down what there is."""
        namespace, name = split(key)
        owner = self.api.get(RESOURCE, name, namespace)
        if owner is None:
            return
        await self._pods.adopt(owner, owner["spec"].get("selector"))
        revision = (await self._history.current(owner))["metadata"]["labels"]["controller.kubernetes.io/hash"]
        failure: status.StatusError | None = None
        if not deleting(owner):
            try:
                await self._step(owner, revision)
            except status.StatusError as error:
                failure = error
        await self._history.trim(owner, set())
        await self._write_status(owner, revision)
        if failure is not None:
            raise failure

    def _wanted(self, owner: Object) -> list[str]:
        """Return the nodes that take a pod of this DaemonSet."""
        nodes = self.api.list("nodes")
        return [name_of(n) for n in nodes if scheduler.refusal(_placed(owner, name_of(n)), n) is None]

    def _by_node(self, owner: Object) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for pod in self._pods.claim(owner, None):
            found.setdefault(_node_of(pod), []).append(pod)
        return found

    async def _step(self, owner: Object, revision: str) -> None:
        wanted, found = self._wanted(owner), self._by_node(owner)
        for node, there in found.items():
            for pod in there:
                ended = pods.phase(pod) in ("Failed", "Succeeded")
                if (node not in wanted or ended) and not deleting(pod):
                    await self._pods.delete(owner, pod)
        for node in wanted:
            if not found.get(node):
                await self._pods.create(owner, _stamped(_placed(owner, node), owner, revision))
        if (owner["spec"].get("updateStrategy") or {}).get("type") == "RollingUpdate":
            await self._roll(owner, wanted, revision)

    async def _roll(self, owner: Object, wanted: list[str], revision: str) -> None:
        rolling = (owner["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        allowed = max(1, resolve(rolling.get("maxUnavailable", 1), len(wanted), up=True))
        found = self._by_node(owner)
        here = [pod for node in wanted for pod in found.get(node, ())]
        missing = len(wanted) - sum(pods.ready(pod) and not deleting(pod) for pod in here)
        for pod in here:
            if _hash_of(pod) == revision or deleting(pod):
                continue
            if not pods.ready(pod) or missing < allowed:
                missing += pods.ready(pod)
                await self._pods.delete(owner, pod)

    async def _write_status(self, owner: Object, revision: str) -> None:
        current = self.api.get(RESOURCE, name_of(owner), namespace_of(owner))
        if current is None or current["metadata"]["uid"] != owner["metadata"]["uid"]:
            return
        wanted, found = self._wanted(owner), self._by_node(owner)
        here = [found[node][0] for node in wanted if found.get(node)]
        wait = int(owner["spec"].get("minReadySeconds") or 0)
        available = sum(pods.available(pod, wait) for pod in here)
        counts = {
            "updatedNumberScheduled": sum(_hash_of(pod) == revision for pod in here),
            "numberAvailable": available,
            "numberUnavailable": len(wanted) - available,
        }
        new: Object = {
            "currentNumberScheduled": len(here),
            "numberMisscheduled": sum(bool(there) for node, there in found.items() if node not in wanted),
            "desiredNumberScheduled": len(wanted),
            "numberReady": sum(map(pods.ready, here)),
            "observedGeneration": owner["metadata"].get("generation", 1),
            **{name: count for name, count in counts.items() if count},
        }
        if (current.get("status") or {}) != new:
            changed = copied(current)
            changed["status"] = new
            await self.api.update(RESOURCE, changed, subresource="status", user=self.user)


def _placed(owner: Object, node: str) -> Object:
    """Return a template that only one node takes, whatever that node's condition is."""
    template = copied(owner["spec"]["template"])
    spec = template.setdefault("spec", {})
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    required = affinity.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    terms = required.get("nodeSelectorTerms") or [{}]
    required["nodeSelectorTerms"] = [{**term, "matchFields": [field]} for term in terms]
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]
    if spec.get("hostNetwork"):
        more = {"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"}
        added.append(more)
    present = spec.get("tolerations") or []
    spec["tolerations"] = [*present, *(entry for entry in added if entry not in present)]
    return template


def _stamped(template: Object, owner: Object, revision: str) -> Object:
    metadata = template.setdefault("metadata", {})
    generation = (owner["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "1")
    labels = metadata.get("labels") or {}
    metadata["labels"] = {**labels, HASH_LABEL: revision, "pod-template-generation": generation}
    return template


def _node_of(pod: Object) -> str:
    spec = pod["spec"]
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field.get("key") == "metadata.name" and field.get("values"):
                return str(field["values"][0])
    return ""


def _hash_of(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(HASH_LABEL, ""))
