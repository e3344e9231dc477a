"""Bodies that report what they do: the same steps, with an `ir.Watch` before each expression and around each body.

Comes in and goes out what `Bodies` takes and gives. A policy is planned this way only to explain, profile or measure
the coverage of an evaluation; nothing of it is there otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from pratique.rego import nodes
from pratique.rego.plan import ir, spelled
from pratique.rego.plan.bodies import Bodies
from pratique.rego.plan.flatten import Flattener
from pratique.rego.plan.scope import Counter, Policy
from pratique.rego.runtime.tracing import Site


class Watched(Bodies):
    """A body in the making that reports."""

    def __init__(
        self,
        policy: Policy,
        counter: Counter,
        bound: Mapping[str, ir.Expr] | None = None,
        *,
        modern_not: bool = False,
    ) -> None:
        super().__init__(policy, counter, bound, modern_not=modern_not)
        self.flattener = Flattener()

    def inner(self) -> Watched:
        """Return a scope for a nested body, which reports as one of its own."""
        made = super().inner()
        made.flattener = self.flattener
        return made

    def body(self, literals: nodes.Body) -> None:
        """Add the steps of a nested body."""
        flat = self.flattener.body(literals)
        self._run(flat, self._site(flat))

    def rule(self, rule: nodes.Rule) -> tuple[tuple[nodes.Term, ...], nodes.Term]:
        """Add the steps of a rule's body; return its keys and value, for what is not worked out in the body."""
        span = rule.head_span or rule.span
        flat, heads = self.flattener.rule_body(rule.body, (*rule.keys, rule.value), span)
        shown = spelled.variables((*heads, *(rule.args or ())))
        self._run(flat, Site("rule", spelled.path(rule.path), span, self._names(), shown))
        return heads[:-1], heads[-1]

    def _site(self, flat: nodes.Body) -> Site:
        span = flat[0].span if flat else self.span
        return Site("body", spelled.body(flat), span, self._names(), spelled.variables(flat))

    def _run(self, flat: nodes.Body, place: Site) -> None:
        frame = f"f{self.counter.fresh()}"
        self._report(frame, "enter", place)
        for index, literal in enumerate(flat):
            site = Site(
                "expression",
                spelled.literal(literal),
                literal.span,
                self._names(),
                spelled.variables(literal),
                index,
            )
            self._report(frame, "eval", site)
            self.literal(literal)
        self._report(frame, "exit", replace(place, names=self._names()))

    def _names(self) -> tuple[str, ...]:
        return tuple([spelled.variable(name) for name in self.bound])

    def _report(self, frame: str, op: Literal["enter", "eval", "exit"], site: Site) -> None:
        self.steps.append(ir.Watch(frame, op, site, tuple(self.bound.values())))
