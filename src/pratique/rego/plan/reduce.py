"""A body to a shorter body with the same answers: what is known is worked out, what cannot hold is left out.

Comes in: a branch (steps and what they end in) and what its locals stand for. Goes out: a branch with locals of
its own numbering, or None when it can never hold. Loops over few constants are unrolled into a `Fork`; small
functions of one clause are written where they are called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from pratique.rego.plan import fold, ir, walk
from pratique.rego.plan.fuse import fused
from pratique.rego.runtime import references
from pratique.rego.runtime.documents import collect_object
from pratique.rego.runtime.errors import ConflictError
from pratique.rego.runtime.values import UNDEFINED, Set, Value, is_object, key

# A loop over more constants than this stays a loop, unless its turns are all decided now.
_UNROLLED: Final = 8
_DECIDED: Final = 200
# The steps that one rule may grow by, and those of a function that is written in line.
_BUDGET: Final = 300
_SMALL: Final = 6

Env = Mapping[str, ir.Expr]
_LOOPS: Final = (ir.Scan, ir.ScanKeys, ir.Walk, ir.Fork)


class Rules(Protocol):
    """What a body needs of the other rules."""

    constants: fold.Constants
    printing: bool

    def value(self, number: int) -> ir.Expr:
        """Return what a rule without arguments amounts to."""

    def union(self, number: int) -> ir.Expr:
        """Return what a rule without arguments amounts to, as something to scan."""

    def call(self, number: int, args: tuple[ir.Expr, ...]) -> ir.Expr:
        """Return a call, of a variant of the function where that is known better."""

    def builtin(self, expr: ir.Builtin) -> ir.Expr:
        """Return a call of a builtin, or its answer."""

    def function(self, number: int) -> ir.Rule:
        """Return a function as it is now."""

    def keep(self, number: int) -> None:
        """Take note that a function is named by a `with`."""


def once(steps: Sequence[ir.Step]) -> bool:
    """Tell whether steps hold at most once."""
    return not any(isinstance(step, _LOOPS) for step in steps)


def decided(branch: ir.Branch) -> list[ir.Branch] | None:
    """Return the branches that a branch is made of when all of them hold and are constants, else None."""
    if not branch.steps:
        ends = walk.ends(branch)
        return [branch] if all(isinstance(end, ir.Const) for end in ends) else None
    if len(branch.steps) > 1 or not isinstance(branch.steps[0], ir.Fork):
        return None
    found: list[ir.Branch] = []
    for each in branch.steps[0].branches:
        inner = decided(each)
        if inner is None:
            return None
        found += inner
    return found


class Reducer:
    """The bodies of one rule in the making."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._count = 0
        self._budget = _BUDGET
        self._shapes: dict[str, ir.Expr] = {}
        # Whether what holds first must come first: in arrays, and where something is printed.
        self._in_order = rules.printing

    def _fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def branch(self, branch: ir.Branch, env: dict[str, ir.Expr]) -> ir.Branch | None:
        """Return the branch reduced; `env` says what its locals stand for, and grows."""
        out: list[ir.Step] = []
        steps = branch.steps
        self._budget -= len(steps)
        for index, step in enumerate(steps):
            if isinstance(step, ir.Fork):
                made = [self.branch(each, dict(env)) for each in step.branches]
                return self._forked(out, made, step)
            if isinstance(step, ir.Scan):
                rest = replace(branch, steps=steps[index + 1 :])
                found = self._scan(step, rest, env, out)
                if found is not None:
                    return self._forked(out, found, step)
                continue
            last = index == len(steps) - 1 and branch.value is None
            if last and (inner := self._clauses_of(step, env)) is not None:
                return self._forked(out, inner, step)
            if not self._step(step, env, out):
                return None
        keys = tuple([self.expr(name, env) for name in branch.keys])
        value = None if branch.value is None else self.expr(branch.value, env)
        return ir.Branch(tuple(out), keys, value)

    # --- steps ---------------------------------------------------------------------------------------------

    def _step(self, step: ir.Step, env: dict[str, ir.Expr], out: list[ir.Step]) -> bool:
        """Add what is left of a step; return whether it can hold."""
        match step:
            case ir.Assign(local, value):
                found = self._valued(self.expr(value, env), step, out)
                if found is None:
                    return False
                env[local] = found
            case ir.Test(value):
                return self._test(self.expr(value, env), step, out)
            case ir.Shape():
                return self._shape(step, env, out)
            case ir.Not(steps):
                return self._not(step, self.branch(ir.Branch(steps), dict(env)), out)
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

    def _bound(self, local: str, env: dict[str, ir.Expr]) -> str:
        # A local that a step binds, under its new name.
        if not local:
            return ""
        name = self._fresh()
        env[local] = ir.Local(name)
        return name

    def _valued(self, value: ir.Expr, step: ir.Assign | ir.Test, out: list[ir.Step]) -> ir.Expr | None:
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

    def _test(self, value: ir.Expr, step: ir.Test, out: list[ir.Step]) -> bool:
        if isinstance(value, ir.Compare):
            sides = [value.left, value.right]
            for index, side in enumerate(sides):
                if isinstance(side, ir.Call):
                    found = self._valued(side, step, out)
                    if found is None:
                        return False
                    sides[index] = found
            value = fold.compare(replace(value, left=sides[0], right=sides[1]))
        elif isinstance(value, ir.Call):
            inlined, result = self._inlined(value, out)
            if inlined:
                return result is not None and self._test(result, step, out)
        if isinstance(value, ir.Const):
            return value.value is not UNDEFINED and value.value is not False
        if not isinstance(value, ir.Array | ir.ObjectOf | ir.SetOf):
            out.append(replace(step, value=value))
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
        out.append(ir.Not(inner.steps, step.span))
        return True

    def _every(self, step: ir.Every, env: dict[str, ir.Expr], out: list[ir.Step]) -> bool:
        source = self.expr(step.source, env)
        if isinstance(source, ir.Const) and not references.is_collection(source.value):
            return False
        members = _members(source)
        if members is None or len(members) > _UNROLLED or self._budget < 0:
            inside = dict(env)
            names = [self._bound(local, inside) for local in (step.key, step.value)]
            inner = self.branch(ir.Branch(step.steps), inside)
            steps = (ir.Test(ir.Const(False), step.span),) if inner is None else inner.steps
            out.append(ir.Every(source, names[0], names[1], steps, step.span))
            return True
        for name, value in members:
            inner = self.branch(ir.Branch(step.steps), {**env, step.key: name, step.value: value})
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
        inner = self.branch(ir.Branch(step.steps, keys, step.value), dict(env))
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
        inner = self.branch(ir.Branch(steps, (), value), dict(env))
        if inner is None or inner.value is None:
            never = ir.Test(ir.Const(False), walk.span(steps[0])) if steps else None
            return ((never,) if never else ()), ir.Const(None)
        return inner.steps, inner.value

    # --- loops ---------------------------------------------------------------------------------------------

    def _scan(
        self, step: ir.Scan, rest: ir.Branch, env: dict[str, ir.Expr], out: list[ir.Step]
    ) -> list[ir.Branch | None] | None:
        """Return the branches that a loop and what follows it come to, or None after adding the loop."""
        source = self.expr(step.source, env)
        members = _members(source)
        if members is None:
            if isinstance(source, ir.RuleValue) and not step.key and not step.ordered:
                source = self._rules.union(source.rule)
            name, value = self._bound(step.key, env), self._bound(step.value, env)
            out.append(replace(step, source=source, key=name, value=value))
            return None
        if (found := self._member_test(step, source, rest, env)) is not None:
            return [found[0]]
        if len(members) <= _UNROLLED and self._budget > 0:
            return [self.branch(rest, {**env, step.key: name, step.value: value}) for name, value in members]
        if len(members) <= _DECIDED and self._budget > 0:
            made = [self.branch(rest, {**env, step.key: name, step.value: value}) for name, value in members]
            if all(each is None or decided(each) is not None for each in made):
                return made
        name, value = self._bound(step.key, env), self._bound(step.value, env)
        out.append(replace(step, source=source, key=name, value=value))
        return None

    def _member_test(
        self, step: ir.Scan, source: ir.Expr, rest: ir.Branch, env: dict[str, ir.Expr]
    ) -> tuple[ir.Branch | None] | None:
        """Return `xs[_] == x` over constant strings as `x in xs`: the branch, in a tuple."""
        if step.key or not isinstance(source, ir.Const) or not rest.steps:
            return None
        texts = list(references.values(source.value))
        test = rest.steps[0]
        if len(texts) < 2 or not all(type(text) is str for text in texts) or len(set(texts)) < len(texts):
            return None
        match test:
            case ir.Test(ir.Compare("==", ir.Local(name), other)) if name == step.value:
                pass
            case ir.Test(ir.Compare("==", other, ir.Local(name))) if name == step.value:
                pass
            case _:
                return None
        if any(each == ir.Local(step.value) for each in walk.below(other)):
            return None
        inside = dict(env)
        out: list[ir.Step] = []
        found = self._valued(self.expr(other, env), test, out)
        if found is None:
            return (None,)
        member = self._rules.builtin(ir.Builtin("internal.member_2", (found, source), test.span))
        if not self._test(member, test, out):
            return (None,)
        inside[step.value] = found
        inner = self.branch(replace(rest, steps=rest.steps[1:]), inside)
        return (None if inner is None else replace(inner, steps=(*out, *inner.steps)),)

    def _forked(self, out: list[ir.Step], made: list[ir.Branch | None], step: ir.Step) -> ir.Branch | None:
        """Return the steps so far, and then whichever of the branches holds."""
        branches: list[ir.Branch] = []
        for each in made:
            if each is None:
                continue
            if each.value is None and not each.steps:
                # It only has to hold, and this one does.
                return ir.Branch(tuple(out))
            inner = each.steps[0] if each.steps else None
            branches.extend(inner.branches if isinstance(inner, ir.Fork) else [each])
        if not self._in_order:
            branches = fused(branches, self.branch)
        if not branches:
            return None
        if len(branches) == 1:
            return replace(branches[0], steps=(*out, *branches[0].steps))
        return ir.Branch((*out, ir.Fork(tuple(branches), walk.span(step))))

    # --- functions -----------------------------------------------------------------------------------------

    def _inlined(self, call: ir.Call, out: list[ir.Step]) -> tuple[bool, ir.Expr | None]:
        """Write a function of one clause here; return whether that was done, and its value (None: undefined)."""
        rule = self._rules.function(call.rule)
        if len(rule.clauses) != 1 or rule.default is not None or rule.replaceable or self._budget < 0:
            return False, None
        (clause,) = rule.clauses
        if clause.otherwise is not None or len(clause.steps) > _SMALL or not once(clause.steps):
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
        if not isinstance(step, ir.Test) or not isinstance(step.value, ir.Call) or self._budget < 0:
            return None
        call = self.expr(step.value, env)
        if not isinstance(call, ir.Call):
            return None
        rule = self._rules.function(call.rule)
        clauses = rule.clauses
        if rule.default is not None or rule.replaceable or any(each.otherwise for each in clauses):
            return None
        if sum(len(clause.steps) for clause in clauses) > _SMALL or len(clauses) < 2:
            return None
        if any(isinstance(arg, ir.Array | ir.ObjectOf | ir.SetOf) for arg in call.args):
            return None
        given = dict(zip(rule.params, call.args, strict=True))
        made = []
        for clause in clauses:
            test = ir.Test(clause.value, step.span)
            if clause.steps and isinstance(clause.steps[-1], ir.Fork):
                return None
            made.append(self.branch(ir.Branch((*clause.steps, test)), dict(given)))
        return made

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


def _members(source: ir.Expr) -> list[tuple[ir.Expr, ir.Expr]] | None:
    """Return the members of a collection that is known, as key and value."""
    if isinstance(source, ir.Array):
        return [(ir.Const(index), item) for index, item in enumerate(source.items)]
    if isinstance(source, ir.Const):
        return [(ir.Const(name), ir.Const(value)) for name, value in references.items_in_order(source.value)]
    return None


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
        return ir.Const(values)
    return ir.Const(Set.of_table({key(value): value for value in values}))
