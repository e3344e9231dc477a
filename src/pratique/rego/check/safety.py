"""Safety: every variable gets a value, and bodies are ordered so that it has one where it is needed.

A literal binds the variables in the brackets of its references, what `=` can match, the result that a call hands
out, and what `some ... in` iterates. It may stand as soon as its other variables are bound, and everything that
its closures share with the body. The author's order is kept otherwise (OPA compile.go, reorderBodyForSafety).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Set
from dataclasses import replace

from pratique.rego import hints
from pratique.rego.check.outputs import outputs, references
from pratique.rego.check.variables import Uses, of_literal, of_term, pattern_variables
from pratique.rego.check.world import World
from pratique.rego.errors import UNSAFE_ERROR
from pratique.rego.nodes import (
    Array,
    Body,
    Call,
    Comprehension,
    Every,
    Expr,
    Logical,
    Not,
    Object,
    Ref,
    Rule,
    Scalar,
    SetOf,
    SomeIn,
    Term,
    Test,
    Unify,
    Var,
)


class Safety:
    """Orders the bodies of one rule or query."""

    def __init__(self, world: World, *, modern_not: bool, names: Collection[str] = ()) -> None:
        self.world = world
        # What a misspelt variable may have meant.
        self._names = names
        self.modern_not = modern_not
        self.told: set[str] = set()
        self.made = 0

    # --- rules ---------------------------------------------------------------------------------------------

    def rule(self, rule: Rule) -> Rule:
        """Return the rule with its bodies in a safe order, its `else` links too."""
        rule = self._plain_arguments(rule)
        known = set(of_term(*(rule.args or ())).own)
        head = (*rule.keys, rule.value)
        uses = of_term(*head)
        body, keys, value = rule.body, rule.keys, rule.value
        if uses.refs and self._iterates(uses, known, body):
            # OPA moves the head's references into the body, where others may depend on what they bind.
            body, keys, value = self._with_head(rule)
            uses = of_term(*keys, value)
        body, bound = self.body(body, known)
        bound |= known
        missing = uses.own.keys() - bound
        if missing:
            missing -= bound | references(uses.refs, bound)
            self._tell([uses.own[name] for name in missing])
        if uses.closures:
            keys = tuple([self.term(key, bound) for key in keys])
            value = self.term(value, bound)
        otherwise = None if rule.otherwise is None else self.rule(rule.otherwise)
        return replace(rule, keys=keys, value=value, body=body, otherwise=otherwise)

    def _plain_arguments(self, rule: Rule) -> Rule:
        """Return the rule with arguments that are patterns; others are compared in the body."""
        args: list[Term] = []
        compared: list[Expr] = []
        for arg in rule.args or ():
            uses = of_term(arg)
            if uses.calls or uses.closures or any(of_term(*ref.path).own for ref in uses.refs):
                name = Var(f"~a{len(args)}", arg.span)
                compared.append(Unify(name, arg, arg.span))
                args.append(name)
            else:
                args.append(arg)
        if not compared:
            return rule
        return replace(rule, args=tuple(args), body=(*compared, *rule.body))

    def _iterates(self, uses: Uses, known: set[str], body: Body) -> bool:
        # Whether a reference in the head may bind a variable that the body alone does not.
        names = {name for ref in uses.refs for name in of_term(*ref.path).own}
        if not names:
            return False
        return not names <= known | self.bound_by(body, known)

    def bound_by(self, body: Body, known: set[str]) -> set[str]:
        """Return what a body binds, in a safe order."""
        placed, _ = self._placed(body, known)
        return {name for _, uses in placed for name in uses.own}

    def _with_head(self, rule: Rule) -> tuple[Body, tuple[Term, ...], Term]:
        body = list(rule.body)

        def moved(term: Term) -> Term:
            uses = of_term(term)
            if not uses.refs:
                return term
            name = Var(f"~{len(body)}", term.span)
            body.append(Unify(name, term, term.span))
            return name

        keys = tuple([moved(key) for key in rule.keys])
        value = moved(rule.value)
        return tuple(body), keys, value

    # --- bodies --------------------------------------------------------------------------------------------

    def body(self, body: Body, known: set[str]) -> tuple[Body, set[str]]:
        """Return the body in a safe order, and the variables that it binds."""
        placed, left = self._placed(body, known)
        bound = {name for _, uses in placed for name in uses.own}
        if left:
            self._unsafe(left, known | bound)
            placed = placed + left
            # Told once, here: the head is not to blame.
            bound |= {name for _, uses in left for name in uses.own}
        found: list[Expr] = []
        seen = set(known)
        for literal, uses in placed:
            if self.world.printing or not is_print(literal):
                found.append(self.literal(literal, seen) if uses.closures else literal)
            seen |= uses.own.keys()
        if not found and body:
            found.append(Test(Scalar(True, body[0].span), body[0].span))
        return tuple(found), bound

    def _placed(self, body: Body, known: set[str]) -> tuple[list[tuple[Expr, Uses]], list[tuple[Expr, Uses]]]:
        """Return the literals that could be placed, in order, and those that could not."""
        left = [(literal, of_literal(literal)) for literal in body]
        safe = set(known)
        placed: list[tuple[Expr, Uses]] = []
        shared = {name for _, uses in left for name in uses.own} - known
        while left:
            later = []
            for pair in left:
                literal, uses = pair
                if uses.inside and not (uses.inside.keys() & shared) <= safe:
                    later.append(pair)
                    continue
                missing = uses.own.keys() - safe
                if missing and not missing <= self.outputs(literal, uses, safe):
                    later.append(pair)
                    continue
                if missing and uses.refs and not isinstance(literal, Logical):
                    placed.extend(self._split(literal, uses, safe, missing & uses.bare))
                else:
                    placed.append(pair)
                safe |= missing
            if len(later) == len(left):
                later = [each for pair in left for each in self._closures_behind(*pair, safe)]
                if len(later) == len(left):
                    break
            left = later
        return placed, left

    def _closures_behind(self, literal: Expr, uses: Uses, safe: set[str]) -> list[tuple[Expr, Uses]]:
        """Return `x := [xs[i], [y | y := i]]`, before it the references that bind what its comprehensions read.

        As in OPA, which takes comprehensions out of terms, but not from the side of an `=` that they are.
        """
        if not isinstance(literal, Unify):
            return [(literal, uses)]
        if isinstance(literal.left, Comprehension) or isinstance(literal.right, Comprehension):
            return [(literal, uses)]
        return self._split(literal, uses, safe, uses.inside.keys() - safe)

    def _split(self, literal: Expr, uses: Uses, safe: set[str], missing: Set[str]) -> list[tuple[Expr, Uses]]:
        """Return a literal, before it the references that bind what it needs elsewhere: `x == xs[x]`."""
        bound = missing & references(uses.refs, safe)
        if not bound:
            return [(literal, uses)]
        found: list[Expr] = []

        def moved(term: Term) -> Term:
            if isinstance(term, Ref) and bound & of_term(*term.path).own.keys():
                self.made += 1
                name = Var(f"~r{self.made}", term.span)
                found.append(Unify(name, term, term.span, literal.withs))
                return name
            return rebuilt(term, moved)

        def from_calls(term: Term) -> Term:
            return rebuilt(term, moved if isinstance(term, Call) else from_calls)

        if isinstance(literal, Not):
            # Only what the nested calls of an older `not` ask for is worked out before it.
            negated = literal.body[0]
            if isinstance(negated, Test):
                negated = replace(negated, term=rebuilt(negated.term, from_calls))
            else:
                negated = _with_sides(negated, from_calls)
            literal = replace(literal, body=(negated,))
        elif isinstance(literal, Test):
            literal = replace(literal, term=moved(literal.term))
        else:
            literal = _with_sides(literal, moved)
        return [(each, of_literal(each)) for each in (*found, literal)]

    def _unsafe(self, left: Iterable[tuple[Expr, Uses]], bound: set[str]) -> None:
        found: list[Var] = []
        candidates = set(bound)
        shared: set[str] = set()
        pairs = list(left)
        for literal, uses in pairs:
            candidates |= self.outputs(literal, uses, bound)
            shared |= uses.own.keys()
        for literal, uses in pairs:
            missing = [var for name, var in uses.own.items() if name not in candidates]
            if is_print(literal):
                for var in missing:
                    if var.name not in self.told:
                        self.told.add(var.name)
                        self.world.refuse(f"var {var.label} is undeclared", var.span, hint=self.hint(var))
            if isinstance(literal, Unify) and literal.declares:
                # In `x := y` it is `y` that has no value.
                declared: set[str] = set()
                pattern_variables(literal.left, declared)
                missing = [var for var in missing if var.name not in declared] or missing
            found.extend(missing)
        if not found:
            # They wait for each other.
            for _, uses in pairs:
                found.extend(var for name, var in uses.own.items() if name not in bound)
        if not found:
            for _, uses in pairs:
                found.extend(var for name, var in uses.inside.items() if name in shared and name not in bound)
        self._tell(found)

    def _tell(self, found: Iterable[Var]) -> None:
        for var in found:
            if var.name in self.told or var.name.startswith("~"):
                # What no author wrote lacks a value because something else does.
                continue
            self.told.add(var.name)
            self.world.refuse(
                f"var {var.label} is unsafe",
                var.span,
                code=UNSAFE_ERROR,
                hint=self.hint(var),
            )

    def hint(self, var: Var) -> str:
        """Return what the author may have meant by a variable that has no value."""
        if var.wildcard:
            return "`_` has no value of its own: iterate with it inside brackets, or name a variable"
        return hints.of_name(
            var.span, var.label, [name for name in ("input", "data", *self._names) if name != var.label]
        )

    def outputs(self, literal: Expr, uses: Uses, safe: set[str]) -> set[str]:
        """Return the variables that a literal binds, given those that are bound before it."""
        return outputs(literal, uses, safe, modern_not=self.modern_not)

    # --- nested bodies -------------------------------------------------------------------------------------

    def literal(self, literal: Expr, known: set[str]) -> Expr:
        """Return a literal with the bodies inside it in a safe order."""
        if literal.withs:
            withs = tuple([replace(each, value=self.term(each.value, known)) for each in literal.withs])
            literal = replace(literal, withs=withs)
        if isinstance(literal, Test):
            return replace(literal, term=self.term(literal.term, known))
        if isinstance(literal, Unify):
            return replace(
                literal, left=self.term(literal.left, known), right=self.term(literal.right, known)
            )
        if isinstance(literal, Not):
            if literal.braced:
                return replace(literal, body=self.body(literal.body, known)[0])
            return replace(literal, body=(self.literal(literal.body[0], known),))
        if isinstance(literal, Logical):
            left, right = [
                self.body(side, known)[0] if in_braces else (self.literal(side[0], known),)
                for side, in_braces in literal.sides
            ]
            return replace(literal, left=left, right=right)
        if isinstance(literal, SomeIn):
            return replace(literal, domain=self.term(literal.domain, known))
        if isinstance(literal, Every):
            inner = known | {var.name for var in (literal.key, literal.value) if var is not None}
            body, _ = self.body(literal.body, inner)
            return replace(literal, domain=self.term(literal.domain, known), body=body)
        return literal

    def term(self, term: Term, known: set[str]) -> Term:
        """Return a term with the bodies inside it in a safe order."""
        if isinstance(term, Comprehension):
            return self.comprehension(term, known)
        return rebuilt(term, lambda inner: self.term(inner, known))

    def comprehension(self, term: Comprehension, known: set[str]) -> Comprehension:
        """Return a comprehension with its body in a safe order."""
        body, bound = self.body(term.body, known)
        bound = bound | known
        head = (term.value,) if term.key is None else (term.key, term.value)
        uses = of_term(*head)
        missing = uses.own.keys() - bound
        if missing:
            missing -= references(uses.refs, bound)
            self._tell([uses.own[name] for name in missing])
        key, value = term.key, term.value
        if uses.closures:
            key = None if key is None else self.term(key, bound)
            value = self.term(value, bound)
        return Comprehension(term.kind, key, value, body, term.span)


def _with_sides(literal: Expr, change: Callable[[Term], Term]) -> Expr:
    """Return a literal, the sides of an `=` changed."""
    if not isinstance(literal, Unify):
        return literal
    return replace(literal, left=change(literal.left), right=change(literal.right))


def is_print(literal: Expr) -> bool:
    """Tell whether a literal is a call of `print`."""
    if not isinstance(literal, Test):
        return False
    term = literal.term
    return isinstance(term, Call) and term.parts == ("print",)


def rebuilt(term: Term, change: Callable[[Term], Term]) -> Term:
    """Return a term with each term directly inside it changed; a comprehension stays as it is."""
    if isinstance(term, Ref):
        return Ref(change(term.head), tuple(map(change, term.path)), term.span)
    if isinstance(term, Call):
        output = None if term.output is None else change(term.output)
        return replace(term, args=tuple(map(change, term.args)), output=output)
    if isinstance(term, Array):
        return Array(tuple(map(change, term.items)), term.span)
    if isinstance(term, SetOf):
        return SetOf(tuple(map(change, term.items)), term.span)
    if isinstance(term, Object):
        return Object(tuple([(change(key), change(value)) for key, value in term.pairs]), term.span)
    return term
