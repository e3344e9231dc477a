"""Go's text/template in pieces: texts, and the tokens of actions. White space is trimmed at `{{- ` and ` -}}`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pratique.rego.builtins.registry import RefusalError
from pratique.rego.runtime.text import quote

KEYWORDS: Final = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with")
)
_SPACE: Final = " \t\r\n"
_TRIMMED: Final = re.compile(r"[ \t\r\n]*\Z")
_CLOSE: Final = re.compile(r"[ \t\r\n]-\}\}|\}\}")
_COMMENT: Final = re.compile(r"\{\{(?:- )?/\*")
_COMMENT_END: Final = re.compile(r"\*/([ \t\r\n]-)?\}\}")
_TOKENS: Final = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<raw>`[^`]*`)"
    r"|(?P<char>'(?:[^'\\\n]|\\.)+')"
    r"|(?P<declare>:=)|(?P<assign>=)|(?P<pipe>\|)|(?P<comma>,)|(?P<open>\()|(?P<close>\))"
    r"|(?P<variable>\$\w*)"
    r"|(?P<number>[+-]?\.?[0-9][\w.]*(?:(?<=[eEpP])[+-][\w.]*)?)"
    r"|(?P<field>\.\w+)"
    r"|(?P<dot>\.)"
    r"|(?P<word>\w+)",
)
# What may stand behind a name.
_ENDS: Final = frozenset(" \t\r\n.,|:()=")


class TemplateError(RefusalError):
    """A template cannot be read or rendered; the message is Go's."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece: `text`, `left`, `right`, or a token of an action. `at` is where it begins."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """Yield the pieces of a template. Raises TemplateError."""
    at = 0
    while True:
        start = text.find("{{", at)
        end = len(text) if start < 0 else start
        piece = text[at:end]
        if start >= 0 and _trims(text, start):
            piece = piece.rstrip(_SPACE)
        if piece:
            yield Token("text", piece, at)
        if start < 0:
            break
        if _COMMENT.match(text, start):
            at = _after_comment(text, start)
            continue
        yield Token("left", "{{", start)
        at = start + (3 if _trims(text, start) else 2)
        for token in _action(text, at):
            yield token
            at = token.at + len(token.text)
        if text[at - 3 : at - 2] == "-":
            at += len(text[at:]) - len(text[at:].lstrip(_SPACE))
    yield Token("eof", "", len(text))


def _trims(text: str, start: int) -> bool:
    return text[start + 2 : start + 3] == "-" and text[start + 3 : start + 4] in tuple(_SPACE)


def fail(text: str, at: int, message: str) -> TemplateError:
    """Return the error at a place of a template's text."""
    return TemplateError(f"template: template:{text.count(chr(10), 0, at) + 1}: {message}")


def _after_comment(text: str, start: int) -> int:
    end = text.find("*/", start)
    if end < 0:
        raise fail(text, start, "unclosed comment")
    found = _COMMENT_END.match(text, end)
    if not found:
        raise fail(text, start, "comment ends before closing delimiter")
    rest = text[found.end() :]
    return found.end() + (len(rest) - len(rest.lstrip(_SPACE)) if found[1] else 0)


def _action(text: str, at: int) -> Iterator[Token]:
    depth = 0
    while True:
        if closing := _CLOSE.match(text, at):
            if depth:
                raise fail(text, at, "unclosed left paren")
            yield Token("right", closing.group(), at)
            return
        if at >= len(text):
            raise fail(text, at, "unclosed action")
        found = _TOKENS.match(text, at)
        if found is None:
            raise _wrong(text, at)
        kind = found.lastgroup or ""
        token = Token(kind, found.group(), at)
        at = found.end()
        depth += {"open": 1, "close": -1}.get(kind, 0)
        if depth < 0:
            raise fail(text, at, "unexpected right paren")
        if kind in ("variable", "field", "word"):
            after = text[at : at + 1]
            if after and after not in _ENDS and not text.startswith("}}", at):
                raise fail(text, at, f"bad character U+{ord(after):04X} {quote_char(after)}")
        if kind == "word" and token.text in KEYWORDS:
            token = Token(token.text, token.text, token.at)
        elif kind == "field" and token.text[1:2].isdecimal():
            raise fail(text, at, f'bad number syntax: "{token.text}"')
        yield token


def _wrong(text: str, at: int) -> TemplateError:
    char = text[at]
    if char == '"':
        return fail(text, at, "unterminated quoted string")
    if char == "`":
        return fail(text, at, "unterminated raw quoted string")
    if char == "'":
        return fail(text, at, "unterminated character constant")
    if char == ":":
        return fail(text, at, "expected :=")
    if ord(char) <= 0x7E and char.isprintable():
        return fail(text, at, f"unexpected {quote(char)} in command")
    return fail(text, at, f"unrecognized character in action: U+{ord(char):04X} {quote_char(char)}")


def quote_char(char: str) -> str:
    """Return a character in single quotes as Go writes it."""
    return "'" + quote(char)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
