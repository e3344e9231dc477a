"""Types, and what errors say of them, as data: the JSON that `opa check -f json` prints (OPA's MarshalJSON).

A part that is not known is null. Descriptions of operands, which OPA prints with their names, are not kept here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pratique.rego.nodes import Ref, Term, Var
from pratique.rego.parse import term_data
from pratique.rego.runtime.text import to_json
from pratique.rego.types.kinds import Array, Function, Key, MaybeType, Object, OneOf, Set


def type_data(kind: MaybeType, name: str = "") -> Any:
    """Return a type as data, with the name of the operand that has it."""
    if kind is None:
        return None
    found: dict[str, Any] = {"type": kind.text}
    if isinstance(kind, Array):
        found = {"type": "array"}
        if kind.static:
            found["static"] = [type_data(each) for each in kind.static]
        if kind.dynamic is not None:
            found["dynamic"] = type_data(kind.dynamic)
    elif isinstance(kind, Object):
        found = {"type": "object"}
        if kind.static:
            found["static"] = [
                {"key": to_json(key.value), "value": type_data(each)} for key, each in kind.static
            ]
        if kind.dynamic is not None:
            found["dynamic"] = {"key": type_data(kind.dynamic[0]), "value": type_data(kind.dynamic[1])}
    elif isinstance(kind, Set):
        found = {"type": "set"} if kind.of is None else {"type": "set", "of": type_data(kind.of)}
    elif isinstance(kind, OneOf):
        found = {"type": "any", "of": [type_data(each) for each in kind.of]} if kind.of else {"type": "any"}
    elif isinstance(kind, Function):
        found = {"type": "function"}
        if kind.args:
            found["args"] = [type_data(each) for each in kind.args]
        if kind.result is not None:
            found["result"] = type_data(kind.result)
    if name:
        found["name"] = name
    return dict(sorted(found.items()))


def wanted(function: Function, operands: Sequence[MaybeType]) -> dict[str, Any]:
    """Return what a function takes, as data."""
    names = function.names or ("",) * len(operands)
    found: dict[str, Any] = {}
    if operands:
        found["args"] = [type_data(each, name) for each, name in zip(operands, names, strict=False)]
    if function.rest is not None:
        found["variadic"] = type_data(function.rest)
    return found


def reference(ref: Ref) -> list[Any]:
    """Return a reference as data: its head, and its parts."""
    return [_term(part) for part in (ref.head, *ref.path)]


def keys(among: Sequence[Key]) -> list[Any] | None:
    """Return the keys that there are, None for none."""
    return [to_json(key.value) for key in among] or None


def _term(term: Term) -> Any:
    if isinstance(term, Var):
        return {"type": "var", "value": term.label if not term.name.startswith("~") else "_"}
    return term_data(term)
