"""Where the pieces of a module stand: first and last lines, whole extents, closing brackets.

Comes in: nodes as parsed. Goes out: lines (counted from 1) and offsets. The layout follows the author's line
breaks, and this is all that it may ask about them.
"""

from __future__ import annotations

import re
from typing import Final

from pratique.rego.nodes import Body, Call, Comment, Expr, Import, Rule, Term, With
from pratique.rego.source import Source

# What may stand between the last piece of a list or body and the bracket that closes it.
_FILLER: Final = re.compile(r"(?:[ \t\r\n;,]|#[^\n]*)*")


def extent(node: Term | Expr | With) -> tuple[int, int]:
    """Return the offsets of the whole of a node, parentheses and `with` included."""
    if isinstance(node, Call) and node.extent is not None:
        return node.extent.start, node.extent.end
    withs = getattr(node, "withs", ())
    return node.span.start, max(node.span.end, *(each.span.end for each in withs)) if withs else node.span.end


def first(term: Term) -> int:
    """Return the offset at which a term itself begins: inside the parentheses around it."""
    while isinstance(term, Call) and term.infix and not unary(term):
        term = term.args[0]
    return term.span.start


def unary(call: Call) -> bool:
    """Whether an infix call was written as a sign before a term: `-x`."""
    return call.parts == ("minus",) and call.args[0].span == call.span


class Places:
    """Lines of a source. With `flat` set, everything is said to stand on that line."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.flat: int | None = None

    def line(self, offset: int) -> int:
        """Return the line of an offset."""
        return self.flat if self.flat is not None else self.source.position(offset)[0]

    def row(self, node: Term | Expr | With | Rule | Import | Comment) -> int:
        """Return the line on which a node begins."""
        if isinstance(node, Call):
            return self.line(first(node))
        return self.line(node.span.start)

    def last_row(self, node: Term | Expr | With) -> int:
        """Return the line on which a node ends."""
        return self.line(extent(node)[1])

    def terms_end(self, expr: Expr) -> int:
        """Return the line on which an expression ends, without its `with` modifiers."""
        start, end = extent(expr)
        if expr.withs:
            end = expr.withs[0].span.start
        return self.line(start + len(self.source.text[start:end].rstrip()))

    def behind(self, last: int) -> int:
        """Return the offset of the bracket that follows the last piece of a list or body, given where that ends."""
        found = _FILLER.match(self.source.text, last)
        return found.end() if found else last

    def before(self, node: Expr, bracket: str) -> int:
        """Return the offset of the opening bracket before the first piece of a body."""
        return self.source.text.rfind(bracket, 0, extent(node)[0])

    def closing(self, last: int) -> int:
        """Return the line of the bracket that follows the last piece of a list or body, given where that ends."""
        return self.line(self.behind(last))

    def body_closing(self, body: Body) -> int:
        """Return the line of the brace that closes a body."""
        last = self.behind(extent(body[-1])[1])
        while self.source.text.startswith(")", last):
            # Of the last literal, which does not count its parentheses as its own.
            last = self.behind(last + 1)
        return self.line(last)

    def broken(self, start: int, end: int) -> bool:
        """Tell whether a line break stands between two offsets."""
        return self.flat is None and "\n" in self.source.text[start:end]
