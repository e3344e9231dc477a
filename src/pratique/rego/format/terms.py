"""The layout of terms.

A list, object or set keeps its line breaks between elements: elements that shared a line share one, and with a line
break anywhere between them (or before the first) the brackets get lines of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from pratique.rego.format.places import extent, first
from pratique.rego.format.style import Style
from pratique.rego.format.writer import Collision, Remark, Writer
from pratique.rego.nodes import (
    Array,
    Body,
    Call,
    Comprehension,
    Expr,
    Object,
    Path,
    Ref,
    Scalar,
    SetOf,
    Template,
    Term,
    Var,
)
from pratique.rego.source import Source
from pratique.rego.tokens import INFIX

# How an infix operator is written and how tightly it binds, by the builtin that it is.
OPERATORS: Final = {name: (sign, binds) for sign, (binds, name) in INFIX.items()}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MEMBER: Final[dict[Path, int]] = {("internal", "member_2"): 2, ("internal", "member_3"): 3}


def operator(term: Any) -> str:
    """Return the sign that a call is written with, or nothing where it is written as a call."""
    if isinstance(term, Call) and len(term.parts) == 1 and len(term.args) == 2 and term.parts[0] in OPERATORS:
        return OPERATORS[term.parts[0]][0]
    return ""


def membership(term: Any) -> bool:
    """Whether a call is written with `in`."""
    return isinstance(term, Call) and _MEMBER.get(term.parts) == len(term.args)


def union(term: Any) -> bool:
    """Whether a term is written `a | b`, which reads as a comprehension inside brackets."""
    return operator(term) == "|"


class Terms(Writer):
    """Writes terms; bodies are written by the class above."""

    def __init__(self, source: Source, comments: list[Remark], style: Style) -> None:
        super().__init__(source, comments)
        self.style = style
        # A term that is to stand in parentheses wherever it comes up.
        self.wrapped: Term | None = None

    def body(self, body: Body) -> None:
        """Write the literals of a body, each on its own line."""
        raise NotImplementedError

    def expression(self, expr: Expr) -> None:
        """Write one literal of a body."""
        raise NotImplementedError

    # --- one term ------------------------------------------------------------------------------------------

    def term(self, term: Term, *, row: int | None = None) -> None:
        """Write a term; as the author wrote it, and `Collision` raised on, where its comments have no place."""
        if not self.comments:
            self.bare(term, row=row)
            return
        length, level, comments = len(self.parts), self.level, self.comments
        try:
            self.bare(term, row=row)
        except Collision:
            del self.parts[length:]
            self.level = level
            places = self.places
            if self.pending is not None and places.row(term) <= self.pending.row <= places.last_row(term):
                self.pending = None
            self.comments = comments
            self.as_written(*extent(term))
            raise

    def bare(self, term: Term, *, parens: bool = False, row: int | None = None) -> None:
        """Write a term, an infix call in parentheses if asked; `row` is the line that it is said to stand on."""
        if self.wrapped is term:
            self.wrapped, parens = None, True
        self.advance(self.places.row(term) if row is None else row)
        self.begin()
        match term:
            case Scalar():
                self.scalar(term)
            case Var():
                self.write(term.name)
            case Ref():
                self.reference(term)
            case Call():
                self.call(term, parens=parens)
            case Array() | SetOf():
                self.collection(term)
            case Object():
                self.write("{")
                self.listed(term.pairs, term, places_of(term), self.pair)
                self.write("}")
            case Comprehension():
                self.comprehension(term)
            case Template():
                self.template(term)
        self.begin()

    def scalar(self, term: Scalar) -> None:
        """Write a constant as its author did."""
        text = term.span.text
        if isinstance(term.value, bool) or term.value is None:
            self.write(json.dumps(term.value))
        elif isinstance(term.value, str):
            self.write(text if text[:1] in {'"', "`"} else json.dumps(term.value, ensure_ascii=False))
        else:
            # The sign before a term stands for the zero that it is taken from.
            self.write("0" if text == "-" else "".join(text.split()))

    # --- references and calls ------------------------------------------------------------------------------

    def reference(self, term: Ref) -> None:
        """Write a reference."""
        head = term.head
        inside = isinstance(head, Call) and self.source.text.startswith("(", extent(head)[0])
        self.bare(head, parens=inside)
        self.parts_of(term.path)

    def parts_of(self, path: Sequence[Term]) -> None:
        """Write what hangs on the head of a reference."""
        for part in path:
            if isinstance(part, Scalar) and isinstance(part.value, str):
                self.write(self.dotted(part.value, quoted=part.span.text.startswith('"')))
            elif isinstance(part, Var):
                self.write(f"[{part.name}]")
            else:
                self.write("[")
                try:
                    self.term(part)
                except Collision:
                    # The bracket must not become part of the comment.
                    self.write("\n")
                self.write("]")

    def dotted(self, name: str, *, quoted: bool) -> str:
        """Return a part of a reference: `.name`, or `["name"]` where it is no name, or a keyword that was quoted."""
        if not _NAME.match(name) or (quoted and name in self.style.keywords):
            return f"[{json.dumps(name, ensure_ascii=False)}]"
        return f".{name}"

    def call(self, term: Call, *, parens: bool) -> None:
        """Write a call: infix where it has a sign."""
        if membership(term):
            self.member(term.args, parens=parens or len(term.args) == 3)
            return
        sign = operator(term)
        if not sign:
            self.plain_call(term)
            return
        if parens:
            self.write("(")
        self.bare(term.args[0], parens=True)
        self.write(f" {sign} ")
        self.bare(term.args[1], parens=True)
        if parens:
            self.write(")")

    def member(self, args: Sequence[Term], *, parens: bool) -> None:
        """Write `value in collection` or `key, value in collection`."""
        if parens:
            self.write("(")
        *items, domain = args
        for index, item in enumerate(items):
            if index:
                self.write(", ")
            # `a in b in c` reads from the left.
            self.bare(item, parens=len(args) == 3 or not membership(item))
        self.write(" in ")
        self.bare(domain, parens=True)
        if parens:
            self.write(")")

    def plain_call(self, term: Call) -> None:
        """Write a call with its name and arguments."""
        head, *rest = term.parts
        name = self.source.text[term.span.start : self.begins(term.args[0])] if term.args else ""
        self.write(head + "".join(self.dotted(part, quoted=f'["{part}"]' in name) for part in rest))
        self.write("(")
        # An argument's line break alone, without one between arguments, is not kept.
        self.listed(term.args, term, None, self.argument)
        self.write(")")

    # --- collections ---------------------------------------------------------------------------------------

    def collection(self, term: Array | SetOf) -> None:
        """Write an array or a set."""
        if isinstance(term, SetOf) and not term.items:
            self.write("set()")
            self.advance(self.places.last_row(term))
            return
        opening, closing = ("[", "]") if isinstance(term, Array) else ("{", "}")
        self.write(opening)
        self.listed(term.items, term, places_of(term), self.item)
        self.write(closing)

    def item(self, term: Term) -> None:
        """Write an element of an array or a set."""
        self.guarded(term, wrap=union(term))

    def argument(self, term: Term) -> None:
        """Write an argument; a union keeps the parentheses that it has."""
        self.guarded(term, wrap=union(term) and self.source.text.startswith("(", extent(term)[0]))

    def pair(self, pair: tuple[Term, Term]) -> None:
        """Write an entry of an object."""
        self.guarded(pair[0], wrap=union(pair[0]))
        self.write(": ")
        self.guarded(pair[1], wrap=union(pair[1]))

    def guarded(self, term: Term, *, wrap: bool) -> None:
        """Write a term, in parentheses if asked."""
        if wrap:
            self.write("(")
        try:
            self.term(term)
        finally:
            if wrap:
                self.write(")")

    def listed(
        self,
        elements: Sequence[Any],
        whole: Term,
        span: tuple[int, int] | None,
        write: Callable[[Any], None],
    ) -> None:
        """Write elements between brackets.

        `span` says where the brackets stand; without it, for arguments, a break before the first does not count.
        """
        start = self.places.row(whole)
        lines = self.grouped(elements)
        closing = self.places.line(span[1]) if span else -1
        broken = len(lines) > 1
        if not broken:
            if any(start < each.row < closing for each in self.comments):
                raise Collision
            if elements and span:
                broken = self.places.broken(span[0], self.begins(elements[0]))
        if broken:
            self.delay = True
            self.end_line()
            self.level += 1
            self.start_line()
        for index, line in enumerate(lines):
            if index:
                self.write(",")
                self.end_line()
                self.start_line()
            for position, element in enumerate(line):
                if position:
                    self.write(", ")
                write(element)
        if broken:
            self.write(",")
            self.end_line()
            self.advance(closing)
            self.level -= 1
            self.start_line()

    def begins(self, element: Any) -> int:
        """Return where an element begins: an entry at its key."""
        element = element[0] if isinstance(element, tuple) else element
        return first(element) if isinstance(element, Call) else int(element.span.start)

    def grouped(self, elements: Sequence[Any]) -> list[list[Any]]:
        """Return elements by line: one that begins below the one before it begins a line."""
        lines: list[list[Any]] = [[]]
        before = 0
        for index, element in enumerate(elements):
            row = self.places.line(self.begins(element))
            if index and row > before:
                lines.append([])
            lines[-1].append(element)
            before = row
        return lines

    # --- comprehensions ------------------------------------------------------------------------------------

    def comprehension(self, term: Comprehension) -> None:
        """Write a comprehension."""
        opening, closing = ("[", "]") if term.kind == "array" else ("{", "}")
        start = self.places.row(term)
        row = self.places.row(term.value)
        self.write(opening)
        if term.key is not None:
            # The value of an object's comprehension is never put on a line of its own.
            row = start
            self.guarded(term.key, wrap=union(term.key))
            self.write(": ")
        if row > start:
            self.end_line()
            self.start_line()
        value = term.value
        inside = union(value) or (
            isinstance(value, Call) and self.source.text.startswith("(", extent(value)[0])
        )
        self.bare(value, parens=inside, row=row)
        self.write(" |")
        self.inner_body(term.body, row, self.places.last_row(term))
        self.write(closing)

    def inner_body(self, body: Body, row: int, closing: int) -> None:
        """Write a body inside a line: in that line if it was, else on lines of its own."""
        if self.places.row(body[0]) > row or len(self.grouped(body)) > 1:
            self.end_line()
            self.level += 1
            try:
                self.body(body)
                self.advance(closing)
            finally:
                self.level -= 1
                self.start_line()
            return
        self.write(" ")
        for index, each in enumerate(body):
            if index:
                self.write("; ")
            self.expression(each)
        self.advance(closing)

    # --- template strings ----------------------------------------------------------------------------------

    def template(self, term: Template) -> None:
        """Write a template string."""
        quote = self.source.text[term.span.start + 1]
        self.write(f"${quote}")
        for part in term.parts:
            if isinstance(part, str):
                plain = part if quote == "`" else json.dumps(part, ensure_ascii=False)[1:-1]
                self.write(plain.replace("{", "\\{"))
            else:
                self.hole(part)
        self.write(quote)

    def hole(self, expr: Expr) -> None:
        """Write an expression of a template string, with the comments inside its braces."""
        self.write("{")
        self.level += 1
        row = self.places.row(expr)
        if self.pending is not None:
            self.end_line()
            self.start_line()
        elif above := [each for each in self.comments if each.row < row]:
            self.write(" ")
            self.inline = True
            self.write_comments(above)
            self.comments = self.comments[len(above) :]
        self.expression(expr)
        closing = self.places.closing(extent(expr)[1])
        if below := [each for each in self.comments if each.row < closing]:
            self.end_line()
            self.write_comments(below)
            self.comments = self.comments[len(below) :]
            self.start_line()
        self.write("}")
        self.level -= 1


def places_of(term: Term) -> tuple[int, int]:
    """Return the offsets of a collection's opening bracket and of the end of its closing one."""
    return term.span.start, term.span.end
