"""Text to tokens.

Comes in: a source. Goes out: parallel lists of kind, value and place, and the comments. Keywords have their own kind;
which of them are names in a given module is for the parser to say. Blank space is not kept: two tokens touch when
the end of one is the start of the other.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from pratique.rego.errors import PARSE_ERROR, Problem
from pratique.rego.nodes import Comment
from pratique.rego.runtime.numbers import NumberRangeError, check_range, parse_number
from pratique.rego.source import Source, Span
from pratique.rego.tokens import (
    END,
    KEYWORDS,
    NAME,
    NUMBER,
    STRING,
    TEMPLATE_HOLE,
    TEMPLATE_HOLE_END,
    TEMPLATE_START,
    TEMPLATE_STOP,
    TEMPLATE_TEXT,
)

# In the order of their frequency; `lastgroup` says which one it was.
_TOKEN: Final = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<string>"(?:[^"\\\n]|\\[^\n])*")
    |(?P<number>(?:[0-9]+(?:\.[0-9]+)?|(?<![A-Za-z0-9_\])}"`])\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<sign>:=|==|!=|<=|>=|[.\[\](),:;={}<>+\-*/%&|])
    |(?P<comment>\#[^\n]*)
    |(?P<raw>`[^`]*`)
    |(?P<template>\$["`])""",
    re.VERBOSE,
)
_TEXT: Final = {
    '"': re.compile(r'(?:[^"\\\n{]|\\[^\n])*'),
    "`": re.compile(r"(?:[^`\\{]|\\.)*", re.DOTALL),
}
# `json` joins pairs by itself; what is left is half of one.
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# A number with fewer digits before its point, and no exponent, is not too large.
_LONG: Final = 10_000


class SyntaxProblem(Exception):  # noqa: N818 - becomes a CompileError before anyone sees it
    """The text cannot be read on from here."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class Tokens:
    """All tokens of a source, the last of kind END; names and keywords have their text as value."""

    kinds: list[str]
    values: list[str]
    starts: list[int]
    ends: list[int]
    comments: list[Comment]


def refuse(source: Source, message: str, start: int, end: int, *, hint: str = "") -> SyntaxProblem:
    """Return the exception that says what is wrong at a place."""
    return SyntaxProblem(Problem(PARSE_ERROR, message, source.location(start, end), hint))


class _Lexer:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = Tokens([], [], [], [], [])
        # One entry an open template string: its quote, and how many braces are open inside its expression.
        self.open: list[list[str | int]] = []

    def add(self, kind: str, value: str, start: int, end: int) -> None:
        tokens = self.tokens
        tokens.kinds.append(kind)
        tokens.values.append(value)
        tokens.starts.append(start)
        tokens.ends.append(end)

    def run(self) -> Tokens:
        text = self.source.text
        match = _TOKEN.match
        tokens = self.tokens
        kinds, values, starts, ends = tokens.kinds, tokens.values, tokens.starts, tokens.ends
        at, length = 0, len(text)
        if text.startswith("\ufeff"):
            at = 1
        while at < length:
            found = match(text, at)
            if found is None:
                raise self.illegal(at)
            group = found.lastgroup
            end = found.end()
            if group == "blank":
                at = end
                continue
            if group == "name":
                value = found.group()
                kinds.append(value if value in KEYWORDS else NAME)
            elif group == "sign":
                value = found.group()
                if self.open and value in "{}":
                    at = self.brace(value, at, end)
                    continue
                kinds.append(value)
            elif group == "comment":
                tokens.comments.append(Comment(found.group()[1:].rstrip("\r"), Span(self.source, at, end)))
                at = end
                continue
            elif group == "template":
                at = self.template(at)
                continue
            else:
                value = self.literal(group or "", found.group(), at, end)
                kinds.append(NUMBER if group == "number" else STRING)
            values.append(value)
            starts.append(at)
            ends.append(end)
            at = end
        if self.open:
            raise refuse(self.source, "non-terminated template string", length, length)
        self.add(END, "", length, length)
        return tokens

    def literal(self, group: str, text: str, start: int, end: int) -> str:
        if group == "string":
            return unescape(self.source, text, start)
        if group == "raw":
            return text[1:-1]
        digits = text.split(".")[0]
        following = self.source.text[end : end + 1]
        if (len(digits) > 1 and digits[0] == "0" and digits.isdigit()) or (
            following and (following.isalnum() or following == "_" or following == ".")
        ):
            raise refuse(
                self.source,
                "illegal number format",
                start,
                end + 1,
                hint="write numbers as in JSON: no leading zeros, digits after the point",
            )
        try:
            parse_number(text)
            if len(digits) > _LONG:
                check_range(digits)
        except NumberRangeError as error:
            # As OPA tells what its parser does not read at all, and what is read and too large.
            words = "number too big" if "big" in str(error) else f"unexpected number token: {error}"
            raise refuse(self.source, words, start, end) from None
        return text

    def brace(self, sign: str, start: int, end: int) -> int:
        top = self.open[-1]
        depth = int(top[1])
        if sign == "}" and depth == 0:
            self.add(TEMPLATE_HOLE_END, "}", start, end)
            return self.text(str(top[0]), end)
        top[1] = depth + (1 if sign == "{" else -1)
        self.add(sign, sign, start, end)
        return end

    def template(self, start: int) -> int:
        quote = self.source.text[start + 1]
        self.add(TEMPLATE_START, quote, start, start + 2)
        self.open.append([quote, 0])
        return self.text(quote, start + 2)

    def text(self, quote: str, start: int) -> int:
        """Read the text of a template string up to its next expression or its end."""
        found = _TEXT[quote].match(self.source.text, start)
        assert found is not None  # the pattern matches the empty text
        end = found.end()
        raw = found.group()
        if raw:
            plain = re.sub(r"\\([{}])", r"\1", raw) if quote == "`" else self.unescaped(raw, start)
            self.add(TEMPLATE_TEXT, plain, start, end)
        sign = self.source.text[end : end + 1]
        if sign == quote:
            self.add(TEMPLATE_STOP, sign, end, end + 1)
            self.open.pop()
            return end + 1
        if sign == "{":
            self.add(TEMPLATE_HOLE, sign, end, end + 1)
            self.open[-1][1] = 0
            return end + 1
        raise refuse(self.source, "non-terminated template string", start - 1, end)

    def unescaped(self, raw: str, start: int) -> str:
        # `\{` is the one escape that JSON does not know.
        plain = re.sub(r"\\(.)", lambda pair: pair[1] if pair[1] in "{}" else pair[0], raw)
        return unescape(self.source, f'"{plain}"', start - 1)

    def illegal(self, at: int) -> SyntaxProblem:
        char = self.source.text[at]
        if char == '"':
            return refuse(
                self.source,
                "non-terminated string",
                at,
                at + 1,
                hint="close it on the same line, or write a raw string in backquotes",
            )
        if char == "`":
            return refuse(
                self.source, "non-terminated raw string", at, at + 1, hint="close it with a backquote"
            )
        hint = {
            "!": "write `not expression` or `left != right`",
            "'": 'write strings in double quotes: "text"',
            "^": "there is no power operator",
            "?": "write two rules, or `else`, for a choice",
        }.get(char, "")
        shown = char if char.isprintable() else f"U+{ord(char):04X}"
        return refuse(self.source, f"illegal token: unexpected character `{shown}`", at, at + 1, hint=hint)


def unescape(source: Source, literal: str, start: int) -> str:
    """Return the text of a string literal, quotes included."""
    if "\\" not in literal:
        return literal[1:-1]
    try:
        text: str = json.loads(literal, strict=False)
    except ValueError:
        raise refuse(
            source,
            "illegal string literal: unknown escape",
            start,
            start + len(literal),
            hint=r"escapes are those of JSON: \" \\ \/ \b \f \n \r \t \uXXXX; regular expressions are best raw: `\d+`",
        ) from None
    return _SURROGATE.sub("\ufffd", text)


def tokenize(source: Source) -> Tokens:
    """Return the tokens of a source; raises `SyntaxProblem`."""
    return _Lexer(source).run()
