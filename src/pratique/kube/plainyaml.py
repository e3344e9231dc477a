"""A quick reader for the YAML that machines write: block style, one value a line; and for JSON.

In: the text of one document. Out: its value, or `UNREAD` for whatever is not plainly of that kind: an anchor, a tag,
a folded or multi-line text, an escape, a mapping in braces, anything wrong. libyaml then reads it, and says what is
wrong. INVARIANT: a value that is returned is the one that libyaml's way gives (`tests/kube/test_plainyaml.py` holds
the two against each other); three times as fast is worth it, since reading takes longer than judging.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from pratique.kube.scalars import CONSTANTS, plain

UNREAD: Final = object()

# Beyond this depth libyaml's way decides what is too deep.
_DEEP: Final = 100
_TOO_DEEP: Final = " " * _DEEP

# One line: indent, dash, key, and a text that starts like a word, or any other value. The rest may be a comment.
_TAIL = r"[^\n:\#]*(?:(?::(?=[^ \n])|(?<![ ])\#)[^\n:\#]*)*"
_KEY = r"""(?:[A-Za-z_/][A-Za-z0-9_./-]{0,500}|"[^"\\\n]{0,500}"|'[^'\n]{0,500}')"""
_LINE = re.compile(
    rf"""
    ^([ ]*)
    (-[ ]+)?
    (?:({_KEY}):(?:[ ]+|$))?
    (?:
        ([A-Za-z/$(\\^;]{_TAIL})
        |((?:[0-9.+~=_]|-(?=[^ \n])){_TAIL}
         |"[^"\\\n]*"
         |'(?:[^'\n]|'')*'
         |\[[^\n\[\]{{}}]*\]
         |\{{\}}
         |\0[0-9]+)
    )?
    [ ]*(?:(?<=[ ])\#[^\n]*)?\n
    """,
    re.VERBOSE | re.MULTILINE,
)
_NOISE = re.compile(r"^[ ]*(?:#[^\n]*)?\n", re.MULTILINE)
_ODD = re.compile(
    "[^\\n\\x20-\\x7e\\xa0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]"
)
_ITEM = re.compile(r"""[ ]*("[^"\\]*"|'[^']*'|[A-Za-z0-9_./][A-Za-z0-9_./-]*)[ ]*(?:,|\Z)""")
_LITERAL = re.compile(rf"^([ ]*(?:-[ ]+(?=[^|]))?)(?:{_KEY}:|-)[ ]+\|(-?)\n", re.MULTILINE)
# JSON's numbers that the conversion from YAML writes in another way: fractions, exponents, more than 18 digits.
_JSON_NUMBER = re.compile(r"[\[:,\s]-?(?:[0-9]+[.eE]|[0-9]{19})")


class _Everything:
    """Contains whatever it is asked about."""

    def __contains__(self, _: object) -> bool:
        return True


class _UnreadError(Exception):
    """This document is none of ours."""


def read(text: str) -> Any:
    """Return the value of a text that is one plain document, or `UNREAD`.

    JSON is read as JSON, also the little of it that libyaml does not take for YAML.
    """
    try:
        if text.startswith("{"):
            return _json(text)
        return _block(text)
    except (_UnreadError, ValueError):
        return UNREAD


def _json(text: str) -> Any:
    if _JSON_NUMBER.search(text) or text.count("{") + text.count("[") > _DEEP:
        raise _UnreadError
    return orjson.loads(text)


def _block(text: str) -> Any:
    if text.isascii():
        if not text.replace("\n", "").isprintable():
            raise _UnreadError
    elif _ODD.search(text):
        raise _UnreadError
    if _TOO_DEEP in text:
        raise _UnreadError
    text = text.removeprefix("---\n")
    literals: list[str] = []
    if "|" in text:
        text = _without_literals(text, literals)
    if not text.endswith("\n"):
        text += "\n"
    spaced = " \n" in text or " #" in text
    if spaced or "#" in text or "\n\n" in text or text[0] == "\n":
        text = _NOISE.sub("", text)
    rows = _LINE.findall(text)
    # Every line is one row, or some line is not plain.
    if not rows or len(rows) != text.count("\n"):
        raise _UnreadError
    return _tree(rows, literals, spaced)


def _tree(rows: list[tuple[str, str, str, str, str]], literals: list[str], spaced: bool) -> Any:
    """Return the value of rows. `pending` is the key of the row before, if it has no value yet."""
    root: Any = None
    current: Any = None
    column = -1
    parents: list[tuple[int, Any]] = []
    pending: str | None = None
    # With spaces before line breaks and comments, every text must be looked at.
    unusual = _Everything() if spaced else CONSTANTS
    for indent, dash, key, word, other in rows:
        at = len(indent)
        if at < column:
            pending = None
            column, current = _parent(parents, at)
        if at > column:
            made = _opened(current, pending, [] if dash else {}, first=root is None)
            root = made if root is None else root
            parents.append((column, current))
            column, current, pending = at, made, None
        if dash:
            if type(current) is dict:
                # A list may stand in the column of its key.
                made = _opened(current, pending, [])
                parents.append((column, current))
                current = made
            if not key:
                current.append(_value(word, other, literals, spaced))
                pending = None
                continue
            made = {}
            current.append(made)
            parents.append((column, current))
            column, current = at + len(dash), made
        elif type(current) is list:
            column, current = parents.pop()
        if column < at or type(current) is not dict or not key or key in CONSTANTS:
            raise _UnreadError
        if key[0] == '"' or key[0] == "'":
            key = key[1:-1]
        if word or other:
            current[key] = word if word and word not in unusual else _value(word, other, literals, spaced)
            pending = None
        else:
            current[key] = None
            pending = key
    return root


def _parent(parents: list[tuple[int, Any]], at: int) -> tuple[int, Any]:
    """Go back to what stands in a column, or else left of it."""
    column, current = parents.pop()
    while at < column:
        column, current = parents.pop()
    return column, current


def _opened(current: Any, pending: str | None, made: Any, *, first: bool = False) -> Any:
    """Put a new list or mapping where the key before waits for it."""
    if pending is not None:
        current[pending] = made
    elif not first:
        raise _UnreadError
    return made


def _value(word: str, other: str, literals: list[str], spaced: bool) -> Any:
    if word:
        if spaced:
            word = word.rstrip(" ")
        return CONSTANTS.get(word, word)
    first = other[:1]
    if first == '"':
        return other[1:-1]
    if first == "'":
        return other[1:-1].replace("''", "'")
    if first == "[":
        return _items(other[1:-1])
    if first == "{":
        return {}
    if first == "\0":
        return literals[int(other[1:])]
    if not first:
        raise _UnreadError
    return plain(other.rstrip(" "))


def _items(inner: str) -> list[Any]:
    """Return the items of a list on one line."""
    found: list[Any] = []
    at = 0
    if not inner.strip(" "):
        return found
    while at < len(inner):
        item = _ITEM.match(inner, at)
        if item is None:
            raise _UnreadError
        at = item.end()
        text = item[1]
        found.append(text[1:-1] if text[0] in "\"'" else plain(text))
    if inner.rstrip(" ").endswith(","):
        raise _UnreadError
    return found


def _without_literals(text: str, literals: list[str]) -> str:
    """Take out the texts of `|` and leave their numbers: their lines are no YAML."""
    parts: list[str] = []
    done = 0
    for header in _LITERAL.finditer(text):
        if header.start() < done:
            continue
        end, value = _literal(text, header.end(), len(header[1]), keep=not header[2])
        parts.append(f"{text[done : header.end() - 2 - len(header[2])]}\0{len(literals)}\n")
        literals.append(value)
        done = end
    return "".join([*parts, text[done:]])


def _literal(text: str, start: int, outer: int, *, keep: bool) -> tuple[int, str]:
    """Return where the text that begins here ends, and the text; `outer` is the column of its key."""
    lines: list[str] = []
    inner = 0
    at = start
    while at < len(text):
        end = text.find("\n", at)
        if end < 0:
            # What a text without a last line break means is libyaml's to say.
            raise _UnreadError
        line = text[at:end]
        if line:
            width = len(line) - len(line.lstrip(" "))
            if width == len(line):
                raise _UnreadError
            if not inner:
                inner = width
            if width < inner or width <= outer:
                break
        elif not inner:
            raise _UnreadError
        lines.append(line[inner:])
        at = end + 1
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise _UnreadError
    return at, "\n".join(lines) + ("\n" if keep else "")
