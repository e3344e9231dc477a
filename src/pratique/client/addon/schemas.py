"""Parts of CustomResourceDefinitions: the words that `crds` and `crds_mutation` write them in."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

ANY: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
INTEGER: Schema = {"type": "integer", "format": "int64"}


def struct(properties: Schema, *, required: tuple[str, ...] = (), about: str = "") -> Schema:
    """Return the schema of an object with these fields."""
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema | ({"description": about} if about else {})


def array(items: Schema, about: str = "", **extra: Any) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items} | ({"description": about} if about else {}) | extra


def described(schema: Schema, text: str) -> Schema:
    """Return a schema with a description."""
    return schema | {"description": text}


def definition(group: str, kind: str, plural: str, *, scope: str, versions: list[Schema]) -> Schema:
    """Return a CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "labels": {"gatekeeper.sh/system": "yes"}},
        "spec": {
            "group": group,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
            },
            "scope": scope,
            "versions": versions,
        },
    }


def version(name: str, schema: Schema, *, stored: bool, status: bool) -> Schema:
    """Return one version of a definition."""
    entry: Schema = {
        "name": name,
        "served": True,
        "storage": stored,
        "schema": {"openAPIV3Schema": schema},
    }
    if status:
        entry["subresources"] = {"status": {}}
    return entry


def root(about: str, spec: Schema, status: Schema | None = None) -> Schema:
    """Return the schema of a whole object around that of its `spec`."""
    properties: Schema = {
        "apiVersion": STRING,
        "kind": STRING,
        "metadata": {"type": "object"},
        "spec": spec,
    }
    if status is not None:
        properties["status"] = status
    return struct(properties, about=about)


def named(schema: Schema) -> Schema:
    """Return the schema of a whole object whose name is no longer than a label's value."""
    schema["properties"]["metadata"] = struct({"name": STRING | {"maxLength": 63}})
    return schema
