"""Which rules OPA's index would leave out: what must hold of input and arguments before a body is entered.

Comes in: a flat body and a rule's arguments. Goes out: conditions on documents alone, as literals that bind nothing.
Answers do not depend on them; a trace, a profile and coverage do, since they show only what was entered (OPA
index.go: equality with a constant, `in` a constant collection, `startswith` and `endswith`, being defined).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

from pratique.rego import nodes

_TESTS: Final = {("startswith",), ("endswith",), ("internal", "member_2")}
_SKIPPED: Final = {("print",), ("internal", "print"), ("trace",)}


class _Index:
    def __init__(self, args: tuple[nodes.Term, ...], defined: Collection[str]) -> None:
        self.args = {each.name for each in args if isinstance(each, nodes.Var)}
        self.defined = defined
        self.refs: dict[str, nodes.Term] = {}
        self.found: list[nodes.Expr] = []

    def add(self, literal: nodes.Expr) -> None:
        """Take note of what a literal asks of documents."""
        match literal:
            case _ if literal.withs:
                return
            case nodes.Unify(left, right):
                self._equal(literal, left, right)
            case nodes.Test(nodes.Call(parts=("equal",), args=(left, right))):
                self._equal(literal, left, right)
            case nodes.Test(nodes.Call(parts=parts, args=(first, second)) as call) if parts in _TESTS:
                subject = self._subject(first)
                if subject is not None and constant(second):
                    test = nodes.Test(replace(call, args=(subject, second)), literal.span)
                    self.found.append(test)
            case nodes.Test(nodes.Ref() as ref):
                if self._subject(ref) is not None:
                    self._defined(ref, literal)

    def _equal(self, literal: nodes.Expr, left: nodes.Term, right: nodes.Term) -> None:
        for one, other in ((left, right), (right, left)):
            subject = self._subject(one)
            if subject is None:
                continue
            if constant(other):
                self.found.append(nodes.Unify(subject, other, literal.span))
            elif isinstance(other, nodes.Var) and isinstance(one, nodes.Ref) and other.name not in self.args:
                self.refs.setdefault(other.name, one)
                self._defined(one, literal)
            else:
                continue
            return

    def _defined(self, ref: nodes.Term, literal: nodes.Expr) -> None:
        nothing = nodes.Var(f"$index{len(self.found)}", ref.span)
        self.found.append(nodes.Unify(nothing, ref, literal.span))

    def _subject(self, term: nodes.Term) -> nodes.Term | None:
        # The document that a term stands for: an argument, or a reference without variables.
        match term:
            case nodes.Var(name):
                return term if name in self.args else self.refs.get(name)
            case nodes.Ref(nodes.Var(head), path) if all(isinstance(part, nodes.Scalar) for part in path):
                if head == "input":
                    return term
                if head == "data" and path and isinstance(path[0], nodes.Scalar):
                    return None if path[0].value in self.defined else term
        return None


def conditions(
    body: nodes.Body, args: tuple[nodes.Term, ...], defined: Collection[str]
) -> tuple[nodes.Expr, ...]:
    """Return what must hold for OPA to enter the body; `defined` are the packages' first names."""
    if any(_prints(each) for each in body):
        return ()
    index = _Index(args, defined)
    for literal in body:
        index.add(literal)
    return tuple(index.found)


def _prints(node: object) -> bool:
    return any(call.parts in _SKIPPED for call in _calls(node))


def _calls(node: object) -> Iterator[nodes.Call]:
    if isinstance(node, nodes.Call):
        yield node
    if isinstance(node, nodes.Comprehension | nodes.Not | nodes.Every):
        for literal in node.body:
            yield from _calls(literal)
    match node:
        case nodes.Logical(left=left, right=right):
            for literal in (*left, *right):
                yield from _calls(literal)
        case nodes.Test(term):
            yield from _calls(term)
        case nodes.Unify(left, right):
            yield from _calls(left)
            yield from _calls(right)


def constant(term: nodes.Term) -> bool:
    """Tell whether a term is a scalar, or a collection of such."""
    match term:
        case nodes.Scalar():
            return True
        case nodes.Array(items) | nodes.SetOf(items):
            return all(map(constant, items))
    return False
