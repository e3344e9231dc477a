"""Terms against types: whether a term can have a type, and what its variables are then (OPA check.go, unify1, unify2).

A variable without a type gets one; both sides of an equation teach the other.
"""

from __future__ import annotations

from pratique.rego.nodes import Array, Object, Ref, SetOf, Term, Var
from pratique.rego.types import kinds
from pratique.rego.types.algebra import selected, unifies, union
from pratique.rego.types.documents import key_of
from pratique.rego.types.environment import Layer
from pratique.rego.types.kinds import ANY, MaybeType, OneOf, is_unknown
from pratique.rego.types.steps import by_key

_COMPOSITE = (Array, Object, SetOf)


def fits(layer: Layer, term: Term, kind: MaybeType, *, widens: bool = False) -> bool:
    """Tell whether a term can have a type; its variables get theirs. With `widens`, theirs grow by what is found."""
    if isinstance(term, Var):
        name = term.name
        if widens:
            layer.variables[name] = union(layer.variable(name), kind)
            return True
        known = layer.variable(name)
        if known is not None:
            return unifies(known, kind)
        layer.variables[name] = kind
        return True
    if not isinstance(term, _COMPOSITE):
        return unifies(layer.type(term), kind)
    if isinstance(kind, OneOf):
        if kind.of:
            # Each teaches the variables what they may be, also where another one fits.
            return max([fits(layer, term, each, widens=True) for each in kind.of])
        for part in _parts(term):
            fits(layer, part, ANY, widens=True)
        return True
    if isinstance(term, Array):
        return isinstance(kind, kinds.Array) and _array(layer, term, kind, widens=widens)
    if isinstance(term, Object):
        return isinstance(kind, kinds.Object) and _object(layer, term, kind, widens=widens)
    return isinstance(kind, kinds.Set) and all(
        fits(layer, item, kind.of, widens=widens) for item in term.items
    )


def _parts(term: Term) -> list[Term]:
    if isinstance(term, Object):
        return [part for pair in term.pairs for part in pair]
    assert isinstance(term, Array | SetOf)
    return list(term.items)


def _array(layer: Layer, term: Array, kind: kinds.Array, *, widens: bool) -> bool:
    if len(term.items) != len(kind.static) and kind.dynamic is None:
        return False
    return all(fits(layer, item, kind.item(place), widens=widens) for place, item in enumerate(term.items))


def _object(layer: Layer, term: Object, kind: kinds.Object, *, widens: bool) -> bool:
    others = kind.dynamic is not None and kind.dynamic[1] is not None
    if len(term.pairs) != len(kind.static) and not others:
        return False
    for name, item in term.pairs:
        key = key_of(name)
        if key is None:
            fits(layer, item, ANY, widens=widens)
            continue
        found = selected(kind, key)
        if found is None or not fits(layer, item, found, widens=widens):
            return False
    return True


def match(layer: Layer, left: Term, left_type: MaybeType, right: Term, right_type: MaybeType) -> bool:
    """Tell whether two terms of these types can be equal; their variables get types."""
    if is_unknown(left_type):
        if not is_unknown(right_type):
            return fits(layer, left, right_type)
    elif is_unknown(right_type):
        return fits(layer, right, left_type)
    else:
        return unifies(left_type, right_type)
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Array | Object) and isinstance(other, Var):
            return fits(layer, one, ANY) and fits(layer, other, layer.type(one))
    if isinstance(left, Array):
        return isinstance(right, Array) and _arrays(layer, left, right)
    if isinstance(left, Object):
        return isinstance(right, Object) and _objects(layer, left, right)
    if isinstance(left, Var) and isinstance(right, Var):
        return fits(layer, left, ANY) and fits(layer, right, layer.type(left))
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Var) and isinstance(other, Ref):
            return fits(layer, one, ANY)
    return _half_known(layer, left, left_type, right, right_type)


def _half_known(layer: Layer, left: Term, left_type: MaybeType, right: Term, right_type: MaybeType) -> bool:
    """Give a variable what little is known of the other side."""
    if isinstance(left, Var) and left_type is None and right_type is not None:
        return fits(layer, left, right_type)
    if isinstance(right, Var) and right_type is None and left_type is not None:
        return fits(layer, right, left_type)
    return False


def _arrays(layer: Layer, left: Array, right: Array) -> bool:
    return len(left.items) == len(right.items) and all(
        match(layer, one, layer.type(one), two, layer.type(two))
        for one, two in zip(left.items, right.items, strict=True)
    )


def _objects(layer: Layer, left: Object, right: Object) -> bool:
    ours, theirs = by_key(left.pairs), by_key(right.pairs)
    if ours.keys() != theirs.keys():
        return False
    pairs = [(one, theirs[key][1]) for key, (_, one) in ours.items()]
    return all(match(layer, one, layer.type(one), two, layer.type(two)) for one, two in pairs)
