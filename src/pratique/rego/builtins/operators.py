"""The builtins behind infix operators, for where they are called by name or replaced by `with`."""

from __future__ import annotations

from typing import Final

from pratique.rego.builtins.registry import builtin, mismatch
from pratique.rego.runtime import numbers, references
from pratique.rego.runtime.errors import TYPE_ERROR, BuiltinError
from pratique.rego.runtime.values import Set, Value, compare, equal, is_number, type_name
from pratique.rego.runtime.work import charge_members

_OURS: Final = "operators"
builtin(
    "eq",
    "any, any -> boolean",
    unchecked=True,
    group=_OURS,
    summary="`=`: make both sides equal, and bind what is not bound.",
)(equal)
builtin(
    "assign",
    "any, any -> boolean",
    unchecked=True,
    group=_OURS,
    summary="`:=`: give new names to a value or to its parts.",
)(equal)
builtin("equal", "any, any -> boolean", unchecked=True, group=_OURS)(equal)


@builtin("neq", "any, any -> boolean", unchecked=True)
def neq(left: Value, right: Value) -> Value:
    """Tell whether the values differ."""
    return not equal(left, right)


@builtin("lt", "any, any -> boolean", unchecked=True)
def lt(left: Value, right: Value) -> Value:
    """Tell whether `left` comes before `right`."""
    return compare(left, right) < 0


@builtin("lte", "any, any -> boolean", unchecked=True)
def lte(left: Value, right: Value) -> Value:
    """Tell whether `left` does not come after `right`."""
    return compare(left, right) <= 0


@builtin("gt", "any, any -> boolean", unchecked=True)
def gt(left: Value, right: Value) -> Value:
    """Tell whether `left` comes after `right`."""
    return compare(left, right) > 0


@builtin("gte", "any, any -> boolean", unchecked=True)
def gte(left: Value, right: Value) -> Value:
    """Tell whether `left` does not come before `right`."""
    return compare(left, right) >= 0


builtin("plus", "number, number -> number", unchecked=True, group=_OURS)(numbers.plus)
builtin("mul", "number, number -> number", unchecked=True, group=_OURS)(numbers.times)
builtin("div", "number, number -> number", unchecked=True, group=_OURS)(numbers.divide)
builtin("rem", "number, number -> number", unchecked=True, group=_OURS)(numbers.modulo)


@builtin("minus", "number|set, number|set -> number|set", unchecked=True)
def minus(left: Value, right: Value) -> Value:
    """Return the difference of two numbers or of two sets."""
    if type(left) is Set and type(right) is Set:
        return numbers.without(left, right)
    if is_number(left) and type(right) is Set:
        raise BuiltinError(TYPE_ERROR, "minus: operand 2 must be number but got set")
    if type(left) is Set and is_number(right):
        raise BuiltinError(TYPE_ERROR, "minus: operand 2 must be set but got number")
    if not (is_number(left) or type(left) is Set):
        raise BuiltinError(
            TYPE_ERROR, f"minus: operand 1 must be one of {{number, set}} but got {type_name(left)}"
        )
    return numbers.minus(left, right)


@builtin("and", "set, set -> set", unchecked=True)
def intersect(left: Value, right: Value) -> Value:
    """Return the intersection."""
    if type(left) is not Set or type(right) is not Set:
        raise mismatch("and", left, right)
    charge_members(len(left))
    other = right.table()
    return Set.of_table({key: value for key, value in left.table().items() if key in other})


@builtin("or", "set, set -> set", unchecked=True)
def unite(left: Value, right: Value) -> Value:
    """Return the union; of equal numbers that are written in two ways, the left one."""
    if type(left) is not Set or type(right) is not Set:
        raise mismatch("or", left, right)
    charge_members(len(left) + len(right))
    ours, theirs = left.table(), right.table()
    table = {**ours, **theirs}
    if len(table) < len(ours) + len(theirs):
        table.update(ours)
    return Set.of_table(table)


builtin("internal.member_2", "any, any -> boolean", unchecked=True, group=_OURS)(references.member)
builtin("internal.member_3", "any, any, any -> boolean", unchecked=True, group=_OURS)(references.member_at)
