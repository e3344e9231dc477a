"""Branches that begin alike, as one: what they share is done once, and the rest of each is a branch of a `Fork`.

Templates say the same first lines in clause after clause. Comes in: branches of one block, where each that holds
counts. Goes out: fewer branches with the same answers. Places do not tell steps apart, nor do names of locals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from pratique.rego.plan import ir, walk
from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.values import equal

# Gives a branch other locals: what the names in it stand for comes in.
Rename = Callable[[ir.Branch, dict[str, ir.Expr]], ir.Branch | None]

_NO_MATTER: Final = {"span", "site"}
# What takes time when it is done twice.
_WORTH: Final = (ir.Scan, ir.ScanKeys, ir.Walk, ir.Not, ir.Collect, ir.Every)
# How many branches each is compared with: thousands would take their number squared.
_NEAR: Final = 64


def fused(branches: list[ir.Branch], rename: Rename) -> list[ir.Branch]:
    """Return the branches with common beginnings joined."""
    made: list[ir.Branch] = []
    waiting = list(branches)
    while waiting:
        first, *waiting = waiting
        if not any(isinstance(step, _WORTH) for step in first.steps):
            made.append(first)
            continue
        far = waiting[_NEAR:]
        alike = [(each, _common(first, each)) for each in waiting[:_NEAR]]
        length = min((count for _, (count, _) in alike if count), default=0)
        if not length or not any(isinstance(step, _WORTH) for step in first.steps[:length]):
            made.append(first)
            continue
        rests = [replace(first, steps=first.steps[length:])]
        for each, (count, names) in alike:
            if count:
                env: dict[str, ir.Expr] = {name: ir.Local(ours) for name, ours in names.items()}
                rest = rename(replace(each, steps=each.steps[length:]), env)
                rests += [] if rest is None else [rest]
        waiting = [each for each, (count, _) in alike if not count] + far
        made.append(_joined(first.steps[:length], fused(rests, rename)))
    return made


def _joined(steps: tuple[ir.Step, ...], rests: list[ir.Branch]) -> ir.Branch:
    if len(rests) == 1:
        return replace(rests[0], steps=(*steps, *rests[0].steps))
    flat: list[ir.Branch] = []
    for each in rests:
        inner = each.steps[0] if each.steps else None
        flat.extend(inner.branches if isinstance(inner, ir.Fork) else [each])
    return ir.Branch((*steps, ir.Fork(tuple(flat), walk.span(steps[0]))))


def _common(first: ir.Branch, other: ir.Branch) -> tuple[int, dict[str, str]]:
    """Return how many steps at the beginning are the same, and our name for each local of theirs."""
    names: dict[str, str] = {}
    count = 0
    for ours, theirs in zip(first.steps, other.steps, strict=False):
        if isinstance(ours, ir.Enter | ir.Fork | ir.Print | ir.Watch):
            break
        tried = dict(names)
        if not _same(ours, theirs, tried):
            break
        names = tried
        count += 1
    return count, names


def _same(ours: Any, theirs: Any, names: dict[str, str]) -> bool:
    if type(ours) is not type(theirs):
        return False
    match ours:
        case ir.Local(name):
            known = names.get(theirs.name)
            return known == name if known is not None else theirs.name == name
        case ir.Const(value):
            return equal(value, theirs.value) and rego_text(value) == rego_text(theirs.value)
        case tuple():
            return len(ours) == len(theirs) and all(
                _same(one, two, names) for one, two in zip(ours, theirs, strict=True)
            )
        case ir.Shape():
            return (names.get(theirs.local, theirs.local), theirs.kind, theirs.size) == (
                ours.local,
                ours.kind,
                ours.size,
            )
    if not is_dataclass(ours):
        return bool(ours == theirs)
    bound = _bound(ours)
    for each in fields(ours):
        if each.name in _NO_MATTER:
            continue
        one, two = getattr(ours, each.name), getattr(theirs, each.name)
        if each.name in bound:
            if bool(one) is not bool(two):
                return False
            continue
        if not _same(one, two, names):
            return False
        # A local that a step binds is known to what follows, and inside the step.
        names.update(_binding(ours, theirs, bound))
    names.update(_binding(ours, theirs, bound))
    return True


def _bound(step: Any) -> tuple[str, ...]:
    match step:
        case ir.Assign() | ir.Collect():
            return ("local",)
        case ir.Scan() | ir.Every():
            return ("key", "value")
        case ir.ScanKeys():
            return ("key",)
        case ir.Walk():
            return ("path", "value")
    return ()


def _binding(ours: Any, theirs: Any, bound: tuple[str, ...]) -> dict[str, str]:
    return {getattr(theirs, name): getattr(ours, name) for name in bound}
