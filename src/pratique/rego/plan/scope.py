"""Where a body is being planned: the steps so far, what is bound, what the policy is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from pratique.rego.plan import ir
from pratique.rego.plan.tree import Tree
from pratique.rego.runtime.values import UNDEFINED, Value
from pratique.rego.source import Source, Span


@dataclass(frozen=True, slots=True)
class Watching:
    """How a policy is compiled to be watched: with OPA's index, with its early exit, or without."""

    indexing: bool = True
    early_exit: bool = True


@dataclass(slots=True)
class Policy:
    """What every body of a policy shares: the tree, and what some `with` replaces."""

    tree: Tree
    mocked: set[str] = field(default_factory=set)
    mocked_rules: set[int] = field(default_factory=set)
    replaced: set[tuple[Value, ...]] = field(default_factory=set)
    bases: dict[tuple[str, Span], None] = field(default_factory=dict)
    input_replaced: bool = False
    printing: bool = False
    watched: Watching | None = None

    def replaces_below(self, path: tuple[Value, ...]) -> bool:
        """Tell whether some `with` replaces a part of what stands at a path of data."""
        return any(len(each) > len(path) and each[: len(path)] == path for each in self.replaced)


@dataclass(slots=True)
class Counter:
    """Numbers for locals, one run a rule."""

    last: int = 0

    def fresh(self) -> str:
        """Return the name of a new local."""
        self.last += 1
        return f"v{self.last}"


class Scope:
    """A body in the making."""

    def __init__(
        self,
        policy: Policy,
        counter: Counter,
        bound: Mapping[str, ir.Expr] | None = None,
        *,
        modern_not: bool = False,
    ) -> None:
        self.policy = policy
        self.counter = counter
        self.bound: dict[str, ir.Expr] = dict(bound or {})
        self.steps: list[ir.Step] = []
        self.modern_not = modern_not
        self.span = Span(Source("", ""), 0, 0)

    def inner(self) -> Self:
        """Return a scope for a nested body: it sees what is bound here, and binds for itself."""
        made = type(self)(self.policy, self.counter, self.bound, modern_not=self.modern_not)
        made.span = self.span
        return made

    def fresh(self) -> str:
        """Return the name of a new local."""
        return self.counter.fresh()

    def never(self) -> None:
        """Add a step that fails."""
        self.steps.append(ir.Test(ir.Const(False), self.span))

    def assign(self, value: ir.Expr) -> ir.Expr:
        """Return an atom for the expression, by a step that fails when it is undefined."""
        if isinstance(value, ir.Local | ir.Array | ir.SetOf | ir.ObjectOf):
            return value
        if isinstance(value, ir.Const):
            return self.known(value)
        name = self.fresh()
        self.steps.append(ir.Assign(name, value, self.span))
        return ir.Local(name)

    def local(self, value: ir.Expr) -> ir.Expr:
        """Return a constant or a local for the expression."""
        if isinstance(value, ir.Local):
            return value
        if isinstance(value, ir.Const):
            return self.known(value)
        name = self.fresh()
        self.steps.append(ir.Assign(name, value, self.span))
        return ir.Local(name)

    def known(self, value: ir.Const) -> ir.Const:
        """Return the constant; one that is undefined fails here."""
        if value.value is UNDEFINED:
            self.never()
            return ir.Const(None)
        return value
