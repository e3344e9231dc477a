"""object.*: access, merging, filtering, and who contains whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pratique.rego.builtins.aggregates import members
from pratique.rego.builtins.registry import builtin, mismatch, operand_error
from pratique.rego.runtime import references
from pratique.rego.runtime.errors import TYPE_ERROR, BuiltinError
from pratique.rego.runtime.values import (
    UNDEFINED,
    Object,
    Set,
    Value,
    equal,
    is_object,
    key,
    make_object,
    type_name,
)
from pratique.rego.runtime.work import work


@builtin("object.get", "object, any, any -> any", unchecked=True)
def get(base: Value, name: Value, default: Value) -> Value:
    """Return the value at a key, or at a path of keys; else the default."""
    kind = type(base)
    if kind is dict and type(name) is str:
        return base.get(name, default)
    if kind is not dict and kind is not Object:
        raise mismatch("object.get", base, name, default)
    found = references.path(base, name) if type(name) is list else references.get(base, name)
    return default if found is UNDEFINED else found


@builtin("object.keys", "object -> set", cost=0)
def keys(base: Value) -> Value:
    """Return the set of keys."""
    return Set(base.keys())


def _names(collection: Value) -> set[Any]:
    found: Iterable[Value] = collection.keys() if is_object(collection) else members(collection)
    return {key(name) for name in found}


@builtin("object.remove", "object, object|set|array -> object", cost=0)
def remove(base: Value, names: Value) -> Value:
    """Return the object without these keys."""
    gone = _names(names)
    return make_object([(name, value) for name, value in base.items() if key(name) not in gone])


@builtin("object.filter", "object, object|set|array -> object", cost=0)
def keep(base: Value, names: Value) -> Value:
    """Return the object with only these keys."""
    kept = _names(names)
    return make_object([(name, value) for name, value in base.items() if key(name) in kept])


@builtin("object.union", "object, object -> object")
def union(left: Value, right: Value) -> Value:
    """Return both objects as one, all the way down; the right one wins."""
    work(len(left) + len(right))
    if type(left) is dict and type(right) is dict:
        made = dict(left)
        for name, value in right.items():
            found = made.get(name)
            made[name] = union(found, value) if is_object(found) and is_object(value) else value
        return made
    table = {key(name): (name, value) for name, value in left.items()}
    for name, value in right.items():
        at = key(name)
        known, found = table.get(at, (name, None))
        table[at] = (known, union(found, value) if is_object(found) and is_object(value) else value)
    return make_object(table.values())


@builtin("object.union_n", "array -> object", cost=0)
def union_n(objects: Value) -> Value:
    """Return all objects as one, later ones winning, with their spelling of equal keys (1 and 1.0)."""
    for each in objects:
        if not is_object(each):
            raise operand_error(
                "object.union_n", 1, "array of objects", f"array containing {type_name(each)}"
            )
    result: Value = {}
    for each in reversed(objects):
        result = _beneath(each, result)
    return result


def _beneath(older: Value, newer: Value) -> Value:
    """Return the newer object with what only the older one has, all the way down."""
    work(len(newer) + len(older))
    table = {key(name): (name, value) for name, value in newer.items()}
    for name, value in older.items():
        known, found = table.setdefault(key(name), (name, value))
        if found is not value and is_object(found) and is_object(value):
            table[key(name)] = (known, _beneath(value, found))
    return make_object(table.values())


@builtin("object.subset", "object|set|array, object|set|array -> boolean", accepts="any, any")
def subset(whole: Value, part: Value) -> Value:
    """Tell whether the second is contained in the first: keys, members, or a run of an array."""
    if is_object(whole) and is_object(part):
        return _within(part, whole)
    if type(whole) is Set and type(part) is Set:
        return part.table().keys() <= whole.table().keys()
    if type(whole) is list and type(part) is list:
        return _runs_in(part, whole)
    if type(whole) is list and type(part) is Set:
        return _counts_down(whole, part)
    message = "both arguments object.subset must be of the same type or array and set"
    raise BuiltinError(TYPE_ERROR, f"object.subset: {message}")


def _counts_down(whole: list[Value], part: Set) -> bool:
    """Tell whether an array holds a set, as OPA counts: a member that occurs twice counts for two."""
    missing = len(part)
    for item in whole:
        missing -= item in part
        if missing == 0:
            return True
    return False


def _within(part: Value, whole: Value) -> bool:
    for name, value in part.items():
        found = references.get(whole, name)
        if found is UNDEFINED or not _fits(value, found):
            return False
    return True


def _fits(part: Value, whole: Value) -> bool:
    if is_object(part) and is_object(whole):
        return _within(part, whole)
    if type(part) is Set and type(whole) is Set:
        return part.table().keys() <= whole.table().keys()
    if type(part) is list and type(whole) is list:
        return _runs_in(part, whole)
    return equal(part, whole)


def _runs_in(part: list[Value], whole: list[Value]) -> bool:
    length = len(part)
    return any(all(map(_fits, part, whole[at : at + length])) for at in range(len(whole) - length + 1))
