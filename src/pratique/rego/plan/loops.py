"""Loops of a body: unrolled over what is known, turned into lookups, joined where they begin alike.

The half of `reduce.Reducer` that knows of scans. Comes in: a scan, what follows it, and what locals stand for. Goes
out: branches without the scan, or the scan under a new name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from pratique.rego.plan import fold, ir, walk
from pratique.rego.plan.fuse import fused
from pratique.rego.runtime import references
from pratique.rego.runtime.values import UNDEFINED, Value

# A loop over more constants than this stays a loop, unless its turns are all decided now.
UNROLLED: Final = 8
_DECIDED: Final = 200
# The steps that one rule may grow by, and those of a function that is written in line.
_BUDGET: Final = 300
# The steps of a set that is written where it is searched.
_GRAFTED: Final = 120
_LOOPS: Final = (ir.Scan, ir.ScanKeys, ir.Walk, ir.Fork)

Env = Mapping[str, ir.Expr]


class Rules(Protocol):
    """What a body needs of the other rules."""

    constants: fold.Constants
    printing: bool
    strict: bool

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

    def asked_once(self, number: int) -> bool:
        """Tell whether the value of a rule is asked for at one place of the policy only."""

    def keep(self, number: int) -> None:
        """Take note that a function is named by a `with`."""

    def genuine(self, name: str) -> bool:
        """Tell whether a builtin is ours, and nothing replaces it."""


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


class Loops:
    """The bodies of one rule in the making, as far as loops go."""

    def __init__(self, rules: Rules, *, top: bool = False) -> None:
        """`top` says that the rule is no function: its first loops run once."""
        self._top = top
        self._nesting = 0
        self._rules = rules
        self._count = 0
        self._budget = _BUDGET
        self._shapes: dict[str, ir.Expr] = {}
        # Whether what holds first must come first: in arrays, and where something is printed.
        self._in_order = rules.printing

    def _fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _bound(self, local: str, env: dict[str, ir.Expr]) -> str:
        # A local that a step binds, under its new name.
        if not local:
            return ""
        name = self._fresh()
        env[local] = ir.Local(name)
        return name

    # --- what the other half knows ---------------------------------------------------------------------------

    def branch(self, branch: ir.Branch, env: dict[str, ir.Expr]) -> ir.Branch | None:
        """Return the branch reduced; `env` says what its locals stand for, and grows."""
        raise NotImplementedError

    def expr(self, expr: ir.Expr, env: Env) -> ir.Expr:
        """Return an expression with its locals replaced, worked out where that is possible."""
        raise NotImplementedError

    def valued(self, value: ir.Expr, step: ir.Assign | ir.Test, out: list[ir.Step]) -> ir.Expr | None:
        """Return an atom for a value, after the steps that it needs; None when it is undefined."""
        raise NotImplementedError

    def test(self, value: ir.Expr, step: ir.Test, out: list[ir.Step]) -> bool:
        """Add what is left of a test; return whether it can hold."""
        raise NotImplementedError

    # --- loops ---------------------------------------------------------------------------------------------

    def scan(
        self, step: ir.Scan, rest: ir.Branch, env: dict[str, ir.Expr], out: list[ir.Step]
    ) -> list[ir.Branch | None] | None:
        """Return the branches that a loop and what follows it come to, or None after adding the loop."""
        source = self.expr(step.source, env)
        members = members_of(source)
        if members is None:
            if isinstance(source, ir.RuleValue) and not step.ordered:
                union = source if step.key else self._rules.union(source.rule)
                # A set that nothing else asks for is gone through as it is found, unless a union does that better.
                wanted = step.key or (isinstance(union, ir.RuleValue) and self._rules.asked_once(source.rule))
                if (
                    wanted
                    and self._first_loop(out)
                    and (grafts := self._written_out(source, step, rest, env))
                ):
                    return grafts
                source = union
            name, value = self._bound(step.key, env), self._bound(step.value, env)
            out.append(replace(step, source=source, key=name, value=value))
            return None
        if (found := self._member_test(step, source, rest, env)) is not None:
            return [found[0]]
        if len(members) <= UNROLLED and self._budget > 0:
            return [self.branch(rest, {**env, step.key: name, step.value: value}) for name, value in members]
        if len(members) <= _DECIDED and self._budget > 0:
            made = [self.branch(rest, {**env, step.key: name, step.value: value}) for name, value in members]
            if all(each is None or decided(each) is not None for each in made):
                return made
        if (indexed := self._indexed(step, source, rest, env, out)) is not None:
            return [indexed[0]]
        name, value = self._bound(step.key, env), self._bound(step.value, env)
        out.append(replace(step, source=source, key=name, value=value))
        return None

    def _first_loop(self, out: list[ir.Step]) -> bool:
        # Elsewhere a rule would be worked out again and again.
        return self._top and not self._nesting and once(out) and self._budget > 0 and not self._rules.strict

    def _written_out(
        self, source: ir.RuleValue, step: ir.Scan, rest: ir.Branch, env: dict[str, ir.Expr]
    ) -> list[ir.Branch | None] | None:
        """Return the clauses of a set that is searched by a pattern, each with what follows in place of its value."""
        rule = self._rules.function(source.rule)
        size = sum(len(clause.steps) for clause in rule.clauses)
        if rule.kind != "set" or rule.replaceable or size > _GRAFTED or self._in_order:
            return None
        if not step.key and len(rule.clauses) > 1:
            return None

        def grafted(found: ir.Branch) -> ir.Branch | None:
            last = found.steps[-1] if found.steps else None
            if isinstance(last, ir.Fork):
                made = [grafted(each) for each in last.branches]
                return self.forked(list(found.steps[:-1]), made, last)
            assert found.value is not None
            inner = self.branch(rest, {**env, step.key: found.value, step.value: found.value})
            return None if inner is None else replace(inner, steps=(*found.steps, *inner.steps))

        made: list[ir.Branch | None] = []
        for clause in rule.clauses:
            found = self.branch(walk.branch(clause), {})
            joined = None if found is None else grafted(found)
            made.append(None if joined is None else self.selected(joined))
        return made

    def selected(self, branch: ir.Branch) -> ir.Branch | None:
        """Return a branch that looks up what it searched the keys of something for, if it did.

        Under strict builtin errors it may not: what another key would have failed at is an answer too.
        """
        if self._rules.strict:
            return branch
        for index, step in enumerate(branch.steps):
            if not isinstance(step, ir.Scan) or not step.key or isinstance(step.source, ir.Union):
                continue
            steps, rest = branch.steps[:index], branch.steps[index + 1 :]
            if (text := _required(rest, step.key)) is not None:
                # The comparison is then one of constants, and goes.
                looked_up = replace(branch, steps=(*steps, lookup(step, text), *rest))
                return self.branch(looked_up, {step.key: text})
            if len(rest) == 1 and isinstance(rest[0], ir.Fork) and not self._in_order:
                made = self._searched(step, rest[0])
                if made is not None:
                    return self.forked(list(steps), made, rest[0])
        return branch

    def _searched(self, step: ir.Scan, fork: ir.Fork) -> list[ir.Branch | None] | None:
        """Return branches that look up a key each, when each of them needs one."""
        texts = [_required(each.steps, step.key) for each in fork.branches]
        if None in texts:
            return None
        return [
            self.branch(replace(each, steps=(lookup(step, text), *each.steps)), {step.key: text})
            for each, text in zip(fork.branches, texts, strict=True)
            if text is not None
        ]

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
        found = self.valued(self.expr(other, env), test, out)
        if found is None:
            return (None,)
        member = self._rules.builtin(ir.Builtin("internal.member_2", (found, source), test.span))
        if not self.test(member, test, out):
            return (None,)
        inside[step.value] = found
        inner = self.branch(replace(rest, steps=rest.steps[1:]), inside)
        return (None if inner is None else replace(inner, steps=(*out, *inner.steps)),)

    def _indexed(
        self, step: ir.Scan, source: ir.Expr, rest: ir.Branch, env: dict[str, ir.Expr], out: list[ir.Step]
    ) -> tuple[ir.Branch | None] | None:
        """Return a search of known objects for one with this text at a key as a table of those that have each text."""
        if step.key or not isinstance(source, ir.Const) or type(source.value) is not list or not rest.steps:
            return None
        test = rest.steps[0]
        match test:
            case ir.Test(ir.Compare("==", ir.Get(ir.Local(name), keys), other)) if name == step.value:
                pass
            case ir.Test(ir.Compare("==", other, ir.Get(ir.Local(name), keys))) if name == step.value:
                pass
            case _:
                return None
        if any(each == ir.Local(step.value) for each in walk.below(other)):
            return None
        names = [key.value for key in keys if isinstance(key, ir.Const)]
        table: dict[str, list[Value]] = {}
        for item in source.value if len(names) == len(keys) else ():
            text = references.path(item, names)
            if type(text) is str:
                table.setdefault(text, []).append(item)
            elif text is not UNDEFINED:
                return None
        wanted = self.valued(self.expr(other, env), test, out) if table else None
        if wanted is None:
            return (None,) if len(names) == len(keys) else None
        found = replace(step, source=ir.Get(ir.Const(table), (wanted,)))
        return (self.branch(replace(rest, steps=(found, *rest.steps[1:])), env),)

    def forked(self, out: list[ir.Step], made: list[ir.Branch | None], step: ir.Step) -> ir.Branch | None:
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


def _wanted(step: ir.Step, name: str) -> ir.Const | None:
    """Return the text that a local has to be for a step to hold."""
    match step:
        case ir.Test(ir.Compare("==", ir.Local(local), ir.Const(value) as found)) if local == name:
            return found if type(value) is str else None
        case ir.Test(ir.Compare("==", ir.Const(value) as found, ir.Local(local))) if local == name:
            return found if type(value) is str else None
    return None


def _required(steps: tuple[ir.Step, ...], name: str) -> ir.Const | None:
    """Return the text that a local has to be for the steps to hold, on every way through them."""
    for step in steps:
        if isinstance(step, ir.Fork):
            found = [_required(each.steps, name) for each in step.branches]
            return found[0] if all(each == found[0] for each in found) else None
        if (text := _wanted(step, name)) is not None:
            return text
    return None


def lookup(step: ir.Scan, name: ir.Const) -> ir.Step:
    """Return what a scan comes to where its key is this one."""
    return ir.Assign(step.value or f"{step.key} at", ir.Get(step.source, (name,)), step.span)


def members_of(source: ir.Expr) -> list[tuple[ir.Expr, ir.Expr]] | None:
    """Return the members of a collection that is known, as key and value."""
    if isinstance(source, ir.Array):
        return [(ir.Const(index), item) for index, item in enumerate(source.items)]
    if isinstance(source, ir.Const):
        return [(ir.Const(name), ir.Const(value)) for name, value in references.items_in_order(source.value)]
    return None
