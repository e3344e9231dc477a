"""Small steps of defaulting: make a struct present, walk over objects, write quantities canonically."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pratique.kube import quantity

Object = dict[str, Any]


def quantities(values: Object) -> None:
    """Write all quantities of a map in their canonical form."""
    for name, value in values.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            values[name] = quantity.canonical(value)


def struct(parent: Object, name: str) -> Object:
    """Return the dict at `name`, made empty when it is absent or null, as Go writes a struct."""
    value = parent.get(name)
    if value is None:
        value = parent[name] = {}
    return value if isinstance(value, dict) else {}


def pointer(parent: Object, name: str) -> None:
    """Give an optional struct that the server always fills in its empty value."""
    if parent.get(name) is None:
        parent[name] = {}


def dicts(values: object) -> list[Object]:
    """Return those items that are objects."""
    return [v for v in values if isinstance(v, dict)] if isinstance(values, Iterable) else []


def get(value: Any, *path: str) -> Any:
    """Return what is at a path of keys, or None."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
