"""Delete what lost all its owners; carry out `foregroundDeletion` and `orphan`.

Source: `pkg/controller/garbagecollector` of Kubernetes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pratique.devcluster.controllers.base import (
    Api,
    Controller,
    Object,
    copied,
    deleting,
    name_of,
    namespace_of,
    uid_of,
)

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class GarbageCollector(Controller):
    """Keeps a graph of who owns whom, by UID; keys are UIDs of objects to look at."""

    name = "generic-garbage-collector"
    watches = ()

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._nodes: dict[str, tuple[str, Object]] = {}
        self._dependents: dict[str, set[str]] = defaultdict(set)

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return the object's UID and those of what it concerns; keep the graph."""
        uid = uid_of(obj)
        known = self._nodes.get(uid)
        before = _owners(known[1]) if known else []
        if change == "DELETED":
            self._nodes.pop(uid, None)
            for owner in before:
                self._dependents[owner["uid"]].discard(uid)
            return [*self._dependents.pop(uid, ()), *(owner["uid"] for owner in before)]
        self._nodes[uid] = (resource, obj)
        for owner in before:
            self._dependents[owner["uid"]].discard(uid)
        for owner in _owners(obj):
            self._dependents[owner["uid"]].add(uid)
        changed = {owner["uid"] for owner in before} ^ {owner["uid"] for owner in _owners(obj)}
        return [uid, *changed] if _owners(obj) or deleting(obj) or before else []

    def notice(self, change: str, resource: str, obj: Object) -> None:
        """Look at every resource."""
        if resource != "events":
            for key in self.keys_for(change, resource, obj):
                self.queue.add(key)

    def start(self) -> None:
        """Learn the graph from everything that exists."""
        for resource in {item.key for item in self.api.resources()}:
            for obj in self.api.list(resource):
                self.notice("ADDED", resource, obj)
        super().start()

    async def sync(self, key: str) -> None:
        """Delete an object without owners, or go on with one that is being deleted."""
        found = self._nodes.get(key)
        if found is None:
            return
        resource, stale = found
        obj = self.api.get(resource, name_of(stale), namespace_of(stale))
        if obj is None or uid_of(obj) != key:
            return
        if deleting(obj):
            await self._finalize(resource, obj)
        elif _owners(obj):
            await self._judge(resource, obj)

    async def _judge(self, resource: str, obj: Object) -> None:
        present, waiting, absent = [], [], []
        for owner in _owners(obj):
            node = self._nodes.get(owner["uid"])
            if node is None:
                absent.append(owner)
            elif deleting(node[1]) and FOREGROUND in _finalizers(node[1]):
                waiting.append(owner)
            else:
                present.append(owner)
        if present:
            if absent:  # dangling references beside a living owner are only taken out
                await self._replace(resource, obj, "ownerReferences", [*present, *waiting])
            return
        ways = {ORPHAN: "Orphan", FOREGROUND: "Foreground"}
        chosen = next((way for name, way in ways.items() if name in _finalizers(obj)), "Background")
        if waiting and self._dependents.get(uid_of(obj)):
            chosen = "Foreground"  # its owner waits for it, so it waits for what it owns
        await self.api.delete(
            resource,
            name_of(obj),
            namespace=namespace_of(obj),
            uid=uid_of(obj),
            propagation=chosen,
            user=self.user,
        )

    async def _finalize(self, resource: str, obj: Object) -> None:
        uid = uid_of(obj)
        if ORPHAN in _finalizers(obj):
            for child in list(self._dependents.get(uid, ())):
                await self._let_go(child, uid)
            await self._replace(resource, obj, "finalizers", [f for f in _finalizers(obj) if f != ORPHAN])
        elif FOREGROUND in _finalizers(obj):
            children = [self._nodes[child] for child in self._dependents.get(uid, ()) if child in self._nodes]
            blocking = [dependent for _, dependent in children if _blocks(dependent, uid)]
            if not blocking:
                left = [f for f in _finalizers(obj) if f != FOREGROUND]
                await self._replace(resource, obj, "finalizers", left)
            for _, dependent in children:
                self.queue.add(uid_of(dependent))

    async def _let_go(self, child: str, owner: str) -> None:
        node = self._nodes.get(child)
        if node is None:
            return
        resource, stale = node
        obj = self.api.get(resource, name_of(stale), namespace_of(stale))
        if obj is not None:
            kept = [reference for reference in _owners(obj) if reference["uid"] != owner]
            await self._replace(resource, obj, "ownerReferences", kept)

    async def _replace(self, resource: str, obj: Object, field: str, value: Sequence[object]) -> None:
        changed = copied(obj)
        changed["metadata"][field] = list(value)
        if not value:
            del changed["metadata"][field]
        await self.api.update(resource, changed, user=self.user)


def _owners(obj: Object) -> list[Object]:
    return list(obj["metadata"].get("ownerReferences") or ())


def _finalizers(obj: Object) -> list[str]:
    return list(obj["metadata"].get("finalizers") or ())


def _blocks(child: Object, owner: str) -> bool:
    return any(o["uid"] == owner and o.get("blockOwnerDeletion") for o in _owners(child))
