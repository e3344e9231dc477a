"""Differences of sets where one side is known: each member is asked for by itself, and no other set is made.

`required - {name | labels[name]}` over known names is a lookup for each; `{ip | ips[_]} - allowed` with known
addresses collects those that are not among them. Comes in: a branch that is reduced. Goes out: one with the same
answers.
"""

from __future__ import annotations

from dataclasses import replace

from pratique.rego.plan import ir, walk
from pratique.rego.plan.fuse import Rename
from pratique.rego.plan.loops import UNROLLED, lookup
from pratique.rego.runtime.values import Set, Value

# What neither fails nor is refused, so that it makes no difference how often it is done.
_HARMLESS = (ir.Const, ir.Local, ir.Input, ir.Data, ir.Get, ir.Compare)


def subtracted(branch: ir.Branch, redo: Rename) -> ir.Branch:
    """Return the branch; `redo` reduces a branch again, its locals renamed."""
    steps = list(branch.steps)
    for index, step in enumerate(steps):
        match step:
            case ir.Assign(_, ir.Builtin("minus", (ir.Const(value), ir.Local(name)))):
                at, made = index - 1, None
                if at >= 0 and _collects(steps[at], name) and _uses(branch, name) == 1:
                    made = _missing(steps[at], step, value, redo)
            case ir.Assign(_, ir.Builtin("minus", (ir.Local(name), ir.Const(value)))):
                at = next((n for n in range(index) if _collects(steps[n], name)), -1)
                made = _others(steps[at], step, value) if at >= 0 and _uses(branch, name) == 1 else None
            case _:
                continue
        if made is not None:
            steps[at] = made
            del steps[index]
            return subtracted(replace(branch, steps=tuple(steps)), redo)
    return branch


def _collects(step: ir.Step, name: str) -> bool:
    return isinstance(step, ir.Collect) and step.kind == "set" and step.local == name


def _uses(branch: ir.Branch, name: str) -> int:
    ends = [each for end in walk.ends(branch) for each in walk.below(end)]
    named = [*walk.expressions(branch.steps), *ends, *map(ir.Local, walk.shaped(branch.steps))]
    return named.count(ir.Local(name))


def _missing(found: ir.Step, step: ir.Assign, value: Value, redo: Rename) -> ir.Collect | None:
    """Return known texts less the keys that something has, as a choice for each text."""
    texts = list(value.values()) if type(value) is Set else []
    if not 0 < len(texts) <= UNROLLED or not all(type(text) is str for text in texts):
        return None
    match found:
        case ir.Collect(steps=(ir.Scan(source, key) as scan, *rest), value=ir.Local(end)) if (
            key and end == key
        ):
            if isinstance(source, ir.Union | ir.RuleValue) or not _harmless(rest):
                return None
        case _:
            return None
    branches = []
    for text in texts:
        name = ir.Const(text)
        absent = ir.Not((lookup(scan, name), *rest), step.span)
        made = redo(ir.Branch((absent,), (), name), {key: name})
        if made is not None:
            branches.append(made)
    if not branches:
        branches.append(ir.Branch((ir.Test(ir.Const(False), step.span),), (), ir.Const(None)))
    only = branches[0] if len(branches) == 1 else ir.Branch((ir.Fork(tuple(branches), step.span),))
    return ir.Collect(step.local, "set", only.steps, None, only.value or ir.Const(None), found.span)


def _harmless(steps: list[ir.Step]) -> bool:
    return all(
        isinstance(step, ir.Test | ir.Assign | ir.Not)
        and all(isinstance(each, _HARMLESS) for each in walk.expressions([step]))
        for step in steps
    )


def _others(found: ir.Step, step: ir.Assign, value: Value) -> ir.Collect | None:
    """Return what is collected and not among known values."""
    assert isinstance(found, ir.Collect)
    last = found.steps[-1] if found.steps else None
    if type(value) is not Set or isinstance(last, ir.Fork) or not isinstance(found.value, ir.Local):
        return None
    member = ir.Test(ir.Builtin("internal.member_2", (found.value, ir.Const(value)), step.span), step.span)
    absent = (ir.Not((member,), step.span),) if len(value) else ()
    return replace(found, local=step.local, steps=(*found.steps, *absent))
