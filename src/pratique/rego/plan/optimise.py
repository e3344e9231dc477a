"""A plan to a faster plan with the same answers, known parts of the input worked in.

Comes in: a plan, its builtins, and what is known of the input (by path below `input`). Goes out: a plan of rules
reduced one by one. A function that is called with constants gets a variant for them; a rule that amounts to a
constant is that constant where it is read. What some `with` replaces stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pratique.rego.builtins import registry
from pratique.rego.builtins.registry import Builtin
from pratique.rego.plan import fold, ir, walk
from pratique.rego.plan.fuse import fused
from pratique.rego.plan.loops import decided
from pratique.rego.plan.reduce import Reducer
from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.values import UNDEFINED, Set, Value, equal, key

# More variants than this, or larger constants, are not worth their code.
_VARIANTS: Final = 64
_LARGE: Final = 200
# A set of so many parts can be gone through part by part.
_SOURCES: Final = 4


def optimise(
    plan: ir.Plan,
    builtins: Mapping[str, Builtin],
    constants: fold.Constants | None = None,
    *,
    strict: bool = False,
) -> ir.Plan:
    """Return the plan, reduced; with `strict`, every builtin that would be asked is asked, and may refuse.

    One that is watched stays as it is: it tells what the author has written.
    """
    if plan.watched:
        return plan
    return _Optimiser(plan, builtins, constants or {}, strict=strict).plan()


class _Optimiser:
    """The rules of a plan in the making."""

    def __init__(
        self, plan: ir.Plan, builtins: Mapping[str, Builtin], constants: fold.Constants, *, strict: bool
    ) -> None:
        self.strict = strict
        self._plan = plan
        self._builtins = builtins
        self.constants = constants
        self.printing = plan.printing
        self._made: list[ir.Rule | None] = [None] * len(plan.rules)
        self._variants: dict[Any, int] = {}
        self._called: set[int] = set()
        self._asked: Counter[int] | None = None

    def plan(self) -> ir.Plan:
        """Return the new plan; a function that nothing calls any more is left empty."""
        for rule in self._plan.rules:
            if rule.kind != "function":
                self._rule(rule.number)
        live = self._reachable()
        rules = []
        for number, made in enumerate(self._made):
            rule = made or self._plan.rules[number]
            if number not in live:
                rule = replace(rule, clauses=(), default=None)
            rules.append(rule)
        return replace(self._plan, rules=tuple(rules))

    def _reachable(self) -> set[int]:
        waiting = [rule.number for rule in self._plan.rules if rule.kind != "function"]
        waiting += self._called
        live: set[int] = set()
        while waiting:
            number = waiting.pop()
            if number in live:
                continue
            live.add(number)
            rule = self._made[number] or self._plan.rules[number]
            for clause in walk.clauses(rule):
                waiting += [each.rule for each in walk.of_clause(clause) if isinstance(each, ir.Call)]
        return live

    # --- what bodies ask for -------------------------------------------------------------------------------

    def value(self, number: int) -> ir.Expr:
        """Return what a rule without arguments amounts to."""
        rule = self._rule(number)
        known = None if rule.replaceable else _known(rule)
        return ir.RuleValue(number) if known is None else known

    def union(self, number: int) -> ir.Expr:
        """Return what a rule without arguments amounts to, as something to scan."""
        rule = self._rule(number)
        sources = [_taken(clause) for clause in rule.clauses]
        if rule.kind != "set" or rule.replaceable or not 0 < len(sources) <= _SOURCES or None in sources:
            return ir.RuleValue(number)
        return ir.Union(number, tuple([source for source in sources if source is not None]))

    def asked_once(self, number: int) -> bool:
        """Tell whether the value of a rule is asked for at one place of the policy only."""
        if self._asked is None:
            clauses = [clause for rule in self._plan.rules for clause in walk.clauses(rule)]
            exprs = [each for clause in clauses for each in walk.of_clause(clause)]
            self._asked = Counter([each.rule for each in exprs if isinstance(each, ir.RuleValue)])
        return self._asked[number] == 1

    def builtin(self, expr: ir.Builtin) -> ir.Expr:
        """Return a call of a builtin, or its answer."""
        known = self._builtins[expr.name]
        return expr if expr.name in self._plan.mocked else fold.builtin(expr, known, self.constants)

    def genuine(self, name: str) -> bool:
        """Tell whether a builtin is ours, and nothing replaces it."""
        return name not in self._plan.mocked and self._builtins[name] is registry.lookup(name)

    def call(self, number: int, args: tuple[ir.Expr, ...]) -> ir.Expr:
        """Return a call, of a variant of the function where some operands are constants."""
        if ir.Const(UNDEFINED) in args:
            return ir.Const(UNDEFINED)
        if number in self._plan.mocked_rules or self._replaceable(number):
            self.keep(number)
            return ir.Call(number, args)
        number, args = self._variant(number, args)
        known = _known(self._rule(number))
        return ir.Call(number, args) if known is None else known

    def function(self, number: int) -> ir.Rule:
        """Return a function as it is now; one that is replaced is not to be looked into."""
        rule = self._rule(number)
        return replace(rule, replaceable=True) if number in self._plan.mocked_rules else rule

    def keep(self, number: int) -> None:
        """Take note that a function is named by a `with`, or called where one may replace it."""
        if number not in self._called:
            self._called.add(number)
            self._rule(number)

    def _replaceable(self, number: int) -> bool:
        return number < len(self._plan.rules) and self._plan.rules[number].replaceable

    # --- rules ---------------------------------------------------------------------------------------------

    def _variant(self, number: int, args: tuple[ir.Expr, ...]) -> tuple[int, tuple[ir.Expr, ...]]:
        known = [arg if self._worth(arg) else None for arg in args]
        if not any(known) or number >= len(self._plan.rules):
            return number, args
        name = (number, tuple(map(_identity, known)))
        left = tuple([arg for arg, each in zip(args, known, strict=True) if each is None])
        if name not in self._variants:
            if len(self._variants) >= _VARIANTS:
                return number, args
            self._variants[name] = made = len(self._made)
            self._made.append(None)
            rule = self._plan.rules[number]
            env: dict[str, ir.Expr] = {
                param: each for param, each in zip(rule.params, known, strict=True) if each is not None
            }
            params = tuple([param for param in rule.params if param not in env])
            rule = replace(rule, number=made, params=params, cached=not params)
            self._made[made] = self._reduced(rule, env)
        return self._variants[name], left

    def _worth(self, arg: ir.Expr) -> bool:
        # The input is a constant in part, if anything is known of it.
        if isinstance(arg, ir.Const):
            return fold.size(arg.value) <= _LARGE
        return isinstance(arg, ir.Input) and bool(self.constants)

    def _rule(self, number: int) -> ir.Rule:
        made = self._made[number]
        if made is None:
            made = self._made[number] = self._reduced(self._plan.rules[number], {})
        return made

    def _reduced(self, rule: ir.Rule, env: dict[str, ir.Expr]) -> ir.Rule:
        reducer = Reducer(self, top=rule.kind != "function")
        found = [self._clause(clause, reducer, env) for clause in rule.clauses]
        clauses = [clause for clause in found if clause is not None]
        default = None if rule.default is None else self._clause(rule.default, reducer, env)
        alike = len({clause.multi for clause in clauses}) == 1 and not self.printing
        if alike and not any(each.otherwise for each in clauses):
            branches = list(map(walk.branch, clauses))
            known = {id(branch): clause for branch, clause in zip(branches, clauses, strict=True)}
            joined = fused(branches, reducer.branch)
            clauses = [known.get(id(each)) or _as_clause(each, clauses[0]) for each in joined]
        return replace(rule, clauses=tuple(clauses), default=default)

    def _clause(self, clause: ir.Clause, reducer: Reducer, env: dict[str, ir.Expr]) -> ir.Clause | None:
        found = reducer.branch(walk.branch(clause), dict(env))
        other = None
        if clause.otherwise is not None and (found is None or found.steps):
            other = self._clause(clause.otherwise, reducer, env)
        return other if found is None else replace(_as_clause(found, clause), otherwise=other)


def _taken(clause: ir.Clause) -> ir.Expr | None:
    """Return what a clause takes the members of, as they are, from the documents."""
    match clause:
        case ir.Clause((ir.Scan(source, "", member),), value=ir.Local(name)) if name == member:
            local = any(isinstance(each, ir.Local) for each in walk.below(source))
            return None if local or isinstance(source, ir.Union) else source
    return None


def _identity(arg: ir.Expr | None) -> Any:
    if isinstance(arg, ir.Const):
        return type(arg.value), rego_text(arg.value), key(arg.value)
    return type(arg)


def _as_clause(branch: ir.Branch, clause: ir.Clause) -> ir.Clause:
    """Return a branch as a clause that stands where `clause` does."""
    keys, value = branch.keys, branch.value
    if value is None:
        # The branches of its fork say what it amounts to.
        value = ir.Const(None)
        keys = (value,) * len(clause.keys)
    return replace(clause, steps=branch.steps, keys=keys, value=value, otherwise=None)


def _known(rule: ir.Rule) -> ir.Const | None:
    """Return the constant that a rule amounts to, if it does whatever the input is."""
    if rule.kind not in {"complete", "function", "set"}:
        return None
    found: list[list[ir.Branch] | None] = [decided(walk.branch(clause)) for clause in rule.clauses]
    values: list[Value] = [
        each.value.value
        for rows in found
        for each in rows or []
        if each.value is not None and isinstance(each.value, ir.Const)
    ]
    if rule.kind == "set":
        if rule.vanishing or any(rows is None for rows in found):
            return None
        return ir.Const(Set(values))
    if not rule.clauses:
        return _known_default(rule.default)
    every = [value for clause in walk.clauses(replace(rule, default=None)) for value in _ends(clause)]
    if not values or not all(
        isinstance(value, ir.Const) and equal(value.value, values[0]) for value in every
    ):
        return None
    return ir.Const(values[0])


def _ends(clause: ir.Clause) -> list[ir.Expr]:
    return list(walk.outcomes(walk.branch(clause)))


def _known_default(default: ir.Clause | None) -> ir.Const | None:
    if default is None:
        return ir.Const(UNDEFINED)
    return default.value if not default.steps and isinstance(default.value, ir.Const) else None
