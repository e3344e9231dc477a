"""What follows from types: unions, what stands at a key, which keys and members there can be, whether two can meet.

The rules are those of OPA's `v1/types` and `v1/ast/check.go`; `None` is a type that is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from pratique.rego.types.kinds import (
    ANY,
    NUMBER,
    Array,
    Function,
    Key,
    MaybeType,
    Object,
    OneOf,
    Order,
    Scalar,
    Set,
    Type,
)


def union(one: MaybeType, two: MaybeType) -> MaybeType:
    """Return the type of what is one or the other; one that allows both stays as it is."""
    if one is None or one is two:
        return two
    if two is None:
        return one
    if isinstance(one, Function) or isinstance(two, Function):
        return _functions(one, two)
    if isinstance(one, OneOf):
        return _merged(one, two)
    if isinstance(two, OneOf):
        return _merged(two, one)
    if one.order == two.order:
        return one
    return OneOf((one, two) if one.order < two.order else (two, one))


def union_of(kinds: Iterable[MaybeType]) -> MaybeType:
    """Return the type of what is one of several: `union` of all of them, in one go."""
    found: dict[Order, Type] = {}
    for each in kinds:
        if each is ANY or isinstance(each, Function):
            # With functions among them, the order counts.
            return ANY if each is ANY else reduce(union, kinds, None)
        if isinstance(each, OneOf):
            for member in each.of:
                found.setdefault(member.order, member)
        elif each is not None:
            found.setdefault(each.order, each)
    if len(found) < 2:
        return next(iter(found.values()), None)
    return OneOf(tuple([found[order] for order in sorted(found)]))


def _merged(several: OneOf, other: Type) -> OneOf:
    if isinstance(other, OneOf):
        if not several.of or not other.of:
            return ANY
        found = {each.order: each for each in (*other.of, *several.of)}
    elif several.contains(other):
        return several
    else:
        found = {each.order: each for each in (*several.of, other)}
    return OneOf(tuple([found[order] for order in sorted(found)]))


def _functions(one: Type, two: Type) -> MaybeType:
    if not isinstance(one, Function) or not isinstance(two, Function):
        return None
    if len(one.args) != len(two.args) or (one.rest is None) != (two.rest is None):
        return None
    args = [union(left, right) for left, right in zip(one.args, two.args, strict=True)]
    return Function(tuple(args), union(one.result, two.result), rest=union(one.rest, two.rest))


def selected(kind: MaybeType, key: Key) -> MaybeType:
    """Return the type of what stands at a key that is known, None if nothing can."""
    if isinstance(kind, Object):
        return kind.value(key)
    if isinstance(kind, Array):
        place = key.order[1] if key.type is NUMBER else None
        return kind.item(int(place)) if place is not None and place == int(place) else None
    if isinstance(kind, Set):
        if kind.of is not None and kind.of.order == key.type.order:
            return kind.of
        return key.type if isinstance(kind.of, OneOf) and kind.of.contains(key.type) else None
    if isinstance(kind, OneOf):
        return union_of([selected(each, key) for each in kind.of]) if kind.of else ANY
    return None


def keys_of(kind: MaybeType) -> MaybeType:
    """Return the type of the keys that a value can be iterated by, None if it cannot."""
    if isinstance(kind, Array):
        return NUMBER
    if isinstance(kind, Object):
        others = [] if kind.dynamic is None else [kind.dynamic[0]]
        return union_of([*[key.type for key, _ in kind.static], *others])
    if isinstance(kind, Set):
        return kind.of
    if isinstance(kind, OneOf):
        return union_of([keys_of(each) for each in kind.of]) if kind.of else ANY
    return None


def values_of(kind: MaybeType) -> MaybeType:
    """Return the type of what an iteration yields, None if there is nothing to iterate."""
    if isinstance(kind, Array):
        return union_of([*kind.static, kind.dynamic])
    if isinstance(kind, Object):
        others = [] if kind.dynamic is None else [kind.dynamic[1]]
        return union_of([*[each for _, each in kind.static], *others])
    if isinstance(kind, Set):
        return kind.of
    if isinstance(kind, OneOf):
        return union_of([values_of(each) for each in kind.of]) if kind.of else ANY
    return None


def is_empty(kind: MaybeType) -> bool:
    """Tell whether a type is that of a collection that holds nothing."""
    if isinstance(kind, Object):
        return not kind.static and kind.dynamic is None
    if isinstance(kind, Array):
        return not kind.static and kind.dynamic is None
    return isinstance(kind, Set) and kind.of is None


# --- whether two types can meet ----------------------------------------------------------------------------


def unifies(one: MaybeType, two: MaybeType) -> bool:
    """Tell whether a value can have both types, as far as is known."""
    if one is None or two is None:
        return False
    if one is ANY or two is ANY:
        other = two if one is ANY else one
        return not isinstance(other, Function)
    if isinstance(one, OneOf) or isinstance(two, OneOf):
        return (isinstance(one, OneOf) and _any_unifies(one, two)) or (
            isinstance(two, OneOf) and _any_unifies(two, one)
        )
    if isinstance(one, Scalar) or isinstance(two, Scalar):
        return one.order == two.order
    if isinstance(one, Array) and isinstance(two, Array):
        return _arrays(one, two)
    if isinstance(one, Object) and isinstance(two, Object):
        return _objects(one, two)
    if isinstance(one, Set) and isinstance(two, Set):
        return one.of is None or two.of is None or unifies(one.of, two.of)
    if isinstance(one, Function) and isinstance(two, Function) and len(one.args) == len(two.args):
        return all(unifies(left, right) for left, right in zip(one.args, two.args, strict=True))
    return False


def _any_unifies(several: OneOf, other: Type) -> bool:
    if isinstance(other, Function):
        return False
    return not several.of or any(unifies(each, other) for each in several.of)


def _arrays(one: Array, two: Array) -> bool:
    for place in range(max(len(one.static), len(two.static))):
        if not unifies(one.item(place), two.item(place)):
            return False
    return one.dynamic is None or two.dynamic is None or unifies(one.dynamic, two.dynamic)


def _objects(one: Object, two: Object) -> bool:
    others_one, others_two = one.dynamic and one.dynamic[1], two.dynamic and two.dynamic[1]
    closed = others_one is None and others_two is None
    for left, right in ((one, two), (two, one)):
        for key, kind in left.static:
            found = right.value(key)
            if found is None:
                if closed:
                    return False
            elif not unifies(kind, found):
                return False
    return others_one is None or others_two is None or unifies(others_one, others_two)


# --- rules of one name -------------------------------------------------------------------------------------


def merged(one: MaybeType, two: MaybeType) -> MaybeType:
    """Return the type of a document that two rules of one name give (OPA env.go, mergeTypes)."""
    if one is None:
        return two
    if two is None:
        return one
    if isinstance(one, Object) and not one.static:
        if isinstance(two, Object) and not two.static:
            return _objects_merged(one, two)
        if isinstance(two, OneOf) and one.dynamic is not None:
            found = _into_member(two, one.dynamic)
            if found is not None:
                return found
    elif isinstance(one, Set) and isinstance(two, Set):
        return Set(union(one.of, two.of))
    elif isinstance(one, OneOf) and not isinstance(two, OneOf):
        return merged(two, one)
    return union(one, two)


def _objects_merged(one: Object, two: Object) -> Object:
    if one.dynamic is None or two.dynamic is None:
        return two if one.dynamic is None else one
    keys = union(one.dynamic[0], two.dynamic[0])
    return Object((), (keys, merged(one.dynamic[1], two.dynamic[1])))


def _into_member(several: OneOf, dynamic: tuple[MaybeType, MaybeType]) -> OneOf | None:
    """Return the alternatives, the first object among them without known keys widened; None if there is none."""
    for place, each in enumerate(several.of):
        if isinstance(each, Object) and not each.static and each.dynamic is not None:
            wider = Object((), (union(each.dynamic[0], dynamic[0]), union(each.dynamic[1], dynamic[1])))
            return OneOf((*several.of[:place], wider, *several.of[place + 1 :]))
    return None
