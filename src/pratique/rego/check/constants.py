"""Terms whose value is known from their text."""

from __future__ import annotations

from pratique.rego.nodes import Array, Comprehension, Object, Scalar, SetOf, Term


def is_constant(term: Term) -> bool:
    """Tell whether a term has no variable, reference or call outside a comprehension."""
    if isinstance(term, Scalar | Comprehension):
        return True
    if isinstance(term, Array | SetOf):
        return all(map(is_constant, term.items))
    if isinstance(term, Object):
        return all(is_constant(key) and is_constant(value) for key, value in term.pairs)
    return False
