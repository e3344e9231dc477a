"""Reading inside values: one key, a path, the members of a collection.

Comes in: any value and any key. Goes out: what stands there, or UNDEFINED; never an exception, whatever the
types. Generated code does the usual case (a `dict` and a string key) in line and comes here for the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from pratique.rego.runtime.numbers import machine_int
from pratique.rego.runtime.values import (
    COLLECTIONS,
    UNDEFINED,
    Object,
    Set,
    Value,
    equal,
    is_number,
    ordered,
)
from pratique.rego.runtime.work import CHARACTERS, METER, QUANTUM, charge_members, tick

_NOTHING: Final[tuple[Value, ...]] = ()


def get(base: Value, name: Value) -> Value:
    """Return what stands at a key, an index, or the member of a set."""
    kind = type(base)
    if kind is dict:
        return base.get(name, UNDEFINED) if type(name) is str else UNDEFINED
    if kind is list:
        if type(name) is not int:
            index = machine_int(name) if is_number(name) else None
            if index is None:
                return UNDEFINED
            name = index
        return base[name] if 0 <= name < len(base) else UNDEFINED
    if kind is Set:
        return UNDEFINED if name is UNDEFINED else base.find(name)
    if kind is Object:
        return UNDEFINED if name is UNDEFINED else base.get(name)
    return UNDEFINED


def path(base: Value, names: Iterable[Value]) -> Value:
    """Return what stands at the keys, one after the other."""
    for name in names:
        base = get(base, name)
        if base is UNDEFINED:
            return base
    return base


def values(base: Value) -> Collection[Value]:
    """Return the members of a collection; anything else has none."""
    kind = type(base)
    if kind is list:
        return base  # type: ignore[no-any-return]
    if kind is dict or kind is Set or kind is Object:
        return base.values()  # type: ignore[no-any-return]
    return _NOTHING


def rows(base: Value) -> Collection[Value]:
    """Return the same, for where a member of a set may come twice."""
    return base.rows() if type(base) is Set else values(base)


def keys(base: Value) -> Collection[Value]:
    """Return the keys of a collection: indexes, keys, or the members of a set."""
    kind = type(base)
    if kind is list:
        return range(len(base))
    if kind is dict or kind is Object:
        return base.keys()  # type: ignore[no-any-return]
    if kind is Set:
        return base.values()  # type: ignore[no-any-return]
    return _NOTHING


def items(base: Value) -> Collection[tuple[Value, Value]]:
    """Return pairs of key and value; in a set both are the member."""
    kind = type(base)
    if kind is list:
        return list(enumerate(base))
    if kind is dict or kind is Object:
        return base.items()  # type: ignore[no-any-return]
    if kind is Set:
        return [(member, member) for member in base.values()]
    return _NOTHING


def keys_in_order(base: Value) -> Sequence[Value]:
    """Return the keys of a collection, sorted: as OPA goes through objects and sets."""
    kind = type(base)
    if kind is dict:
        return sorted(base)
    return range(len(base)) if kind is list else ordered(keys(base))


def values_in_order(base: Value) -> Sequence[Value]:
    """Return the members of a collection in the order of their keys."""
    kind = type(base)
    if kind is list:
        return base  # type: ignore[no-any-return]
    if kind is dict or kind is Object:
        return [base.get(name) for name in keys_in_order(base)]
    return keys_in_order(base)


def items_in_order(base: Value) -> Sequence[tuple[Value, Value]]:
    """Return pairs of key and value in the order of the keys; in a set both are the member."""
    kind = type(base)
    if kind is list:
        return list(enumerate(base))
    if kind is dict or kind is Object:
        return [(name, base.get(name)) for name in keys_in_order(base)]
    return [(member, member) for member in keys_in_order(base)]


def is_collection(base: Value) -> bool:
    """Tell whether the value has members."""
    kind = type(base)
    return kind is list or kind is dict or kind is Set or kind is Object


def member(value: Value, collection: Value) -> bool:
    """Tell whether `value in collection` holds: among the items, the values of an object, the members."""
    from_kind = type(collection)
    if from_kind is Set:
        return value in collection
    if from_kind is list or from_kind is dict or from_kind is Object:
        return contains(value, values(collection))
    return False


def contains(value: Value, candidates: Collection[Value]) -> bool:
    """Tell whether one of the candidates is equal to the value."""
    if len(candidates) > QUANTUM:
        charge_members(len(candidates))
    if type(value) is str:
        # No other kind of value is equal to a string, so Python's own search is exact.
        return value in candidates
    return any(equal(candidate, value) for candidate in candidates)


def member_at(name: Value, value: Value, collection: Value) -> bool:
    """Tell whether `name, value in collection` holds."""
    found = get(collection, name)
    return found is not UNDEFINED and equal(found, value)


def walk(base: Value) -> list[tuple[list[Value], Value]]:
    """Return every (path, value) inside a document, itself first: pre-order, keys and members in order."""
    found: list[tuple[list[Value], Value]] = []
    stack: list[tuple[list[Value], Value]] = [([], base)]
    large = False
    while stack:
        where, value = stack.pop()
        found.append((where, value))
        kind = type(value)
        if kind in COLLECTIONS and (large or len(found) + len(stack) + len(value) > QUANTUM):
            # A large document is counted here, and not by the loop over it. Each member gets a path of its own.
            METER.left -= len(value) * (1 + len(where) // CHARACTERS) + (
                0 if large else len(found) + len(stack)
            )
            large = True
            if METER.left < 0:
                tick()
        if kind is list:
            stack.extend([([*where, index], value[index]) for index in range(len(value) - 1, -1, -1)])
        elif kind is dict or kind is Object:
            stack.extend([([*where, name], value.get(name)) for name in reversed(ordered(value.keys()))])
        elif kind is Set:
            stack.extend([([*where, item], item) for item in reversed(ordered(value.values()))])
    return found
