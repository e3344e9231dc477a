"""One IR rule to one Python function: all its clauses in line, defaults last, the result kept once worked out.

A rule with one possible value answers as soon as it is found; otherwise every clause is tried, so that two
different values are always the conflict that OPA reports.
"""

from __future__ import annotations

from dataclasses import dataclass

from pratique.rego.emit import steps as statements
from pratique.rego.emit.expressions import Scope, constant
from pratique.rego.emit.known import Piece, hoisted_lookups
from pratique.rego.emit.lines import Either, Lines
from pratique.rego.emit.sharing import bodies
from pratique.rego.emit.tables import looked_up, table_of
from pratique.rego.plan import ir, walk
from pratique.rego.runtime.state import LEAST_DEPTH
from pratique.rego.runtime.values import equal


def emit_rule(rule: ir.Rule, scope: Scope) -> Lines:
    """Return the source of a rule's function."""
    out = Lines()
    out.at = rule.span
    params = "".join([f", {name}" for name in rule.params])
    out.add(f"def r{rule.number}(s{params}):")
    with out.indented():
        if rule.cached:
            _look_up(rule, out)
        _enter(rule, scope, out)
        if rule.replaceable:
            _stand_in(rule, scope, out)
        for lookup in hoisted_lookups(rule, scope.origins):
            scope.piece(lookup, out)
        scope.share(bodies(rule.clauses), out)
        if rule.kind in {"set", "object", "bindings"}:
            _gather(rule, scope, out)
        else:
            _decide(rule, scope, out)
    return out


def _enter(rule: ir.Rule, scope: Scope, out: Lines) -> None:
    height, steps = scope.weights.height(rule.number), scope.weights.entry(rule.number)
    if height > LEAST_DEPTH:
        out.add(f"descend(s, {height})")
    if steps:
        out.add(f"s.left -= {steps}")
        out.add("if s.left < 0: refill(s)")


def _look_up(rule: ir.Rule, out: Lines) -> None:
    out.add(Either(f"out = s.cache[{rule.number}]", kept=True))
    out.add(Either("if out is not MISSING: return out", kept=True))


def _stand_in(rule: ir.Rule, scope: Scope, out: Lines) -> None:
    out.add("if s.replaced:")
    with out.indented():
        out.add(f"out = replacement(s, {scope.names.keys(rule.path)})")
        out.add("if out is not MISSING: return out")


def _answer(rule: ir.Rule, value: str, out: Lines) -> None:
    if rule.cached:
        out.add(Either(f"out = s.cache[{rule.number}] = {value}", kept=True))
        out.add(Either("return out", kept=True))
        out.add(Either(f"return {value}", kept=False))
    else:
        out.add(f"return {value}")


def _gather(rule: ir.Rule, scope: Scope, out: Lines) -> None:
    empties = []
    for place, is_set in rule.empties:
        keys = ", ".join([scope.piece(each, out).text for each in place])
        empties.append(f"(({keys},), U, {is_set})")
    out.add(f"rows = [{', '.join(empties)}]")
    deep = any(len(clause.keys) > 1 for clause in rule.clauses) or (
        rule.kind == "object" and any(clause.otherwise for clause in rule.clauses)
    )
    multi = {bool(clause.multi) for clause in rule.clauses}
    tree = rule.kind == "object" and (rule.joined or rule.empties or deep or multi != {False})
    for clause in rule.clauses:
        if rule.kind == "set" and _extended(clause, scope, out):
            continue

        def end(lines: Lines, branch: ir.Branch, clause: ir.Clause = clause) -> None:
            *keys, value = [scope.piece(expr, lines).text for expr in walk.ends(branch)]
            if tree:
                lines.add(f"rows.append((({', '.join(keys)},), {value}, {clause.multi}))")
            elif rule.kind == "object":
                lines.add(f"rows.append(({keys[0]}, {value}))")
            else:
                lines.add(f"rows.append({value})")

        out.at = clause.span
        statements.nested(scope, walk.branch(clause), out, end, repeats=rule.kind != "bindings")
    out.at = rule.span
    if rule.vanishing and not rule.joined:
        out.add("if not rows:")
        with out.indented():
            _answer(rule, "U", out)
    if rule.kind == "object":
        made = "branch" if rule.joined else "tree" if tree else "object"
        sparse = ", sparse=True" if rule.joined and rule.sparse else ""
        _answer(rule, f"collect_{made}(rows{sparse})", out)
    else:
        # What is in order answers nothing, so that is what must be quick.
        _answer(rule, "gathered(rows) if rows else EMPTY" if rule.kind == "set" else "rows", out)


def _extended(clause: ir.Clause, scope: Scope, out: Lines) -> bool:
    """Write a clause that takes the members of something as they are; return whether it was one."""
    match clause:
        case ir.Clause((ir.Scan(source, "", member),), value=ir.Local(name)) if name == member:
            out.at = clause.span
            piece = scope.atom(source, out)
            scope.repeats = not (scope.plan.printing or scope.plan.watched)
            out.add(f"rows += {statements.counted(scope, statements.members_of(piece, scope), 1, out)}")
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is known about the values of a rule before it runs."""

    same: bool
    single: bool


def _shape(rule: ir.Rule, *, early_exit: bool) -> _Shape:
    found = [constant(value) for clause in _all(rule) for value in walk.outcomes(walk.branch(clause))]
    same = all(known for known, _ in found) and all(equal(value, found[0][1]) for _, value in found)
    return _Shape(same and early_exit, len(rule.clauses) == 1)


def _chain(clause: ir.Clause | None) -> list[ir.Clause]:
    chain = []
    while clause is not None:
        chain.append(clause)
        clause = clause.otherwise
    return chain


def _once(clause: ir.Clause) -> bool:
    # At most one solution: no step goes on more than once.
    return not any(isinstance(step, ir.Scan | ir.ScanKeys | ir.Walk | ir.Fork) for step in clause.steps)


def _decide(rule: ir.Rule, scope: Scope, out: Lines) -> None:
    if not scope.plan.watched and (table := table_of(rule)) is not None:
        _answer(rule, looked_up(scope.names.const(table[0]), Piece(table[1])), out)
        return
    shape = _shape(rule, early_exit=scope.plan.early_exit)
    if any(not shape.same and not (shape.single and _once(clause)) for clause in _all(rule)):
        out.add("out = U")
    for first in rule.clauses:
        chain = _chain(first)
        if len(chain) > 1 and not shape.single and not shape.same:
            _alternatives(rule, chain, scope, out)
            continue
        for clause in chain:
            direct = shape.same or (shape.single and _once(clause))
            _clause(rule, clause, scope, out, direct=direct)
            if not direct and len(chain) > 1:
                out.add("if out is not U:")
                with out.indented():
                    _answer(rule, "out", out)
    _last(rule, scope, out, open_end=not shape.same and not (shape.single and all(map(_once, _all(rule)))))


def _all(rule: ir.Rule) -> list[ir.Clause]:
    return [clause for first in rule.clauses for clause in _chain(first)]


def _clause(rule: ir.Rule, clause: ir.Clause, scope: Scope, out: Lines, *, direct: bool) -> None:
    def end(lines: Lines, branch: ir.Branch) -> None:
        value = _value(branch, scope, lines)
        if direct:
            _answer(rule, value, lines)
        else:
            _merge(rule, "out", value, scope, lines)

    out.at = clause.span
    statements.nested(scope, walk.branch(clause), out, end)


def _value(branch: ir.Branch, scope: Scope, lines: Lines) -> str:
    assert branch.value is not None
    return scope.piece(branch.value, lines).text


def _merge(rule: ir.Rule, name: str, value: str, scope: Scope, lines: Lines) -> None:
    what = "conflict_function" if rule.kind == "function" else "conflict_rule"
    new = scope.fresh()
    lines.add(f"{new} = {value}")
    lines.add(f"if {name} is U: {name} = {new}")
    lines.add(f"elif not equal({name}, {new}): {what}()")


def _alternatives(rule: ir.Rule, chain: list[ir.Clause], scope: Scope, out: Lines) -> None:
    # One of several clauses with an `else`: its own value first, then that joins the others'.
    name = scope.fresh("e")
    out.add(f"{name} = U")
    for index, clause in enumerate(chain):

        def end(lines: Lines, branch: ir.Branch) -> None:
            _merge(rule, name, _value(branch, scope, lines), scope, lines)

        out.at = clause.span
        if index == 0:
            statements.nested(scope, walk.branch(clause), out, end)
            continue
        out.add(f"if {name} is U:")
        with out.indented():
            statements.nested(scope, walk.branch(clause), out, end)
    out.add(f"if {name} is not U:")
    with out.indented():
        _merge(rule, "out", name, scope, out)


def _last(rule: ir.Rule, scope: Scope, out: Lines, *, open_end: bool) -> None:
    if out.ended:
        return
    if rule.default is None:
        _answer(rule, "out" if open_end else "U", out)
        return
    if open_end:
        out.add("if out is not U:")
        with out.indented():
            _answer(rule, "out", out)
    default = rule.default
    out.at = default.span

    def end(lines: Lines, branch: ir.Branch) -> None:
        _answer(rule, _value(branch, scope, lines), lines)

    statements.nested(scope, walk.branch(default), out, end)
