"""What template strings and `print` read must have its value from outside them (OPA's rewriting of both).

Both are read before a body is put in order, so that what only they iterate (`$"{input.xs[_]}"`) is refused. Comes in:
rules and queries with every name decided. Goes out: problems, noted in the world.
"""

from __future__ import annotations

from collections.abc import Iterable

from pratique.rego.check.safety import Safety, is_print
from pratique.rego.check.variables import Closure, Uses, of_literal, of_term
from pratique.rego.check.world import World
from pratique.rego.nodes import (
    Array,
    Body,
    Call,
    Comprehension,
    Every,
    Logical,
    Not,
    Rule,
    Term,
    Unify,
    Var,
)


class Undeclared:
    """Looks through one rule or query; `safety` is that of the same module."""

    def __init__(self, world: World, safety: Safety) -> None:
        self.world = world
        self.safety = safety
        self.told: set[tuple[str, int]] = set()
        self._seen: set[tuple[int, int]] = set()

    def rule(self, rule: Rule) -> None:
        """Look through a rule and its `else` links."""
        known = set(of_term(*(rule.args or ())).own)
        self.body(rule.body, known)
        head = of_term(*rule.keys, rule.value)
        safe = self._bound(rule.body, known)
        self._templates(head, safe)
        for closure in head.closures if self.world.printing else ():
            self._prints_inside(closure, known)
        if rule.otherwise is not None:
            self.rule(rule.otherwise)

    def body(self, body: Body, known: set[str]) -> None:
        """Look through a body and all that is inside it."""
        safe = self._bound(body, known)
        for literal in body:
            self._templates(of_literal(literal), safe)
        if self.world.printing:
            self._prints(body, known)

    def _bound(self, body: Body, known: set[str]) -> set[str]:
        """Return what is bound behind a body, each literal in the author's order."""
        bound = set(known)
        for literal in body:
            bound |= self.safety.outputs(literal, of_literal(literal), bound)
        return bound

    def _refuse(self, found: Iterable[Var], known: set[str], at: Term | None = None) -> None:
        for var in found:
            span = var.span if at is None else at.span
            if var.name in known or (var.label, span.start) in self.told:
                continue
            self.told.add((var.label, span.start))
            self.world.refuse(f"var {var.label} is undeclared", span, hint=self.safety.hint(var))

    # --- template strings ----------------------------------------------------------------------------------

    def _templates(self, uses: Uses, safe: set[str]) -> None:
        holes = {id(hole) for call in uses.calls for hole in _holes(call)}
        for closure in uses.closures:
            if id(closure) in holes:
                assert isinstance(closure, Comprehension)  # that is what a hole is made of
                self._hole(closure, safe)
            else:
                self._inside(closure, safe)

    def _hole(self, hole: Comprehension, safe: set[str]) -> None:
        (only,) = hole.body
        assert isinstance(only, Unify)  # as `resolve` makes it
        value = only.right
        uses = of_term(value)
        self._templates(uses, safe)
        if isinstance(value, Call) and value.builtin and self.world.builtins[value.name].relation:
            message = f"illegal call to relation built-in '{value.name}' that may cause multiple outputs"
            self.world.refuse(message, value.span, hint="collect what it yields in a comprehension")
        elif not isinstance(value, Var):
            self._refuse(uses.own.values(), safe, at=value)

    def _inside(self, closure: Closure, safe: set[str]) -> None:
        if isinstance(closure, Logical | Not):
            # The sides of a chain are met once as its own, and once inside each part of it around them.
            if (id(closure), len(safe)) in self._seen:
                return
            self._seen.add((id(closure), len(safe)))
            # What is bound inside is not seen (as in OPA).
            sides = [side for side, _ in closure.sides] if isinstance(closure, Logical) else [closure.body]
            for side in sides:
                for literal in side:
                    self._templates(of_literal(literal), safe)
            return
        if isinstance(closure, Every):
            safe = safe | {var.name for var in (closure.key, closure.value) if var is not None}
        inner = self._bound(closure.body, safe)
        for literal in closure.body:
            self._templates(of_literal(literal), inner)
        if isinstance(closure, Comprehension):
            head = (closure.value,) if closure.key is None else (closure.key, closure.value)
            self._templates(of_term(*head), inner)

    # --- print ---------------------------------------------------------------------------------------------

    def _prints(self, body: Body, known: set[str]) -> None:
        """Note what `print` says before it has a value: the author's order counts here (OPA, rewritePrintCalls)."""
        for index, literal in enumerate(body):
            uses = of_literal(literal)
            said = is_print(literal)
            if not said and not uses.closures:
                continue
            before = known | self.safety.bound_by(body[:index], known)
            if said:
                self._refuse(uses.own.values(), before)
            for closure in uses.closures:
                self._prints_inside(closure, before)

    def _prints_inside(self, closure: Closure, known: set[str]) -> None:
        if isinstance(closure, Logical):
            for side, _ in closure.sides:
                self._prints(side, known)
            return
        own = [closure.key, closure.value] if isinstance(closure, Every) else []
        known = known | {var.name for var in own if var is not None}
        self._prints(closure.body, known)
        if isinstance(closure, Comprehension):
            head = [term for term in (closure.key, closure.value) if term is not None]
            for inner in of_term(*head).closures:
                self._prints_inside(inner, known)


def _holes(call: Call) -> list[Comprehension]:
    """Return the expressions of a template string, as `resolve` writes them."""
    if call.parts != ("internal", "template_string") or not isinstance(call.args[0], Array):
        return []
    return [item for item in call.args[0].items if isinstance(item, Comprehension)]
