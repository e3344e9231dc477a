"""Bodies to steps: expressions in their order, negation, `some`, `every`, `with`, comprehensions, calls.

Nested calls and references are worked out before the expression that they stand in. For `not` this is OPA's
rule too: what is inside a negated call is worked out outside the negation, so an undefined argument fails
the whole body, unless the module imports `future.keywords.not`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from pratique.rego import nodes
from pratique.rego.plan import ir
from pratique.rego.plan.order import ordered
from pratique.rego.plan.patterns import Patterns, is_wildcard
from pratique.rego.runtime import values
from pratique.rego.runtime.values import UNDEFINED, Value

Operator = Literal["==", "!=", "<", "<=", ">", ">="]
COMPARISONS: Final[dict[str, Operator]] = {
    "equal": "==",
    "neq": "!=",
    "lt": "<",
    "lte": "<=",
    "gt": ">",
    "gte": ">=",
}


class Bodies(Patterns):
    """A body in the making, whole."""

    def body(self, literals: nodes.Body) -> None:
        """Add the steps of a body."""
        for literal in literals:
            self.literal(literal)

    def rule(self, rule: nodes.Rule) -> tuple[tuple[nodes.Term, ...], nodes.Term]:
        """Add the steps of a rule's body; return its head's keys and value, which are worked out after it."""
        self.body(rule.body)
        return rule.keys, rule.value

    def literal(self, literal: nodes.Expr) -> None:
        """Add the steps of one literal, its `with` around them."""
        self.span = literal.span
        if not literal.withs:
            self._plain(literal)
            return
        replacements = tuple([self._replacement(each) for each in literal.withs])
        self.steps.append(ir.Enter(replacements, self.span))
        self._plain(literal)
        self.steps.append(ir.Leave())

    def _plain(self, literal: nodes.Expr) -> None:
        match literal:
            case nodes.Unify():
                self.unify(literal.left, literal.right)
            case nodes.SomeIn():
                self._some_in(literal)
            case nodes.Every():
                self._every(literal)
            case nodes.Not():
                self._not(literal)
            case nodes.Logical():
                self._logical(literal)
            case nodes.Test():
                self._test(literal.term)
            case _:
                raise AssertionError(f"no such literal in a checked body: {literal!r}")

    # --- literals --------------------------------------------------------------------------------------

    def _test(self, term: nodes.Term) -> None:
        if isinstance(term, nodes.Call):
            if term.parts == ("print",):
                self._print(term)
                return
            if term.output is not None:
                # A trailing argument takes the result: `count(xs, n)` is `n = count(xs)`.
                self.unify(term.output, replace(term, output=None))
                return
        value = self._asked(term)
        if isinstance(value, ir.Const) and value.value is not UNDEFINED and value.value is not False:
            return
        self.steps.append(ir.Test(value, self.span))

    def _asked(self, term: nodes.Term) -> ir.Expr:
        # Where only success counts, an undefined operand of a comparison needs no guard of its own.
        if isinstance(term, nodes.Call) and term.name in COMPARISONS and term.name not in self.policy.mocked:
            return self._compared(COMPARISONS[term.name], [self.value(arg) for arg in term.args])
        return self.value(term)

    def _some_in(self, literal: nodes.SomeIn) -> None:
        source = self.value(literal.domain)
        if isinstance(source, ir.Stored) and self.policy.replaces_below(source.path):
            # Its members are read one by one, not as a whole.
            source = ir.Get(ir.Data(), tuple(map(ir.Const, source.path)))
        terms = (literal.key, literal.value)
        names = ["" if term is None or is_wildcard(term) else self.fresh() for term in terms]
        self.steps.append(ir.Scan(source, names[0], names[1] or self.fresh(), self.span))
        pairs = [
            (term, ir.Local(name))
            for term, name in zip(terms, names, strict=True)
            if term is not None and name
        ]
        self.match_all(pairs)

    def _every(self, literal: nodes.Every) -> None:
        source = self.value(literal.domain)
        inner = self.inner()
        names = []
        for variable in (literal.key, literal.value):
            name = "" if variable is None or variable.wildcard else self.fresh()
            names.append(name)
            if variable is not None and name:
                inner.bound[variable.name] = ir.Local(name)
        inner.body(literal.body)
        self.steps.append(ir.Every(source, names[0], names[1], tuple(inner.steps), literal.span))

    def _print(self, call: nodes.Call) -> None:
        if not self.policy.printing:
            return
        parts = []
        for arg in call.args:
            inner = self.inner()
            value = inner.term(arg)
            parts.append((tuple(inner.steps), value))
        self.steps.append(ir.Print(tuple(parts), call.span))

    # --- negation --------------------------------------------------------------------------------------

    def _not(self, literal: nodes.Not) -> None:
        inner = self.inner()
        body = literal.body
        if not self.modern_not and len(body) == 1:
            body = (self._hoisted(body[0]),)
            inner.bound = dict(self.bound)
        inner.body(body)
        self.span = literal.span
        if not inner.steps:
            self.never()
            return
        self.steps.append(ir.Not(tuple(inner.steps), self.span))

    def _logical(self, literal: nodes.Logical) -> None:
        # Nothing that a side binds is seen outside, and neither is how often it holds: two negations of it.
        sides = []
        for side in self.sides(literal):
            inner = self.inner()
            inner.side(side)
            sides.append(tuple(inner.steps))
        self.span = literal.span
        failing = [ir.Not(steps, self.span) for steps in sides if steps]
        if literal.operator == "and":
            self.steps.extend([ir.Not((step,), self.span) for step in failing])
        elif len(failing) == len(sides):
            self.steps.append(ir.Not(tuple(failing), self.span))

    def sides(self, literal: nodes.Logical) -> list[nodes.Body]:
        """Return all sides of a chain of one operator."""
        found = [literal.right]
        while True:
            match literal.left:
                case (nodes.Logical(withs=()) as inner,) if (
                    inner.operator == literal.operator and not literal.left_braced
                ):
                    found.append(inner.right)
                    literal = inner
                case _:
                    return [literal.left, *reversed(found)]

    def side(self, literals: nodes.Body) -> None:
        """Add the steps of a side of `and` or `or`."""
        self.body(literals)

    def _hoisted(self, literal: nodes.Expr) -> nodes.Expr:
        """Return the literal with its inner calls and references worked out before it.

        At the top, a reference keeps its own lookup and `=`/`==` keep those of both sides (OPA compile.go,
        rewriteDynamics); any other operator or call is asked with values.
        """
        if isinstance(literal, nodes.Unify):
            return replace(literal, left=self._side(literal.left), right=self._side(literal.right))
        if not isinstance(literal, nodes.Test):
            return literal
        term = literal.term
        if not isinstance(term, nodes.Call):
            return replace(literal, term=self._side(term))
        hold = self._side if term.parts == ("equal",) else self._held
        output = None if term.output is None else self._side(term.output)
        return replace(literal, term=replace(term, args=tuple(map(hold, term.args)), output=output))

    def _side(self, term: nodes.Term) -> nodes.Term:
        match term:
            case nodes.Ref():
                head = term.head if isinstance(term.head, nodes.Var) else self._held(term.head)
                return replace(term, head=head, path=tuple(map(self._held, term.path)))
            case nodes.Call():
                return self._held(term)
            case nodes.Array() | nodes.SetOf():
                return replace(term, items=tuple(map(self._held, term.items)))
            case nodes.Object():
                pairs = tuple([(self._held(name), self._held(item)) for name, item in term.pairs])
                return replace(term, pairs=pairs)
        return term

    def _held(self, term: nodes.Term) -> nodes.Term:
        # A variable that holds the term's value, worked out here.
        if isinstance(term, nodes.Scalar | nodes.Var | nodes.Comprehension):
            return term
        if not self.evaluable(term):
            return self._side(term)
        name = f"held {self.fresh()}"
        self.bound[name] = self.local(self.term(term))
        return nodes.Var(name, term.span)

    # --- calls -----------------------------------------------------------------------------------------

    def call(self, term: nodes.Call) -> ir.Expr:
        """Return a call of a function of the policy, a builtin, or an operator."""
        args = [self.term(arg) for arg in term.args]
        name = term.name
        if not term.builtin:
            if not args:
                return ir.Const(UNDEFINED)
            return ir.Call(self._number(term.parts), tuple(args))
        if name == "walk":
            return self._walk(args[0])
        if name in COMPARISONS and name not in self.policy.mocked:
            return self._compared(COMPARISONS[name], args)
        return ir.Builtin(name, tuple(args), term.span)

    def _compared(self, operator: Operator, args: list[ir.Expr]) -> ir.Expr:
        left, right = args
        if isinstance(left, ir.Const) and isinstance(right, ir.Const):
            return ir.Const(compared(operator, left.value, right.value))
        return ir.Compare(operator, left, right)

    def _walk(self, source: ir.Expr) -> ir.Expr:
        path, value = self.fresh(), self.fresh()
        self.steps.append(ir.Walk(source, path, value, self.span))
        return ir.Array((ir.Local(path), ir.Local(value)))

    # --- comprehensions --------------------------------------------------------------------------------

    def comprehension(self, term: nodes.Comprehension) -> ir.Expr:
        """Return the local that collects a comprehension."""
        inner = self.inner()
        inner.body(term.body)
        key = None if term.key is None else inner.term(term.key)
        value = inner.term(term.value)
        name = self.fresh()
        steps = tuple(inner.steps)
        if term.kind == "array":
            steps = ordered(steps)
        self.steps.append(ir.Collect(name, term.kind, steps, key, value, term.span))
        return ir.Local(name)

    # --- with ------------------------------------------------------------------------------------------

    def _replacement(self, each: nodes.With) -> ir.Replacement:
        if each.kind == "input" or each.kind == "data":
            value = self.local(self.term(each.value))
            return ir.Replacement(each.kind, each.path, -1, "", value)
        rule, name = -1, ""
        if each.kind == "function":
            rule = self._number(each.path)
        else:
            name = ".".join(each.path)
        kind: Literal["function", "builtin"] = "function" if each.kind == "function" else "builtin"
        if not each.by:
            return ir.Replacement(kind, (), rule, name, self.local(self.term(each.value)))
        if each.by[0] == "data":
            return ir.Replacement(kind, (), rule, name, None, by_rule=self._number(each.by))
        return ir.Replacement(kind, (), rule, name, None, by_name=".".join(each.by))

    def _number(self, path: tuple[Value, ...]) -> int:
        place = self.policy.tree.find(path[1:])
        assert place is not None
        assert place.group is not None
        return place.group.number


def compared(operator: Operator, left: Value, right: Value) -> Value:
    """Return what a comparison of two values known now amounts to."""
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    order = values.compare(left, right)
    return {
        "==": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[operator]
