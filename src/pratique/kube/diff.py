"""The JSON patch (RFC 6902) that makes one JSON value of another.

In: what there was and what there shall be. Out: `add`, `remove` and `replace` operations, keys in order, none
where nothing changed. A list's common beginning and end stay untouched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Operation = dict[str, Any]


def json_patch(before: Any, after: Any) -> list[Operation]:
    """Return the operations that lead from one value to another."""
    return list(_value(before, after, ""))


def _value(before: Any, after: Any, path: str) -> Iterator[Operation]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _object(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list(before, after, path)
    elif not same(before, after):
        yield {"op": "replace", "path": path, "value": after}


def _object(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[Operation]:
    for key in sorted(before.keys() | after.keys()):
        place = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        if key not in after:
            yield {"op": "remove", "path": place}
        elif key not in before:
            yield {"op": "add", "path": place, "value": after[key]}
        else:
            yield from _value(before[key], after[key], place)


def _list(before: list[Any], after: list[Any], path: str) -> Iterator[Operation]:
    start = 0
    end = min(len(before), len(after))
    if len(before) != len(after):
        while start < end and same(before[start], after[start]):
            start += 1
        tail = 0
        while tail < end - start and same(before[-1 - tail], after[-1 - tail]):
            tail += 1
    else:
        tail = 0
    middle = range(start, end - tail)
    for index in middle:
        yield from _value(before[index], after[index], f"{path}/{index}")
    for index in range(len(before) - tail - 1, middle.stop - 1, -1):
        yield {"op": "remove", "path": f"{path}/{index}"}
    for index in range(middle.stop, len(after) - tail):
        yield {"op": "add", "path": f"{path}/{index}", "value": after[index]}


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are equal; `True` is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
