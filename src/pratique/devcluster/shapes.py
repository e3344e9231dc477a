"""How the fields of a kind merge: which lists are keyed, which maps are replaced as a whole.

In come OpenAPI nodes (built-in definitions, or the schema of a custom resource), out go answers for patches
and for server-side apply. Values are only looked at where a schema says nothing. Stores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_EMPTY: Node = {}


@dataclass(frozen=True, slots=True)
class Shape:
    """One place in a kind's schema, with references followed."""

    node: Node
    definitions: Mapping[str, Node]
    strict: bool = False

    @classmethod
    def of(cls, node: Node, definitions: Mapping[str, Node], *, strict: bool = False) -> Shape:
        """Return the shape of a node; what stands beside a reference overrides what it refers to."""
        if "$ref" in node:
            target = definitions.get(node["$ref"], _EMPTY)
            own = {key: value for key, value in node.items() if key.startswith("x-kubernetes-")}
            node = {**target, **own} if own else target
        return cls(node, definitions, strict)

    @classmethod
    def custom(cls, schema: Node, definitions: Mapping[str, Node]) -> Shape:
        """Return the shape of a custom resource: its schema, with an object's own fields."""
        own = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"$ref": _META}}
        properties = {**(schema.get("properties") or {}), **own}
        return cls({**schema, "type": "object", "properties": properties}, definitions, strict=True)

    def field(self, name: str) -> Shape | None:
        """Return a field's shape; None if the type does not have it."""
        properties = self.node.get("properties") or _EMPTY
        if name in properties:
            return Shape.of(properties[name], self.definitions, strict=self.strict)
        additional = self.node.get("additionalProperties")
        if isinstance(additional, Mapping):
            return Shape.of(additional, self.definitions, strict=self.strict)
        if properties and not self.node.get("x-kubernetes-preserve-unknown-fields"):
            return None
        return Shape(_EMPTY, self.definitions, self.strict)

    def items(self) -> Shape:
        """Return the shape of a list's items."""
        return Shape.of(self.node.get("items") or _EMPTY, self.definitions, strict=self.strict)

    @property
    def atomic_map(self) -> bool:
        """Tell whether an object here is owned and replaced as a whole."""
        return self.node.get("x-kubernetes-map-type") == "atomic"

    @property
    def list_type(self) -> str:
        """Return `map`, `set` or `atomic`."""
        return str(self.node.get("x-kubernetes-list-type") or "atomic")

    def item_key(self, item: Any) -> dict[str, Any] | None:
        """Return the fields that identify an item of a keyed list; None if one is missing."""
        if not isinstance(item, Mapping):
            return None
        found: dict[str, Any] = {}
        properties = self.items().node.get("properties") or _EMPTY
        for name in self.node.get("x-kubernetes-list-map-keys") or ():
            default = (properties.get(name) or _EMPTY).get("default", _KEY_DEFAULTS.get(name))
            value = item.get(name, default)
            if value is not None:
                found[name] = value
        return found or None


# The published definitions do not carry the defaults that Kubernetes' list keys need.
_KEY_DEFAULTS = {"protocol": "TCP"}


@dataclass(frozen=True, slots=True)
class PatchGuide:
    """A kind's shape as a strategic merge patch asks for it."""

    shape: Shape

    def child(self, name: str) -> PatchGuide:
        """Return the guide of a field's objects or of its list's items."""
        inner = self.shape.field(name) or Shape(_EMPTY, self.shape.definitions)
        return PatchGuide(inner.items() if inner.node.get("type") == "array" else inner)

    def merge_key(self, name: str) -> str | None:
        """Return the key by which a list merges; empty for plain values; None if it is replaced."""
        node = (self.shape.node.get("properties") or _EMPTY).get(name) or _EMPTY
        if "merge" not in str(node.get("x-kubernetes-patch-strategy", "")).split(","):
            return None
        return str(node.get("x-kubernetes-patch-merge-key", ""))

    def retains(self, name: str) -> bool:
        """Tell whether the field is replaced as a whole."""
        node = (self.shape.node.get("properties") or _EMPTY).get(name) or _EMPTY
        return node.get("x-kubernetes-patch-strategy") == "replace"
