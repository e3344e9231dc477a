"""array.*"""

from __future__ import annotations

from pratique.rego.builtins.registry import builtin, machine_int
from pratique.rego.runtime.values import Value
from pratique.rego.runtime.work import work


@builtin("array.concat", "array, array -> array", grows=True)
def concat(left: Value, right: Value) -> Value:
    """Return one array after the other."""
    return [*left, *right]


@builtin("array.flatten", "array -> array", grows=True)
def flatten(array: Value) -> Value:
    """Return the array with the members of its arrays in their place, one level deep."""
    result: list[Value] = []
    for item in array:
        if type(item) is list:
            work(len(item))
            result.extend(item)
        else:
            result.append(item)
    return result


@builtin("array.reverse", "array -> array", cost=0)
def reverse(array: Value) -> Value:
    """Return the members in the opposite order."""
    return array[::-1]


@builtin("array.slice", "array, number, number -> array", accepts="array, any, any", grows=True)
def cut(array: Value, start: Value, stop: Value) -> Value:
    """Return the members from `start` to before `stop`, both clamped to the array."""
    first = max(0, machine_int("array.slice", 2, start))
    last = min(len(array), machine_int("array.slice", 3, stop))
    return array[first:last] if first < last else []
