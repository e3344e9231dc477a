"""Bodies that report what they do: the same steps, with an `ir.Watch` before each expression and around each body.

Comes in and goes out what `Bodies` takes and gives. A policy is planned this way only to explain, profile or measure
the coverage of an evaluation; nothing of it is there otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal

from pratique.rego import extents, nodes
from pratique.rego.plan import ir, spelled
from pratique.rego.plan.bodies import Bodies
from pratique.rego.plan.flatten import Flattener
from pratique.rego.plan.indexing import conditions, constant
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
        self.flattener = Flattener(modern_not=modern_not)

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
        flat, heads = self.flattener.rule_body(rule.body, (*rule.keys, rule.value), extents.implied(rule))
        if self.policy.watched is not None and self.policy.watched.indexing:
            self._index(flat, rule.args or ())
        shown = spelled.variables((*heads, *(rule.args or ())))
        self._run(
            flat,
            Site(
                "rule",
                spelled.path(rule.path),
                extents.head(rule),
                self._names(),
                shown,
                early=self._early(rule),
            ),
        )
        return heads[:-1], heads[-1]

    def _early(self, rule: nodes.Rule) -> bool:
        # Whether the first answer is the last: all rules of the reference have the same constant value.
        if (
            rule.kind == "set"
            or rule.keys
            or self.policy.watched is None
            or not self.policy.watched.early_exit
        ):
            return False
        place = self.policy.tree.find(rule.path[1:])
        members = place.group.members if place is not None and place.group is not None else []
        found = [link.value for member in members if not member.default for link in _links(member)]
        return all(map(constant, found)) and len({spelled.term(value) for value in found}) == 1

    def _index(self, flat: nodes.Body, args: tuple[nodes.Term, ...]) -> None:
        # Before the body is entered: what OPA's index would have asked.
        defined = self.policy.tree.root.children.keys()
        tests = Bodies(self.policy, self.counter, self.bound)
        tests.body(conditions(flat, args, defined))
        self.steps += tests.steps

    def _not(self, literal: nodes.Not) -> None:
        if not literal.braced and len(literal.body) == 1:
            # The expression inside is the same one, negated.
            inner = replace(literal.body[0], span=extents.literal(literal))
            literal = replace(literal, body=(inner,))
        super()._not(literal)

    def _print(self, call: nodes.Call) -> None:
        parts = []
        for number, arg in enumerate(call.args if self.policy.printing else ()):
            inner = self.inner()
            name = nodes.Var(f"~p{number}", arg.span)
            inner.body((nodes.Unify(name, arg, extents.term(arg)),))
            parts.append((tuple(inner.steps), inner.bound[name.name]))
        if parts:
            self.steps.append(ir.Print(tuple(parts), call.span))

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
                extents.literal(literal),
                self._names(),
                spelled.variables(literal),
                index,
                negated=isinstance(literal, nodes.Not),
            )
            self._report(frame, "eval", site)
            self.literal(literal)
        self._report(frame, "exit", replace(place, names=self._names()))

    def _names(self) -> tuple[str, ...]:
        return tuple([spelled.variable(name) for name in self.bound])

    def _report(self, frame: str, op: Literal["enter", "eval", "exit"], site: Site) -> None:
        self.steps.append(ir.Watch(frame, op, site, tuple(self.bound.values())))


def _links(rule: nodes.Rule | None) -> Iterator[nodes.Rule]:
    while rule is not None:
        yield rule
        rule = rule.otherwise
