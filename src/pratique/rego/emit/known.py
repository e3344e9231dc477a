"""What is known where code is being written: names that are defined, that have `get`, lookups already done.

Comes in: what each line has just established. Goes out: what later lines may leave out. A block restores what
was known before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pratique.rego.plan import ir, walk
from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.values import Value

# What each local of a rule is assigned.
Origins: TypeAlias = Mapping[str, ir.Expr]
# A lookup from the documents is worth a line of its own when it is needed this often.
_SHARED: Final = 2
# Keys of a reference whose prefixes are worth looking at.
_LONG: Final = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """Python text of an expression; `kind` is `str int bool true list set object` or `""` for not known.

    `true` is a value that is true wherever it is defined.
    """

    text: str
    defined: bool = False
    kind: str = ""
    const: bool = False
    value: Value = None

    @property
    def simple(self) -> bool:
        """Whether the text is a name or a constant."""
        return self.const or self.text.isidentifier()


@dataclass(slots=True)
class Known:
    """Facts about Python names: lookups done, defined, having `get(name, default)`, and where they come from."""

    found: dict[Any, str] = field(default_factory=dict)
    sure: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)
    origins: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    # The rows that a set is made of, and whether each of them comes once; and sets that are not made yet.
    rows: dict[str, tuple[str, bool]] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Known:
        """Return the same facts, to be added to apart."""
        return Known(
            dict(self.found),
            set(self.sure),
            set(self.objects),
            dict(self.origins),
            dict(self.kinds),
            dict(self.rows),
            dict(self.waiting),
        )

    def defined(self, name: str) -> None:
        """Note that a name is defined: then what it was looked up in is an object."""
        while name not in self.sure:
            self.sure.add(name)
            base = self.origins.get(name)
            if base is None:
                return
            self.objects.add(base)
            name = base


def token(expr: ir.Expr) -> Any:
    """Return what an expression is known by in a lookup, or None for what has no name."""
    match expr:
        case ir.Input():
            return "input"
        case ir.Data():
            return "data"
        case ir.Local(name):
            return ("local", name)
        case ir.Const(value):
            return (type(value), rego_text(value))
    return None


def rooted(expr: ir.Get, origins: Origins) -> ir.Get:
    """Return a lookup as one from where its base was looked up in turn, as far as that is known."""
    base, keys = expr.base, expr.keys
    while isinstance(base, ir.Local) and isinstance(
        origin := origins.get(base.name), ir.Get | ir.Input | ir.Data
    ):
        if isinstance(origin, ir.Get):
            base, keys = origin.base, (*origin.keys, *keys)
        else:
            base = origin
    return ir.Get(base, keys)


def shared_lookups(rule: ir.Rule, origins: Origins) -> Counter[Any]:
    """Return how often each path of constant keys is looked up in a rule, and every prefix of it."""
    uses: Counter[Any] = Counter()
    for clause in walk.clauses(rule):
        uses.update(_paths(walk.of_clause(clause), origins))
    return uses


def hoisted_lookups(rule: ir.Rule, origins: Origins) -> list[ir.Get]:
    """Return the lookups in documents and parameters that several clauses share, prefixes first.

    What comes after the last test of a clause makes its answer, which most evaluations do not reach.
    """
    uses: Counter[Any] = Counter()
    bases: dict[Any, ir.Get] = {}
    for clause in walk.clauses(rule):
        seen = {}
        tests = [index for index, step in enumerate(clause.steps, 1) if not isinstance(step, ir.Assign)]
        for expr in walk.expressions(clause.steps[: tests[-1]]) if tests else walk.of_clause(clause):
            if not isinstance(expr, ir.Get):
                continue
            found = rooted(expr, origins)
            if not _there(found.base, rule):
                continue
            for length in range(1, _constant(found.keys) + 1):
                path = (token(found.base), *map(token, found.keys[:length]))
                seen[path] = ir.Get(found.base, found.keys[:length])
        uses.update(seen.keys())
        bases.update(seen)
    chosen = [bases[path] for path, count in uses.items() if count >= _SHARED]
    return sorted(chosen, key=lambda each: len(each.keys))


def _there(base: ir.Expr, rule: ir.Rule) -> bool:
    return isinstance(base, ir.Input | ir.Data) or (isinstance(base, ir.Local) and base.name in rule.params)


def _paths(exprs: Iterable[ir.Expr], origins: Origins) -> Iterable[Any]:
    for expr in exprs:
        if not isinstance(expr, ir.Get):
            continue
        found = rooted(expr, origins)
        if (base := token(found.base)) is not None:
            for length in range(1, _constant(found.keys) + 1):
                yield (base, *map(token, found.keys[:length]))


def _constant(keys: tuple[ir.Expr, ...]) -> int:
    known = next((index for index, key in enumerate(keys) if not isinstance(key, ir.Const)), len(keys))
    # Each prefix is looked at, so that a very long reference would take its length squared.
    return min(known, _LONG)
