"""What a literal binds: the variables that have a value behind it, given those that have one before it.

The brackets of references, what `=` can match, the result that a call hands out, what `some ... in` iterates (OPA
compile.go, outputVarsForExpr).
"""

from __future__ import annotations

from typing import Final

from pratique.rego.check.variables import Uses, of_literal, of_term, pattern_variables
from pratique.rego.nodes import (
    Array,
    Call,
    Comprehension,
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

_LITERAL: Final = (Scalar, Array, Object, SetOf)


def outputs(literal: Expr, uses: Uses, safe: set[str], *, modern_not: bool) -> set[str]:
    """Return the variables that a literal binds, given those that are bound before it."""
    found: set[str] = set()
    if literal.withs:
        values = of_term(*[each.value for each in literal.withs if not each.by])
        found |= references(values.refs, safe)
        if not values.own.keys() <= safe | found:
            return found
    if isinstance(literal, Logical):
        return found
    if isinstance(literal, Not):
        if literal.braced or modern_not:
            return found
        inner = _nested_calls(literal.body[0])
        return found | references(of_term(*inner).refs, safe | found)
    refs = uses.refs
    while True:
        before = len(found)
        bound = safe | found
        if refs:
            found |= references(refs, bound)
        if isinstance(literal, Test):
            call = literal.term
            if not isinstance(call, Call) or call.output is None:
                pass
            elif _known(of_term(*call.args), safe | found):
                pattern_variables(call.output, found)
        elif isinstance(literal, Unify):
            _unified(literal.left, literal.right, safe, found)
        elif isinstance(literal, SomeIn) and _known(of_term(literal.domain), safe | found):
            pattern_variables(literal.value, found)
            if literal.key is not None:
                pattern_variables(literal.key, found)
        if len(found) == before:
            return found - safe


def _known(uses: Uses, safe: set[str]) -> bool:
    return uses.own.keys() <= safe


def references(refs: list[Ref], safe: set[str]) -> set[str]:
    """Return what the references bind: the variables in brackets behind a head that is known."""
    found: set[str] = set()
    while True:
        before = len(found)
        for ref in refs:
            head = ref.head
            if type(head) is Var:
                if head.name not in safe and head.name not in found and head.name not in {"input", "data"}:
                    continue
            elif not of_term(head).own.keys() <= safe | found:
                continue
            for part in ref.path:
                if type(part) is not Scalar:
                    pattern_variables(part, found)
        if len(found) == before:
            return found


def _unified(left: Term, right: Term, safe: set[str], found: set[str]) -> None:
    if isinstance(left, Array) and isinstance(right, Array):
        if len(left.items) == len(right.items):
            for one, two in zip(left.items, right.items, strict=True):
                _unified(one, two, safe, found)
        return
    if isinstance(left, Object) and isinstance(right, Object):
        theirs = {_key(name): item for name, item in right.pairs}
        if len(left.pairs) == len(right.pairs):
            for name, item in left.pairs:
                if _key(name) in theirs:
                    _unified(item, theirs[_key(name)], safe, found)
        return
    if isinstance(left, _LITERAL) and isinstance(right, _LITERAL):
        # Two literals of different shapes bind nothing, nor do an object and a comprehension.
        return
    if {type(left), type(right)} == {Object, Comprehension}:
        return
    bound = safe | found
    if _known(of_term(left), bound):
        pattern_variables(right, found)
    elif _known(of_term(right), bound):
        pattern_variables(left, found)


def _nested_calls(literal: Expr) -> list[Term]:
    """Return the calls inside a literal; its own operator is none of them."""
    uses = of_literal(literal)
    own = literal.term if isinstance(literal, Test) else None
    return [call for call in uses.calls if call is not own]


def _key(term: Term) -> object:
    return term.value if isinstance(term, Scalar) else term
