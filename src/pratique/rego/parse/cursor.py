"""The parser's place in its tokens: looking, stepping, going back, and saying what was expected."""

from __future__ import annotations

from pratique.rego.errors import PARSE_ERROR, Problem
from pratique.rego.lexer import SyntaxProblem, Tokens, tokenize
from pratique.rego.source import Source, Span
from pratique.rego.tokens import END, FUTURE_KEYWORDS, NAME, STRING, WORDS


class Cursor:
    """Tokens and an index into them; the classes above read terms, literals and rules with it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        tokens: Tokens = tokenize(source)
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.values = tokens.values
        self.starts = tokens.starts
        self.ends = tokens.ends
        self.at = 0
        # The future keywords that are on; the others are names.
        self.keywords: set[str] = set(FUTURE_KEYWORDS) if source.version == "v1" else set()
        self.modern_not = False
        # What was found out by trying, by token: braces that are bodies, `|` that is no comprehension's.
        self.bodies: dict[int, bool] = {}
        self.unions: set[int] = set()

    @property
    def kind(self) -> str:
        """The kind of the token here; a future keyword that is not on is a name."""
        kind = self.kinds[self.at]
        if kind in FUTURE_KEYWORDS and kind not in self.keywords:
            return NAME
        return kind

    @property
    def value(self) -> str:
        """The text of the token here."""
        return self.values[self.at]

    def touches(self, at: int) -> bool:
        """Tell whether nothing is between this token and the one before it."""
        return at > 0 and self.starts[at] == self.ends[at - 1]

    def new_line(self) -> bool:
        """Tell whether this token stands on a later line than the one before it."""
        at = self.at
        return at == 0 or "\n" in self.source.text[self.ends[at - 1] : self.starts[at]]

    def span(self, start: int) -> Span:
        """Return the span from the token with that index up to the last one that was read."""
        return Span(self.source, self.starts[start], self.ends[max(start, self.at - 1)])

    def operator_here(self, kind: str) -> bool:
        """Tell whether this keyword stands here as an operator, not as the start of a reference: `in.a`, `with.a`."""
        at = self.at
        if self.kinds[at] != kind or (kind in FUTURE_KEYWORDS and kind not in self.keywords):
            return False
        following = self.kinds[at + 1]
        if self.ends[at] != self.starts[at + 1]:
            return True
        return following != "." and not (following == "[" and self.new_line())

    def accept(self, kind: str) -> bool:
        """Step over a token of this kind, if it is here."""
        if self.kind == kind:
            self.at += 1
            return True
        return False

    def expect(self, kind: str, what: str = "", *, hint: str = "") -> None:
        """Step over a token of this kind, or refuse."""
        if self.kind != kind:
            raise self.unexpected(what or f"expected `{kind}`", hint=hint)
        self.at += 1

    def shown(self) -> str:
        """Return how a message calls the token here."""
        kind = self.kinds[self.at]
        if kind == END:
            return "eof token"
        if kind == NAME:
            return f"identifier `{self.value}`"
        if kind in WORDS:
            return f"`{kind}` keyword"
        if kind == STRING:
            return "string"
        return f"`{self.value or kind}`"

    def unexpected(self, expected: str = "", *, hint: str = "") -> SyntaxProblem:
        """Return the refusal of the token here."""
        at = self.at
        message = f"unexpected {self.shown()}"
        if expected:
            message = f"{message}: {expected}"
        return self.refuse(message, at, hint=hint)

    def unclosed(self) -> str:
        """Return which bracket before the token here is open, where that token cannot close it."""
        kind = self.kinds[self.at]
        if kind not in {END, "}", "]", ")"}:
            return ""
        depth = 0
        for at in range(self.at - 1, -1, -1):
            sign = self.kinds[at]
            if sign in {"}", "]", ")"}:
                depth += 1
            elif sign in {"{", "[", "("}:
                if not depth:
                    line, _ = self.source.position(self.starts[at])
                    return f"the `{sign}` in line {line} is not closed"
                depth -= 1
        return ""

    def refuse(self, message: str, at: int, *, hint: str = "") -> SyntaxProblem:
        """Return the refusal of the token with that index."""
        start, end = self.starts[at], self.ends[at]
        if start == end and at:
            # At the end of the text, the line to show is that of the last token.
            start = self.ends[at - 1]
        location = self.source.location(start, end)
        return SyntaxProblem(Problem(PARSE_ERROR, message, location, hint))
