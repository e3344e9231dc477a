"""Which values variables of a body can have, where that is known from its text: what a reference reads is then less.

`x := "a"; data.b[x]` reads `data.b.a` alone. Only equations of the body itself count, and only those that stand before
the reference: each narrows a variable to the values of a constant (OPA compile.go, orderedVarBindings, expandRefVars).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pratique.rego.nodes import Array, Expr, Object, Ref, Scalar, SetOf, SomeIn, Term, Unify, Var

# How many references one is narrowed to; of more values nothing is said.
MOST: Final = 64


class Bindings:
    """What is known of the variables of one body, as far as it has been read."""

    def __init__(self) -> None:
        self.known: dict[str, list[Term]] = {}

    def learn(self, literal: Expr) -> None:
        """Note what a literal says of a variable; what is known first stays."""
        if isinstance(literal, Unify) and not literal.withs:
            for one, other in ((literal.left, literal.right), (literal.right, literal.left)):
                if isinstance(one, Var):
                    found = self._values(other)
                    if found is not None:
                        self.known.setdefault(one.name, found)
                        return
        elif isinstance(literal, SomeIn) and not literal.withs and isinstance(literal.value, Var):
            members = self._members(self._values(literal.domain))
            if members is not None:
                self.known.setdefault(literal.value.name, members)

    def narrowed(self, parts: tuple[Term, ...]) -> list[tuple[Term, ...]]:
        """Return the references that one of these parts can be."""
        found = [parts]
        for place, part in enumerate(parts):
            if isinstance(part, Scalar):
                continue
            values = self._values(part)
            if not values or len(found) * len(values) > MOST:
                continue
            found = [(*each[:place], value, *each[place + 1 :]) for each in found for value in values]
        return found

    def _values(self, term: Term) -> list[Term] | None:
        """Return the constants that a term can be, None if that is not known."""
        if isinstance(term, Var):
            return self.known.get(term.name)
        if isinstance(term, Ref):
            values = self._values(term.head)
            for part in term.path:
                if values is None:
                    return None
                if isinstance(part, Scalar):
                    values = [member for value in values for member in _at(value, part)]
                else:
                    values = self._members(values)
            return values
        return [term] if is_constant(term) else None

    def _members(self, values: list[Term] | None) -> list[Term] | None:
        if values is None or not all(isinstance(value, Array | SetOf | Object) for value in values):
            return None
        members = [member for value in values for member in _items(value)]
        return members if len(members) <= MOST else None


def is_constant(term: Term) -> bool:
    """Tell whether a term is known from its text."""
    return isinstance(term, Scalar) or (
        isinstance(term, Array | SetOf | Object)
        and all(map(is_constant, _items(term)))
        and (not isinstance(term, Object) or all(is_constant(key) for key, _ in term.pairs))
    )


def _items(term: Term) -> Iterable[Term]:
    if isinstance(term, Object):
        return [item for _, item in term.pairs]
    return term.items if isinstance(term, Array | SetOf) else ()


def _at(term: Term, key: Scalar) -> Iterator[Term]:
    """Yield what stands at a key of a constant."""
    if isinstance(term, Array):
        if _same(key.value, int) and 0 <= key.value < len(term.items):
            yield term.items[key.value]
    elif isinstance(term, Object):
        for name, item in term.pairs:
            if isinstance(name, Scalar) and name == key and _same(name.value, type(key.value)):
                yield item
    elif isinstance(term, SetOf):
        for item in term.items:
            if isinstance(item, Scalar) and item == key and _same(item.value, type(key.value)):
                yield item


def _same(value: Any, kind: type) -> bool:
    # `true` is no `1`.
    return type(value) is kind
