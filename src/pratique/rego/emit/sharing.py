"""What several branches work out from the same things: once, by the first of them that needs it.

Branches of a fork, and clauses of a rule, are written one after the other, and each may fail before it gets there: so
nothing is worked out in front of them. A name stands for "not yet" until a branch fills it. Comes in: a rule, and
branches. Goes out: what tells equal calls from others, and the calls that more than one branch makes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pratique.rego.builtins.registry import Builtin
from pratique.rego.emit.known import Origins, token
from pratique.rego.plan import ir, walk

_DEEP: Final = 8


def origins(rule: ir.Rule, builtins: Mapping[str, Builtin]) -> dict[str, ir.Expr] | None:
    """Return what each local of a rule is assigned, but for what may be another value each time.

    None where some `with` changes what the same words mean: nothing can be shared there.
    """
    found: dict[str, ir.Expr] = {}
    for clause in walk.clauses(rule):
        for step in walk.steps(clause.steps):
            if isinstance(step, ir.Enter):
                return None
            if isinstance(step, ir.Assign):
                value = step.value
                if isinstance(value, ir.Builtin) and builtins[value.name].nondeterministic:
                    continue
                found[step.local] = value
    return found


def identity(expr: ir.Expr, known: Origins, depth: int = _DEEP) -> Any:
    """Return what is equal for expressions that are worked out from the same things alike; None for any other."""
    match expr:
        case ir.Local(name) if name in known:
            return identity(known[name], known, depth - 1) if depth else None
        case ir.Const() | ir.Local() | ir.Input() | ir.Data():
            return token(expr)
        case ir.Get(base, keys):
            found = [identity(each, known, depth) for each in (base, *keys)]
            if isinstance(found[0], tuple) and found[0][0] == "get":
                found[:1] = found[0][1:]
            return None if None in found else ("get", *found)
        case ir.Array(items):
            found = [identity(each, known, depth) for each in items]
            return None if None in found else ("array", *found)
        case ir.Builtin(name, args):
            found = [identity(each, known, depth) for each in args]
            return None if None in found else ("builtin", name, *found)
        case ir.Call(rule, args):
            found = [identity(each, known, depth) for each in args]
            return None if None in found else ("call", rule, *found)
    return None


def roots(expr: ir.Expr, known: Origins) -> set[str]:
    """Return the locals that an expression depends on in the end."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [expr]
    while waiting:
        for each in walk.below(waiting.pop()):
            if isinstance(each, ir.Local) and each.name not in seen:
                seen.add(each.name)
                if each.name in known:
                    waiting.append(known[each.name])
                else:
                    found.add(each.name)
    return found


def repeated(
    branches: Sequence[Sequence[ir.Step]], known: Origins, dear: Callable[[ir.Expr], bool]
) -> list[Any]:
    """Return the identities of the `dear` calls that several of these branches make of what is there before them."""
    inside = {name for steps in branches for name in walk.bound(steps)} - known.keys()
    uses: Counter[Any] = Counter()
    for steps in branches:
        found: dict[Any, None] = {}
        for expr in walk.expressions(steps):
            if dear(expr) and inside.isdisjoint(roots(expr, known)):
                found[identity(expr, known)] = None
        uses.update(found.keys())
    return [each for each, count in uses.items() if count > 1 and each is not None]


def bodies(clauses: Iterable[ir.Clause]) -> list[tuple[ir.Step, ...]]:
    """Return the steps of clauses, those of each `else` beside them."""
    found = []
    for first in clauses:
        clause: ir.Clause | None = first
        while clause is not None:
            found.append(clause.steps)
            clause = clause.otherwise
    return found
