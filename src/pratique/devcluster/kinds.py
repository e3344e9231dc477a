"""One object between its request's version and the store's, for built-in kinds and custom ones alike.

`Kinds.read` takes a decoded object as a client sent it and returns it typed, pruned and defaulted, with the
paths of fields that nobody knows; `Kinds.present` returns a stored object as a version shows it. Custom
resources follow their schema, built-in ones their Go types. No admission, no validation, no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pratique.devcluster import conversions, defaults, typed
from pratique.devcluster.registry import Registry, Resource
from pratique.devcluster.shapes import Shape
from pratique.kube import objects, schema, status

Object = dict[str, Any]
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_HEAD = ("kind", "apiVersion", "metadata")
_META_ORDER = (
    *("name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences"),
    *("finalizers", "managedFields"),
)


@dataclass(frozen=True, slots=True)
class Read:
    """An object as it was understood, and what of it was not."""

    object: Object
    unknown: list[str]


class Kinds:
    """Reads and shows objects of every kind that the registry serves."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.types = typed.load()
        self._shapes: dict[tuple[str, str, str], Shape] = {}

    def read(self, resource: Resource, obj: Object) -> Read:
        """Return a client's object, typed and defaulted; raise BadRequest if a field has the wrong type."""
        if resource.custom:
            return self._read_custom(resource, obj)
        return self.read_builtin(obj, (resource.group, resource.version, resource.kind))

    def read_builtin(self, obj: Object, gvk: tuple[str, str, str]) -> Read:
        """Return an object of a built-in kind, typed and defaulted."""
        try:
            result, unknown = self.types.round_trip(obj, gvk)
        except typed.DecodeError as error:
            raise cannot_handle(gvk, error.message) from None
        defaults.apply(result)
        # Defaults open new objects whose own fields Go would write as well.
        return Read(self.types.round_trip(result, gvk)[0], unknown)

    def _read_custom(self, resource: Resource, obj: Object) -> Read:
        result = objects.copy(obj)
        metadata = result.get("metadata")
        unknown: list[str] = []
        if isinstance(metadata, dict):
            try:
                place = typed.Place("metadata", "metadata", "ObjectMeta", unknown)
                result["metadata"] = self.types.struct(_META).convert(metadata, place)
            except typed.DecodeError as error:
                raise cannot_handle(
                    (resource.group, resource.version, resource.kind), error.message
                ) from None
        node = resource.schema
        if node is not None:
            unknown += sorted(schema.prune(result, node, root=True))
            schema.drop_nulls(result, node)
            schema.set_defaults(result, node)
        return Read(result, unknown)

    def to_storage(self, resource: Resource, obj: Object) -> Object:
        """Return an object in its storage version."""
        main = self.registry.by_key(resource.key)
        if main is None or main.version == resource.version:
            return (
                obj
                if main is None or main.group == resource.group
                else conversions.convert(obj, resource, main)
            )
        if not resource.custom:
            return conversions.convert(obj, resource, main)
        result = {**objects.copy(obj), "apiVersion": main.api_version}
        if main.schema is not None:
            schema.prune(result, main.schema, root=True)
        return result

    def present(self, resource: Resource, stored: Object) -> Object:
        """Return a stored object in a resource's version."""
        if stored.get("apiVersion") == resource.api_version:
            return stored
        if not resource.custom:
            main = self.registry.by_key(resource.key)
            return stored if main is None else conversions.convert(stored, main, resource)
        result = {**objects.copy(stored), "apiVersion": resource.api_version}
        if resource.schema is not None:
            schema.prune(result, resource.schema, root=True)
            schema.set_defaults(result, resource.schema)
        return result

    def shape(self, resource: Resource) -> Shape:
        """Return how a resource's fields merge."""
        definitions = self.types.definitions
        if resource.custom:
            return Shape.custom(resource.schema or {}, definitions)
        return self.shape_of(resource.group, resource.version, resource.kind)

    def shape_of(self, group: str, version: str, kind: str) -> Shape:
        """Return how a built-in kind's fields merge."""
        key = (group, version, kind)
        if key not in self._shapes:
            node = self.types.definition(*key) or {}
            self._shapes[key] = Shape.of(node, self.types.definitions, strict=True)
        return self._shapes[key]

    def blank(self, resource: Resource) -> Object:
        """Return what an empty object of a kind looks like: nothing for custom ones, Go's zero otherwise."""
        if resource.custom:
            return {}
        return self.types.round_trip({}, (resource.group, resource.version, resource.kind))[0]


def cannot_handle(gvk: tuple[str, str, str], problem: str) -> status.StatusError:
    """Say that a body is not what its kind looks like."""
    _, version, kind = gvk
    return status.bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {problem}')


def in_order(obj: Object, *, custom: bool) -> Object:
    """Return an object with the order of keys in which the API server writes it; its metadata is new."""
    metadata = {"resourceVersion": "", **obj["metadata"]}
    if custom:
        metadata = {key: metadata[key] for key in sorted(metadata)}
        return {key: metadata if key == "metadata" else obj[key] for key in sorted(obj)}
    metadata = {key: metadata[key] for key in _META_ORDER if key in metadata}
    head = {key: obj[key] for key in _HEAD if key in obj}
    return {**head, **obj, "metadata": metadata}
