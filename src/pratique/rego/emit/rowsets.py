"""Sets by the rows that they are made of: often all that matters is whether there are any, and no set is made.

Comes in: questions for a set that a comprehension collects. Goes out: Python that asks its rows instead.
"""

from __future__ import annotations

from typing import Final, Protocol

from pratique.rego.emit import inline
from pratique.rego.emit.known import Known
from pratique.rego.emit.lines import Lines
from pratique.rego.plan import ir
from pratique.rego.plan.loops import UNROLLED
from pratique.rego.runtime.values import Set

# Ways to ask for a size that ask only whether there is anything.
_SOME: Final = {(">", 0), ("!=", 0), (">=", 1)}
_NONE: Final = {("==", 0), ("<=", 0), ("<", 1)}


class Scope(inline.Scope, Protocol):
    """What a set needs of where it stands."""

    known: Known


def keep(scope: Scope, local: str, rows: str, *, once: bool) -> None:
    """Take note of what a set is made of, and whether each row comes `once`; it is made when more is asked."""
    scope.known.rows[local] = rows, once
    scope.known.waiting[local] = f"gathered({rows})"
    scope.known.kinds[local] = "set"


def counted(scope: Scope, expr: ir.Compare) -> str | None:
    """Return a question for the size of a set as one for its rows, if these are known."""
    match expr:
        case ir.Compare(operator, ir.Builtin("count", (ir.Local(name),)), ir.Const(size)) if (
            type(size) is int
        ):
            rows, once = scope.known.rows.get(name, ("", False))
        case _:
            return None
    if not rows or not inline.genuine("count", scope):
        return None
    if (operator, size) in _SOME:
        return rows
    if (operator, size) in _NONE:
        return f"not {rows}"
    return f"len({rows}) {operator} {scope.names.const(size)}" if once else None


def left_over(scope: Scope, local: str, expr: ir.Expr, out: Lines) -> bool:
    """Write known texts less a set as a question for each text; return whether that was done.

    What equals a text is that text, so it is looked for among the rows.
    """
    match expr:
        case ir.Builtin("minus", (ir.Const(Set() as texts), ir.Local(name))) if len(texts) <= UNROLLED:
            gone, _ = scope.known.rows.get(name, ("", False))
        case _:
            return False
    if not gone or not inline.genuine("minus", scope) or not all(type(text) is str for text in texts):
        return False
    rows = scope.fresh("c")
    out.add(f"{rows} = []")
    for text in texts:
        known = scope.names.const(text)
        out.add(f"if {known} not in {gone}: {rows}.append({known})")
    keep(scope, local, rows, once=True)
    return True
