"""The layout of `and` and `or` (OPA format.go, writeLogical): one chain, its operands on the lines where they were."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from pratique.rego.format.terms import Terms, membership, operator, union
from pratique.rego.format.writer import Collision
from pratique.rego.nodes import (
    Body,
    Call,
    Comprehension,
    Expr,
    Logical,
    Not,
    Object,
    Ref,
    SetOf,
    Term,
    Test,
    Unify,
)


class _Side(NamedTuple):
    """An operand: its body, whether in braces, and whether it needs parentheses."""

    body: Body
    in_braces: bool
    wrap: bool


class Logicals(Terms):
    """Writes `and` and `or`."""

    def logical(self, expr: Logical) -> None:
        """Write a chain: what follows the first line break in it is indented."""
        first, steps = self.chain(expr)
        self.side(first)
        level = self.level
        end = self.side_end(first)
        for word, side in steps:
            self.write(f" {word}")
            if self.side_row(side) > end:
                self.level = level + 1
                self.end_line()
                self.start_line()
            else:
                self.write(" ")
            self.side(side)
            end = self.side_end(side)
        self.level = level

    def chain(self, expr: Logical) -> tuple[_Side, list[tuple[str, _Side]]]:
        """Return the first operand, and the others with the operator before each."""
        right = self.made(expr, right=True)
        left = self.made(expr, right=False)
        inner = left.body[0]
        if isinstance(inner, Logical) and not left.in_braces and not left.wrap:
            first, steps = self.chain(inner)
            return first, [*steps, (expr.operator, right)]
        return left, [(expr.operator, right)]

    def made(self, expr: Logical, *, right: bool) -> _Side:
        """Return a side of a chain's link."""
        body, in_braces = expr.sides[right]
        return _Side(
            body,
            in_braces,
            not in_braces and wrapped(body[0], expr.operator, right=right, bodies=self.style.bodies),
        )

    def side(self, side: _Side) -> None:
        """Write an operand."""
        if not side.in_braces:
            self.write("(" if side.wrap else "")
            self.expression(side.body[0])
            self.write(")" if side.wrap else "")
            return
        row = self.side_row(side)
        first = side.body[0]
        if isinstance(first, Test) and union(first.term):
            # It would read as a comprehension.
            self.wrapped = first.term
        self.write("{")
        with suppress(Collision):
            self.inner_body(side.body, row, self.places.body_closing(side.body))
        if self.places.row(side.body[-1]) == row:
            self.write(" ")
        self.write("}")

    def side_row(self, side: _Side) -> int:
        """Return the line on which an operand begins."""
        if side.in_braces:
            return self.places.line(self.places.before(side.body[0], "{"))
        return self.places.row(side.body[0])

    def side_end(self, side: _Side) -> int:
        """Return the line on which an operand ends."""
        return self.places.body_closing(side.body) if side.in_braces else self.places.last_row(side.body[0])


def wrapped(expr: Expr, under: str, *, right: bool, bodies: bool) -> bool:
    """Whether an operand needs parentheses to be read back as one."""
    if expr.withs:
        return True
    if isinstance(expr, Logical):
        return (right or under == "and") if expr.operator == "or" else (under == "and" and right)
    if isinstance(expr, Not):
        # Behind the older `not`, braces are a value.
        return not expr.braced and not bodies and braced(expr.body[0])
    return braced(expr)


def braced(node: Expr | Term) -> bool:
    """Whether what is written for a node begins with a brace."""
    match node:
        case Test(term=inner) | Unify(left=inner) | Ref(head=inner):
            return braced(inner)
        case Call(args=(left, *_)) if operator(node) or membership(node):
            return braced(left)
        case SetOf(items=items):
            return bool(items)
        case Object():
            return True
        case Comprehension(kind=kind):
            return kind != "array"
    return False
