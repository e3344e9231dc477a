"""Whether two modules say the same: the same rules, imports and comments, wherever they stand.

Comes in: modules as parsed, of either version. Goes out: yes or no. What two spellings of one thing have in common
is taken as equal: an operator written as a call, a result in the last argument, `:=` for `=` in a head.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from pratique.rego.format.style import asked, directive
from pratique.rego.format.terms import OPERATORS
from pratique.rego.nodes import Call, Comment, Import, Module, Scalar, Test, Unify

_LEFT_OUT = frozenset({"span", "extent", "infix", "assigned", "head_span", "module", "annotations"})


def shape(node: Any) -> Any:
    """Return a tree as nested tuples without places; equal where the trees mean the same."""
    match node:
        case tuple():
            return tuple(map(shape, node))
        case Scalar(value=value):
            # Python takes 1 for True, and 1.0 for 1; Rego does not, or keeps the digits.
            return (type(value).__name__, str(value))
        case Test(term=Call(parts=(name,), args=(left, right, result)), span=span, withs=withs) if (
            name in OPERATORS
        ):
            return shape(Unify(result, Call((name,), (left, right), span), span, withs))
        case str() | bool() | None | int() | Decimal():
            return node
    assert is_dataclass(node)
    return (
        type(node).__name__,
        *(shape(getattr(node, each.name)) for each in fields(node) if each.name not in _LEFT_OUT),
    )


def named(imports: Iterable[Import]) -> Counter[tuple[Any, str]]:
    """Return the imports that bring names, in no order."""
    return Counter((each.path, each.alias) for each in imports if not directive(each.path))


def notes(comments: Iterable[Comment]) -> Counter[str]:
    """Return the texts of comments, in no order: imports take theirs along when they are sorted."""
    return Counter(each.text.rstrip() for each in comments)


def same(left: Module, right: Module) -> bool:
    """Tell whether two modules mean the same and hold the same comments."""
    return (
        left.package == right.package
        and asked(left) == asked(right)
        and named(left.imports) == named(right.imports)
        and notes(left.comments) == notes(right.comments)
        and shape(left.rules) == shape(right.rules)
    )
