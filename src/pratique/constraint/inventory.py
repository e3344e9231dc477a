"""The inventory: copies of cluster objects that policies read as `data.inventory`.

In: objects, one at a time. Out: the two trees of gatekeeper.md 2.2, changed in place, so that an update
costs one object and nothing is ever empty while it is rebuilt. It knows nothing of who syncs it.
"""

from __future__ import annotations

from typing import Any

from pratique.errors import InputError


class Inventory:
    """Objects by scope, group and version, kind and name."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data: dict[str, Any] = {"cluster": {}, "namespace": {}}

    def put(self, found: dict[str, Any]) -> None:
        """Add an object, or replace the one of that name."""
        *path, name = _path(found)
        tree = self.data
        for step in path:
            tree = tree.setdefault(step, {})
        tree[name] = found

    def remove(self, found: dict[str, Any]) -> None:
        """Take an object out; one that is not there is no error."""
        path = _path(found)
        trees = [self.data]
        for step in path[:-1]:
            tree = trees[-1].get(step)
            if tree is None:
                return
            trees.append(tree)
        trees[-1].pop(path[-1], None)
        # Branches that became empty go too, or a policy would see kinds that no longer exist.
        for depth in range(len(trees) - 1, 1, -1):
            if not trees[depth]:
                del trees[depth - 1][path[depth - 1]]

    def __len__(self) -> int:
        cluster = sum(len(names) for kinds in self.data["cluster"].values() for names in kinds.values())
        return cluster + sum(
            len(names)
            for versions in self.data["namespace"].values()
            for kinds in versions.values()
            for names in kinds.values()
        )


def _path(found: dict[str, Any]) -> tuple[str, ...]:
    metadata = found.get("metadata")
    version, kind = found.get("apiVersion"), found.get("kind")
    if not (isinstance(version, str) and version and isinstance(kind, str) and kind):
        raise InputError("an object of the inventory needs `apiVersion` and `kind`")
    # An object out of a file may have no name yet (`generateName`); Gatekeeper keeps it under an empty one.
    name = metadata.get("name") if isinstance(metadata, dict) else None
    name = name if isinstance(name, str) else ""
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    if isinstance(namespace, str) and namespace:
        return ("namespace", namespace, version, kind, name)
    return ("cluster", version, kind, name)
