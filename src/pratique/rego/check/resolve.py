"""Names decided: every reference absolute, every variable its own, `some` and `:=` done with, calls known.

One walk over each rule. A name is, in this order: a variable that a body around it declares, a rule or import of
the module, a root document (`input`, `data`), else a variable of the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pratique.rego.check import calls, metadata, withs
from pratique.rego.check.bindings import Bindings
from pratique.rego.check.scopes import Names, Scope, declarations, iterated_names, pattern_names
from pratique.rego.check.variables import of_term
from pratique.rego.check.world import World
from pratique.rego.nodes import (
    Array,
    Body,
    Call,
    Comprehension,
    Every,
    Expr,
    Logical,
    Module,
    Not,
    Object,
    Path,
    Ref,
    Rule,
    Scalar,
    SetOf,
    Some,
    SomeIn,
    Template,
    Term,
    Test,
    Unify,
    Var,
    With,
)
from pratique.rego.runtime.values import key as canonical
from pratique.rego.runtime.values import type_name
from pratique.rego.source import Span

ROOTS: Final = frozenset({"input", "data"})


class Resolver:
    """Resolves the rules of one module, or a query."""

    def __init__(self, world: World, globals_: Mapping[str, Path], module: Module | None) -> None:
        self.world = world
        self.globals = globals_
        self.module = module
        self.rule: Rule | None = None
        # The absolute paths that the rule calls or reads, for the graph of rules.
        self.reads: list[tuple[Term, ...]] = []
        self.bindings = Bindings()
        # The names of rules and imports that were looked up, and the arguments that the last rule did not.
        self.used: set[str] = set()
        # Where the older `not` stands whose expression is resolved: what is wrong with its call is told there.
        self.negation: Span | None = None
        self.idle: set[str] = set()

    def known(self, name: str) -> Path | None:
        """Return the absolute path that a rule or import gives a name."""
        path = self.globals.get(name)
        if path is not None:
            self.used.add(name)
        return path

    # --- rules ---------------------------------------------------------------------------------------------

    def resolved_rule(self, rule: Rule, path: Path) -> Rule:
        """Return the rule with every name decided, its `else` links too."""
        self.rule = rule
        scope = Scope(None, Names())
        names: set[str] = set()
        for arg in rule.args or ():
            pattern_names(arg, names)
        names.discard("_")
        scope.hidden = declarations(rule.body) | names
        for name in sorted(names):
            self.declare(Var(name, rule.span), "arg", scope)
        for arg in rule.args or ():
            self.shadows(arg, "args")
        args = None if rule.args is None else tuple([self.term(arg, scope) for arg in rule.args])
        scope.used -= names
        self.bindings = Bindings()
        body = self.body(rule.body, scope, self.bindings)
        keys = tuple([self.term(key, scope) for key in rule.keys])
        value = self.term(rule.value, scope)
        self.leave(scope)
        idle = names - scope.used
        otherwise = None
        if rule.otherwise is not None:
            otherwise = self.resolved_rule(rule.otherwise, path)
            idle &= self.idle
        self.idle = idle
        return Rule(
            path,
            keys,
            args,
            rule.kind,
            value,
            body,
            rule.span,
            rule.default,
            rule.assigned,
            otherwise,
            rule.head_span,
            self.module,
            rule.annotations,
        )

    def resolved_query(self, body: Body) -> tuple[Body, Scope]:
        """Return the body of a query with every name decided, and its scope."""
        scope = Scope(None, Names(), declarations(body))
        found = self.body(body, scope)
        return found, scope

    def unused_arguments(self, rule: Rule) -> None:
        """Note the arguments that no link of the rule just resolved looks at (strict)."""
        written = of_term(*(rule.args or ())).own
        for name in sorted(self.idle):
            self.world.refuse(
                f"unused argument {name}", written[name].span, hint="write `_` for what nobody looks at"
            )

    def leave(self, scope: Scope) -> None:
        """Note what a scope declared for nothing."""
        for name, var in scope.declared.items():
            if name not in scope.used:
                self.world.refuse(
                    f"declared var {name} unused", var.span, hint=f"use `{name}`, or take it out"
                )
        if self.world.capabilities.strict:
            for name, var in scope.assigned.items():
                if name not in scope.used:
                    self.world.refuse(
                        f"assigned var {name} unused", var.span, hint="use it, or assign to `_` to say so"
                    )

    # --- bodies --------------------------------------------------------------------------------------------

    def body(self, body: Body, scope: Scope, bindings: Bindings | None = None) -> Body:
        """Return the literals with every name decided; declarations are dropped. `bindings` learn from each."""
        found = []
        for literal in body:
            done = self.literal(literal, scope)
            if done is not None:
                found.append(done)
                if bindings is not None:
                    bindings.learn(done)
        if not found and body:
            span = body[0].span
            return (Test(Scalar(True, span), span),)
        return tuple(found)

    def literal(self, literal: Expr, scope: Scope) -> Expr | None:
        """Return a literal with every name decided, or nothing for a declaration."""
        if isinstance(literal, Test):
            term = literal.term
            if isinstance(term, Call) and not term.infix:
                if term.name in {"eq", "assign"} and len(term.args) == 2 and not self.names_here(term, scope):
                    left, right = term.args
                    declares = term.name == "assign"
                    unified = Unify(left, right, literal.span, literal.withs, declares=declares)
                    return self.unify(unified, scope)
                if term.parts == ("print",) and self.prints(scope):
                    return self.printed(literal, term, scope)
                place, self.negation = self.negation, None
                done: Term = self.call(term, scope, alone=True, place=place)
            else:
                done = self.term(term, scope)
            return Test(done, literal.span, self.withs(literal.withs, scope))
        if isinstance(literal, Unify):
            return self.unify(literal, scope)
        if isinstance(literal, Not):
            return self.negated(literal, scope)
        if isinstance(literal, Some):
            for var in literal.names:
                if var.name == "_":
                    continue
                self.declare(var, "declared", scope)
                scope.declared.setdefault(var.name, var)
            return None
        if isinstance(literal, SomeIn):
            return self.iterated(literal, scope)
        if isinstance(literal, Logical):
            sides = [self.side(literal, scope, right=right) for right in (False, True)]
            return replace(literal, left=sides[0], right=sides[1], withs=self.withs(literal.withs, scope))
        return self.every(literal, scope)

    def unify(self, literal: Unify, scope: Scope) -> Expr:
        """Return `=` or `:=`; the right side is read before the left declares."""
        right = self.term(literal.right, scope)
        modifiers = self.withs(literal.withs, scope)
        if not literal.declares:
            return Unify(self.term(literal.left, scope), right, literal.span, modifiers)
        self.shadows(literal.left, "variables")
        left = self.assigned(literal.left, scope)
        return Unify(left, right, literal.span, modifiers, declares=True)

    def negated(self, literal: Not, scope: Scope) -> Expr:
        """Return a negation."""
        if literal.braced:
            inner = scope.inner(literal.body)
            body = self.body(literal.body, inner)
            self.leave(inner)
        else:
            only = literal.body[0]
            if isinstance(only, Unify) and only.declares:
                self.world.refuse(
                    "cannot assign vars inside negated expression",
                    only.span,
                    hint="assign on a line of its own",
                )
            modern = self.module is not None and self.module.modern_not
            self.negation = None if modern else literal.span
            done = self.literal(only, scope)
            self.negation = None
            called = done.term if isinstance(done, Test) else None
            if done is not None and not modern and isinstance(called, Call) and called.parts == ("print",):
                # `print` never fails, and with the older `not`, `not print` does not either.
                return done
            body = () if done is None else (done,)
            if not body:
                return Test(Scalar(False, literal.span), literal.span)
        return Not(body, literal.span, self.withs(literal.withs, scope), braced=literal.braced)

    def side(self, literal: Logical, scope: Scope, *, right: bool) -> Body:
        """Return a side of `and` or `or`: in braces it is a scope, and only then it declares variables."""
        side, in_braces = literal.sides[right]
        if in_braces:
            inner = scope.inner(side)
            body = self.body(side, inner)
            self.leave(inner)
            for name, came in inner.came.items():
                if came == "seen":
                    # What is declared below cannot be meant here, braces or not.
                    scope.came.setdefault(name, came)
            return body
        if _declares(side[0]):
            self.world.refuse(
                f"cannot assign vars inside implicit {literal.operator} operand",
                side[0].span,
                hint="put the operand into braces, or compare with `==`",
            )
        return self.body(side, scope)

    def every(self, literal: Every, scope: Scope) -> Expr:
        """Return an `every`; its variables are known in its body only."""
        domain = self.term(literal.domain, scope)
        names = [var.name for var in (literal.key, literal.value) if var is not None and var.name != "_"]
        inner = scope.inner((), names)
        for var in (literal.key, literal.value):
            if var is not None:
                self.shadows(var, "variables")
        key = None if literal.key is None else self.declare(literal.key, "declared", inner)
        value = self.declare(literal.value, "declared", inner)
        nested = inner.inner(literal.body)
        body = self.body(literal.body, nested)
        self.leave(nested)
        for var in (literal.key, literal.value):
            if var is not None and var.name != "_":
                inner.declared[var.name] = var
        self.leave(inner)
        return Every(key, value, domain, body, literal.span, self.withs(literal.withs, scope))

    def names_here(self, term: Call, scope: Scope) -> bool:
        """Tell whether the first name of a call is one of the policy's own."""
        return term.parts[0] in self.globals or scope.hides(term.parts[0])

    def prints(self, scope: Scope) -> bool:
        """Tell whether `print` here is the builtin."""
        return "print" not in self.globals and not scope.hides("print")

    def printed(self, literal: Test, term: Call, scope: Scope) -> Expr:
        """Return a `print`; the order of the body drops it when nobody listens."""
        args = tuple([self.term(arg, scope) for arg in term.args])
        modifiers = self.withs(literal.withs, scope)
        return Test(replace(term, args=args), literal.span, modifiers)

    def withs(self, modifiers: tuple[With, ...], scope: Scope) -> tuple[With, ...]:
        """Return the modifiers with what they replace decided."""
        if not modifiers:
            return ()
        return tuple([withs.resolved(self, each, scope) for each in modifiers])

    # --- variables -----------------------------------------------------------------------------------------

    def declare(self, var: Var, came: str, scope: Scope) -> Var:
        """Declare a variable in a scope, and return it under its own name."""
        if var.name == "_":
            return Var(scope.names.wildcard(), var.span)
        name, wrong = scope.declare(var.name, came)
        if wrong:
            self.world.refuse(wrong, var.span, hint="give it another name; `==` compares")
        return Var(name, var.span)

    def shadows(self, term: Term, what: str) -> None:
        """Note an argument, or the left side of `:=`, that is named as a root document (v1, strict)."""
        modern = self.module is not None and (self.module.version == "v1" or self.world.capabilities.strict)
        if modern and isinstance(term, Var) and term.name in ROOTS:
            message = f"{what} must not shadow {term.name} (use a different variable name)"
            self.world.refuse(message, term.span, hint=f"`{term.name}` is a document that is always there")

    def assigned(self, term: Term, scope: Scope) -> Term:
        """Return the left side of `:=`, its variables declared."""
        if isinstance(term, Var):
            done = self.declare(term, "assigned", scope)
            if term.name != "_":
                scope.assigned.setdefault(term.name, term)
            return done
        if isinstance(term, Array):
            return Array(tuple([self.assigned(item, scope) for item in term.items]), term.span)
        if isinstance(term, Object):
            pairs = [(self.term(key, scope), self.assigned(item, scope)) for key, item in term.pairs]
            return Object(tuple(pairs), term.span)
        if isinstance(term, Scalar):
            message = f"cannot assign to {type_name(term.value)}"
            hint = "use `==` to compare, `=` to match a pattern"
            self.world.refuse(message, term.span, hint=hint)
            return term
        what = {"Ref": "ref", "Call": "call", "SetOf": "set"}.get(type(term).__name__, "this term")
        self.world.refuse(f"cannot assign to {what}", term.span, hint="use `==` to compare, `=` to unify")
        return self.term(term, scope)

    def iterated(self, literal: SomeIn, scope: Scope) -> SomeIn:
        """Return `some pattern in domain`; what its patterns may bind is declared."""
        domain = self.term(literal.domain, scope)
        patterns = [literal.value] if literal.key is None else [literal.key, literal.value]
        for name in sorted(set().union(*map(iterated_names, patterns))):
            self.declare(of_term(*patterns).own[name], "declared", scope)
        key = None if literal.key is None else self.alone(literal.key, scope)
        value = self.alone(literal.value, scope)
        return SomeIn(key, value, domain, literal.span, self.withs(literal.withs, scope))

    # --- terms ---------------------------------------------------------------------------------------------

    def term(self, term: Term, scope: Scope) -> Term:
        """Return the term with every name decided."""
        if isinstance(term, Scalar):
            return term
        if isinstance(term, Var):
            return self.variable(term, scope)
        if isinstance(term, Ref):
            return self.reference(term, scope)
        if isinstance(term, Call):
            return self.call(term, scope, alone=False)
        if isinstance(term, Array):
            return Array(tuple([self.term(item, scope) for item in term.items]), term.span)
        if isinstance(term, SetOf):
            return SetOf(tuple([self.term(item, scope) for item in term.items]), term.span)
        if isinstance(term, Object):
            # Of keys that are written alike only the last counts, and what it hides is not worked out (as in OPA).
            last = {_written(key): item for key, item in term.pairs}
            first = {_written(key): key for key, _ in reversed(term.pairs)}
            pairs = [(self.term(first[name], scope), self.term(item, scope)) for name, item in last.items()]
            return Object(tuple(pairs), term.span)
        if isinstance(term, Comprehension):
            return self.comprehension(term, scope)
        assert isinstance(term, Template)  # there is no other kind
        return self.template(term, scope)

    def variable(self, term: Var, scope: Scope) -> Term:
        """Return what a bare name means."""
        name = term.name
        if name == "_":
            return Var(scope.names.wildcard(), term.span)
        if not scope.hides(name):
            path = self.known(name)
            if path is not None:
                return self.absolute(path, (), term)
            if name in ROOTS:
                return self.absolute((name,), (), term)
        return self.local(term, scope)

    def local(self, term: Var, scope: Scope) -> Var:
        """Return a variable of the rule under its own name."""
        found = scope.find(term.name)
        if found is None:
            scope.names.used.add(term.name)
            return term
        return term if found == term.name else Var(found, term.span)

    def absolute(self, path: Path, rest: tuple[Term, ...], term: Term) -> Ref:
        """Return the reference to a global, and remember what it reads."""
        parts = (*[Scalar(name, term.span) for name in path[1:]], *rest)
        if path[0] == "data":
            self.reads += self.bindings.narrowed(parts) if rest else [parts]
        return Ref(Var(path[0], term.span), parts, term.span)

    def reference(self, term: Ref, scope: Scope) -> Ref:
        """Return a reference with an absolute or local head."""
        path = tuple([part if type(part) is Scalar else self.part(part, scope) for part in term.path])
        head = term.head
        if not isinstance(head, Var):
            return Ref(self.term(head, scope), path, term.span)
        name = head.name
        if name != "_" and not scope.hides(name):
            known = self.known(name)
            if known is None and name in ROOTS:
                known = (name,)
            if known is not None:
                return self.absolute(known, path, term)
        found = Var(scope.names.wildcard(), head.span) if name == "_" else self.local(head, scope)
        return Ref(found, path, term.span)

    def part(self, part: Term, scope: Scope) -> Term:
        """Return what stands in a reference's brackets; a template string there knows no rule or import (as in OPA)."""
        return self.alone(part, scope) if isinstance(part, Template) else self.term(part, scope)

    def alone(self, term: Term, scope: Scope) -> Term:
        """Return a term where OPA resolves no rule and no import."""
        kept, self.globals = self.globals, {}
        try:
            return self.term(term, scope)
        finally:
            self.globals = kept

    def call(self, term: Call, scope: Scope, *, alone: bool, place: Span | None = None) -> Term:
        """Return the call with its function decided; `alone` as a literal of its own, it may capture its result.

        What is wrong with it is told at `place`, where it is not told at the call.
        """
        args = tuple([self.term(arg, scope) for arg in term.args])
        parts = term.parts
        if term.infix and (parts[0] not in self.globals or parts[0] == "internal"):
            return calls.checked(self.world, replace(term, args=args), alone=False, module=self.module)
        # OPA takes an operator for a rule of its name, where the package has one (`plus`, `or`, `equal`).
        local = not term.infix and scope.hides(parts[0])
        if not local:
            known = self.known(parts[0])
            if known is not None:
                parts = (*known, *parts[1:])
        if parts in metadata.CALLS and not local:
            return metadata.constant(self, parts, term)
        if parts[0] == "data":
            if not args and self.world.is_rule(parts):
                return self.absolute(parts, (), term)
            self.reads.append(tuple([Scalar(name, term.span) for name in parts[1:]]))
        return calls.checked(
            self.world,
            replace(term, parts=parts, args=args, infix=False),
            alone=alone,
            module=self.module,
            local=local,
            place=place,
        )

    def comprehension(self, term: Comprehension, scope: Scope) -> Term:
        """Return a comprehension; its body is a scope."""
        inner = scope.inner(term.body)
        body = self.body(term.body, inner)
        key = None if term.key is None else self.term(term.key, inner)
        value = self.term(term.value, inner)
        self.leave(inner)
        return Comprehension(term.kind, key, value, body, term.span)

    def template(self, term: Template, scope: Scope) -> Term:
        """Return the call that a template string stands for: its texts, and a set of at most one value a hole."""
        parts: list[Term] = []
        for part in term.parts:
            if isinstance(part, str):
                parts.append(Scalar(part, term.span))
                continue
            assert isinstance(part, Test)  # the parser lets nothing else in
            inner = scope.inner()
            value = self.term(part.term, inner)
            if isinstance(value, Scalar) and not part.withs:
                parts.append(value)
                continue
            var = Var(scope.names.generated(), part.span)
            body = (Unify(var, value, part.span, self.withs(part.withs, inner)),)
            parts.append(Comprehension("set", None, var, body, part.span))
        return Call(("internal", "template_string"), (Array(tuple(parts), term.span),), term.span)


def _written(key: Term) -> object:
    """Return what is equal for keys that are written alike: 1 and 1.0 are, two wildcards are not."""
    if isinstance(key, Scalar):
        return canonical(key.value)
    return id(key) if isinstance(key, Var) and key.name == "_" else repr(key)


def _declares(literal: Expr) -> bool:
    if isinstance(literal, Unify):
        return literal.declares
    term = literal.term if isinstance(literal, Test) else None
    return isinstance(term, Call) and term.parts == ("assign",) and len(term.args) == 2
