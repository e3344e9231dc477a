"""Everything inside a plan's steps and expressions, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pratique.rego.plan import ir
from pratique.rego.runtime.values import equal
from pratique.rego.source import Span


def below(expr: ir.Expr) -> Iterator[ir.Expr]:
    """Yield an expression and all inside it."""
    yield expr
    for each in parts(expr):
        yield from below(each)


def parts(expr: ir.Expr) -> tuple[ir.Expr, ...]:
    """Return the operands of an expression."""
    match expr:
        case ir.Get(base, keys):
            return (base, *keys)
        case ir.Extent(_, keys):
            return keys
        case ir.Union(_, sources):
            return sources
        case ir.Call(_, args) | ir.Builtin(_, args):
            return args
        case ir.Compare(_, left, right):
            return (left, right)
        case ir.Array(items) | ir.SetOf(items):
            return items
        case ir.ObjectOf(pairs):
            return tuple([each for pair in pairs for each in pair])
    return ()


def own(step: ir.Step) -> tuple[ir.Expr, ...]:
    """Return the expressions of a step itself."""
    match step:
        case ir.Assign(_, value) | ir.Test(value):
            return (value,)
        case ir.Scan(source) | ir.Walk(source) | ir.Every(source):
            return (source,)
        case ir.ScanKeys(_, keys):
            return keys
        case ir.Watch(values=values):
            return values
        case ir.Enter(replacements):
            return tuple([each.value for each in replacements if each.value is not None])
    return ()


def nested(step: ir.Step) -> tuple[tuple[tuple[ir.Step, ...], tuple[ir.Expr, ...]], ...]:
    """Return the blocks inside a step, each with the expressions that it ends in."""
    match step:
        case ir.Not(steps) | ir.Every(steps=steps):
            return ((steps, ()),)
        case ir.Collect():
            return ((step.steps, (step.value,) if step.key is None else (step.key, step.value)),)
        case ir.Fork(branches):
            return tuple([(each.steps, ends(each)) for each in branches])
        case ir.Print(items):
            return tuple([(steps, (value,)) for steps, value in items])
    return ()


def steps(block: Iterable[ir.Step]) -> Iterator[ir.Step]:
    """Yield steps and all steps in the blocks inside them."""
    for step in block:
        yield step
        for inner, _ in nested(step):
            yield from steps(inner)


def expressions(steps: Iterable[ir.Step]) -> Iterator[ir.Expr]:
    """Yield every expression in the steps and in the blocks inside them."""
    for step in steps:
        for expr in own(step):
            yield from below(expr)
        for block, last in nested(step):
            yield from expressions(block)
            for expr in last:
                yield from below(expr)


def bound(steps: Iterable[ir.Step]) -> Iterator[str]:
    """Yield the locals that steps and the blocks inside them bind."""
    for step in steps:
        match step:
            case ir.Assign(local) | ir.Collect(local):
                yield local
            case ir.Scan(_, key, value) | ir.Every(_, key, value):
                yield from (key, value)
            case ir.ScanKeys(_, _, key):
                yield key
            case ir.Walk(_, path, value):
                yield from (path, value)
        for block, _ in nested(step):
            yield from bound(block)


def shaped(steps: Iterable[ir.Step]) -> Iterator[str]:
    """Yield the locals whose shape is asked for in steps and the blocks inside them."""
    for step in steps:
        if isinstance(step, ir.Shape):
            yield step.local
        for block, _ in nested(step):
            yield from shaped(block)


def ends(branch: ir.Branch) -> tuple[ir.Expr, ...]:
    """Return the expressions that a branch ends in."""
    return branch.keys if branch.value is None else (*branch.keys, branch.value)


def branch(clause: ir.Clause) -> ir.Branch:
    """Return a clause, its `else` left out, as a branch."""
    return ir.Branch(clause.steps, clause.keys, clause.value)


def outcomes(found: ir.Branch) -> Iterator[ir.Expr]:
    """Yield the values that a branch may end in."""
    last = found.steps[-1] if found.steps else None
    if isinstance(last, ir.Fork):
        for each in last.branches:
            yield from outcomes(each)
    elif found.value is not None:
        yield found.value


def agreed(rule: ir.Rule) -> ir.Const | None:
    """Return the one known answer that a rule has wherever it is defined: then its clauses cannot contradict."""
    found = [value for clause in clauses(rule) for value in outcomes(branch(clause))]
    known = [value for value in found if isinstance(value, ir.Const)]
    if not known or len(known) < len(found) or not all(equal(each.value, known[0].value) for each in known):
        return None
    return known[0]


def holding(found: ir.Branch) -> ir.Branch:
    """Return a branch that only has to hold, whatever it ends in."""
    last = found.steps[-1] if found.steps else None
    if isinstance(last, ir.Fork):
        last = replace(last, branches=tuple(map(holding, last.branches)))
        return ir.Branch((*found.steps[:-1], last))
    return ir.Branch(found.steps)


def span(step: ir.Step) -> Span:
    """Return the place of a step."""
    found: Span = getattr(step, "span")  # noqa: B009  # `Leave` and `Watch` have none, and are not asked
    return found


def clauses(rule: ir.Rule) -> Iterator[ir.Clause]:
    """Yield the clauses of a rule, each before its `else`, the default last."""
    for first in (*rule.clauses, rule.default):
        clause = first
        while clause is not None:
            yield clause
            clause = clause.otherwise


def of_clause(clause: ir.Clause) -> Iterator[ir.Expr]:
    """Yield every expression of one clause, its `else` left out."""
    yield from expressions(clause.steps)
    for expr in (*clause.keys, clause.value):
        yield from below(expr)
