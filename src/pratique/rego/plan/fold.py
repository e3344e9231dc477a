"""Expressions worked out now: what stands on constants alone, and lookups in literals.

Comes in: an expression whose locals are replaced already. Goes out: an expression with the same value, a
constant where that is possible. A builtin that refuses is left for the evaluation, which takes note of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pratique.rego.builtins.registry import Builtin
from pratique.rego.plan import ir, walk
from pratique.rego.plan.bodies import compared
from pratique.rego.plan.terms import array, object_of, set_of
from pratique.rego.runtime import references
from pratique.rego.runtime.values import UNDEFINED, Value, is_object

# A constant that is larger than this is no gain.
_LARGE: Final = 1000
# What makes a lot out of a little is left to an evaluation, which has limits.
_GREEDY: Final = frozenset({"bits.lsh"})
# Characters of a text that count as one value, and bits of a number.
_CHARACTERS: Final = 10
_BITS: Final = 10
Constants = Mapping[tuple[str, ...], Value]


def literal(expr: ir.Expr) -> ir.Expr:
    """Return a literal of constants as a constant, unless what they hold together is large."""
    if sum([size(each.value) for each in walk.parts(expr) if isinstance(each, ir.Const)]) > _LARGE:
        # Literals in literals can double at each step.
        return expr
    match expr:
        case ir.Array(items):
            return array(list(items))
        case ir.SetOf(items):
            return set_of(list(items))
        case ir.ObjectOf(pairs):
            return object_of(list(pairs))
    return expr


def get(base: ir.Expr, keys: tuple[ir.Expr, ...], constants: Constants, shape: ir.Expr | None) -> ir.Expr:
    """Return a lookup; `shape` is the literal that the base is known to be."""
    if isinstance(base, ir.Input):
        for path, value in constants.items():
            if len(keys) >= len(path) and tuple(map(_known, keys[: len(path)])) == path:
                return get(ir.Const(value), keys[len(path) :], constants, None)
    while keys:
        name = keys[0]
        if not isinstance(name, ir.Const):
            break
        if isinstance(base, ir.Const):
            base, keys = ir.Const(references.get(base.value, name.value)), keys[1:]
        elif (member := _member(shape, name.value)) is not None:
            base, keys, shape = member, keys[1:], None
        else:
            break
    return ir.Get(base, keys) if keys else base


def _known(key: ir.Expr) -> Value:
    return key.value if isinstance(key, ir.Const) else UNDEFINED


def _member(shape: ir.Expr | None, name: Value) -> ir.Expr | None:
    """Return what a literal of atoms holds at a constant key."""
    if isinstance(shape, ir.Array) and type(name) is int:
        return shape.items[name] if 0 <= name < len(shape.items) else ir.Const(UNDEFINED)
    if isinstance(shape, ir.ObjectOf) and all(type(_known(key)) is str for key, _ in shape.pairs):
        found = [value for key, value in shape.pairs if _known(key) == name and type(name) is str]
        return found[-1] if found else ir.Const(UNDEFINED)
    return None


def compare(expr: ir.Compare) -> ir.Expr:
    """Return a comparison."""
    left, right = expr.left, expr.right
    if ir.Const(UNDEFINED) in (left, right):
        return ir.Const(UNDEFINED)
    if isinstance(left, ir.Const) and isinstance(right, ir.Const):
        return ir.Const(compared(expr.operator, left.value, right.value))
    return expr


def builtin(expr: ir.Builtin, known: Builtin, constants: Constants) -> ir.Expr:
    """Return a call of a builtin that nothing replaces."""
    if known.nondeterministic or known.needs_state or known.relation or known.void or expr.name in _GREEDY:
        return expr
    if expr.name == "object.get" and (found := _object_get(expr, constants)) is not None:
        return found
    if not all(isinstance(arg, ir.Const) for arg in expr.args):
        return expr
    operands = [arg.value for arg in expr.args if isinstance(arg, ir.Const)]
    if any(value is UNDEFINED for value in operands):
        return ir.Const(UNDEFINED)
    if sum(map(size, operands)) > _LARGE:
        return expr
    try:
        value = known.function(*operands)
    except Exception:
        # Whatever it is, it is told when the call is evaluated: here there is nobody to tell.
        return expr
    return expr if size(value) > _LARGE else ir.Const(value)


def _object_get(expr: ir.Builtin, constants: Constants) -> ir.Expr | None:
    base, name, default = expr.args
    if not isinstance(name, ir.Const) or type(name.value) is not str:
        return None
    if isinstance(base, ir.Input):
        # The input has what was given of it, so it is an object.
        base = ir.Const({path[0]: value for path, value in constants.items() if len(path) == 1})
        if name.value not in base.value:
            return None
    if isinstance(base, ir.Const) and is_object(base.value):
        found = references.get(base.value, name.value)
        return default if found is UNDEFINED else ir.Const(found)
    return None


def size(value: Value) -> int:
    """Return how many values a value is made of, long texts and numbers counting for more, up to what is large."""
    found, waiting = 0, [value]
    while waiting and found <= _LARGE:
        each = waiting.pop()
        found += 1
        if isinstance(each, str):
            found += len(each) // _CHARACTERS
        elif type(each) is int:
            found += each.bit_length() // _BITS
        elif is_object(each):
            waiting.extend(each.values())
        else:
            waiting.extend(references.values(each))
    return found
