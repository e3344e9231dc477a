"""A body to a shorter body with the same answers: what is known is worked out, what cannot hold is left out.

Comes in: a branch (steps and what they end in) and what its locals stand for. Goes out: a branch with locals of
its own numbering, or None when it can never hold. Loops over few constants are unrolled into a `Fork`; small
functions of one clause are written where they are called.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Final

from pratique.rego.plan import fold, ir, walk
from pratique.rego.plan.loops import UNROLLED, Env, Loops, decided, members_of, once
from pratique.rego.plan.subtract import subtracted
from pratique.rego.runtime import references
from pratique.rego.runtime.documents import collect_object
from pratique.rego.runtime.errors import ConflictError
from pratique.rego.runtime.values import UNDEFINED, Set, Value, is_object

# The steps of a function that is written where it is called: its own, and with those of the blocks inside them.
_SMALL: Final = 6
_SMALL_INSIDE: Final = 24
# Expressions of a function that is worth writing where it is called.
_LONG: Final = 100


class Reducer(Loops):
    """The bodies of one rule in the making."""

    def branch(self, branch: ir.Branch, env: dict[str, ir.Expr]) -> ir.Branch | None:
        """Return the branch reduced; `env` says what its locals stand for, and grows."""
        made = self._branch(branch, env)
        found = None if made is None else self.selected(made)
        if found is None or self._rules.printing or not self._rules.genuine("minus"):
            return found
        return subtracted(found, self._inside)

    def _branch(self, branch: ir.Branch, env: dict[str, ir.Expr]) -> ir.Branch | None:
        out: list[ir.Step] = []
        steps = branch.steps
        self._budget -= len(steps)
        for index, step in enumerate(steps):
            if isinstance(step, ir.Fork):
                made = [self.branch(each, dict(env)) for each in step.branches]
                return self.forked(out, made, step)
            if isinstance(step, ir.Scan):
                rest = replace(branch, steps=steps[index + 1 :])
                found = self.scan(step, rest, env, out)
                if found is not None:
                    return self.forked(out, found, step)
                continue
            last = index == len(steps) - 1 and branch.value is None
            if last and (inner := self._clauses_of(step, env)) is not None:
                return self.forked(out, inner, step)
            if not self._step(step, env, out):
                return None
        keys = tuple([self.expr(name, env) for name in branch.keys])
        value = None if branch.value is None else self.expr(branch.value, env)
        return ir.Branch(tuple(out), keys, value)

    def _inside(self, branch: ir.Branch, env: dict[str, ir.Expr]) -> ir.Branch | None:
        self._nesting += 1
        found = self.branch(branch, env)
        self._nesting -= 1
        return found

    # --- steps ---------------------------------------------------------------------------------------------

    def _step(self, step: ir.Step, env: dict[str, ir.Expr], out: list[ir.Step]) -> bool:
        """Add what is left of a step; return whether it can hold."""
        match step:
            case ir.Assign(local, value):
                found = self.valued(self.expr(value, env), step, out)
                if found is None:
                    return False
                env[local] = found
            case ir.Test(value):
                return self.test(self.expr(value, env), step, out)
            case ir.Shape():
                return self._shape(step, env, out)
            case ir.Not(steps):
                return self._not(step, self._inside(ir.Branch(steps), dict(env)), out)
            case ir.Every():
                return self._every(step, env, out)
            case ir.Collect():
                self._collect(step, env, out)
            case ir.ScanKeys(_, keys):
                name = self._bound(step.key, env)
                out.append(replace(step, keys=tuple([self.expr(each, env) for each in keys]), key=name))
            case ir.Walk(source):
                source = self.expr(source, env)
                where, member = self._bound(step.path, env), self._bound(step.value, env)
                out.append(replace(step, source=source, path=where, value=member))
            case ir.Enter(replacements):
                made = [self._replacement(each, env) for each in replacements]
                out.append(replace(step, replacements=tuple(made)))
            case ir.Print(parts):
                out.append(replace(step, parts=tuple([self._printed(*part, env) for part in parts])))
            case _:
                out.append(step)
        return True

    def valued(self, value: ir.Expr, step: ir.Assign | ir.Test, out: list[ir.Step]) -> ir.Expr | None:
        """Return an atom for a value, after the steps that it needs; None when it is undefined."""
        if isinstance(value, ir.Const):
            return None if value.value is UNDEFINED else value
        if isinstance(value, ir.Local) or (isinstance(value, ir.Input) and self._rules.constants):
            # What is partly known is there.
            return value
        if isinstance(value, ir.Call):
            inlined, found = self._inlined(value, out)
            if inlined:
                return found
        name = self._fresh()
        out.append(ir.Assign(name, value, step.span))
        if isinstance(value, ir.Array | ir.ObjectOf | ir.SetOf):
            self._shapes[name] = value
        return ir.Local(name)

    def test(self, value: ir.Expr, step: ir.Test, out: list[ir.Step]) -> bool:
        """Add what is left of a test; return whether it can hold."""
        if isinstance(value, ir.Compare):
            sides = [value.left, value.right]
            for index, side in enumerate(sides):
                if isinstance(side, ir.Call):
                    found = self.valued(side, step, out)
                    if found is None:
                        return False
                    sides[index] = found
            value = fold.compare(replace(value, left=sides[0], right=sides[1]))
        elif isinstance(value, ir.Call):
            inlined, result = self._inlined(value, out)
            if inlined:
                return result is not None and self.test(result, step, out)
            if (made := self._holding(value)) is not None:
                return self._either(made, step, out)
        if isinstance(value, ir.Const):
            return value.value is not UNDEFINED and value.value is not False
        if not isinstance(value, ir.Array | ir.ObjectOf | ir.SetOf):
            out.append(replace(step, value=value))
        return True

    def _either(self, made: list[ir.Branch | None], step: ir.Test, out: list[ir.Step]) -> bool:
        """Add that one of these branches holds, as what does not fail to."""
        inner = self.forked([], made, step)
        if inner is None:
            return False
        if inner.steps:
            out.append(ir.Not((ir.Not(_tested(inner.steps), step.span),), step.span))
        return True

    def _shape(self, step: ir.Shape, env: Env, out: list[ir.Step]) -> bool:
        value = env.get(step.local, ir.Local(step.local))
        if isinstance(value, ir.Local):
            shape = self._shapes.get(value.name)
            if shape is None:
                out.append(replace(step, local=value.name))
                return True
            value = shape
        if isinstance(value, ir.Array):
            return step.kind == "array" and len(value.items) == step.size
        if isinstance(value, ir.Const):
            found = value.value
            fits = type(found) is list if step.kind == "array" else is_object(found)
            return fits and len(found) == step.size
        if isinstance(value, ir.ObjectOf) and step.kind == "object":
            names = {
                name.value
                for name, _ in value.pairs
                if isinstance(name, ir.Const) and type(name.value) is str
            }
            if len(names) == len(value.pairs):
                return len(names) == step.size
            name = self._fresh()
            out.append(ir.Assign(name, value, step.span))
            out.append(replace(step, local=name))
            return True
        return False

    def _not(self, step: ir.Not, inner: ir.Branch | None, out: list[ir.Step]) -> bool:
        if inner is None:
            return True
        if not inner.steps:
            return False
        first = inner.steps[0]
        if isinstance(first, ir.Fork):
            return all(self._not(step, each, out) for each in first.branches)
        out.append(ir.Not(_tested(inner.steps), step.span))
        return True

    def _every(self, step: ir.Every, env: dict[str, ir.Expr], out: list[ir.Step]) -> bool:
        source = self.expr(step.source, env)
        if isinstance(source, ir.Const) and not references.is_collection(source.value):
            return False
        members = members_of(source)
        if members is None or len(members) > UNROLLED or self._budget < 0:
            inside = dict(env)
            names = [self._bound(local, inside) for local in (step.key, step.value)]
            inner = self._inside(ir.Branch(step.steps), inside)
            steps = (ir.Test(ir.Const(False), step.span),) if inner is None else inner.steps
            out.append(ir.Every(source, names[0], names[1], steps, step.span))
            return True
        for name, value in members:
            inner = self._inside(ir.Branch(step.steps), {**env, step.key: name, step.value: value})
            if inner is None:
                return False
            if once(inner.steps):
                out.extend(inner.steps)
            else:
                out.append(ir.Not((ir.Not(inner.steps, step.span),), step.span))
        return True

    def _collect(self, step: ir.Collect, env: dict[str, ir.Expr], out: list[ir.Step]) -> None:
        keys = () if step.key is None else (step.key,)
        before, self._in_order = self._in_order, self._rules.printing or step.kind == "array"
        inner = self._inside(ir.Branch(step.steps, keys, step.value), dict(env))
        self._in_order = before
        rows = [] if inner is None else decided(inner)
        if rows is not None and (known := _collected(step.kind, rows)) is not None:
            env[step.local] = known
            return
        assert inner is not None
        nothing = ir.Const(None)
        name = self._bound(step.local, env)
        out.append(
            ir.Collect(
                name,
                step.kind,
                inner.steps,
                None if step.key is None else (*inner.keys, nothing)[0],
                inner.value or nothing,
                step.span,
            )
        )

    def _replacement(self, each: ir.Replacement, env: Env) -> ir.Replacement:
        for number in (each.rule, each.by_rule):
            if number >= 0:
                self._rules.keep(number)
        return each if each.value is None else replace(each, value=self.expr(each.value, env))

    def _printed(
        self, steps: tuple[ir.Step, ...], value: ir.Expr, env: Env
    ) -> tuple[tuple[ir.Step, ...], ir.Expr]:
        inner = self._inside(ir.Branch(steps, (), value), dict(env))
        if inner is None or inner.value is None:
            never = ir.Test(ir.Const(False), walk.span(steps[0])) if steps else None
            return ((never,) if never else ()), ir.Const(None)
        return inner.steps, inner.value

    # --- functions -----------------------------------------------------------------------------------------

    def _inlined(self, call: ir.Call, out: list[ir.Step]) -> tuple[bool, ir.Expr | None]:
        """Write a function of one clause here; return whether that was done, and its value (None: undefined)."""
        rule = self._rules.function(call.rule)
        if len(rule.clauses) != 1 or rule.default is not None or rule.replaceable or self._budget < 0:
            return False, None
        (clause,) = rule.clauses
        if clause.otherwise is not None or len(clause.steps) > _SMALL or not once(clause.steps):
            return False, None
        if next(islice(walk.of_clause(clause), _LONG, None), None) is not None:
            return False, None
        env = self._given(rule, call, out)
        for step in clause.steps:
            if not self._step(step, env, out):
                return True, None
        return True, self.expr(clause.value, env)

    def _given(self, rule: ir.Rule, call: ir.Call, out: list[ir.Step]) -> dict[str, ir.Expr]:
        env: dict[str, ir.Expr] = {}
        for param, arg in zip(rule.params, call.args, strict=True):
            env[param] = arg
            if isinstance(arg, ir.Array | ir.ObjectOf | ir.SetOf):
                name = self._fresh()
                out.append(ir.Assign(name, arg, rule.clauses[0].span))
                self._shapes[name] = arg
                env[param] = ir.Local(name)
        return env

    def _clauses_of(self, step: ir.Step, env: Env) -> list[ir.Branch | None] | None:
        """Return a call that only has to hold, as the branches of a small function."""
        if not isinstance(step, ir.Test) or not isinstance(step.value, ir.Call):
            return None
        call = self.expr(step.value, env)
        return self._holding(call) if isinstance(call, ir.Call) else None

    def _holding(self, call: ir.Call) -> list[ir.Branch | None] | None:
        """Return a call that only has to hold as the branches of its function, if that is small and has one answer."""
        rule = self._rules.function(call.rule)
        clauses = rule.clauses
        if self._budget < 0 or rule.default is not None or rule.replaceable:
            return None
        if any(each.otherwise for each in clauses) or not clauses:
            return None
        answer = walk.agreed(rule)
        if answer is None or (len(clauses) == 1 and once(clauses[0].steps)):
            return None
        size = sum(len(clause.steps) for clause in clauses)
        if size > _SMALL or sum(1 for clause in clauses for _ in walk.steps(clause.steps)) > _SMALL_INSIDE:
            return None
        if any(next(islice(walk.of_clause(clause), _LONG, None), None) is not None for clause in clauses):
            return None
        if any(isinstance(arg, ir.Array | ir.ObjectOf | ir.SetOf) for arg in call.args):
            return None
        if answer.value is False:
            return [None]
        given = dict(zip(rule.params, call.args, strict=True))
        return [self.branch(walk.holding(walk.branch(clause)), dict(given)) for clause in clauses]

    # --- expressions ---------------------------------------------------------------------------------------

    def expr(self, expr: ir.Expr, env: Env) -> ir.Expr:
        """Return an expression with its locals replaced, worked out where that is possible."""
        match expr:
            case ir.Local(name):
                return env.get(name, expr)
            case ir.Get(base, keys):
                base = self.expr(base, env)
                names = tuple([self.expr(name, env) for name in keys])
                shape = self._shapes.get(base.name) if isinstance(base, ir.Local) else base
                return fold.get(base, names, self._rules.constants, shape)
            case ir.Compare(_, left, right):
                return fold.compare(replace(expr, left=self.expr(left, env), right=self.expr(right, env)))
            case ir.Builtin(_, args):
                return self._rules.builtin(replace(expr, args=tuple([self.expr(arg, env) for arg in args])))
            case ir.Call(rule, args):
                return self._rules.call(rule, tuple([self.expr(arg, env) for arg in args]))
            case ir.RuleValue(rule):
                return self._rules.value(rule)
            case ir.Union(_, sources):
                return replace(expr, sources=tuple([self.expr(source, env) for source in sources]))
            case ir.Extent(_, keys):
                return replace(expr, keys=tuple([self.expr(name, env) for name in keys]))
            case ir.Array(items) | ir.SetOf(items):
                return fold.literal(replace(expr, items=tuple([self.expr(item, env) for item in items])))
            case ir.ObjectOf(pairs):
                made = tuple([(self.expr(name, env), self.expr(value, env)) for name, value in pairs])
                return fold.literal(ir.ObjectOf(made))
        return expr


def _tested(steps: tuple[ir.Step, ...]) -> tuple[ir.Step, ...]:
    """Return steps that only have to hold, a last value that is nothing but tested in the test itself."""
    match steps:
        case (*before, ir.Assign(name, value), ir.Test(ir.Local(tested), span)) if name == tested:
            return (*before, ir.Test(value, span))
    return steps


def _collected(kind: str, rows: list[ir.Branch]) -> ir.Const | None:
    found: list[list[Value]] = [
        [end.value for end in walk.ends(row) if isinstance(end, ir.Const)] for row in rows
    ]
    if kind == "object":
        try:
            return ir.Const(collect_object([(name, value) for name, value in found]))
        except ConflictError:
            return None
    values = [value for (value,) in found]
    if kind == "array":
        made = fold.literal(ir.Array(tuple(map(ir.Const, values))))
        return made if isinstance(made, ir.Const) else None
    return ir.Const(Set(values))
