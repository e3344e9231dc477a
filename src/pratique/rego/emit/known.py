"""What is known where code is being written: names that are defined, that have `get`, lookups already done.

Comes in: what each line has just established. Goes out: what later lines may leave out. A block restores what
was known before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.rego.plan import ir, walk
from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.values import Value

# A lookup from the documents is worth a line of its own when it is needed this often.
_SHARED: Final = 2


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


def shared_lookups(rule: ir.Rule) -> Counter[Any]:
    """Return how often each path of constant keys is looked up in a rule, and every prefix of it."""
    uses: Counter[Any] = Counter()
    for clause in walk.clauses(rule):
        uses.update(_paths(walk.of_clause(clause)))
    return uses


def hoisted_lookups(rule: ir.Rule) -> list[tuple[ir.Expr, tuple[ir.Expr, ...]]]:
    """Return the lookups in documents and parameters that several clauses share, prefixes first."""
    uses: Counter[Any] = Counter()
    bases: dict[Any, tuple[ir.Expr, tuple[ir.Expr, ...]]] = {}
    for clause in walk.clauses(rule):
        seen = {}
        for expr in walk.of_clause(clause):
            if not isinstance(expr, ir.Get) or not _there(expr.base, rule):
                continue
            for length in range(1, _constant(expr.keys) + 1):
                path = (token(expr.base), *map(token, expr.keys[:length]))
                seen[path] = (expr.base, expr.keys[:length])
        uses.update(seen.keys())
        bases.update(seen)
    chosen = [bases[path] for path, count in uses.items() if count >= _SHARED]
    return sorted(chosen, key=lambda each: len(each[1]))


def _there(base: ir.Expr, rule: ir.Rule) -> bool:
    return isinstance(base, ir.Input | ir.Data) or (isinstance(base, ir.Local) and base.name in rule.params)


def _paths(exprs: Iterable[ir.Expr]) -> Iterable[Any]:
    for expr in exprs:
        if isinstance(expr, ir.Get) and (base := token(expr.base)) is not None:
            for length in range(1, _constant(expr.keys) + 1):
                yield (base, *map(token, expr.keys[:length]))


def _constant(keys: tuple[ir.Expr, ...]) -> int:
    return next((index for index, key in enumerate(keys) if not isinstance(key, ir.Const)), len(keys))
