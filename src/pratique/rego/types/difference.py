"""Two types side by side in an error, each on a line that a person can read (OPA's check_elide.go).

A line of at most 80 characters shows its type whole. Longer ones keep what the types differ in: what is equal on both
sides becomes `...`, and what is not the point is cut down to its outermost constructor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pratique.rego.types.algebra import unifies
from pratique.rego.types.kinds import (
    Array,
    Function,
    MaybeType,
    Object,
    OneOf,
    Set,
    Type,
    composite,
    shown,
)

ELISION: Final = "..."
WIDEST: Final = 80
_WIDEST_TYPE: Final = 32
_DEEPEST: Final = 8
_HINT: Final = (
    "hint  : both sides are {} but their types differ, so they can never be equal "
    "(see https://www.openpolicyagent.org/docs/errors/rego-type-error/match-error)"
)
_PLURALS: Final = {Object: "objects", Array: "arrays", Set: "sets"}


def unification(left: MaybeType, right: MaybeType, *, whole: bool = False) -> tuple[str, ...]:
    """Return the lines that tell of two sides which cannot be equal; `whole`, as OPA 1.17 writes them."""
    lines = [f"left  : {shown(left)}", f"right : {shown(right)}"]
    if whole:
        return tuple(lines)
    if _too_wide(lines):
        one, two = difference(left, right)
        lines = [f"left  : {one}", f"right : {two}"]
    if type(left) is type(right) and type(left) in _PLURALS:
        lines.append(_HINT.format(_PLURALS[type(left)]))
    return tuple(lines)


def arguments(
    have: Sequence[MaybeType], function: Function, *, result: bool = True, whole: bool = False
) -> tuple[str, ...]:
    """Return the lines that tell of arguments which do not fit a function; `whole`, as OPA 1.17 writes them."""
    want = function.operands if result else function.args
    names = [f"{name}: " if name else "" for name in function.names] or [""] * len(want)
    wanted = [f"{name}{shown(each)}" for name, each in zip(names, want, strict=False)]
    rest = [] if function.rest is None else [f"{function.rest.text}..."]
    lines = [
        f"have: ({', '.join([shown(each) for each in have])})",
        f"want: ({', '.join([*wanted, *rest])})",
    ]
    if whole or not _too_wide(lines):
        return tuple(lines)
    given = [elided(each) for each in have]
    taken = [
        f"{name}{each.text if _short(f'{name}{each.text}') else _constructor(each, 0)}"
        if each is not None
        else shown(each)
        for name, each in zip(names, want, strict=False)
    ]
    for place in range(min(len(have), len(want))):
        one, two = have[place], want[place]
        if one is None or two is None or not unifies(one, two):
            given[place], right = difference(one, two)
            taken[place] = f"{names[place]}{right}"
    if function.rest is not None:
        taken.append(f"{elided(function.rest)}...")
    return (f"have: ({', '.join(given)})", f"want: ({', '.join(taken)})")


def _too_wide(lines: list[str]) -> bool:
    return any(len(line) > WIDEST for line in lines)


def _short(text: str) -> bool:
    return len(text) <= _WIDEST_TYPE


def elided(kind: MaybeType) -> str:
    """Return the text of a type, cut down to its outermost constructor where it is long."""
    text = shown(kind)
    return text if kind is None or _short(text) else _constructor(kind, 0)


def _constructor(kind: MaybeType, depth: int) -> str:
    """Return the text of a type, what is nested deeper than `depth` cut out."""
    if isinstance(kind, Set) and kind.of is not None:
        return f"set[{_part(kind.of, depth)}]"
    if isinstance(kind, Array):
        items = [_constructor(each, depth - 1) for each in kind.static] if depth else [ELISION]
        return composite(
            "array",
            items if kind.static else [],
            None if kind.dynamic is None else _part(kind.dynamic, depth),
        )
    if isinstance(kind, Object):
        known = [f"{key.text}: {_constructor(each, depth - 1)}" for key, each in kind.static]
        others = kind.dynamic and ": ".join([_constructor(each, depth - 1) for each in kind.dynamic])
        if not depth:
            known, others = [ELISION] if known else [], others and ELISION
        return composite("object", known, others)
    if isinstance(kind, OneOf) and kind.of:
        members = [_constructor(each, depth - 1) for each in kind.of] if depth else [ELISION]
        return f"any<{', '.join(members)}>"
    if isinstance(kind, Function):
        return _function(kind, depth)
    return shown(kind)


def _part(kind: Type, depth: int) -> str:
    return _constructor(kind, depth - 1) if depth else ELISION


def _function(kind: Function, depth: int) -> str:
    args = [_constructor(each, depth - 1) for each in kind.args]
    if kind.rest is not None:
        args.append(f"{_constructor(kind.rest, depth - 1)}...")
    if depth:
        return f"({', '.join(args)}) => {_constructor(kind.result, depth - 1)}"
    result = "???" if kind.result is None else ELISION
    return f"({ELISION if args else ''}) => {result}"


# --- what two types differ in ------------------------------------------------------------------------------


def difference(one: MaybeType, two: MaybeType, depth: int = 0) -> tuple[str, str]:
    """Return the texts of two types, with only what they differ in."""
    if depth < _DEEPEST and one is not None and two is not None and one.text != two.text:
        if isinstance(one, Set) and isinstance(two, Set) and one.of is not None and two.of is not None:
            left, right = difference(one.of, two.of, depth + 1)
            return f"set[{left}]", f"set[{right}]"
        if isinstance(one, Array) and isinstance(two, Array):
            return _arrays(one, two, depth)
        if isinstance(one, Object) and isinstance(two, Object):
            return _objects(one, two, depth)
        if isinstance(one, OneOf) and isinstance(two, OneOf):
            return _alternatives(one, two), _alternatives(two, one)
    return elided(one), elided(two)


def _arrays(one: Array, two: Array, depth: int) -> tuple[str, str]:
    if len(one.static) != len(two.static) or (one.dynamic is None) != (two.dynamic is None):
        return _constructor(one, 1), _constructor(two, 1)
    pairs = [difference(left, right, depth + 1) for left, right in zip(one.static, two.static, strict=True)]
    left, right = [left for left, _ in pairs], [right for _, right in pairs]
    if one.dynamic is None:
        return composite("array", left, None), composite("array", right, None)
    others = difference(one.dynamic, two.dynamic, depth + 1)
    return composite("array", left, others[0]), composite("array", right, others[1])


def _objects(one: Object, two: Object, depth: int) -> tuple[str, str]:
    theirs = {key.order: each for key, each in two.static}
    mine = {key.order for key, _ in one.static}
    left: list[str] = []
    right: list[str] = []
    same = False
    both = {}
    for key, each in one.static:
        if key.order not in theirs:
            left.append(f"{key.text}: {elided(each)}")
        elif shown(each) == shown(theirs[key.order]):
            same = True
        else:
            ours, both[key.order] = difference(each, theirs[key.order], depth + 1)
            left.append(f"{key.text}: {ours}")
    for key, each in two.static:
        if key.order not in mine:
            right.append(f"{key.text}: {elided(each)}")
        elif key.order in both:
            right.append(f"{key.text}: {both[key.order]}")
    more = [ELISION] if same else []
    others = _others(one, two, depth)
    return composite("object", left + more, others[0]), composite("object", right + more, others[1])


def _others(one: Object, two: Object, depth: int) -> tuple[str | None, str | None]:
    if one.dynamic is not None and two.dynamic is not None:
        keys, values = [difference(one.dynamic[part], two.dynamic[part], depth + 1) for part in (0, 1)]
        return f"{keys[0]}: {values[0]}", f"{keys[1]}: {values[1]}"
    left, right = [
        None if each.dynamic is None else ": ".join([elided(part) for part in each.dynamic])
        for each in (one, two)
    ]
    return left, right


def _alternatives(one: OneOf, two: OneOf) -> str:
    theirs = {each.text for each in two.of}
    members = [elided(each) for each in one.of if each.text not in theirs]
    if len(members) < len(one.of):
        members.append(ELISION)
    return f"any<{', '.join(members)}>" if members else "any"
