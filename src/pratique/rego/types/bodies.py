"""Bodies, step by step: what is wrong with them, and which types their variables have (OPA check.go, CheckBody).

References and comprehensions inside a step come first, each given a variable, as OPA's last rewriting does it
(compile.go, rewriteDynamics); then the step itself. The bodies of `every`, of the new `not`, of `and` and `or` are only
looked through for references and comprehensions, as in OPA.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from pratique.rego.errors import Problem
from pratique.rego.nodes import Array, Object, Ref, Scalar, SetOf, Term, Var
from pratique.rego.types.calls import Calls
from pratique.rego.types.environment import Layer
from pratique.rego.types.flatten import Flattener
from pratique.rego.types.kinds import ANY, MaybeType, is_unknown
from pratique.rego.types.kinds import Array as ArrayType
from pratique.rego.types.kinds import Object as ObjectType
from pratique.rego.types.kinds import Set as SetType
from pratique.rego.types.matching import match
from pratique.rego.types.problems import Shown, mismatch
from pratique.rego.types.references import References
from pratique.rego.types.replaced import Replaced
from pratique.rego.types.steps import EQUAL, Closure, Step

AGAIN: Final = 256


class Bodies:
    """Checks the bodies of one rule or query."""

    def __init__(
        self, flattener: Flattener, calls: Calls, replaced: Replaced, *, equates: bool = True
    ) -> None:
        self.flattener = flattener
        self.calls = calls
        self.replaced = replaced
        # Whether `==` demands of its sides what `=` does: in rules it does, in queries it may say `false`.
        self.equates = equates
        # How often a comprehension inside another may still be looked at without it: each level doubles the work.
        self.again = AGAIN
        # Whether a function that stands in for another is wrong here: then nothing more is said of the expression, and
        # what would be in its variables is not known.
        self.blocked = False
        self.references = References(Shown(flattener.subjects))

    def check(self, layer: Layer, steps: Iterable[Step]) -> list[Problem]:
        """Return what is wrong with a body; its variables get types in the layer."""
        found: list[Problem] = []
        outer = self.blocked
        for step in steps:
            here, self.blocked = layer, False
            if step.withs:
                here = self.replaced.layer(layer, step.withs)
                self.blocked = self.calls.wrong_stand_in(layer, step.withs) is not None
            kind = step.kind
            if kind == "eq" or (
                self.equates and kind == "call" and step.name == EQUAL and len(step.args) == 2
            ):
                self._equation(here, step, found)
            elif kind == "call":
                self._call(here, step, found)
            elif kind == "term":
                self._looked_at(here, [self._side(here, step.args[0], found)], found)
                self._with_wrong(here, step, found)
            else:
                self._inner(here, step, found)
        self.blocked = outer
        return found

    def looked_into(self, layer: Layer, closure: Closure) -> MaybeType:
        """Return the type of a comprehension, None if something is wrong with it."""
        inner = layer.inner()
        return None if self.check(inner, closure.steps) else _made(closure, inner)

    # --- steps ---------------------------------------------------------------------------------------------

    def _equation(self, layer: Layer, step: Step, found: list[Problem]) -> None:
        left, right = [self._side(layer, arg, found) for arg in step.args]
        told = len(found)
        types = self._looked_at(layer, [left, right], found)
        if self._with_wrong(layer, step, found):
            return
        left_type, right_type = types
        if not match(layer, left, left_type, right, right_type):
            fault = mismatch(step.span, left_type, right_type)
            if len(found) == told or not fault.of_unknown:
                found.append(fault.problem)

    def _looked_at(self, layer: Layer, terms: list[Term], found: list[Problem]) -> list[MaybeType]:
        """Note what is wrong with references and comprehensions; return the types of the terms."""
        types: dict[int, MaybeType] = {}
        wrong: list[Problem] = []
        for place, term in enumerate(terms):
            if isinstance(term, Closure):
                faults, types[place] = self._closure(layer, term)
                wrong = faults or wrong
        found += wrong
        for term in terms:
            if isinstance(term, Ref):
                fault = self.references.check(layer, term)
                if fault is not None:
                    found.append(fault)
        return [types[place] if place in types else layer.type(term) for place, term in enumerate(terms)]

    def _call(self, layer: Layer, step: Step, found: list[Problem]) -> None:
        args = [
            arg if type(arg) is Var or type(arg) is Scalar else self._plain(layer, arg, found)
            for arg in step.args
        ]
        if not self._with_wrong(layer, step, found):
            fault = self.calls.wrong(layer, step, args)
            if fault is not None:
                found.append(fault)

    def _with_wrong(self, layer: Layer, step: Step, found: list[Problem]) -> bool:
        if not step.withs:
            return False
        fault = self.calls.wrong_stand_in(layer, step.withs)
        if fault is not None:
            found.append(fault)
        return fault is not None

    def _inner(self, layer: Layer, step: Step, found: list[Problem]) -> None:
        """Look through the bodies of a step for references and comprehensions."""
        wrong: list[Problem] = []
        for closure in _closures([step]):
            wrong = self._closure(layer, closure)[0] or wrong
        found += wrong
        for body, _ in step.bodies:
            for ref in self._refs(body):
                fault = self.references.check(layer, ref)
                if fault is not None:
                    found.append(fault)
        self._with_wrong(layer, step, found)

    def _closure(self, layer: Layer, closure: Closure) -> tuple[list[Problem], MaybeType]:
        """Return what is wrong with a comprehension, or its type.

        One without a fault is looked through again for others inside it: these must hold without what is known around
        them, too (as in OPA, checkClosures).
        """
        inner = layer.inner()
        wrong = self.check(inner, closure.steps)
        if wrong:
            return wrong, None
        for nested in _closures(closure.steps):
            if self.again:
                self.again -= 1
                wrong = self._closure(layer, nested)[0] or wrong
        return wrong, _made(closure, inner)

    # --- terms ---------------------------------------------------------------------------------------------

    def _side(self, layer: Layer, term: Term, found: list[Problem]) -> Term:
        """Return a side of an equation: a reference or comprehension stays, what is inside it gets variables."""
        if isinstance(term, Ref):
            return self._reference(layer, term, found)
        return term if isinstance(term, Closure) else self._plain(layer, term, found)

    def _reference(self, layer: Layer, term: Ref, found: list[Problem]) -> Ref:
        for part in term.path:
            if type(part) is not Scalar and type(part) is not Var:
                path = [self._plain(layer, each, found) for each in term.path]
                return replace(term, path=tuple(path))
        return term

    def _plain(self, layer: Layer, term: Term, found: list[Problem]) -> Term:
        """Return a term without references and comprehensions in it: they get variables here."""
        if type(term) is Scalar or type(term) is Var:
            return term
        if isinstance(term, Ref):
            ref = self._reference(layer, term, found)
            var = self._variable(ref)
            fault = self.references.check(layer, ref)
            if fault is not None:
                found.append(fault)
            if not self.blocked:
                kind = layer.reference(ref)
                layer.variables[var.name] = ANY if is_unknown(kind) else kind
            return var
        if isinstance(term, Closure):
            var = self._variable(term)
            wrong, kind = self._closure(layer, term)
            found += wrong
            if kind is not None and not self.blocked:
                layer.variables[var.name] = kind
            return var
        if isinstance(term, Array | SetOf):
            return replace(term, items=tuple([self._plain(layer, item, found) for item in term.items]))
        assert isinstance(term, Object)  # there is no other kind
        pairs = [
            (self._plain(layer, key, found), self._plain(layer, item, found)) for key, item in term.pairs
        ]
        return replace(term, pairs=tuple(pairs))

    def _variable(self, term: Term) -> Var:
        var = self.flattener.fresh(term)
        self.flattener.subjects[var.name] = term
        return var

    def _refs(self, body: Iterable[Step]) -> Iterator[Ref]:
        """Yield the references of a body, those in brackets before the one around them."""
        for step in body:
            for arg in step.args:
                yield from self._refs_in(arg)
            for inner, _ in step.bodies:
                yield from self._refs(inner)

    def _refs_in(self, term: Term) -> Iterator[Ref]:
        if isinstance(term, Ref):
            path: list[Term] = []
            for part in term.path:
                if isinstance(part, Ref | Closure):
                    yield from self._refs_in(part)
                    path.append(self._variable(part))
                else:
                    yield from self._refs_in(part)
                    path.append(self._without_refs(part))
            yield replace(term, path=tuple(path))
        elif isinstance(term, Array | SetOf):
            for item in term.items:
                yield from self._refs_in(item)
        elif isinstance(term, Object):
            for pair in term.pairs:
                for item in pair:
                    yield from self._refs_in(item)

    def _without_refs(self, term: Term) -> Term:
        if isinstance(term, Ref | Closure):
            return self._variable(term)
        if isinstance(term, Array | SetOf):
            return replace(term, items=tuple(map(self._without_refs, term.items)))
        if isinstance(term, Object):
            pairs = [(self._without_refs(key), self._without_refs(item)) for key, item in term.pairs]
            return replace(term, pairs=tuple(pairs))
        return term


def _made(closure: Closure, inner: Layer) -> MaybeType:
    """Return the type of a comprehension, given what is known in its body."""
    value = inner.type(closure.value)
    if closure.kind == "array":
        return ArrayType((), value)
    if closure.kind == "set":
        return SetType(value)
    assert closure.key is not None
    return ObjectType((), (inner.type(closure.key), value))


def _closures(steps: Iterable[Step]) -> Iterator[Closure]:
    """Yield the comprehensions of steps that are in no other."""
    for step in steps:
        for arg in step.args:
            yield from _closures_in(arg)
        for body, _ in step.bodies:
            yield from _closures(body)


def _closures_in(term: Term) -> Iterator[Closure]:
    if isinstance(term, Closure):
        yield term
    elif isinstance(term, Ref):
        for part in term.path:
            yield from _closures_in(part)
    elif isinstance(term, Array | SetOf):
        for item in term.items:
            yield from _closures_in(item)
    elif isinstance(term, Object):
        for pair in term.pairs:
            for item in pair:
                yield from _closures_in(item)
