"""Functions that say what each of several texts stands for, as tables: `multiple("Ki") := 1024` and its like.

Comes in: a rule. Goes out: its table and the parameter that it asks, if it is one, and Python that reads it.
"""

from __future__ import annotations

from typing import Final

from pratique.rego.emit.known import Piece
from pratique.rego.plan import ir
from pratique.rego.runtime.values import Value

# Fewer clauses than this are tried one after the other.
_LEAST: Final = 3


def table_of(rule: ir.Rule) -> tuple[dict[str, Value], str] | None:
    """Return what a function of constants answers for each text, and the name of the parameter that holds it."""
    if rule.kind != "function" or len(rule.clauses) < _LEAST or rule.default is not None:
        return None
    found: dict[str, Value] = {}
    params = set()
    for clause in rule.clauses:
        match clause:
            case ir.Clause((ir.Test(ir.Compare("==", ir.Local(name), ir.Const(text))),), (), ir.Const(value)):
                pass
            case ir.Clause((ir.Test(ir.Compare("==", ir.Const(text), ir.Local(name))),), (), ir.Const(value)):
                pass
            case _:
                return None
        if type(text) is not str or clause.otherwise is not None or text in found:
            return None
        params.add(name)
        found[text] = value
    (param, *others) = params
    return None if others or param not in rule.params else (found, param)


def looked_up(table: str, given: Piece) -> str:
    """Return Python for what the table of this name says of a value."""
    quick = f"{table}.get({given.text}, U)"
    return quick if given.kind == "str" else f"({quick} if type({given.text}) is str else U)"
