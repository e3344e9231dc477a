"""Which variables a term or literal has: its own, and those inside its closures.

A closure is a comprehension, the body of `every`, a braced `not`, or a braced side of `and` and `or`: what is bound
inside stays inside.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

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
    Ref,
    Scalar,
    SetOf,
    SomeIn,
    Term,
    Test,
    Unify,
    Var,
)

_ROOTS: Final = frozenset({"input", "data"})
Closure: TypeAlias = Comprehension | Every | Not | Logical


class Uses:
    """The variables, references, calls and closures of one literal or term, in the order in which they stand."""

    __slots__ = ("bare", "calls", "closures", "inside", "own", "refs")

    def __init__(self) -> None:
        self.own: dict[str, Var] = {}
        # Those that stand somewhere else than in the brackets of a reference.
        self.bare: set[str] = set()
        self.refs: list[Ref] = []
        self.calls: list[Call] = []
        self.closures: list[Closure] = []
        self.inside: dict[str, Var] = {}

    def add(self, term: Term) -> None:
        """Add what a term has."""
        if isinstance(term, Scalar):
            return
        if isinstance(term, Var):
            self.own.setdefault(term.name, term)
            self.bare.add(term.name)
        elif isinstance(term, Ref):
            self._reference(term)
        elif isinstance(term, Call):
            self.calls.append(term)
            for arg in term.args:
                self.add(arg)
            if term.output is not None:
                self.add(term.output)
        elif isinstance(term, Array | SetOf):
            for item in term.items:
                self.add(item)
        elif isinstance(term, Object):
            for name, item in term.pairs:
                self.add(name)
                self.add(item)
        elif isinstance(term, Comprehension):
            self.closures.append(term)
            everything(term, self.inside)

    def _reference(self, term: Ref) -> None:
        head = term.head
        if not isinstance(head, Var) or head.name not in _ROOTS:
            self.add(head)
        self.refs.append(term)
        for part in term.path:
            if isinstance(part, Var):
                self.own.setdefault(part.name, part)
            elif not isinstance(part, Scalar):
                self.add(part)

    def literal(self, literal: Expr) -> None:
        """Add what a literal has."""
        for each in literal.withs:
            if not each.by:
                self.add(each.value)
        if isinstance(literal, Test):
            self.add(literal.term)
        elif isinstance(literal, Unify):
            self.add(literal.left)
            self.add(literal.right)
        elif isinstance(literal, Not):
            if literal.braced:
                self.closures.append(literal)
                everything(literal.body, self.inside)
            else:
                self.literal(literal.body[0])
        elif isinstance(literal, SomeIn):
            self.add(literal.domain)
            if literal.key is not None:
                self.add(literal.key)
            self.add(literal.value)
        elif isinstance(literal, Logical):
            # Also where nothing is in braces: what is ordered inside is ordered there.
            self.closures.append(literal)
            for side, in_braces in literal.sides:
                if in_braces:
                    everything(side, self.inside)
                else:
                    self.literal(side[0])
        elif isinstance(literal, Every):
            self.add(literal.domain)
            self.closures.append(literal)
            everything(literal.body, self.inside)


def everything(node: Any, found: dict[str, Var]) -> None:
    """Add all variables of a node, those of its closures too."""
    uses = Uses()
    if isinstance(node, Comprehension):
        if node.key is not None:
            uses.add(node.key)
        uses.add(node.value)
        _body(node.body, uses)
    else:
        _body(node, uses)
    for source in (uses.own, uses.inside):
        for name, var in source.items():
            found.setdefault(name, var)


def _body(body: Body, uses: Uses) -> None:
    for literal in body:
        uses.literal(literal)


def of_term(*terms: Term) -> Uses:
    """Return what the terms have."""
    uses = Uses()
    for term in terms:
        uses.add(term)
    return uses


def of_literal(literal: Expr) -> Uses:
    """Return what a literal has."""
    uses = Uses()
    uses.literal(literal)
    return uses


def pattern_variables(term: Term, found: set[str]) -> None:
    """Add the variables that matching a term with a value binds."""
    if isinstance(term, Var):
        found.add(term.name)
    elif isinstance(term, Array):
        for item in term.items:
            pattern_variables(item, found)
    elif isinstance(term, Object):
        for _, item in term.pairs:
            pattern_variables(item, found)
