"""Sets of sets: intersection, union; and set_diff of old."""

from __future__ import annotations

from pratique.rego.builtins.registry import builtin, operand_error
from pratique.rego.runtime.values import Set, Value, ordered, type_name
from pratique.rego.runtime.work import charge_members


def _sets(name: str, operand: Value) -> list[Set]:
    found = list(operand.values())
    # Told is the first in order.
    for each in ordered([each for each in found if type(each) is not Set]):
        raise operand_error(name, 1, "set", type_name(each))
    return found


@builtin("intersection", "set -> set")
def intersection(sets: Value) -> Value:
    """Return what all member sets share; of none, the empty set."""
    found = _sets("intersection", sets)
    if not found:
        return Set()
    first, *others = found
    charge_members(len(first) * len(found))
    tables = [each.table() for each in others]
    return Set.of_table(
        {key: value for key, value in first.table().items() if all(key in table for table in tables)}
    )


@builtin("union", "set -> set")
def union(sets: Value) -> Value:
    """Return what any member set has."""
    result: dict[object, Value] = {}
    for each in _sets("union", sets):
        charge_members(len(each))
        result.update(each.table())
    return Set.of_table(result)


@builtin("set_diff", "set, set -> set", cost=0, deprecated=True)
def set_diff(left: Value, right: Value) -> Value:
    """Return what only the first set has."""
    gone = right.table()
    return Set.of_table({key: value for key, value in left.table().items() if key not in gone})
