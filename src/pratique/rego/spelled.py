"""A checked tree as text, as OPA's traces print it: absolute names, `=` for every equality, calls in prefix form.

Comes in: a node. Goes out: one line, and the names of the variables that it shows. A variable that no author
wrote is `__local1__`, `__local2__`, ...; one that nobody looks at is `_`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Final

from pratique.rego import nodes
from pratique.rego.runtime.text import rego_text
from pratique.rego.tokens import KEYWORDS

# Variables that take the values of a query's expressions.
CAPTURE: Final = "~e"
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _plain(name: str) -> bool:
    return bool(_IDENTIFIER.fullmatch(name)) and name not in KEYWORDS


def variable(name: str) -> str:
    """Return how a variable is called in a trace."""
    if name.startswith((CAPTURE, "~y")):
        return "_"
    if name.startswith(("~", "held ")):
        digits = "".join([char for char in name if char.isdigit()])
        # Those of the checker have numbers of their own.
        return f"__local{digits}__" if name.startswith("~f") else f"__local{digits}{name[1]}__"
    return name.partition("$")[0] or "_"


def path(parts: tuple[object, ...]) -> str:
    """Return an absolute path as a reference: `data.a["b-c"]`."""
    found = ""
    for part in parts:
        if isinstance(part, str) and (not found or _plain(part)):
            found += f".{part}" if found else part
        else:
            found += f"[{rego_text(part)}]"
    return found


def body(literals: nodes.Body) -> str:
    """Return the text of a body."""
    return "; ".join(map(literal, literals))


def literal(node: nodes.Expr) -> str:
    """Return the text of an expression."""
    match node:
        case nodes.Test():
            text = _test(node.term)
        case nodes.Unify(left, right):
            text = _unify(left, right)
        case nodes.Not((nodes.Logical() | nodes.Not() as only,), braced=False):
            text = f"not ({literal(only)})"
        case nodes.Not(inner):
            text = f"not {body(inner)}" if len(inner) == 1 else f"not {{ {body(inner)} }}"
        case nodes.Logical(operator):
            text = f"{_side(node, 0)} {operator} {_side(node, 1)}"
        case nodes.SomeIn(key, value, domain):
            text = f"{term(value)} = {term(domain)}[{'_' if key is None else term(key)}]"
        case nodes.Every(key, value, domain, inner):
            names = term(value) if key is None else f"{term(key)}, {term(value)}"
            text = f"every {names} in {term(domain)} {{ {body(inner)} }}"
        case _:
            text = node.span.text
    return text + "".join([f" with {term(each.target)} as {_with_value(each)}" for each in node.withs])


def _side(node: nodes.Logical, number: int) -> str:
    # As OPA prints it: `or` in parentheses below `and`, and each operator where it is the right side of its kind.
    inner, in_braces = node.sides[number]
    if in_braces or len(inner) != 1:
        return f"{{ {body(inner)} }}"
    only = inner[0]
    loose = isinstance(only, nodes.Logical) and (
        (number == 1 and only.operator == node.operator) or (only.operator == "or" and node.operator == "and")
    )
    return f"({literal(only)})" if loose or only.withs else literal(only)


def _with_value(each: nodes.With) -> str:
    return path(each.by) if each.by else term(each.value)


def _test(node: nodes.Term) -> str:
    if isinstance(node, nodes.Call):
        if node.parts == ("equal",):
            return f"{term(node.args[0])} = {term(node.args[1])}"
        return _call(node, [])
    return term(node)


def _unify(left: nodes.Term, right: nodes.Term) -> str:
    for one, other in ((left, right), (right, left)):
        if isinstance(other, nodes.Call):
            return _call(other, [term(one)])
    return f"{term(left)} = {term(right)}"


def _call(node: nodes.Call, more: list[str]) -> str:
    output = [] if node.output is None else [term(node.output)]
    return f"{path(node.parts)}({', '.join([*map(term, node.args), *output, *more])})"


def term(node: nodes.Term) -> str:
    """Return the text of a term."""
    match node:
        case nodes.Scalar(value):
            return rego_text(value)
        case nodes.Var(name):
            return variable(name)
        case nodes.Ref(head, parts):
            return term(head) + "".join(map(_part, parts))
        case nodes.Call():
            return _call(node, [])
        case nodes.Array(items):
            return f"[{', '.join(map(term, items))}]"
        case nodes.SetOf(items):
            return f"{{{', '.join(map(term, sorted(items, key=_order)))}}}" if items else "set()"
        case nodes.Object(pairs):
            inside = sorted(pairs, key=lambda pair: _order(pair[0]))
            return f"{{{', '.join([f'{term(name)}: {term(item)}' for name, item in inside])}}}"
        case nodes.Comprehension(kind, key, value, inner):
            shown = term(value) if key is None else f"{term(key)}: {term(value)}"
            return f"[{shown} | {body(inner)}]" if kind == "array" else f"{{{shown} | {body(inner)}}}"
    return node.span.text


def _order(node: nodes.Term) -> tuple[int, object]:
    # Scalars come in Rego's order, before everything that is to be worked out.
    match node:
        case nodes.Scalar(None):
            return 0, 0
        case nodes.Scalar(bool() as value):
            return 1, value
        case nodes.Scalar(int() | Decimal() as value):
            return 2, value
        case nodes.Scalar(value):
            return 3, value
    return 4, term(node)


def _part(node: nodes.Term) -> str:
    if isinstance(node, nodes.Scalar) and isinstance(node.value, str) and _plain(node.value):
        return f".{node.value}"
    return f"[{term(node)}]"


def variables(node: object) -> frozenset[str]:
    """Return the names of all variables in a node, as a trace calls them."""
    return frozenset(map(variable, names(node)))


def names(node: object) -> Iterator[str]:
    """Yield the names of all variables in a node, as the checked tree has them."""
    if isinstance(node, nodes.Var):
        if node.name not in {"input", "data"}:
            yield node.name
    elif isinstance(node, tuple) and not hasattr(node, "_fields"):
        for item in node:
            yield from names(item)
    elif is_dataclass(node):
        for each in fields(node):
            if each.name != "module":
                yield from names(getattr(node, each.name))
