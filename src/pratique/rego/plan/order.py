"""Where the order of members can be seen: OPA goes through sets and objects in the order of their keys.

Comes in: steps. Goes out: the same steps, their scans marked as ordered. Only arrays that a comprehension collects,
the answers of a query, and what is printed or watched, show an order; everything else is spared the sorting.
"""

from __future__ import annotations

from dataclasses import replace

from pratique.rego.plan import ir


def ordered(steps: tuple[ir.Step, ...], *, deep: bool = False) -> tuple[ir.Step, ...]:
    """Return the steps with scans that go in order; with `deep`, those of nested blocks too."""
    return tuple([_ordered(step, deep=deep) for step in steps])


def _ordered(step: ir.Step, *, deep: bool) -> ir.Step:
    match step:
        case ir.Scan() | ir.ScanKeys():
            return replace(step, ordered=True)
        case ir.Not() | ir.Every() | ir.Collect() if deep:
            return replace(step, steps=ordered(step.steps, deep=True))
        case ir.Print(parts) if deep:
            return replace(step, parts=tuple([(ordered(inner, deep=True), value) for inner, value in parts]))
    return step
