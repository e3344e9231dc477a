"""`data.inventory`: the kinds that policies look up, watched into the library.

In: what templates, SyncSets and the Config ask for. Out: objects put into and taken out of the library's
inventory, one by one; a change of what is wanted never empties what stays wanted.
"""

from __future__ import annotations

import asyncio
import functools
import time

from pratique.agent import logs
from pratique.agent.cluster import Cluster, PolicyChange, without_managed_fields
from pratique.agent.metrics import Metrics
from pratique.client import resources
from pratique.client.informer import Change, Informer
from pratique.client.kube import KubeClient, Object
from pratique.client.resources import Resource
from pratique.errors import PratiqueError

Gvk = tuple[str, str, str]
RETRY_SECONDS = 5.0


class InventorySync:
    """Watches the wanted kinds; `run` it as a task."""

    def __init__(self, client: KubeClient, cluster: Cluster, *, metrics: Metrics) -> None:
        self._client = client
        self._cluster = cluster
        self._metrics = metrics
        self._sets: dict[str, set[Gvk]] = {}
        self._watches: dict[Resource, tuple[Informer, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._missing = False
        self._sync_sets = Informer(client, resources.SYNCSETS, handler=self._sync_set)
        cluster.listen(self._policy_changed)
        cluster.on_status(lambda *_: self._changed.set())

    def unready(self) -> list[str]:
        """Return the kinds that have not been read in yet; those that cannot be read are not waited for."""
        return [
            f"inventory of {resource.full_name}"
            for resource, (informer, _) in self._watches.items()
            if not informer.synced.is_set() and not informer.error
        ]

    async def run(self) -> None:
        """Follow what is wanted until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sync_sets.run())
            while True:
                try:
                    await self._adjust(tasks)
                except PratiqueError as error:
                    logs.warning("the inventory cannot be adjusted", reason=error.message)
                    self._missing = True
                try:
                    async with asyncio.timeout(RETRY_SECONDS if self._missing else None):
                        await self._changed.wait()
                except TimeoutError:
                    continue
                await asyncio.sleep(0.05)
                self._changed.clear()

    def _policy_changed(self, change: PolicyChange) -> None:
        if change.what == "exclusions":
            self._sweep_excluded()
        if change.what in ("inventory", "served", "exclusions"):
            self._changed.set()

    def _sync_set(self, change: Change, obj: Object) -> None:
        name = obj["metadata"]["name"]
        entries = (obj.get("spec") or {}).get("gvks") or () if change != "deleted" else ()
        self._sets[name] = {_gvk(entry) for entry in entries}
        self._changed.set()

    def wanted(self) -> set[Gvk]:
        """Return the union of what templates, SyncSets and the Config ask for."""
        config = (self._cluster.config or {}).get("spec") or {}
        named = {_gvk(entry) for entry in (config.get("sync") or {}).get("syncOnly") or ()}
        return named.union(self._cluster.library.wanted_inventory(), *self._sets.values())

    async def _adjust(self, tasks: asyncio.TaskGroup) -> None:
        wanted = self.wanted()
        found: set[Resource] = set()
        self._missing = False
        if wanted:
            discovery = await self._client.discover()
            for group, version, kind in wanted:
                resource = discovery.find(group, kind, version=version)
                if resource is None:
                    discovery = await self._client.discover(fresh=True)
                    resource = discovery.find(group, kind, version=version)
                if resource is None:
                    self._missing = True
                else:
                    found.add(resource)
        for resource in set(self._watches) - found:
            informer, task = self._watches.pop(resource)
            task.cancel()
            self._metrics.sync_ended(resource.kind)
            for key in list(informer.versions):
                self._cluster.library.remove_inventory(_stub(resource, key))
        for resource in found - set(self._watches):
            informer = Informer(self._client, resource, handler=self._put)
            self._watches[resource] = (informer, tasks.create_task(informer.run()))
            self._metrics.sync_began(resource.kind, functools.partial(len, informer.versions))

    def _put(self, change: Change, obj: Object) -> None:
        meta = obj["metadata"]
        is_namespace = obj["kind"] == "Namespace" and obj["apiVersion"] == "v1"
        space = meta["name"] if is_namespace else meta.get("namespace", "")
        library = self._cluster.library
        started = time.perf_counter()
        if change == "deleted" or self._cluster.exclusions.excluded("sync", space):
            library.remove_inventory(obj)
        else:
            library.put_inventory(without_managed_fields(obj))
        self._metrics.synced(seconds=time.perf_counter() - started)
        self._cluster.inventory_changed()

    def _sweep_excluded(self) -> None:
        for informer, _ in self._watches.values():
            informer.resync()


def _gvk(entry: Object) -> Gvk:
    return str(entry.get("group") or ""), str(entry.get("version") or ""), str(entry.get("kind") or "")


def _stub(resource: Resource, key: str) -> Object:
    namespace, _, name = key.partition("/")
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": meta}
