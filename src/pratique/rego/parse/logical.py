"""`and` and `or` between the expressions of a body, where a module imports them (OPA parser.go, parseLogicalOrChain).

`or` binds least, then `and`, then `not`; each is left-associative. An operand is one expression, a body in braces,
or a group in parentheses; neither `some` nor `every` is one outside braces, and a `with` belongs to the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from pratique.rego.lexer import SyntaxProblem
from pratique.rego.nodes import Body, Call, Expr, Logical, Not, Object, Term, Test
from pratique.rego.parse.literals import Literals
from pratique.rego.source import Source, Span
from pratique.rego.tokens import END, LOGICAL_KEYWORDS, NAME


class _Operand(NamedTuple):
    """One side as read: its body, whether that is in braces, and the token at which it starts."""

    body: Body
    braced: bool
    start: int


class Logicals(Literals):
    """Reads literals of modules in which `and` or `or` is a keyword."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.logical = False
        # What speculation found, and where it ended: nesting costs no more than one attempt at each bracket.
        self.tried: dict[tuple[int, bool], tuple[_Operand | None, int]] = {}

    def turn_on(self, words: frozenset[str]) -> None:
        """Make keywords of these words from here on."""
        self.keywords |= words
        self.logical = True
        for at in range(self.at, len(self.kinds)):
            if self.kinds[at] == NAME and self.values[at] in words:
                self.kinds[at] = self.values[at]

    @property
    def joins(self) -> bool:
        """Whether `and` or `or` stands here."""
        return self.kinds[self.at] in LOGICAL_KEYWORDS

    def opens_operand(self) -> bool:
        """Tell whether the brace here is that of an operand: `if { body } or other`."""
        depth, at = 0, self.at
        while self.logical and self.kinds[at] != END:
            kind = self.kinds[at]
            depth += (kind in {"{", "[", "("}) - (kind in {"}", "]", ")"})
            at += 1
            if not depth:
                return self.kinds[at] in LOGICAL_KEYWORDS
        return False

    # --- literals ------------------------------------------------------------------------------------------

    def literal(self) -> Expr:
        """Read one literal."""
        at = self.at
        kind = self.kinds[at]
        negates = kind == "not" and not self.starts_reference(at)
        if not self.logical and not (negates and self.modern_not and self.kinds[at + 1] in {"(", "{"}):
            return super().literal()
        if kind in {"{", "("}:
            first = self.speculated(at, self.leading_body if kind == "{" else self.leading_group)
            if first is not None:
                return self.completed(first)
        if negates:
            return self.negation(at)
        if kind in {"some", "every"}:
            return super().literal()
        return self.opened(self.expression(), at)

    def opened(self, found: Expr, at: int) -> Expr:
        """Return an expression, as the first operand where an operator follows it."""
        if not self.joins:
            return found
        if found.withs:
            raise self.with_on_operand(found.withs[0].span)
        if self.kinds[at] == "{":
            if isinstance(found, Test) and isinstance(found.term, Object) and not found.term.pairs:
                raise self.refuse("found an empty body", at, hint="write `true` for a body that always holds")
            raise self.leading_brace(at, self.kinds[self.at])
        return self.completed(_Operand((found,), False, at))

    def completed(self, first: _Operand) -> Expr:
        """Read on from the first operand, up to the last `with`."""
        found = self.alternatives(first).body[0]
        return replace(found, withs=self.withs()) if self.kinds[self.at] == "with" else found

    def negation(self, at: int) -> Expr:
        """Read `not` and what follows it."""
        self.at += 1
        if self.modern_not and self.kinds[self.at] == "{":
            return self.completed(_Operand((self.negated_body(at),), False, at))
        if self.modern_not and self.kinds[self.at] == "(":
            group = self.group("not ")
            if group is not None:
                return self.completed(_Operand((Not(group.body, self.span(at)),), False, at))
        self.at = at
        return self.opened(super().literal(), at)

    def negated_body(self, at: int) -> Not:
        """Read the body in braces behind `not`."""
        start = self.at
        body = self.operand_body(start, "not ")
        return Not(body, self.span(at), braced=True)

    # --- chains --------------------------------------------------------------------------------------------

    def alternatives(self, first: _Operand) -> _Operand:
        """Read `or other`, any number of times."""
        left = self.conjunction(first)
        while self.kinds[self.at] == "or":
            self.at += 1
            left = self.joined("or", left, self.conjunction(self.operand("or")))
        return left

    def conjunction(self, first: _Operand) -> _Operand:
        """Read `and other`, any number of times."""
        left = first
        while self.kinds[self.at] == "and":
            self.at += 1
            left = self.joined("and", left, self.operand("and"))
        return left

    def joined(self, operator: str, left: _Operand, right: _Operand) -> _Operand:
        """Return two operands as one."""
        for side in (left, right):
            if all(map(_prints, side.body)):
                span = side.body[0].span
                raise self.fault(
                    f"operand of `{operator}` cannot consist only of calls to `print`",
                    span,
                    "`print` always succeeds: move it out of the operand, or add an expression that can fail",
                )
        found = Logical(
            "and" if operator == "and" else "or",
            left.body,
            right.body,
            self.span(left.start),
            left_braced=left.braced,
            right_braced=right.braced,
        )
        return _Operand((found,), False, left.start)

    # --- operands ------------------------------------------------------------------------------------------

    def operand(self, operator: str) -> _Operand:
        """Read the operand of an operator, or of a group that may turn out to be a term (no operator)."""
        at = self.at
        if self.kinds[at] == "{":
            return _Operand(self.operand_body(at, "", operator), True, at)
        negates = self.kinds[at] == "not" and not self.starts_reference(at)
        self.at += negates
        if negates and self.modern_not and self.kinds[self.at] == "{":
            return _Operand((self.negated_body(at),), False, at)
        if self.kinds[self.at] == "(" and (self.modern_not if negates else self.logical):
            group = self.group("not " if negates else "")
            if group is not None:
                return _Operand((Not(group.body, self.span(at)),), False, at) if negates else group
        found: Expr = self.bare()
        return _Operand((Not((found,), self.span(at)) if negates else found,), False, at)

    def operand_body(self, at: int, prefix: str, operator: str = "") -> Body:
        """Read a body in braces where a value in braces would be none: behind `prefix`, or as an operand."""
        try:
            body = self.braced_body()
        except SyntaxProblem:
            failed = self.at
            if self.kinds[at + 1] == "}" or not (prefix or operator):
                raise
            self.at = at
            try:
                value = self.infix()
            except SyntaxProblem:
                self.at = failed
                raise
            raise (
                self.leading_brace(at, operator) if operator else self.needs_body(at, prefix, value)
            ) from None
        self.unambiguous(at, body, prefix)
        return body

    def leading_body(self) -> _Operand | None:
        """Read a body in braces before an operator; nothing where it is something else."""
        at = self.at
        try:
            body = self.braced_body()
        except SyntaxProblem:
            return None
        if not self.joins:
            return None
        self.unambiguous(at, body, "")
        return _Operand(body, True, at)

    def leading_group(self) -> _Operand | None:
        """Read a group in parentheses that begins a literal."""
        return self.grouped(inside=False, prefix="")

    def group(self, prefix: str) -> _Operand | None:
        """Read a group in parentheses as an operand; nothing, back at the parenthesis, where it is a term."""
        return self.speculated(self.at, lambda: self.grouped(inside=True, prefix=prefix), inside=True)

    def speculated(
        self, at: int, read: Callable[[], _Operand | None], *, inside: bool = False
    ) -> _Operand | None:
        """Return what can be read here, once for each place; back where it is nothing."""
        known = self.tried.get((at, inside))
        if known is None:
            found = read()
            known = self.tried[at, inside] = found, at if found is None else self.at
        self.at = known[1]
        return known[0]

    def grouped(self, *, inside: bool, prefix: str) -> _Operand | None:
        """Read `( operands )`; `inside` an operand a single one in parentheses with a `with` is a group too."""
        at = self.at
        self.at += 1
        if self.kinds[self.at] == ")":
            if inside:
                raise self.refuse("empty parenthesized group", at)
            return None
        try:
            left = self.operand("")
        except SyntaxProblem:
            return None
        if self.joins:
            found = self.completed(left)
        elif self.kinds[self.at] == "with" and not left.braced:
            withs = self.withs()
            if self.joins:
                raise self.with_on_operand(withs[0].span)
            found = replace(left.body[0], withs=withs)
            self.close()
            if not inside and not self.joins:
                return None
            return _Operand((found,), False, at)
        elif left.braced:
            self.value_in(at, left, prefix)
            return None
        elif isinstance(left.body[0], Logical | Not):
            found = left.body[0]
        else:
            return None
        self.close()
        return _Operand((found,), False, at)

    def close(self) -> None:
        """Step over the parenthesis at the end of a group."""
        if self.kinds[self.at] != ")":
            raise self.refuse("expected ) to close parenthesized group", self.at, hint=self.unclosed())
        self.at += 1

    # --- refusals ------------------------------------------------------------------------------------------

    def value_in(self, at: int, group: _Operand, prefix: str) -> None:
        """Refuse braces in parentheses that hold a body and no value."""
        text = self.text(group.start)
        self.at = at + 1
        try:
            self.term()
        except SyntaxProblem:
            message = "`(...)` in an operand position cannot contain a body"
            raise self.refuse(
                message, at, hint=f"drop the parens to keep the body: `{prefix}{text}`"
            ) from None

    def unambiguous(self, at: int, body: Body, prefix: str) -> None:
        """Refuse a body that also reads as a comprehension: one that begins with a union."""
        first = body[0]
        term = first.term if isinstance(first, Test) else None
        if not (isinstance(term, Call) and term.infix and term.parts == ("or",)):
            return
        if self.source.text[first.span.start] == "(" and term.extent == first.span:
            return
        text = self.text(at)
        start, end = first.span.start - self.starts[at], first.span.end - self.starts[at]
        union = f"{text[:start]}({text[start:end]}){text[end:]}"
        raise self.refuse(
            "ambiguous `{ ... | ... }` operand: read as a body holding a set-union expression, not as a comprehension",
            at,
            hint=f"write `{prefix}({text})` for the comprehension, or `{prefix}{union}` for the set union",
        )

    def leading_brace(self, at: int, operator: str) -> SyntaxProblem:
        """Return the refusal of an operand that begins with a brace and is no body."""
        return self.refuse(
            f"operand of `{operator}` cannot begin with `{{` unless the braces hold a body",
            at,
            hint=f"wrap the operand to keep the value: `({self.text(at)}) {operator} ...`",
        )

    def needs_body(self, at: int, prefix: str, value: Term) -> SyntaxProblem:
        """Return the refusal of a value in braces behind `not`."""
        while isinstance(value, Call) and value.infix:
            value = value.args[0]
        kind = {"SetOf": "set", "Ref": "ref", "Object": "object", "Call": "call"}.get(type(value).__name__)
        text = self.text(at)
        return self.refuse(
            f"`{{...}}` in an operand position must contain expression(s), got: {kind or _comprehension(value)}",
            at,
            hint=f"write `{prefix}({text})` to negate the value, or `{prefix}{{{text}}}` for a body holding it",
        )

    def with_on_operand(self, span: Span) -> SyntaxProblem:
        """Return the refusal of a `with` before an operator."""
        operator = self.kinds[self.at]
        return self.fault(
            f"`with` modifier is not allowed on operand of `{operator}`",
            span,
            "Wrap the operand in `(...)` or `{...}` to scope, or move `with` after the "
            f"`{operator}` expression to apply it to the whole expression",
        )

    def fault(self, message: str, span: Span, hint: str) -> SyntaxProblem:
        """Return a refusal of what stands at a span."""
        return self.refuse(message, self.starts.index(span.start), hint=hint)

    def text(self, at: int) -> str:
        """Return the text from a token to the last one read."""
        return self.source.text[self.starts[at] : self.ends[self.at - 1]]


def _comprehension(value: Term) -> str:
    return f"{getattr(value, 'kind', '')}comprehension"


def _prints(literal: Expr) -> bool:
    term = literal.term if isinstance(literal, Test) else None
    return isinstance(term, Call) and not term.infix and term.parts == ("print",)
