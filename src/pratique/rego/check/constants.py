"""Terms whose value is known from their text."""

from __future__ import annotations

from pratique.rego.nodes import Array, Comprehension, Object, Ref, Scalar, SetOf, Template, Term, Test, Var


def offender(term: Term) -> str:
    """Return what keeps a term from being a constant (`var`, `ref`, `call`), or nothing."""
    if isinstance(term, Scalar | Comprehension):
        return ""
    if isinstance(term, Array | SetOf):
        return next(filter(None, map(offender, term.items)), "")
    if isinstance(term, Object):
        return next(filter(None, [offender(part) for pair in term.pairs for part in pair]), "")
    if isinstance(term, Template):
        return next(filter(None, [offender(part.term) for part in term.parts if isinstance(part, Test)]), "")
    return "var" if isinstance(term, Var) else "ref" if isinstance(term, Ref) else "call"
