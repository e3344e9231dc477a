"""Bodies in the flat form in which OPA looks at types: one call or equation a step, what is nested named.

`f(g(x)) == y` is three steps, `g(x, ~1)`, `f(~1, ~2)` and `~2 = y`. Types are found out step by step, and an error
stands where OPA sees it, so the form is OPA's (compile.go, rewriteExprTerms and what follows it).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pratique.rego.nodes import Comprehension, Path, Scalar, Term, Var, With
from pratique.rego.source import Span

# `call` has a name and arguments (with its result, if it is looked at), `eq` two sides, `term` one term, `every` a
# domain and a body, `not` and `logical` only bodies.
Kind: TypeAlias = Literal["call", "eq", "term", "every", "not", "logical"]
EQUAL = ("equal",)


def by_key(pairs: Iterable[tuple[Term, Term]]) -> dict[object, tuple[Term, Term]]:
    """Return the pairs of an object by their keys: of one key, the last counts, and `1` is not `true`."""
    return {
        (type(pair[0].value), pair[0].value) if isinstance(pair[0], Scalar) else pair[0]: pair
        for pair in pairs
    }


class Step:
    """One expression of a flat body."""

    __slots__ = (
        "args",
        "bodies",
        "declares",
        "inputs",
        "kind",
        "name",
        "negated",
        "span",
        "uses",
        "variables",
        "withs",
    )

    def __init__(  # noqa: PLR0913  # one form for all kinds
        self,
        kind: Kind,
        args: list[Term],
        span: Span,
        withs: tuple[With, ...] = (),
        *,
        name: Path = (),
        inputs: int = 0,
        negated: bool = False,
        declares: bool = False,
    ) -> None:
        self.kind = kind
        self.args = args
        self.span = span
        self.withs = withs
        self.name = name
        # How many of the arguments of a call are no result.
        self.inputs = inputs
        self.negated = negated
        self.declares = declares
        # What `every`, `not`, `and` and `or` hold; for `every` also its variables.
        self.bodies: tuple[tuple[list[Step], bool], ...] = ()
        self.variables: tuple[Var, ...] = ()
        # What `order` has found out about it.
        self.uses: Any = None


@dataclass(frozen=True, slots=True)
class Closure(Comprehension):
    """A comprehension whose key and value are plain; `steps` are its body, flat, in the order in which it runs."""

    steps: tuple[Step, ...] = ()
