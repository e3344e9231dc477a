"""The location syntax: `spec.containers[name: *].image` and what it means.

In: a text. Out: `Location`, a tuple of `Field`s and `Item`s, or `LocationError` with the position of what is
wrong. Names are letters, digits, `-` and `_` and do not begin with a digit; everything else is quoted, with
backslash escapes. It knows nothing of objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pratique.mutation.errors import MutatorError

_SPACE: Final = " \t\r\n"
_WORD: Final = re.compile(r"[A-Za-z0-9_-]+")
_INT: Final = re.compile(r"[0-9]+")
_MARKS: Final = {".": "SEPARATOR", "[": "LBRACKET", "]": "RBRACKET", "*": "GLOB", ":": "COLON"}
_GREATEST: Final = 2**63 - 1
_DEEPEST: Final = 250


class LocationError(MutatorError):
    """A location cannot be read; `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object."""

    name: str

    def __str__(self) -> str:
        return _quoted(self.name)


@dataclass(frozen=True, slots=True)
class Item:
    """The elements of a list of objects whose `key` is `value`; all of them where `glob` says so."""

    key: str
    value: str | int | None = None
    glob: bool = False

    def __str__(self) -> str:
        if self.glob:
            return f"[{_quoted(self.key)}: *]"
        value = _quoted(self.value) if isinstance(self.value, str) else self.value
        return f"[{_quoted(self.key)}: {value}]"


Node = Field | Item
Location = tuple[Node, ...]


def show(location: Location) -> str:
    """Return a location as text that parses to the same location."""
    return "".join(
        f".{node}" if index and isinstance(node, Field) else str(node) for index, node in enumerate(location)
    )


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int

    def __str__(self) -> str:
        return f'{self.kind}: "{self.text}"'


def parse(text: str) -> Location:
    """Read a location; raises `LocationError`. An empty text is the empty location."""
    location = tuple(_Parser(text).nodes())
    if len(location) > _DEEPEST:
        raise LocationError(f"location is deeper than {_DEEPEST} fields", len(text))
    return location


class _Parser:
    """Recursive descent with one token of look-ahead."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._index = 0

    def nodes(self) -> Iterator[Node]:
        while self._next.kind != "EOF":
            yield Field(self._take("IDENT", "expected field name or eof").text)
            if self._next.kind == "LBRACKET":
                self._index += 1
                yield self._item()
            if self._next.kind == "EOF":
                return
            separator = self._take("SEPARATOR", "expected '.' or eof")
            if self._next.kind == "EOF":
                raise LocationError("trailing separators are forbidden", separator.position)

    def _item(self) -> Item:
        key = self._take("IDENT", "expected keyField in listSpec").text
        self._take("COLON", f"expected ':' following keyField {key}")
        token = self._next
        if token.kind == "GLOB":
            item = Item(key, glob=True)
        elif token.kind == "IDENT":
            item = Item(key, token.text)
        elif token.kind == "INT":
            item = Item(key, _integer(token, key))
        else:
            raise _unexpected("expected key value or glob in listSpec", token)
        self._index += 1
        self._take("RBRACKET", "expected ']' following listSpec")
        return item

    @property
    def _next(self) -> _Token:
        return self._tokens[self._index]

    def _take(self, kind: str, wanted: str) -> _Token:
        token = self._next
        if token.kind != kind:
            raise _unexpected(wanted, token)
        self._index += 1
        return token


def _unexpected(wanted: str, token: _Token) -> LocationError:
    return LocationError(f"unexpected token: {wanted}, got: {token}", token.position)


def _integer(token: _Token, key: str) -> int:
    value = int(token.text) if len(token.text.lstrip("0")) < 20 else _GREATEST + 1
    if value > _GREATEST:
        raise LocationError(
            f"invalid integer: overflow in integer string: {token.text}: parsing key value for key: {key}",
            token.position,
        )
    return value


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        char = text[at]
        if char in _SPACE:
            at += 1
        elif found := _INT.match(text, at) or _WORD.match(text, at):
            yield _Token("INT" if found.re is _INT else "IDENT", found.group(), at)
            at = found.end()
        elif char in _MARKS:
            yield _Token(_MARKS[char], char, at)
            at += 1
        elif char in "'\"":
            content, end, closed = _string(text, at)
            yield _Token("IDENT" if closed else "ERROR", content, at)
            at = end
        else:
            yield _Token("ERROR", char, at)
            at += 1
    yield _Token("EOF", "", len(text))


def _string(text: str, start: int) -> tuple[str, int, bool]:
    """Return what a quoted text says, where it ends, and whether its quote is closed."""
    content: list[str] = []
    at = start + 1
    while at < len(text):
        char = text[at]
        if char == text[start]:
            return "".join(content), at + 1, True
        if char == "\\":
            at += 1
            char = text[at : at + 1]
        content.append(char)
        at += 1
    return "".join(content), len(text), False


def _quoted(text: str) -> str:
    if _WORD.fullmatch(text) and not _INT.match(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
