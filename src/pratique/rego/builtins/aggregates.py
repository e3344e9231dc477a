"""count, sum, product, min, max, sort, all, any."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from pratique.rego.builtins.registry import builtin, mismatch
from pratique.rego.runtime import numbers
from pratique.rego.runtime.errors import TYPE_ERROR, BuiltinError
from pratique.rego.runtime.values import COUNTED, UNDEFINED, Value, equal, is_number, ordered, type_name
from pratique.rego.runtime.work import charge_members


def members(collection: Value) -> Iterable[Value]:
    """Return the values of an array or a set."""
    return collection if type(collection) is list else collection.values()


@builtin("count", "array|object|set|string -> number", unchecked=True)
def count(collection: Value) -> Value:
    """Return the number of members, or of code points."""
    if type(collection) not in COUNTED:
        raise mismatch("count", collection)
    return len(collection)


def _numbers(name: str, collection: Value) -> list[Value]:
    found = list(members(collection))
    charge_members(len(found))
    for value in found:
        if not is_number(value):
            kind = type_name(collection)
            raise BuiltinError(
                TYPE_ERROR,
                f"{name}: operand 1 must be {kind} of numbers but got {kind} containing {type_name(value)}",
            )
    return found


@builtin("sum", "array|set -> number", accepts="set|array")
def total(collection: Value) -> Value:
    """Return the sum; of nothing, 0."""
    found = _numbers("sum", collection)
    integers = [numbers.whole(value) for value in found]
    if None not in integers:
        return sum(integers)
    result = Fraction(0)
    for value in found:
        result = numbers.rounded(result + numbers.as_fraction(value))
    return numbers.from_fraction(result)


@builtin("product", "array|set -> number", accepts="set|array")
def product(collection: Value) -> Value:
    """Return the product; of nothing, 1. Of numbers that are not all integers, with a float64's mantissa."""
    found = _numbers("product", collection)
    integers = [numbers.whole(value) for value in found]
    if None not in integers:
        made = 1
        for each in integers:
            made = numbers.times(made, each)
        return made
    result = Fraction(1)
    for value in found:
        result = numbers.rounded(result * numbers.as_fraction(value), numbers.FLOAT64)
    negative = sum(map(numbers.negative, found)) % 2 == 1
    return numbers.from_fraction(result, numbers.FLOAT64, negative=negative)


@builtin("max", "array|set -> any", accepts="set|array")
def greatest(collection: Value) -> Value:
    """Return the last in Rego's order; of nothing, undefined."""
    found = ordered(members(collection))
    return found[-1] if found else UNDEFINED


@builtin("min", "array|set -> any", accepts="set|array")
def least(collection: Value) -> Value:
    """Return the first in Rego's order, the last of equal ones (1 and 1.0); of nothing, undefined."""
    found = ordered(members(collection))
    return [each for each in found if equal(each, found[0])][-1] if found else UNDEFINED


@builtin("sort", "array|set -> array", accepts="set|array")
def sort(collection: Value) -> Value:
    """Return the members in Rego's order."""
    return ordered(members(collection))


@builtin("all", "array|set -> boolean", deprecated=True)
def every(collection: Value) -> Value:
    """Tell whether every member is true."""
    return all(value is True for value in members(collection))


@builtin("any", "array|set -> boolean", deprecated=True)
def some(collection: Value) -> Value:
    """Tell whether a member is true."""
    return any(value is True for value in members(collection))
