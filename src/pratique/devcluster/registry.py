"""The resources that the server serves: the built-in table, and what CustomResourceDefinitions add.

In come definitions, out goes a `Resource` for a group, version and plural name. A resource is known inside
the server by its key, `pods` or `deployments.apps`; objects of one key live in one bucket of the store,
whatever version a client speaks. Knows nothing of HTTP, of objects or of who asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
REVIEW_VERBS = ("create",)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource in one version; `key` names its bucket in the store."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    storage_version: str = ""
    selectable: tuple[str, ...] = ()
    stored_as: str = ""
    custom: bool = False
    schema: dict[str, Any] | None = field(default=None, compare=False)
    columns: tuple[dict[str, Any], ...] = field(default=(), compare=False)
    scale: dict[str, str] | None = field(default=None, compare=False)
    list_kind: str = ""
    deprecation: str = ""
    terminating: bool = False

    @property
    def key(self) -> str:
        """Return the bucket's name: plural, a dot and the group, or the plural alone for the core group."""
        return self.stored_as or (f"{self.plural}.{self.group}" if self.group else self.plural)

    @property
    def api_version(self) -> str:
        """Return `apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def stored(self) -> bool:
        """Tell whether objects of it are kept, as opposed to reviews that are only answered."""
        return "get" in self.verbs or "list" in self.verbs


def parse_builtin(text: str) -> Iterator[Resource]:
    """Read the table of built-in resources; it explains itself in its first lines."""
    group = version = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            group, _, version = line.strip().rpartition("/")
            continue
        plural, kind, *words = line.split()
        options = dict(word.split("=", 1) for word in words if "=" in word)
        verbs: tuple[str, ...] = ALL_VERBS
        if "verbs" in options:
            verbs = tuple(options["verbs"].split(","))
        yield Resource(
            group=group,
            version=version,
            plural=plural,
            kind=kind,
            singular=kind.lower(),
            namespaced="cluster" not in words,
            short_names=_names(options.get("short")),
            categories=_names(options.get("in")),
            verbs=verbs,
            subresources=_names(options.get("sub")),
            selectable=_names(options.get("select")),
            stored_as=options.get("as", ""),
            storage_version=options.get("store", version),
        )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


class Registry:
    """Every resource served now; custom ones come and go with their definitions."""

    def __init__(self) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._main: dict[str, Resource] = {}
        self.generation = 0
        table = resources.files("pratique.devcluster").joinpath("data/resources.txt").read_text()
        for resource in parse_builtin(table):
            self._by_path[resource.group, resource.version, resource.plural] = resource
            if not resource.stored_as:
                self._main.setdefault(resource.key, resource)

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Return the resource served at this address."""
        return self._by_path.get((group, version, plural))

    def by_key(self, key: str) -> Resource | None:
        """Return a bucket's resource in its storage version (`pods`, `deployments.apps`)."""
        return self._main.get(key)

    def by_kind(self, group: str, kind: str, version: str = "") -> Resource | None:
        """Return the resource of a group and kind, in the given version or in its storage version."""
        for resource in self._by_path.values() if version else self._main.values():
            if resource.kind == kind and resource.group == group and version in ("", resource.version):
                return resource
        return None

    def stored(self) -> list[Resource]:
        """Return one resource for each bucket, in its storage version."""
        return [resource for resource in self._main.values() if resource.stored]

    def served(self) -> list[Resource]:
        """Return every resource in every served version, in discovery's order."""
        return list(self._by_path.values())

    def put_custom(self, key: str, served: list[Resource], *, storage: Resource) -> None:
        """Serve a definition's resources in place of those that it served before."""
        self.remove_custom(key)
        for resource in served:
            self._by_path[resource.group, resource.version, resource.plural] = resource
        self._main[key] = storage
        self.generation += 1

    def remove_custom(self, key: str) -> None:
        """Serve a definition's resources no longer."""
        gone = [path for path, resource in self._by_path.items() if resource.custom and resource.key == key]
        for path in gone:
            del self._by_path[path]
        if self._main.pop(key, None) is not None:
            self.generation += 1

    def mark_terminating(self, key: str) -> None:
        """Go on serving a definition's resources, but refuse new objects."""
        for path, resource in list(self._by_path.items()):
            if resource.custom and resource.key == key:
                self._by_path[path] = replace(resource, terminating=True)
