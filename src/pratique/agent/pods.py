"""The add-on's own pods, as the service shows them.

In: a watch of the agent's namespace. Out: for each pod its roles, its version and whether it is ready, and a
call when that changes.
"""

from __future__ import annotations

from collections.abc import Callable

from pratique.client import resources
from pratique.client.informer import Change, Informer, Selection
from pratique.client.kube import KubeClient, Object

FLAG = "--operation="


class Pods:
    """Follows the pods; `run` it as a task."""

    def __init__(self, client: KubeClient, *, namespace: str, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._told: list[Object] = []
        self._informer = Informer(
            client,
            resources.PODS,
            handler=self._heard,
            selection=Selection(namespace, label_selector="app.kubernetes.io/name=pratique"),
            keep=agent_of,
        )

    async def run(self) -> None:
        """Follow the pods until cancelled."""
        await self._informer.run()

    def agents(self) -> list[Object]:
        """Return `{pod, operation, version, ready}` of each pod, by name."""
        return sorted((agent for agent in self._informer.kept.values() if agent), key=_name)

    def _heard(self, change: Change, obj: Object) -> None:
        if (agents := self.agents()) != self._told:
            self._told = agents
            self._changed()


def agent_of(pod: Object) -> Object | None:
    """Return what is told of one pod, or None when it is on its way out."""
    meta, found = pod["metadata"], pod.get("status") or {}
    if meta.get("deletionTimestamp"):
        return None
    container = ((pod.get("spec") or {}).get("containers") or [{}])[0]
    roles = [arg.removeprefix(FLAG) for arg in container.get("args") or () if arg.startswith(FLAG)]
    image = str(container.get("image") or "").rpartition("/")[2]
    return {
        "pod": meta["name"],
        "operation": ", ".join(roles),
        "version": image.partition("@")[0].partition(":")[2],
        "ready": any(
            condition.get("type") == "Ready" and condition.get("status") == "True"
            for condition in found.get("conditions") or ()
        ),
    }


def _name(agent: Object) -> str:
    return str(agent["pod"])
