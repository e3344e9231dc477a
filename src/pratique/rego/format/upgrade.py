"""From Rego v0 to v1: what the text alone does not decide.

`if`, `contains` and `:=` are the layout's matter. Here, names that v1 has as keywords are given others where nobody
outside can see them, builtins that v1 dropped get the name of what answers the same, doubled imports go; what only
the author can decide is refused, every place at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from pratique.rego.errors import COMPILE_ERROR, PARSE_ERROR, TYPE_ERROR, CompileError, Problem
from pratique.rego.format.style import directive
from pratique.rego.nodes import Call, Import, Module, Path, Rule, Scalar, Term, Unify, Var
from pratique.rego.source import Span
from pratique.rego.tokens import FUTURE_KEYWORDS

# Builtins that v1 refuses and what answers the same, as a name or an operator.
_RENAMED: Final[dict[Path, Path]] = {
    ("re_match",): ("regex", "match"),
    ("net", "cidr_overlap"): ("net", "cidr_contains"),
    ("set_diff",): ("minus",),
}
_GONE: Final[dict[str, str]] = {
    "any": "write `some x in xs; x == true`, or `true in xs`",
    "all": "write `every x in xs { x }`",
    "cast_array": "check the type with `is_array`, and make an array of a set with `[x | some x in xs]`",
    "cast_boolean": "check the type with `is_boolean`",
    "cast_null": "check the type with `is_null`",
    "cast_object": "check the type with `is_object`",
    "cast_set": "check the type with `is_set`, and make a set of an array with `{x | some x in xs}`",
    "cast_string": "check the type with `is_string`",
}
_ROOTS: Final = ("input", "data")


def upgraded(module: Module) -> Module:
    """Return a v0 module with what stands in v1's way replaced; raises `CompileError` with what cannot be."""
    names = {rule.path[0] for rule in module.rules}
    # Calls of these are none of builtins: the module's own functions, and imported ones.
    functions = {rule.path for rule in module.rules if rule.args is not None}
    functions |= {(each.name,) for each in module.imports}
    problems = list(_problems(module, functions))
    if problems:
        raise CompileError(problems)
    taken = names | {each.name for each in _variables(module)} | {each.name for each in module.imports}
    keywords = {each for each in taken & FUTURE_KEYWORDS if each not in module.keywords}
    new = {keyword: _free(keyword, taken) for keyword in keywords}
    imports = list(dict.fromkeys(module.imports))
    return replace(
        module,
        imports=tuple(_aliased(each, new) for each in imports),
        rules=tuple(_renamed(rule, new, functions) for rule in module.rules),
    )


def _free(keyword: str, taken: set[str]) -> str:
    name = f"{keyword}_"
    while name in taken:
        name += "_"
    return name


def _aliased(one: Import, new: Mapping[str, str]) -> Import:
    return replace(one, alias=new[one.name]) if one.name in new and not directive(one.path) else one


def _renamed(node: Any, new: Mapping[str, str], functions: set[Path]) -> Any:
    """Return a tree with variables and builtins renamed."""
    match node:
        case tuple():
            return node if isinstance(node, Span) else tuple(_renamed(each, new, functions) for each in node)
        case Var():
            return replace(node, name=new[node.name]) if node.name in new else node
        case Call() if node.parts not in functions:
            parts = _RENAMED.get(node.parts, node.parts)
            if parts[0] in new and len(parts) > 1:
                parts = (new[parts[0]], *parts[1:])
            return replace(node, parts=parts, args=_renamed(node.args, new, functions))
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changed = {
        each.name: _renamed(getattr(node, each.name), new, functions)
        for each in fields(node)
        if each.name not in {"span", "module", "annotations", "head_span"}
    }
    return replace(node, **changed)


def _problems(module: Module, functions: set[Path]) -> Iterator[Problem]:
    """Yield what only the author can decide."""
    for rule in module.rules:
        name = rule.path[0]
        single = len(rule.path) + len(rule.keys) == 1
        if single and name in FUTURE_KEYWORDS and name not in module.keywords:
            yield Problem(
                PARSE_ERROR,
                f"{name} keyword cannot be used for rule name",
                rule.span.location(),
                "give the rule another name, here and wherever it is asked for",
            )
        if name in _ROOTS:
            message = f"rules must not shadow {name} (use a different rule name)"
            yield Problem(COMPILE_ERROR, message, rule.span.location(), "give the rule another name")
    seen: dict[str, Import] = {}
    for each in module.imports:
        other = seen.setdefault(each.name, each)
        if (other.path, other.alias) != (each.path, each.alias):
            shown = ".".join(other.path)
            message = f"import must not shadow import {shown}"
            yield Problem(
                COMPILE_ERROR,
                message,
                each.span.location(),
                "import one of the two under another name: `as name`",
            )
    for node in _walk(module.rules):
        if isinstance(node, Call) and node.name in _GONE and node.parts not in functions:
            message = f"deprecated built-in function calls in expression: {node.name}"
            yield Problem(TYPE_ERROR, message, node.span.location(), _GONE[node.name])
        if isinstance(node, Unify) and node.declares:
            yield from _shadowing(node.left)
        if isinstance(node, Rule):
            for arg in node.args or ():
                yield from _shadowing(arg, what="args")


def _shadowing(term: Term, what: str = "variables") -> Iterator[Problem]:
    if isinstance(term, Var) and term.name in _ROOTS:
        message = f"{what} must not shadow {term.name} (use a different variable name)"
        yield Problem(COMPILE_ERROR, message, term.span.location(), "give the variable another name")


def _variables(module: Module) -> Iterator[Var]:
    """Yield the names that start a term anywhere."""
    for node in _walk(module.rules):
        if isinstance(node, Var):
            yield node


def _walk(node: Any) -> Iterator[Any]:
    """Yield every node of a tree."""
    if isinstance(node, tuple):
        if not isinstance(node, Span):
            for each in node:
                yield from _walk(each)
        return
    if not is_dataclass(node) or isinstance(node, (type, Scalar)):
        return
    yield node
    for each in fields(node):
        if each.name not in {"span", "module", "annotations", "head_span"}:
            yield from _walk(getattr(node, each.name))
