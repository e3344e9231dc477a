"""Terms: scalars, references, calls, collections, comprehensions, infix expressions, template strings."""

from __future__ import annotations

from dataclasses import replace
from decimal import InvalidOperation

from pratique.rego.lexer import SyntaxProblem
from pratique.rego.nodes import (
    Array,
    Body,
    Call,
    Comprehension,
    Expr,
    Object,
    Ref,
    Scalar,
    SetOf,
    Template,
    Term,
    Test,
    Var,
)
from pratique.rego.parse.cursor import Cursor
from pratique.rego.runtime.numbers import parse_number
from pratique.rego.runtime.values import type_name
from pratique.rego.source import Span
from pratique.rego.tokens import (
    BASE_KEYWORDS,
    FUTURE_KEYWORDS,
    INFIX,
    LOGICAL_KEYWORDS,
    NAME,
    NUMBER,
    STRING,
    TEMPLATE_HOLE,
    TEMPLATE_HOLE_END,
    TEMPLATE_START,
    TEMPLATE_STOP,
    TEMPLATE_TEXT,
    WORDS,
)

_CONSTANTS = {"null": None, "true": True, "false": False}
# What the author may have meant by a sign where a term is expected, by the sign before it and itself.
_DOUBLED = {
    ("&", "&"): "for `and`, write expressions on lines of their own: all of them must hold",
    ("|", "|"): "for `or`, write a rule for each alternative: any of them may hold",
    ("==", "="): "`==` compares, `:=` assigns",
    ("<", ">"): "write `!=`",
    ("*", "*"): "there is no power operator; multiply",
    ("/", "/"): "comments begin with `#`",
    ("/", "*"): "comments begin with `#`, on each line",
    ("[", "*"): "write `[_]` for each of them",
    **{
        (sign, sign): "a variable keeps its value: give the result a name of its own, `y := x + 1`"
        for sign in "+-"
    },
    **{
        (sign, "="): "a variable keeps its value: give the result a name of its own, `y := x + 1`"
        for sign in "+-"
    },
}


class Terms(Cursor):
    """Reads terms; bodies of comprehensions and template expressions are read by the classes above."""

    def body_until(self, closing: str) -> Body:
        """Read literals up to the closing sign, and step over it."""
        raise NotImplementedError

    def expression(self) -> Expr:
        """Read one expression with its `with` modifiers."""
        raise NotImplementedError

    # --- infix ---------------------------------------------------------------------------------------------

    def infix(self, *, pair: bool = True) -> Term:
        """Read an infix expression; with `pair`, `key, value in xs` is one."""
        return self.membership(self.relation(self.at), self.at, pair=pair)

    def infix_from(self, left: Term, start: int, *, pair: bool = False) -> Term:
        """Read on from a term that has been read already."""
        return self.membership(self.climb(left, start, 3), start, pair=pair)

    def relation(self, start: int) -> Term:
        """Read an infix expression without `in`."""
        return self.climb(self.term(), start, 3)

    def climb(self, left: Term, start: int, least: int) -> Term:
        """Read infix operators that bind at least this tightly (precedence climbing)."""
        while True:
            found = INFIX.get(self.kinds[self.at])
            if found is None or found[0] < least:
                return left
            at = self.at
            self.at += 1
            right_start = self.at
            right = self.climb(self.term(), right_start, found[0] + 1)
            span = Span(self.source, self.starts[at], self.ends[at])
            left = Call((found[1],), (left, right), span, infix=True, extent=self.span(start))

    def membership(self, left: Term, start: int, *, pair: bool) -> Term:
        """Read `in` after an infix expression."""
        while True:
            kind = self.kinds[self.at]
            if kind == "in" and self.operator_here("in"):
                at = self.at
                self.at += 1
                right = self.relation(self.at)
                span = Span(self.source, self.starts[at], self.ends[at])
                left = Call(
                    ("internal", "member_2"), (left, right), span, infix=True, extent=self.span(start)
                )
            elif kind == "," and pair and "in" in self.keywords:
                found = self.pair(left, start)
                if found is None:
                    return left
                left = found
            else:
                return left

    def pair(self, left: Term, start: int) -> Term | None:
        """Read `, value in xs` after a key; back to the comma when it is something else."""
        back = self.at
        try:
            self.at += 1
            middle = self.relation(self.at)
        except SyntaxProblem:
            self.at = back
            return None
        if self.kind != "in":
            self.at = back
            return None
        at = self.at
        self.at += 1
        right = self.relation(self.at)
        span = Span(self.source, self.starts[at], self.ends[at])
        args = (left, middle, right)
        return Call(("internal", "member_3"), args, span, infix=True, extent=self.span(start))

    # --- single terms --------------------------------------------------------------------------------------

    def term(self) -> Term:
        """Read one term with everything that hangs on it: `.a`, `[b]`, `(c)`."""
        at = self.at
        kind = self.kinds[at]
        term: Term
        if kind == NAME:
            self.at = at + 1
            term = Var(self.values[at], Span(self.source, self.starts[at], self.ends[at]))
        elif kind == STRING:
            self.at = at + 1
            term = Scalar(self.values[at], Span(self.source, self.starts[at], self.ends[at]))
        elif kind in WORDS:
            term = self.word(at, kind)
        elif kind == NUMBER:
            term = self.number(at, "")
        elif kind == "[":
            term = self.array()
        elif kind == "{":
            term = self.braces()
        elif kind == "(":
            self.at = at + 1
            term = self.infix()
            self.expect(")", "expected `)`", hint=self.unclosed())
            if isinstance(term, Call) and term.infix:
                term = replace(term, extent=self.span(at))
        elif kind == "-":
            return self.negative(at)
        elif kind == TEMPLATE_START:
            term = self.template()
        else:
            hint = _DOUBLED.get((self.kinds[at - 1], kind), "") if self.touches(at) else self.unclosed()
            raise self.unexpected("expected a term", hint=hint)
        return self.finish(term, at)

    def word(self, at: int, kind: str) -> Term:
        """Read a constant, or a keyword that is a name here."""
        span = Span(self.source, self.starts[at], self.ends[at])
        following = self.kinds[at + 1]
        dotted = following in {".", "["} and self.touches(at + 1)
        if kind in _CONSTANTS and not dotted:
            self.at = at + 1
            return Scalar(_CONSTANTS[kind], span)
        is_name = kind in FUTURE_KEYWORDS and kind not in self.keywords
        # `and(x, y)` is the builtin.
        is_name = is_name or (kind in LOGICAL_KEYWORDS and following == "(" and self.touches(at + 1))
        # `contains` is one in heads only; any keyword may start a reference (keywords_in_refs).
        if is_name or dotted or kind == "contains":
            self.at = at + 1
            return Var(kind, span)
        hint = f"`{kind}` is a keyword; choose another name"
        if kind in {"some", "every", "not"}:
            hint = f"`{kind}` starts an expression of its own; give it its own line"
        elif kind == "if":
            hint = "every expression of a body is a condition: leave `if` out"
        raise self.unexpected("expected a term", hint=hint)

    def number(self, at: int, sign: str) -> Scalar:
        """Read a number."""
        self.at += 1
        try:
            value = parse_number(sign + self.values[self.at - 1])
        except (InvalidOperation, ValueError):
            raise self.refuse("illegal number format", self.at - 1) from None
        return Scalar(value, self.span(at))

    def negative(self, at: int) -> Term:
        """Read a negative number, or the negation of a term."""
        self.at += 1
        if self.kinds[self.at] == NUMBER and self.touches(self.at):
            return self.number(at, "-")
        start = self.at
        if self.kinds[start] == NUMBER:
            return self.number(at, "-")
        operand = self.term()
        span = Span(self.source, self.starts[at], self.ends[at])
        return Call(("minus",), (Scalar(0, span), operand), span, infix=True, extent=self.span(at))

    def finish(self, term: Term, start: int) -> Term:
        """Read what hangs on a term: parts of a reference and calls, as long as they touch it."""
        kinds = self.kinds
        while True:
            at = self.at
            kind = kinds[at]
            if kind not in {".", "[", "("} or self.starts[at] != self.ends[at - 1]:
                return term
            term = self.call(term, start) if kind == "(" else self.reference(term, start)

    def reference(self, head: Term, start: int) -> Term:
        """Read the parts of a reference."""
        path: list[Term] = []
        if isinstance(head, Scalar | Template):
            what = "templatestring" if isinstance(head, Template) else type_name(head.value)
            hint = "`substring`, `indexof` and `split` take texts apart" if what != "number" else ""
            raise self.refuse(f"illegal ref (head cannot be {what})", start, hint=hint)
        if isinstance(head, Ref):
            path = list(head.path)
            head = head.head
        while True:
            at = self.at
            kind = self.kinds[at]
            if kind not in {".", "["} or self.starts[at] != self.ends[at - 1]:
                return Ref(head, tuple(path), self.span(start))
            path.append(self.part())

    def part(self) -> Term:
        """Read `.name` or `[term]`."""
        self.at += 1
        at = self.at
        if self.kinds[at - 1] == ".":
            if (self.kinds[at] != NAME and self.kinds[at] not in WORDS) or not self.touches(at):
                hint = {
                    "[": "leave the point out: `input.a[0]`",
                    ".": "`walk(x, [path, value])` visits everything below `x`",
                    NUMBER: "an index stands in brackets: `input.a[0]`",
                    "*": "write `[_]` for each of them",
                }.get(self.kinds[at], "")
                raise self.unexpected("expected identifier after the point", hint=hint)
            self.at += 1
            return Scalar(self.values[at], Span(self.source, self.starts[at], self.ends[at]))
        term = self.infix()
        if self.kinds[self.at] != "]":
            raise self.unexpected("expected `]`", hint=self.unclosed())
        self.at += 1
        return term

    def call(self, operator: Term, start: int) -> Term:
        """Read the arguments of a call."""
        parts = self.operator(operator)
        self.at += 1
        if parts == ("set",) and self.kinds[self.at] == ")":
            self.at += 1
            return SetOf((), self.span(start))
        args = self.listed(")")
        return Call(parts, args, self.span(start))

    def operator(self, term: Term) -> tuple[str, ...]:
        """Return the name that is called, or refuse."""
        if isinstance(term, Var):
            return (term.name,)
        if isinstance(term, Ref) and isinstance(term.head, Var):
            names = [part.value for part in term.path if isinstance(part, Scalar)]
            if len(names) == len(term.path) and all(isinstance(name, str) for name in names):
                return (term.head.name, *names)
        raise self.unexpected("only a name or a path of names can be called")

    def listed(self, closing: str, first: Term | None = None) -> tuple[Term, ...]:
        """Read terms between commas up to the closing sign, and step over it; a trailing comma is fine."""
        items: list[Term] = [] if first is None else [first]
        if first is None and closing == "]" and self.kinds[self.at] == ",":
            self.at += 1
        while True:
            if self.kinds[self.at] == closing:
                self.at += 1
                return tuple(items)
            if items:
                if self.kinds[self.at] != ",":
                    raise self.unexpected(f"expected `,` or `{closing}`", hint=self.list_hint())
                self.at += 1
                if self.kinds[self.at] == closing:
                    self.at += 1
                    return tuple(items)
            items.append(self.infix(pair=False))

    def list_hint(self) -> str:
        """Return what the author may have meant where a list breaks off."""
        if self.kinds[self.at] in {":=", "="}:
            return "an assignment is an expression of its own; give it its own line"
        if self.kind == "in":
            return "put `key, value in collection` in parentheses here"
        if self.kind == NAME and self.value in FUTURE_KEYWORDS:
            return f"`{self.value}` is a keyword only with `import rego.v1` or `import future.keywords.{self.value}`"
        return self.unclosed()

    # --- collections ---------------------------------------------------------------------------------------

    def array(self) -> Term:
        """Read an array or an array comprehension."""
        start = self.at
        self.at += 1
        if self.kinds[self.at] in {"]", ","}:
            items = self.listed("]")
            return Array(items, self.span(start))
        first_at = self.at
        head = self.term()
        if self.kinds[self.at] == "|":
            body = self.comprehension("]")
            if body is not None:
                return Comprehension("array", None, head, body, self.span(start))
        head = self.infix_from(head, first_at)
        items = self.listed("]", head)
        return Array(items, self.span(start))

    def comprehension(self, closing: str) -> Body | None:
        """Read `| body` up to the closing sign; None, back at `|`, when it is a union after all: `{a | b, c}`."""
        back = self.at
        if back in self.unions:
            return None
        self.at += 1
        try:
            return self.body_until(closing)
        except SyntaxProblem:
            if self.kinds[self.at] != ",":
                raise
            self.unions.add(back)
            self.at = back
            return None

    def braces(self) -> Term:
        """Read an object, a set, or a comprehension of either."""
        start = self.at
        self.at += 1
        if self.kinds[self.at] == "}":
            self.at += 1
            return Object((), self.span(start))
        candidate = self.kinds[self.at] != ","
        if not candidate:
            self.at += 1
        first_at = self.at
        head = self.term()
        if self.kinds[self.at] == "|" and candidate:
            body = self.comprehension("}")
            if body is not None:
                return Comprehension("set", None, head, body, self.span(start))
        head = self.infix_from(head, first_at)
        if self.kinds[self.at] == ":":
            return self.object(start, head, candidate=candidate)
        if self.kinds[self.at] not in {",", "}"}:
            raise self.unexpected("expected `,`, `:` or `}`", hint=self.list_hint())
        items = self.listed("}", head)
        return SetOf(items, self.span(start))

    def object(self, start: int, key: Term, *, candidate: bool) -> Term:
        """Read an object or an object comprehension, from the first colon on."""
        self.at += 1
        value_at = self.at
        value = self.term()
        if self.kinds[self.at] == "|" and candidate:
            body = self.comprehension("}")
            if body is not None:
                return Comprehension("object", key, value, body, self.span(start))
        pairs = [(key, self.infix_from(value, value_at))]
        while True:
            kind = self.kinds[self.at]
            if kind == ",":
                self.at += 1
                if self.kinds[self.at] == "}":
                    kind = "}"
            if kind == "}":
                self.at += 1
                return Object(tuple(pairs), self.span(start))
            if kind != ",":
                raise self.unexpected("expected `,` or `}`", hint=self.list_hint())
            name = self.infix(pair=False)
            self.expect(":", "expected `:` and a value")
            pairs.append((name, self.infix(pair=False)))

    # --- template strings ----------------------------------------------------------------------------------

    def template(self) -> Term:
        """Read a template string; Rego v0 has none, `import rego.v1` or not (OPA's capabilities of v0)."""
        start = self.at
        if self.source.version == "v0":
            message = "template strings are not supported by current capabilities"
            raise self.refuse(message, start, hint="write `sprintf`, or read the file as Rego v1")
        self.at += 1
        parts: list[str | Expr] = []
        while True:
            kind = self.kinds[self.at]
            if kind == TEMPLATE_TEXT:
                parts.append(self.value)
                self.at += 1
            elif kind == TEMPLATE_STOP:
                self.at += 1
                return Template(tuple(parts), self.span(start))
            else:
                assert kind == TEMPLATE_HOLE  # the lexer gives nothing else here
                self.at += 1
                parts.append(self.hole())

    def hole(self) -> Expr:
        """Read one expression of a template string."""
        if self.kinds[self.at] == TEMPLATE_HOLE_END:
            raise self.unexpected("expected an expression inside the template string")
        if self.kinds[self.at] in BASE_KEYWORDS & {"not", "some"} or self.kind == "every":
            raise self.unexpected("expected a term inside the template string")
        found = self.expression()
        if not isinstance(found, Test):
            raise self.refuse("an assignment cannot stand inside a template string", self.at - 1)
        self.expect(TEMPLATE_HOLE_END, "expected `}`")
        return found
