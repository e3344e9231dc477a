"""A plan as text, for people and for golden files: one step a line, nested blocks indented."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.rego.plan import ir
from pratique.rego.runtime.text import rego_text


def render(plan: ir.Plan) -> str:
    """Return the text of a plan."""
    lines: list[str] = []
    for rule in plan.rules:
        params = f"({', '.join(rule.params)})" if rule.kind == "function" else ""
        lines.append(f"{rule.kind} #{rule.number} {'.'.join(('data', *rule.path))}{params}")
        for clause in rule.clauses:
            lines.extend(_clause(clause, "clause", 1))
        if rule.default is not None:
            lines.extend(_clause(rule.default, "default", 1))
    return "\n".join(lines) + "\n"


def _clause(clause: ir.Clause, word: str, depth: int) -> Iterator[str]:
    pad = "  " * depth
    yield f"{pad}{word} at {clause.span.location().line}"
    deeper = depth + 1
    for at, line in _steps(clause.steps, deeper):
        yield "  " * at + line
    if not (clause.steps and isinstance(clause.steps[-1], ir.Fork)):
        keys = "".join([f"[{expression(key)}]" for key in clause.keys])
        contains = " contains " if clause.multi and keys else " " if keys else ""
        yield f"{'  ' * deeper}yield {keys}{contains}{expression(clause.value)}"
    if clause.otherwise is not None:
        yield from _clause(clause.otherwise, "else", len(pad) // 2)


def _steps(steps: tuple[ir.Step, ...], depth: int) -> Iterator[tuple[int, str]]:
    for step in steps:
        if isinstance(step, ir.Fork):
            for branch in step.branches:
                yield depth, "either"
                yield from _branch(branch, depth + 1)
            continue
        yield depth, _line(step)
        match step:
            case ir.Scan() | ir.ScanKeys() | ir.Walk():
                depth += 1
            case ir.Not(inner) | ir.Every(steps=inner):
                yield from _steps(inner, depth + 1)
            case ir.Collect(steps=inner):
                keys = () if step.key is None else (step.key,)
                yield from _branch(ir.Branch(inner, keys, step.value), depth + 1, "collect")


def _line(step: ir.Step) -> str:
    match step:
        case ir.Assign(local, value):
            return f"{local} = {expression(value)}"
        case ir.Test(value):
            return f"test {expression(value)}"
        case ir.Shape(local, kind, size):
            return f"test {local} is {kind} of {size}"
        case ir.Scan(source, key, name):
            return f"scan {key or '_'}, {name or '_'} in {expression(source)}"
        case ir.ScanKeys(node, keys, key):
            return f"scan {key} in keys of {expression(ir.Extent(node, keys))}"
        case ir.Walk(source, path, name):
            return f"walk {path}, {name} in {expression(source)}"
        case ir.Not():
            return "not"
        case ir.Every(source, key, name):
            return f"every {key or '_'}, {name or '_'} in {expression(source)}"
        case ir.Collect(local, collected):
            return f"{local} = {collected} of"
        case ir.Enter(replacements):
            return "with " + ", ".join(map(_replacement, replacements))
        case ir.Print(parts):
            return f"print {', '.join([expression(value) for _, value in parts])}"
        case ir.Watch(_, op, site):
            return f"report {op} {site.text}"
    return "without"


def _branch(branch: ir.Branch, depth: int, word: str = "yield") -> Iterator[tuple[int, str]]:
    yield from _steps(branch.steps, depth)
    if branch.value is not None and not (branch.steps and isinstance(branch.steps[-1], ir.Fork)):
        keys = "".join([f"{expression(key)}: " for key in branch.keys])
        yield depth, f"{word} {keys}{expression(branch.value)}"


def _replacement(each: ir.Replacement) -> str:
    if each.target in {"input", "data"}:
        target = ".".join((each.target, *map(str, each.path)))
    else:
        target = f"#{each.rule}" if each.target == "function" else each.name
    if each.by_rule >= 0:
        return f"{target} as #{each.by_rule}"
    return f"{target} as {each.by_name or (expression(each.value) if each.value is not None else '')}"


def expression(expr: ir.Expr) -> str:
    """Return the text of an expression."""
    match expr:
        case ir.Const(value):
            return rego_text(value)
        case ir.Local(name):
            return name
        case ir.Input():
            return "input"
        case ir.Data():
            return "data"
        case ir.Stored(path):
            return f"stored {rego_text(list(path))}"
        case ir.RuleValue(rule) | ir.Union(rule):
            return f"#{rule}"
        case ir.Extent(node, keys):
            return f"document @{node}{''.join([f'[{expression(key)}]' for key in keys])}"
        case ir.Get(base, keys):
            return expression(base) + "".join([f"[{expression(key)}]" for key in keys])
        case ir.Call(rule, args):
            return f"#{rule}({', '.join(map(expression, args))})"
        case ir.Builtin(name, args):
            return f"{name}({', '.join(map(expression, args))})"
        case ir.Compare(operator, left, right):
            return f"{expression(left)} {operator} {expression(right)}"
        case ir.Array(items):
            return f"[{', '.join(map(expression, items))}]"
        case ir.SetOf(items):
            return f"{{{', '.join(map(expression, items))}}}"
        case ir.ObjectOf(pairs):
            return f"{{{', '.join([f'{expression(name)}: {expression(value)}' for name, value in pairs])}}}"
    raise AssertionError(f"no such expression: {expr!r}")
