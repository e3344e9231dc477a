"""OpenAPI v3: one document for each group and version, for validation by kubectl and for `explain`.

In comes the registry with the built-in definitions and the schemas of custom resources, out go the
documents. Paths carry only what clients look at: the kind, and that the server validates fields.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from pratique.devcluster.http import discovery
from pratique.devcluster.http.messages import Response, answer
from pratique.devcluster.registry import Registry, Resource
from pratique.devcluster.typed import Types

Object = dict[str, Any]
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_REFERENCE = "#/components/schemas/"
_FIELD_VALIDATION = {
    "name": "fieldValidation",
    "in": "query",
    "description": "what the server does about unknown and duplicate fields: Ignore, Warn or Strict",
    "schema": {"type": "string", "uniqueItems": True},
}
_DRY_RUN = {"name": "dryRun", "in": "query", "schema": {"type": "string", "uniqueItems": True}}
_MANAGER = {"name": "fieldManager", "in": "query", "schema": {"type": "string", "uniqueItems": True}}


class Documents:
    """The OpenAPI documents; made when they are asked for, and again when definitions change."""

    def __init__(self, registry: Registry, types: Types) -> None:
        self._registry = registry
        self._types = types
        self._generation = -1
        self._made: dict[str, bytes] = {}

    def index(self) -> Response:
        """Answer `/openapi/v3`: the addresses of all documents, with a hash for caches."""
        paths = {}
        for group, versions in discovery.groups(self._registry).items():
            for version, resources in versions.items():
                key = f"apis/{group}/{version}" if group else f"api/{version}"
                mark = hashlib.sha256(repr(resources).encode())
                mark.update(repr([resource.schema for resource in resources if resource.custom]).encode())
                paths[key] = {"serverRelativeURL": f"/openapi/v3/{key}?hash={mark.hexdigest()[:32].upper()}"}
        return answer({"paths": paths})

    def document(self, key: str) -> Response | None:
        """Answer one group and version; None if it is not served."""
        if self._generation != self._registry.generation:
            self._made.clear()
            self._generation = self._registry.generation
        if key not in self._made:
            group, _, version = key.removeprefix("apis/").removeprefix("api/").rpartition("/")
            resources = discovery.groups(self._registry).get(group, {}).get(version)
            if resources is None:
                return None
            self._made[key] = orjson.dumps(self._build(resources))
        return Response(200, self._made[key])

    def _build(self, resources: list[Resource]) -> Object:
        paths: Object = {}
        schemas: Object = {}
        for resource in resources:
            name = self._schema_name(resource)
            if resource.custom:
                schemas[name] = _custom_schema(resource)
                self._collect(f"{_META}.ObjectMeta", schemas)
            elif name:
                self._collect(name, schemas)
            paths.update(_paths(resource, name))
        self._collect(f"{_META}.DeleteOptions", schemas)
        info = {"title": "Kubernetes", "version": "v1.34.1"}
        return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}

    def _schema_name(self, resource: Resource) -> str:
        if resource.custom:
            parts = [*reversed(resource.group.split(".")), resource.version, resource.kind]
            return ".".join(parts)
        return self._types.name_of(resource.group, resource.version, resource.kind) or ""

    def _collect(self, name: str, schemas: Object) -> None:
        if name in schemas or name not in self._types.definitions:
            return
        definition = self._types.definitions[name]
        schemas[name] = {}
        references: list[str] = []
        schemas[name] = _published(definition, references)
        for reference in references:
            self._collect(reference, schemas)


def _published(node: Any, references: list[str]) -> Any:
    """Return a definition as OpenAPI v3 writes it: references among components, none of our own marks."""
    if isinstance(node, list):
        return [_published(item, references) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        references.append(reference)
        beside = {key: value for key, value in node.items() if key not in ("$ref", "go")}
        return {**beside, "allOf": [{"$ref": _REFERENCE + reference}]}
    result = {}
    for key, value in node.items():
        if key == "go" and isinstance(value, list):
            continue
        if key == "properties" and isinstance(value, dict):
            result[key] = {name: _published(item, references) for name, item in value.items()}
        else:
            result[key] = _published(value, references)
    return result


def _custom_schema(resource: Resource) -> Object:
    schema = dict(resource.schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    text = {
        "apiVersion": (
            "APIVersion defines the versioned schema of this representation of an object. Servers should convert "
            "recognized schemas to the latest internal value, and may reject unrecognized values. More info: "
            "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources"
        ),
        "kind": (
            "Kind is a string value representing the REST resource this object represents. Servers may infer this "
            "from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
            "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds"
        ),
        "metadata": (
            "Standard object's metadata. More info: "
            "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
        ),
    }
    own: Object = {name: {"type": "string", "description": text[name]} for name in ("apiVersion", "kind")}
    reference = {"$ref": f"{_REFERENCE}{_META}.ObjectMeta"}
    own["metadata"] = {"allOf": [reference], "description": text["metadata"]}
    schema["properties"] = {**(schema.get("properties") or {}), **own}
    schema["type"] = "object"
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    schema["x-kubernetes-group-version-kind"] = [kind]
    return schema


def _paths(resource: Resource, schema_name: str) -> Object:
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    where = f"{root}/namespaces/{{namespace}}" if resource.namespaced else root
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    content: Object = (
        {"application/json": {"schema": {"$ref": _REFERENCE + schema_name}}} if schema_name else {}
    )

    def operation(action: str, *, writes: bool) -> Object:
        made: Object = {
            "responses": {"200": {"description": "OK", "content": content}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": kind,
        }
        if writes:
            made["parameters"] = [_DRY_RUN, _MANAGER, _FIELD_VALIDATION]
        return made

    collection = {
        method: operation(action, writes=method == "post")
        for method, action, verb in (("get", "list", "list"), ("post", "post", "create"))
        if verb in resource.verbs
    }
    item = {
        method: operation(method, writes=method in ("put", "patch"))
        for method, verb in (("get", "get"), ("put", "update"), ("patch", "patch"), ("delete", "delete"))
        if verb in resource.verbs
    }
    paths: Object = {f"{where}/{resource.plural}": collection}
    if item:
        paths[f"{where}/{resource.plural}/{{name}}"] = item
    return paths
