"""Following a location through an object, and changing what stands at its end.

In: an object of one's own (it is changed in place), a location, conditions, a `Setter`. Out: whether the end
was reached and set. Missing objects, lists and keyed elements are created on the way, but only if the end is
reached; what stands in the way with another type is an error (gatekeeper.md 1.9).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from pratique.kube.diff import same
from pratique.mutation.conditions import MUST_EXIST, MUST_NOT_EXIST, Conditions
from pratique.mutation.errors import MutationError
from pratique.mutation.location import Field, Item, Location

_MISSING: Final = object()


class Setter(Protocol):
    """What to do at the end of a location."""

    def set(self, parent: dict[str, Any], key: str) -> None:
        """Change the field of an object."""
        ...

    def element(self) -> dict[str, Any]:
        """Return the object to put into a keyed list; raises `MutationError` if there is none."""
        ...


def change(found: dict[str, Any], location: Location, *, conditions: Conditions, setter: Setter) -> bool:
    """Apply a setter at a location; raises `MutationError`."""
    if not location:
        raise MutationError("attempting to mutate an empty target location")
    return _Walk(location, conditions, setter).field(found, 0)


def values_at(found: Any, location: Location) -> list[Any]:
    """Return what stands at a location: nothing where there is none, several where it names several elements."""
    values = [found]
    for node in location:
        if isinstance(node, Field):
            values = [value[node.name] for value in values if isinstance(value, dict) and node.name in value]
        else:
            values = [
                element
                for value in values
                if isinstance(value, list)
                for element in value
                if isinstance(element, dict) and node.key in element and (node.glob or _has(element, node))
            ]
    return values


def type_name(value: Any) -> str:
    """Return Go's name of a JSON value's type, as messages show it."""
    if isinstance(value, bool):
        return "bool"
    names: tuple[tuple[type, str], ...] = (
        (dict, "map[string]interface {}"),
        (list, "[]interface {}"),
        (str, "string"),
        (int, "int64"),
    )
    if value is None:
        return "<nil>"
    return next((name for kind, name in names if isinstance(value, kind)), "float64")


def text_of(value: Any) -> str:
    """Return a JSON value as Go prints it, as messages show it."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{text_of(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(text_of, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else str(value)


class _Walk:
    """One way through one object."""

    __slots__ = ("_conditions", "_location", "_setter")

    def __init__(self, location: Location, conditions: Conditions, setter: Setter) -> None:
        self._location = location
        self._conditions = conditions
        self._setter = setter

    def _allows(self, depth: int, *, exists: bool) -> bool:
        return self._conditions.get(depth) != (MUST_NOT_EXIST if exists else MUST_EXIST)

    def field(self, parent: Any, depth: int) -> bool:
        node = self._location[depth]
        if not isinstance(parent, dict):
            raise MutationError(
                f"mismatch between path entry (type: object) and received object (type: {type_name(parent)}). "
                f"Path: {node}"
            )
        assert isinstance(node, Field)  # the grammar puts nothing else below an object
        value = parent.get(node.name, _MISSING)
        if not self._allows(depth, exists=value is not _MISSING):
            return False
        if depth == len(self._location) - 1:
            self._setter.set(parent, node.name)
            return True
        into_list = isinstance(self._location[depth + 1], Item)
        if value is _MISSING:
            value = [] if into_list else {}
        changed = (self._items if into_list else self.field)(value, depth + 1)
        if changed:
            parent[node.name] = value
        return changed

    def _items(self, elements: Any, depth: int) -> bool:
        node = self._location[depth]
        assert isinstance(node, Item)  # `field` asked for one
        if not isinstance(elements, list):
            raise MutationError(
                f"mismatch between path entry (type: List) and received object (type: {type_name(elements)}). "
                f"Path: {node}"
            )
        if depth == len(self._location) - 1:
            return self._replace(elements, node, depth)
        if node.glob:
            if not self._allows(depth, exists=True):
                return False
            return self._each(elements, depth)
        chosen = [one for one in elements if isinstance(one, dict) and _has(one, node)]
        if not self._allows(depth, exists=bool(chosen)):
            return False
        if chosen:
            return self._each(chosen, depth)
        created = {node.key: node.value}
        changed = self.field(created, depth + 1)
        if changed:
            elements.append(created)
        return changed

    def _each(self, elements: list[Any], depth: int) -> bool:
        changed = [self.field(element, depth + 1) for element in elements]
        return any(changed)

    def _replace(self, elements: list[Any], node: Item, depth: int) -> bool:
        new = self._setter.element()
        for index, element in enumerate(elements):
            if not isinstance(element, dict):
                raise MutationError(
                    f"cast error, unable to case {type_name(element)} to map[string]interface{{}}"
                )
            if _has(element, node):
                if not _has(new, node):
                    raise MutationError("key value of replaced object must not change")
                if not self._allows(depth, exists=True):
                    return False
                elements[index] = new
                return True
        if not self._allows(depth, exists=False):
            return False
        elements.append(new)
        return True


def _has(element: Mapping[str, Any], node: Item) -> bool:
    return node.key in element and same(element[node.key], node.value)
