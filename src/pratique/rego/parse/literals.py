"""Literals of a body: expressions, `not`, `some`, `every`, and `with` on any of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pratique.rego import hints
from pratique.rego.lexer import SyntaxProblem
from pratique.rego.nodes import (
    Body,
    Call,
    Every,
    Expr,
    Not,
    Ref,
    SetOf,
    Some,
    SomeIn,
    Term,
    Test,
    Unify,
    Var,
    With,
)
from pratique.rego.parse.terms import Terms
from pratique.rego.source import Span
from pratique.rego.tokens import END, FUTURE_KEYWORDS, INFIX, NAME

# What the author may have meant by a sign or keyword behind an expression.
_EVERY: Final = "write `every x in xs { ... }`, or `every key, value in xs { ... }`"
_MISPLACED: Final[dict[str, str]] = {
    "=": "one assignment an expression",
    ":=": "one assignment an expression",
    "if": "for a choice write a rule for each case, or `else := value if { ... }`",
    "else": "for a choice write a rule for each case, or `else := value if { ... }`",
    "not": "`not` stands before the whole expression: `not x in xs`",
    "in": "at most a key and a value: `some key, value in xs`",
    "as": "only `with ... as value` and imports have `as`; write `name := value`",
    "{": "put all expressions of a body into its braces",
}


class Literals(Terms):
    """Reads bodies."""

    def braced_body(self) -> Body:
        """Read `{ literals }`."""
        self.expect("{")
        return self.body_until("}")

    def body_until(self, closing: str) -> Body:
        """Read literals up to the closing sign, and step over it."""
        found: list[Expr] = []
        opened = self.at - 1
        while True:
            parted = bool(found) and self.kinds[self.at] == ";"
            if parted:
                self.at += 1
                if self.kinds[self.at] == closing and closing != "end of query":
                    raise self.unexpected("expected an expression", hint="no `;` behind the last expression")
            if self.kinds[self.at] == closing:
                break
            if self.kinds[self.at] == END:
                raise self.unexpected(f"expected `{closing}`", hint=self.unclosed())
            if found and not self.new_line() and self.kinds[self.at - 1] != ";":
                raise self.unexpected(f"expected a new line, `;` or `{closing}`", hint=self.body_hint(opened))
            found.append(self.literal())
        if not found:
            raise self.unexpected("found an empty body", hint="write `true` for a body that always holds")
        self.at += 1
        return tuple(found)

    def body_hint(self, opened: int = 0) -> str:
        """Return what the author may have meant by the token that should not be here, in a body opened there."""
        kind, before = self.kinds[self.at], self.kinds[self.at - 1]
        if kind == ":":
            return "write `:=` to assign"
        for word in (kind, before):
            if word in FUTURE_KEYWORDS and word not in self.keywords:
                return f"`{word}` is a keyword only with `import rego.v1` or `import future.keywords.{word}`"
        if kind == ",":
            return "write `;` or a new line between expressions"
        for at in (self.at, self.at - 1):
            if self.kinds[at] == NAME and self.values[at] in hints.WORDS:
                return hints.WORDS[self.values[at]]
        if kind in {"if", "contains"} and before == NAME and self.starts_line(self.at - 1) and opened:
            line, _ = self.source.position(self.starts[opened])
            return f"a new rule seems to begin here: the `{self.kinds[opened]}` in line {line} is not closed"
        if kind in {"(", "["} and not self.touches(self.at):
            return "there must be no space before it"
        return _MISPLACED.get(kind, "")

    def starts_line(self, at: int) -> bool:
        """Tell whether a token is the first on its line."""
        return at > 0 and "\n" in self.source.text[self.ends[at - 1] : self.starts[at]]

    def literal(self) -> Expr:
        """Read one literal."""
        at = self.at
        kind = self.kind
        if kind == "not" and not self.starts_reference(at):
            return self.negated(at)
        if kind == "some" and not self.starts_reference(at):
            return self.some(at)
        if kind == "every" and not self.starts_reference(at):
            return self.every(at)
        return self.expression()

    def starts_reference(self, at: int) -> bool:
        """Tell whether a keyword here is the name of a reference: `some.thing`."""
        return self.kinds[at + 1] in {".", "["} and self.touches(at + 1)

    def expression(self) -> Test | Unify:
        """Read one expression with its `with` modifiers."""
        found = self.bare()
        return replace(found, withs=self.withs()) if self.kinds[self.at] == "with" else found

    def bare(self) -> Test | Unify:
        """Read one expression without `with` modifiers."""
        at = self.at
        left = self.infix()
        kind = self.kinds[self.at]
        if kind == ":=" or kind == "=":
            self.at += 1
            right = self.infix()
            return Unify(left, right, self.span(at), declares=kind == ":=")
        return Test(left, self.span(at))

    def negated(self, at: int) -> Expr:
        """Read what follows `not`."""
        self.at += 1
        if self.kind in {"some", "every", "not"} and not self.starts_reference(self.at):
            raise self.unexpected(
                f"`not` cannot be followed by `{self.kind}`",
                hint="put it into a rule of its own and negate that rule",
            )
        inner = self.expression()
        span = self.span(at)
        # What `with` puts in place is worked out before the negation (OPA's evaluation order).
        return Not((replace(inner, withs=()),), span, inner.withs)

    def braces_are_body(self, at: int) -> bool:
        """Tell whether `{` after `if` or `not` opens a body: not an object, a comprehension or an operand.

        A set literal alone is never meant: `if {x}` is a body of one literal.
        """
        known = self.bodies.get(at)
        if known is None:
            # Remembered, so that nesting costs no more than one attempt at each brace.
            known = self.bodies[at] = self.judge_braces(at)
        return known

    def judge_braces(self, at: int) -> bool:
        """Work out what `braces_are_body` answers."""
        if self.kinds[at + 1] == "}":
            # The empty object, as in OPA: it holds.
            return False
        depth = 0
        kinds = self.kinds
        while True:
            kind = kinds[at]
            if kind in {"{", "[", "("}:
                depth += 1
            elif kind in {"}", "]", ")"}:
                depth -= 1
                if not depth:
                    break
            elif depth == 1 and (kind == ":" or kind == "|"):
                return not self.reads_as_literal()
            elif kind == END:
                return True
            at += 1
        following = kinds[at + 1]
        operand = (
            following in INFIX
            or following in {"=", ":=", "with"}
            or (following == "in" and "in" in self.keywords)
            or (following in {".", "["} and self.touches(at + 1))
        )
        return not (operand and self.reads_as_literal())

    def reads_as_literal(self) -> bool:
        """Tell whether a literal can be read here that is more than a set; nothing is consumed."""
        from_here = self.at
        try:
            found = self.literal()
        except SyntaxProblem:
            return False
        finally:
            self.at = from_here
        return not (isinstance(found, Test) and isinstance(found.term, SetOf))

    def some(self, at: int) -> Expr:
        """Read `some x, y` or `some x in xs`."""
        self.at += 1
        found = self.infix()
        if isinstance(found, Call) and found.infix and found.parts[0] == "internal":
            span = self.span(at)
            withs = self.withs()
            *key, value, domain = found.args
            return SomeIn(key[0] if key else None, value, domain, span, withs)
        names = [self.declared(found, self.at - 1)]
        while self.accept(","):
            names.append(self.declared(self.term(), self.at - 1))
        return Some(tuple(names), self.span(at))

    def declared(self, term: Term, at: int) -> Var:
        """Return the name that `some` declares, or refuse."""
        if isinstance(term, Var):
            return term
        raise self.refuse(
            "`some` declares names: expected an identifier or `in`",
            at,
            hint="write `some x` or `some x in collection`"
            + ("" if "in" in self.keywords else " (with `import future.keywords.in`)"),
        )

    def every(self, at: int) -> Expr:
        """Read `every k, v in xs { body }`."""
        self.at += 1
        first_at = self.at
        first = self.term()
        second: Term | None = None
        if self.accept(","):
            second = self.term()
        for term in (first, second):
            if term is not None and not isinstance(term, Var):
                raise self.refuse("expected a variable after `every`", first_at, hint=_EVERY)
        self.expect("in", "expected `in` and a collection", hint=_EVERY)
        domain = self.infix()
        if self.kinds[self.at] != "{":
            raise self.unexpected("expected `{`", hint=_EVERY)
        body = self.braced_body()
        span = self.span(at)
        withs = self.withs()
        assert isinstance(first, Var)
        if second is None:
            return Every(None, first, domain, body, span, withs)
        assert isinstance(second, Var)
        return Every(first, second, domain, body, span, withs)

    def withs(self) -> tuple[With, ...]:
        """Read any number of `with target as value`."""
        found: list[With] = []
        while self.kinds[self.at] == "with" and self.operator_here("with"):
            at = self.at
            self.at += 1
            target = self.term()
            if isinstance(target, Var):
                target = Ref(target, (), target.span)
            if not isinstance(target, Ref) or not isinstance(target.head, Var):
                raise self.refuse("`with` needs a reference to replace", at + 1)
            self.expect("as", "expected `as` and a value", hint="write `with input.x as value`")
            value = self.infix()
            found.append(With(target, value, Span(self.source, self.starts[at], self.ends[self.at - 1])))
        return tuple(found)
