"""A checked body to one in which every expression does one thing, as OPA's compiler writes it before it evaluates.

Only a policy that is compiled to be watched goes this way: what a person reads in a trace, and what coverage and
profiles count, are these expressions. A call inside an expression becomes one of its own (`count(xs, __local1__)`),
then references and comprehensions that a call is given do (OPA compile.go, `rewriteExprTerms`, `rewriteDynamics`).
The order of evaluation and the answers stay the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from pratique.rego import extents, nodes
from pratique.rego.source import Span

# What a module's author cannot write: no identifier starts with this.
GENERATED = "~f"


class Flat(NamedTuple):
    """One flat expression, and the whole of the written one that it comes from.

    What stands in a template string is `hidden`, unless it is a reference: coverage does not count it.
    """

    literal: nodes.Expr
    whole: Span
    hidden: bool = False


class Flattener:
    """Makes bodies flat, with variables of its own (`~f1`, `~f2`, ...) that are unique in a rule."""

    def __init__(self, *, modern_not: bool) -> None:
        self._count = 0
        self._modern_not = modern_not

    def rule_body(
        self, body: nodes.Body, heads: tuple[nodes.Term, ...], implied: Span | None
    ) -> tuple[tuple[Flat, ...], tuple[nodes.Term, ...]]:
        """Return a body with what its head needs worked out at its end, and the head's terms.

        `implied` is the place of the body of a rule that has none.
        """
        found: list[nodes.Expr] = list(body)
        if implied is not None:
            # `check` may have put what the head asks for behind it.
            found[:1] = [nodes.Test(nodes.Scalar(True, implied), implied)]
        late, terms = self.heads(heads)
        found += late
        if len(found) > 1 and (implied is not None or len(body) == 1) and _is_true(found[0]):
            # A body that is only `true` gives way to what the head asks for.
            del found[0]
        return self.body(tuple(found)), terms

    def heads(self, heads: tuple[nodes.Term, ...]) -> tuple[nodes.Body, tuple[nodes.Term, ...]]:
        """Return what works the terms of a head out, and variables or constants for them."""
        found: list[nodes.Expr] = []
        terms: list[nodes.Term] = []
        for head in heads:
            if not extents.computed(head):
                terms.append(head)
                continue
            name = self._fresh(extents.term(head))
            found.append(nodes.Unify(name, head, extents.term(head)))
            terms.append(name)
        return tuple(found), tuple(terms)

    def body(self, body: nodes.Body) -> tuple[Flat, ...]:
        """Return the body flat; nested bodies become so when they are planned."""
        return tuple(
            [
                Flat(flat, extents.literal(literal), _templated(literal) or _holds_template(flat))
                for literal in body
                for flat in self._literal(literal)
            ]
        )

    def _literal(self, literal: nodes.Expr) -> list[nodes.Expr]:
        if isinstance(literal, nodes.Test) and _is_call(literal.term, "print"):
            return [literal]
        before, withs = self._withs(literal)
        literal = replace(literal, withs=withs)
        if isinstance(literal, nodes.Not):
            return [*before, *self._negated(literal)]
        calls: list[nodes.Expr] = []
        match literal:
            case nodes.Test():
                literal = replace(literal, term=self._top(literal.term, calls, withs))
            case nodes.Unify(nodes.Var(name), nodes.Call() as right) if name.startswith(GENERATED):
                # The value of a head: the call itself is what gives it.
                literal = replace(literal, right=self._top(right, calls, withs))
            case nodes.Unify():
                sides = [self._calls(side, calls, withs) for side in (literal.left, literal.right)]
                literal = replace(literal, left=sides[0], right=sides[1])
            case nodes.SomeIn():
                domain = self._named(self._calls(literal.domain, calls, withs), calls, withs)
                literal = replace(literal, domain=domain)
            case nodes.Every():
                domain = self._calls(literal.domain, calls, withs)
                if not isinstance(domain, nodes.Ref):
                    domain = self._put(domain, calls, withs)
                literal = replace(literal, domain=domain)
        return [*before, *[flat for each in [*calls, literal] for flat in self._dynamics(each)]]

    def _negated(self, literal: nodes.Not) -> list[nodes.Expr]:
        # Without `future.keywords.not`, what is inside is worked out before the negation.
        if self._modern_not or literal.braced or len(literal.body) != 1:
            return [literal]
        *before, last = self._literal(literal.body[0])
        outside = [replace(each, withs=(*each.withs, *literal.withs)) for each in before]
        return [*outside, replace(literal, body=(last,))]

    def _withs(self, literal: nodes.Expr) -> tuple[list[nodes.Expr], tuple[nodes.With, ...]]:
        before: list[nodes.Expr] = []
        withs = []
        for each in literal.withs:
            if each.by or not extents.computed(each.value):
                withs.append(each)
                continue
            calls: list[nodes.Expr] = []
            value = self._calls(each.value, calls, ())
            name = self._fresh(each.value.span)
            for call in [*calls, nodes.Unify(name, value, extents.term(each.value))]:
                before.extend(self._dynamics(call))
            withs.append(replace(each, value=name))
        return before, tuple(withs)

    # --- calls ---------------------------------------------------------------------------------------------

    def _top(self, term: nodes.Term, out: list[nodes.Expr], withs: tuple[nodes.With, ...]) -> nodes.Term:
        # The term of an expression: a call stays, what it is given does not.
        if isinstance(term, nodes.Call):
            return replace(term, args=tuple([self._calls(arg, out, withs) for arg in term.args]))
        return self._calls(term, out, withs)

    def _calls(self, term: nodes.Term, out: list[nodes.Expr], withs: tuple[nodes.With, ...]) -> nodes.Term:
        match term:
            case nodes.Call():
                inner = self._top(term, out, withs)
                name = self._fresh(extents.term(term))
                out.append(nodes.Unify(name, inner, extents.term(term), withs))
                return name
            case nodes.Comprehension():
                return term
        found = _mapped(term, lambda part: self._calls(part, out, withs))
        if isinstance(found, nodes.Ref):
            return replace(found, head=self._named(found.head, out, withs))
        return found

    def _named(self, term: nodes.Term, out: list[nodes.Expr], withs: tuple[nodes.With, ...]) -> nodes.Term:
        # What is looked into has a name.
        if isinstance(term, nodes.Var | nodes.Ref):
            return term
        return self._put(term, out, withs)

    def _put(self, term: nodes.Term, out: list[nodes.Expr], withs: tuple[nodes.With, ...]) -> nodes.Var:
        name = self._fresh(term.span)
        out.append(nodes.Unify(name, term, term.span, withs))
        return name

    # --- references and comprehensions ---------------------------------------------------------------------

    def _dynamics(self, literal: nodes.Expr) -> list[nodes.Expr]:
        out: list[nodes.Expr] = []

        def held(term: nodes.Term) -> nodes.Term:
            match term:
                case nodes.Ref():
                    inner = _mapped(term, held)
                case nodes.Comprehension():
                    inner = term
                case _:
                    return _mapped(term, held)
            name = self._fresh(term.span)
            out.append(nodes.Unify(name, inner, term.span, literal.withs))
            return name

        def side(term: nodes.Term) -> nodes.Term:
            # A reference or comprehension that is a whole side stays where it is.
            return term if isinstance(term, nodes.Comprehension) else _mapped(term, held)

        match literal:
            case nodes.Test(term) if isinstance(term, nodes.Call):
                hold = side if term.parts == ("equal",) else held
                literal = replace(literal, term=replace(term, args=tuple(map(hold, term.args))))
            case nodes.Test(term) if isinstance(term, nodes.Ref):
                literal = replace(literal, term=_mapped(term, held))
            case nodes.Unify(left, right):
                literal = replace(
                    literal, left=self._side(left, held, side), right=self._side(right, held, side)
                )
            case nodes.Every(domain=domain) if not isinstance(domain, nodes.Var):
                literal = replace(literal, domain=held(domain))
            case nodes.SomeIn(domain=domain):
                literal = replace(literal, domain=side(domain))
        return [*out, literal]

    def _side(
        self,
        term: nodes.Term,
        held: Callable[[nodes.Term], nodes.Term],
        side: Callable[[nodes.Term], nodes.Term],
    ) -> nodes.Term:
        if isinstance(term, nodes.Call):
            return replace(term, args=tuple(map(held, term.args)))
        return side(term)

    def _fresh(self, span: Span) -> nodes.Var:
        self._count += 1
        return nodes.Var(f"{GENERATED}{self._count}", span)


def _mapped(term: nodes.Term, change: Callable[[nodes.Term], nodes.Term]) -> nodes.Term:
    # The term with its direct parts changed; the head of a reference stays if it is a name.
    match term:
        case nodes.Array() | nodes.SetOf():
            return replace(term, items=tuple(map(change, term.items)))
        case nodes.Object():
            return replace(term, pairs=tuple([(change(name), change(item)) for name, item in term.pairs]))
        case nodes.Ref():
            head = term.head if isinstance(term.head, nodes.Var) else change(term.head)
            return replace(term, head=head, path=tuple(map(change, term.path)))
    return term


def is_generated(literal: nodes.Expr) -> bool:
    """Tell whether an expression is a part of a written one, worked out before it."""
    return (
        isinstance(literal, nodes.Unify)
        and isinstance(literal.left, nodes.Var)
        and literal.left.name.startswith(GENERATED)
    )


def _templated(literal: nodes.Expr) -> bool:
    # `check` makes `~t1 = expression` of what stands in the braces of a template string.
    return (
        isinstance(literal, nodes.Unify)
        and isinstance(literal.left, nodes.Var)
        and literal.left.name.startswith("~t")
        and not isinstance(literal.right, nodes.Ref)
    )


def _holds_template(literal: nodes.Expr) -> bool:
    match literal:
        case nodes.Unify(right=nodes.Comprehension(body=(only,))):
            return _templated(only)
    return False


def _is_true(literal: nodes.Expr) -> bool:
    match literal:
        case nodes.Test(nodes.Scalar(True), withs=()):
            return True
    return False


def _is_call(term: nodes.Term, name: str) -> bool:
    return isinstance(term, nodes.Call) and term.parts == (name,)
