"""Count what PodDisruptionBudgets and ResourceQuotas are about.

Sources: `pkg/controller/{disruption,resourcequota}` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable

from pratique.devcluster.admission import quotas
from pratique.devcluster.controllers import conditions, pods
from pratique.devcluster.controllers.base import (
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
from pratique.devcluster.controllers.rollouts import resolve

BUDGETS = "poddisruptionbudgets.policy"
QUOTAS = "resourcequotas"
_SCALED = {
    "ReplicaSet": "replicasets.apps",
    "StatefulSet": "statefulsets.apps",
    "ReplicationController": "replicationcontrollers",
}


class DisruptionBudgets(Controller):
    """Writes how many pods of a budget may be evicted."""

    name = "disruption-controller"
    watches = (BUDGETS, "pods")

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return the budget itself, or those of a pod's namespace."""
        if resource == BUDGETS:
            return [key_of(obj)]
        return [key_of(item) for item in self.api.list(BUDGETS, namespace_of(obj))]

    async def sync(self, key: str) -> None:
        """Count healthy pods against what the budget demands."""
        namespace, name = split(key)
        budget = self.api.get(BUDGETS, name, namespace)
        if budget is None or deleting(budget):
            return
        spec = budget["spec"]
        found = [
            pod
            for pod in self.api.list("pods", namespace)
            if selects(spec.get("selector"), pod) and pods.phase(pod) not in ("Succeeded", "Failed")
        ]
        healthy = sum(pods.ready(pod) and not deleting(pod) for pod in found)
        expected = self._expected(found)
        if spec.get("maxUnavailable") is not None:
            wanted = max(0, expected - resolve(spec["maxUnavailable"], expected, up=True))
        elif isinstance(spec.get("minAvailable"), int):
            wanted, expected = int(spec["minAvailable"]), len(found)
        else:
            wanted = resolve(spec.get("minAvailable", 0), expected, up=True)
        allowed = max(0, healthy - wanted) if expected > 0 else 0
        reason = "SufficientPods" if allowed else "InsufficientPods"
        built = conditions.build("DisruptionAllowed", "True" if allowed else "False", reason, "")
        items = list((budget.get("status") or {}).get("conditions") or ())
        new = {
            "conditions": conditions.put(items, built),
            "currentHealthy": healthy,
            "desiredHealthy": wanted,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
            "observedGeneration": budget["metadata"].get("generation", 1),
        }
        for item in new["conditions"]:
            item.setdefault("observedGeneration", new["observedGeneration"])
        if (budget.get("status") or {}) != new:
            changed = copied(budget)
            changed["status"] = new
            await self.api.update(BUDGETS, changed, subresource="status", user=self.user)

    def _expected(self, found: list[Object]) -> int:
        """Return how many pods the controllers of these pods want."""
        total, seen = 0, set()
        for pod in found:
            owner = controller_of(pod)
            if owner is None:
                total += 1
            elif owner["uid"] not in seen and owner.get("kind") in _SCALED:
                seen.add(owner["uid"])
                scaled = self.api.get(_SCALED[owner["kind"]], owner["name"], namespace_of(pod))
                total += int((scaled or {}).get("spec", {}).get("replicas", 0))
        return total


class ResourceQuotas(Controller):
    """Writes what a namespace uses of its quotas."""

    name = "resourcequota-controller"
    watches = (QUOTAS,)

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return the quota itself."""
        return [key_of(obj)]

    def notice(self, change: str, resource: str, obj: Object) -> None:
        """Count again when something comes or goes, or a pod changes."""
        super().notice(change, resource, obj)
        if resource in (QUOTAS, "events") or (change == "MODIFIED" and resource != "pods"):
            return
        for item in self.api.list(QUOTAS, namespace_of(obj)) if namespace_of(obj) else ():
            self.queue.add(key_of(item))

    async def sync(self, key: str) -> None:
        """Write down what is used."""
        namespace, name = split(key)
        quota = self.api.get(QUOTAS, name, namespace)
        if quota is None or deleting(quota):
            return
        hard = quota["spec"].get("hard") or {}
        used = quotas.used(hard, namespace, self.api, quota["spec"])
        new = {"hard": dict(hard), "used": used}
        if (quota.get("status") or {}) != new:
            changed = copied(quota)
            changed["status"] = new
            await self.api.update(QUOTAS, changed, subresource="status", user=self.user)
