"""A body with its names decided to flat steps, in the author's order.

Comes in: literals as the resolver leaves them. Goes out: steps. What a call or a composite in front of brackets stands
for is remembered, since errors show it and not the variable that took its place.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace

from pratique.rego.nodes import (
    Array,
    Body,
    Call,
    Comprehension,
    Every,
    Expr,
    Logical,
    Not,
    Object,
    Path,
    Ref,
    Scalar,
    SetOf,
    SomeIn,
    Term,
    Test,
    Unify,
    Var,
    With,
)
from pratique.rego.source import Source, Span
from pratique.rego.types.steps import Closure, Step, by_key

_PRINT = ("print",)
_DATA = Var("data", Span(Source("", ""), 0, 0))


def place_of(term: Term) -> Span:
    """Return where OPA says that a term stands: an infix call begins with its left operand, without parentheses."""
    if isinstance(term, Call) and term.infix and term.args[0].span.start < term.span.start:
        first = place_of(term.args[0])
        return Span(first.source, first.start, (term.extent or term.span).end)
    return term.span


class Flattener:
    """Flattens the bodies of one rule or query."""

    def __init__(
        self, *, modern_not: bool = False, printing: bool = False, functions: Container[Path] = ()
    ) -> None:
        self.modern_not = modern_not
        self.printing = printing
        self.functions = functions
        self.made = 0
        # What variables of ours stand for, by their names.
        self.subjects: dict[str, Term] = {}

    def fresh(self, term: Term) -> Var:
        """Return a variable that stands for a term."""
        self.made += 1
        return Var(f"~y{self.made}", place_of(term))

    # --- literals ------------------------------------------------------------------------------------------

    def body(self, body: Body) -> list[Step]:
        """Return the steps of a body."""
        out: list[Step] = []
        for literal in body:
            self.literal(literal, out)
        return out

    def literal(self, literal: Expr, out: list[Step], *, negated: bool = False) -> None:
        """Add the steps of a literal."""
        withs = self.withs(literal.withs, out) if literal.withs else ()
        if isinstance(literal, Test):
            self._test(literal, out, withs, negated=negated)
        elif isinstance(literal, Unify):
            args = [self.term(each, out, withs) for each in (literal.left, literal.right)]
            step = Step("eq", args, literal.span, withs, negated=negated, declares=literal.declares)
            out.append(step)
        elif isinstance(literal, SomeIn):
            self._some(literal, out, withs)
        elif isinstance(literal, Every):
            self._every(literal, out, withs)
        elif isinstance(literal, Not):
            self._not(literal, out, withs)
        elif isinstance(literal, Logical):
            step = Step("logical", [], literal.span, withs)
            step.bodies = tuple([(self.body(side), in_braces) for side, in_braces in literal.sides])
            out.append(step)

    def withs(self, withs: tuple[With, ...], out: list[Step]) -> tuple[With, ...]:
        """Return the modifiers with plain values; what these were is worked out before."""
        found = []
        for each in withs:
            if not each.by:
                value = self.term(each.value, out, ())
                if holds_references(value) and not (each.kind == "data" and self._function(value)):
                    value = self.named(value, out)
                each = replace(each, value=value)
            found.append(each)
        return tuple(found)

    def _function(self, term: Term) -> bool:
        """Tell whether a term is the name of a function."""
        if not isinstance(term, Ref) or term.head != _DATA:
            return False
        return ("data", *[part.value for part in term.path if isinstance(part, Scalar)]) in self.functions

    def named(self, term: Term, out: list[Step], withs: tuple[With, ...] = ()) -> Var:
        """Add a step that gives a term a variable, and return that."""
        var = self.fresh(term)
        out.append(Step("eq", [var, term], term.span, withs))
        return var

    def _test(self, literal: Test, out: list[Step], withs: tuple[With, ...], *, negated: bool) -> None:
        term = literal.term
        if isinstance(term, Ref) and is_call(term):
            out.append(Step("call", [], literal.span, withs, name=_path(term), negated=negated))
            return
        if not isinstance(term, Call):
            out.append(Step("term", [self.term(term, out, withs)], literal.span, withs, negated=negated))
            return
        if term.parts == _PRINT:
            if self.printing:
                self._print(term, out, withs)
            return
        args = [self.term(each, out, withs) for each in term.args]
        if term.output is not None:
            args.append(self.term(term.output, out, withs))
        step = Step(
            "call", args, literal.span, withs, name=term.parts, inputs=len(term.args), negated=negated
        )
        out.append(step)

    def _print(self, term: Call, out: list[Step], withs: tuple[With, ...]) -> None:
        """Add what is said, each value in a set of its own: what is undefined stops nothing."""
        for arg in term.args:
            var = self.fresh(arg)
            inside: list[Step] = []
            value = self.term(arg, inside, ())
            inside.append(Step("eq", [var, value], arg.span))
            said = Closure("set", None, var, (), arg.span, tuple(inside))
            out.append(Step("eq", [self.fresh(arg), said], arg.span, withs))

    def _some(self, literal: SomeIn, out: list[Step], withs: tuple[With, ...]) -> None:
        key = literal.key if literal.key is not None else self.fresh(literal.value)
        domain = literal.domain
        if isinstance(domain, Ref):
            found = Ref(domain.head, (*domain.path, key), domain.span)
        else:
            found = Ref(domain, (key,), domain.span)
        args = [self.term(literal.value, out, withs), self.term(found, out, withs)]
        out.append(Step("eq", args, literal.span, withs))

    def _every(self, literal: Every, out: list[Step], withs: tuple[With, ...]) -> None:
        var = self.named(self.term(literal.domain, out, withs), out, withs)
        step = Step("every", [var], literal.span, withs)
        step.bodies = ((self.body(literal.body), True),)
        step.variables = (literal.value,) if literal.key is None else (literal.key, literal.value)
        out.append(step)

    def _not(self, literal: Not, out: list[Step], withs: tuple[With, ...]) -> None:
        if not literal.braced and not self.modern_not:
            only = literal.body[0]
            self.literal(replace(only, span=literal.span, withs=(*withs, *only.withs)), out, negated=True)
            return
        step = Step("not", [], literal.span, withs)
        step.bodies = ((self.body(literal.body), literal.braced),)
        out.append(step)

    # --- terms ---------------------------------------------------------------------------------------------

    def term(self, term: Term, out: list[Step], withs: tuple[With, ...]) -> Term:
        """Return a term without calls in it; the steps that work them out are added."""
        kind = type(term)
        if kind is Scalar or kind is Var:
            return term
        if isinstance(term, Ref):
            if is_call(term):
                var = self.fresh(term)
                out.append(Step("call", [var], term.span, withs, name=_path(term)))
                return var
            return self._reference(term, out, withs)
        if isinstance(term, Call):
            args = [self.term(each, out, withs) for each in term.args]
            var = self.fresh(term)
            step = Step("call", [*args, var], place_of(term), withs, name=term.parts, inputs=len(args))
            out.append(step)
            return var
        if isinstance(term, Array):
            return Array(self._terms(term.items, out, withs), term.span)
        if isinstance(term, SetOf):
            once = [item for item, _ in by_key([(item, item) for item in term.items]).values()]
            return SetOf(self._terms(once, out, withs), term.span)
        if isinstance(term, Object):
            pairs = by_key(term.pairs).values()
            plain = [(self.term(key, out, withs), self.term(each, out, withs)) for key, each in pairs]
            return Object(tuple(plain), term.span)
        assert isinstance(term, Comprehension)  # template strings are calls by now
        return self._comprehension(term)

    def _terms(self, terms: Iterable[Term], out: list[Step], withs: tuple[With, ...]) -> tuple[Term, ...]:
        return tuple([self.term(each, out, withs) for each in terms])

    def _reference(self, term: Ref, out: list[Step], withs: tuple[With, ...]) -> Ref:
        head = term.head
        if isinstance(head, Var):
            for part in term.path:
                if type(part) is not Scalar and type(part) is not Var:
                    break
            else:
                return term
            return Ref(head, self._path(term, out, withs), term.span)
        var = self.term(head, out, withs)
        path = self._path(term, out, withs)
        if isinstance(var, Scalar):
            # Nothing is in it, but OPA does not look.
            return Ref(var, path, term.span)
        if not isinstance(var, Var):
            var = self.named(var, out, withs)
        self.subjects[var.name] = head
        return Ref(var, path, term.span)

    def _path(self, term: Ref, out: list[Step], withs: tuple[With, ...]) -> tuple[Term, ...]:
        path = self._terms(term.path, out, withs)
        for part, plain in zip(term.path, path, strict=True):
            if isinstance(part, Call) and isinstance(plain, Var):
                self.subjects[plain.name] = part
        return path

    def _comprehension(self, term: Comprehension) -> Closure:
        steps = self.body(term.body)
        key = None if term.key is None else self.term(term.key, steps, ())
        value = self.term(term.value, steps, ())
        if key is not None and holds_references(key):
            key = self.named(key, steps)
        if holds_references(value):
            value = self.named(value, steps)
        return Closure(term.kind, key, value, term.body, term.span, tuple(steps))


def is_call(term: Ref) -> bool:
    """Tell whether a reference to a rule was written as a call without arguments, `rule()`."""
    return (
        isinstance(term.head, Var)
        and term.head.name == "data"
        and term.span.source.text[term.span.end - 1 : term.span.end] == ")"
        and term.span.source.text[term.span.start] != "("
    )


def _path(term: Ref) -> Path:
    return ("data", *[str(part.value) for part in term.path if isinstance(part, Scalar)])


def holds_references(term: Term) -> bool:
    """Tell whether a flat term is or holds a reference or a comprehension."""
    if isinstance(term, Scalar | Var):
        return False
    if isinstance(term, Array | SetOf):
        return any(map(holds_references, term.items))
    if isinstance(term, Object):
        return any(holds_references(key) or holds_references(each) for key, each in term.pairs)
    return True
