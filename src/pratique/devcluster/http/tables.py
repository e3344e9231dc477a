"""Tables: what `kubectl get` prints, made by the server.

In come a resource and objects, out goes a meta.k8s.io Table. Built-in kinds are printed by `printers`,
custom ones by the columns of their definition. Reads nothing and stores nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from pratique.devcluster import printers
from pratique.devcluster.registry import Resource
from pratique.kube import jsonpath, status

Object = dict[str, Any]
NAME: Object = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": (
        "Name must be unique within a namespace. Is required when creating resources, although some resources "
        "may allow a client to request the generation of an appropriate name automatically. Name is primarily "
        "intended for creation idempotence and configuration definition. Cannot be updated. More info: "
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
    ),
    "priority": 0,
}
AGE: Object = {
    "name": "Age",
    "type": "date",
    "format": "",
    "description": (
        "CreationTimestamp is a timestamp representing the server time when this object was created. It is "
        "not guaranteed to be set in happens-before order across separate operations. Clients may not set "
        "this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. "
        "Null for lists. More info: "
        "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
    ),
    "priority": 0,
}


def table(
    resource: Resource, items: list[Object], *, metadata: Object, include: str, columns: bool
) -> Object:
    """Return a Table of objects; `include` says what of each object its row carries."""
    if include not in ("", "None", "Metadata", "Object"):
        raise status.bad_request('includeObject must be one of "Metadata", "Object", or "None"')
    now = datetime.now(UTC)
    rows = [{"cells": cells(resource, item, now), "object": _embedded(item, include)} for item in items]
    if include == "None":
        rows = [{"cells": row["cells"]} for row in rows]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions(resource) if columns else [],
        "rows": rows,
    }


def _embedded(item: Object, include: str) -> Object:
    return item if include == "Object" else partial(item)


def partial(item: Object) -> Object:
    """Return an object's metadata alone."""
    metadata = item.get("metadata", {})
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}


def definitions(resource: Resource) -> list[Object]:
    """Return a resource's columns."""
    if not resource.custom:
        built_in = printers.columns(resource.group, resource.kind)
        return [NAME, AGE] if built_in is None else built_in
    columns = [
        {
            "name": column["name"],
            "type": column["type"],
            "format": column.get("format", ""),
            "description": column.get("description")
            or f"Custom resource definition column (in JSONPath format): {column['jsonPath']}",
            "priority": column.get("priority", 0),
        }
        for column in resource.columns
    ]
    return [NAME, *(columns if resource.columns else [AGE])]


def cells(resource: Resource, item: Object, now: datetime) -> list[Any]:
    """Return one row."""
    if not resource.custom:
        return printers.cells(item, now)
    metadata = item.get("metadata", {})
    if not resource.columns:
        return [metadata.get("name", ""), printers.age(metadata.get("creationTimestamp"), now)]
    return [metadata.get("name", ""), *(_cell(column, item, now) for column in resource.columns)]


def _cell(column: Object, item: Object, now: datetime) -> Any:
    found = jsonpath.find(item, column["jsonPath"])
    if not found:
        return None
    value, kind = found[0], column["type"]
    if kind == "string":
        return jsonpath.text(value)
    if kind == "integer":
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        return int(value) if numeric else None
    if kind == "number":
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "date":
        if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
            return printers.age(value, now)
        return "<invalid>"
    return None
