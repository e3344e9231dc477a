"""The layout of bodies and their literals: one line each, blank lines between them kept (no more than one)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from pratique.rego.format.logical import Logicals, braced
from pratique.rego.format.terms import OPERATORS, membership, operator, union
from pratique.rego.format.writer import INDENT, Collision
from pratique.rego.nodes import (
    Body,
    Call,
    Every,
    Expr,
    Logical,
    Not,
    Ref,
    SetOf,
    Some,
    SomeIn,
    Term,
    Test,
    Unify,
    With,
)


class Bodies(Logicals):
    """Writes bodies."""

    def body(self, body: Body) -> None:
        """Write the literals of a body, each on its own line."""
        self.advance(self.places.row(body[0]))
        end = 0
        for index, expr in enumerate(body):
            if index and self.places.row(expr) > end + 1:
                self.blank_line()
            end = self.places.last_row(expr)
            self.start_line()
            with suppress(Collision):
                self.expression(expr)
            self.end_line()

    def expression(self, expr: Expr) -> None:
        """Write one literal of a body."""
        self.advance(self.places.row(expr))
        self.begin()
        match expr:
            case Test(term=term):
                self.test(term)
            case Unify():
                self.term(expr.left)
                self.write(" := " if expr.declares else " = ")
                self.term(expr.right)
            case Not():
                self.negation(expr)
            case Some():
                self.names(expr)
            case SomeIn(key=key, value=value, domain=domain):
                self.write("some ")
                self.member([value, domain] if key is None else [key, value, domain], parens=False)
            case Every():
                self.every(expr)
            case Logical():
                self.logical(expr)
        if expr.withs:
            self.modifiers(expr)

    # --- tests and negations -------------------------------------------------------------------------------

    def test(self, term: Term) -> None:
        """Write a term that must hold; an infix call has no parentheses around its operands unless they need them."""
        if term is self.wrapped:
            self.term(term)
        elif isinstance(term, Call) and membership(term):
            self.member(term.args, parens=False)
        elif isinstance(term, Call) and (sign := operator(term)):
            binds = OPERATORS[term.parts[0]][1]
            self.operand(term.args[0], binds)
            self.write(f" {sign} ")
            self.operand(term.args[1], binds + 1)
        elif isinstance(term, Call) and (with_result := self.resulting(term)):
            self.term(term.args[2])
            self.write(" = ")
            self.test(with_result)
        elif isinstance(term, Call):
            self.plain_call(term)
        else:
            self.term(term)

    def resulting(self, term: Call) -> Call | None:
        """Return the call without its last argument where that takes the result of an operator: `plus(x, y, z)`."""
        if len(term.parts) == 1 and term.parts[0] in OPERATORS and len(term.args) == 3:
            return replace(term, args=term.args[:2])
        return None

    def operand(self, term: Term, least: int) -> None:
        """Write an operand; one that binds less tightly than `least` needs parentheses."""
        loose = isinstance(term, Call) and (
            (membership(term) and len(term.args) == 2)
            or (bool(operator(term)) and OPERATORS[term.parts[0]][1] < least)
        )
        self.guarded(term, wrap=loose)

    def negation(self, expr: Not) -> None:
        """Write `not` and what it negates."""
        self.write("not ")
        if not expr.braced:
            inner = expr.body[0]
            wrap = (
                bool(inner.withs) or isinstance(inner, Logical | Not) or (self.style.bodies and braced(inner))
            )
            self.write("(" if wrap else "")
            self.expression(expr.body[0])
            self.write(")" if wrap else "")
            return
        row = self.places.row(expr)
        self.lead(expr.body[0])
        self.write("{")
        with suppress(Collision):
            self.inner_body(expr.body, row, self.places.body_closing(expr.body))
        if self.places.row(expr.body[-1]) == row:
            self.write(" ")
        self.write("}")

    def lead(self, expr: Expr) -> None:
        """Put parentheses around a union that begins a body: `{a | b}` reads as a comprehension."""
        term = expr.term if isinstance(expr, Test) else expr.left if isinstance(expr, Unify) else None
        if isinstance(term, Call) and not union(term) and operator(term):
            term = term.args[0]
        if term is not None and union(term):
            self.wrapped = term

    # --- some and every ------------------------------------------------------------------------------------

    def names(self, expr: Some) -> None:
        """Write `some x, y`, with the author's line breaks."""
        self.write("some ")
        row = self.places.row(expr)
        for index, name in enumerate(expr.names):
            if self.places.row(name) > row:
                self.end_line()
                self.start_line()
                self.write(INDENT)
                row = self.places.row(name)
            elif index:
                self.write(" ")
            self.term(name)
            if index < len(expr.names) - 1:
                self.write(",")

    def every(self, expr: Every) -> None:
        """Write `every`, its body in braces."""
        row = self.places.row(expr)
        self.write("every ")
        if expr.key is not None:
            self.term(expr.key)
            self.write(", ")
        self.term(expr.value)
        self.write(" in ")
        self.term(expr.domain)
        self.write(" {")
        with suppress(Collision):
            self.inner_body(expr.body, row, self.places.body_closing(expr.body))
        if self.places.row(expr.body[0]) == row and len(self.grouped(expr.body)) == 1:
            self.write(" ")
        self.write("}")

    # --- with ----------------------------------------------------------------------------------------------

    def modifiers(self, expr: Expr) -> None:
        """Write `with` modifiers: on the expression's line where they were, else indented below it."""
        row = self.places.terms_end(expr)
        level = self.level
        for modifier in expr.withs:
            below = self.places.row(modifier) > row
            if below:
                self.level = level + 1
                self.end_line()
                self.start_line()
                row = self.places.row(modifier)
            self.modifier(modifier, below=below)
        self.level = level

    def modifier(self, modifier: With, *, below: bool) -> None:
        """Write one `with`."""
        self.advance(self.places.row(modifier))
        self.write("with " if below else " with ")
        target: Term = modifier.target
        if isinstance(target, Ref) and not target.path:
            target = target.head
        self.term(target)
        self.write(" as ")
        with suppress(Collision):
            self.term(modifier.value)


def sets(expr: Expr) -> bool:
    """Whether a literal is a set and nothing more: without braces of its own around it, it would be a body."""
    return isinstance(expr, Test) and isinstance(expr.term, SetOf)
