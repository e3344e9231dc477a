"""Everything inside a plan's steps and expressions, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pratique.rego.plan import ir


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
            ends = (step.value,) if step.key is None else (step.key, step.value)
            return ((step.steps, ends),)
        case ir.Print(items):
            return tuple([(steps, (value,)) for steps, value in items])
    return ()


def expressions(steps: Iterable[ir.Step]) -> Iterator[ir.Expr]:
    """Yield every expression in the steps and in the blocks inside them."""
    for step in steps:
        for expr in own(step):
            yield from below(expr)
        for block, ends in nested(step):
            yield from expressions(block)
            for expr in ends:
                yield from below(expr)


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
