"""The functions of Go's text/template: comparison, logic, printing, escaping, indexing.

Values are Go's (`gofmt`); `MISSING` is a value that there is not, `None` Go's nil. A function raises FunctionError
in Go's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final
from urllib.parse import quote_plus

from pratique.rego.builtins.gofmt import GoValue, Int, go_type, plain, sprint, sprintf


class FunctionError(ValueError):
    """A function does not take its operands."""


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
_HTML: Final = str.maketrans(
    {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
_JS: Final = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}
_JS_SPECIAL: Final = re.compile(r"[\\'\"<>&=\x00-\x1f\x7f-\U0010ffff]")


def truth(value: GoValue) -> bool:
    """Tell whether `if` holds for a value: not for what is missing, nil, false, zero or empty."""
    return value is not MISSING and bool(value)


def _nil(value: GoValue) -> GoValue:
    return None if value is MISSING else value


# --- comparison --------------------------------------------------------------------------------------------


def _kind(value: GoValue) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    return "string" if isinstance(value, str) else ""


def _equal(first: GoValue, *others: GoValue) -> bool:
    first = _nil(first)
    if not others:
        raise FunctionError("missing argument for comparison")
    return any(_same(first, _nil(other)) for other in others)


def _same(one: GoValue, two: GoValue) -> bool:
    if one is None or two is None:
        return one is two
    if _kind(one) != _kind(two):
        raise FunctionError(f"incompatible types for comparison: {go_type(one)} and {go_type(two)}")
    if not _kind(one):
        if type(one) is not type(two):
            raise FunctionError(
                f"non-comparable types {plain(one)}: {go_type(one)}, {go_type(two)}: {plain(two)}"
            )
        raise FunctionError(f"non-comparable type {plain(two)}: {go_type(two)}")
    return bool(one == two)


def _less(one: GoValue, two: GoValue) -> bool:
    if not _kind(one) or not _kind(two):
        raise FunctionError("invalid type for comparison")
    if _kind(one) != _kind(two):
        raise FunctionError(f"incompatible types for comparison: {go_type(one)} and {go_type(two)}")
    if isinstance(one, bool):
        raise FunctionError("invalid type for comparison")
    return bool(one < two)


def _less_or_equal(one: GoValue, two: GoValue) -> bool:
    return _less(one, two) or _equal(one, two)


# --- printing ----------------------------------------------------------------------------------------------


def _printed(*values: GoValue) -> str:
    if len(values) == 1 and type(values[0]) is str:
        return values[0]
    # What there is not, and nil, are told apart from a value that prints like them.
    return sprint(["<no value>" if each is MISSING or each is None else each for each in values])


def _html(*values: GoValue) -> str:
    return _printed(*values).translate(_HTML)


def _js(*values: GoValue) -> str:
    def one(found: re.Match[str]) -> str:
        char = found[0]
        if char in _JS:
            return _JS[char]
        return char if ord(char) >= 0x80 and char.isprintable() else f"\\u{ord(char):04X}"

    return _JS_SPECIAL.sub(one, _printed(*values))


def _urlquery(*values: GoValue) -> str:
    return quote_plus(_printed(*values), safe="~")


# --- collections -------------------------------------------------------------------------------------------


def _length(value: GoValue) -> Int:
    if isinstance(value, str):
        return Int(len(value.encode()))
    if isinstance(value, list | dict):
        return Int(len(value))
    if value is MISSING or value is None:
        raise FunctionError("len of nil pointer")
    raise FunctionError(f"len of type {go_type(value)}")


def _index(value: GoValue, *indexes: GoValue) -> GoValue:
    if value is MISSING or value is None:
        raise FunctionError("index of untyped nil")
    for index in indexes:
        if value is None:
            raise FunctionError("index of nil pointer")
        if isinstance(value, dict):
            if type(index) is not str:
                if index is None or index is MISSING:
                    raise FunctionError("value is nil; should be of type string")
                raise FunctionError(f"value has type {go_type(index)}; should be string")
            value = value.get(index)
        elif isinstance(value, list | str):
            held = value.encode() if isinstance(value, str) else value
            found = held[_position(index, len(held), exclusive=True)]
            value = Int(found) if isinstance(value, str) else found
        else:
            raise FunctionError(f"can't index item of type {go_type(value)}")
    return value


def _position(index: GoValue, size: int, *, exclusive: bool) -> int:
    if index is None or index is MISSING:
        raise FunctionError("cannot index slice/array with nil")
    if _kind(index) != "int":
        raise FunctionError(f"cannot index slice/array with type {go_type(index)}")
    if index < 0 or index > size - exclusive:
        raise FunctionError(f"index out of range: {index}")
    return int(index)


def _slice(value: GoValue, *indexes: GoValue) -> GoValue:
    if value is MISSING or value is None:
        raise FunctionError("slice of untyped nil")
    if len(indexes) > 3:
        raise FunctionError(f"too many slice indexes: {len(indexes)}")
    if not isinstance(value, str | list):
        raise FunctionError(f"can't slice item of type {go_type(value)}")
    if isinstance(value, str) and len(indexes) == 3:
        raise FunctionError("cannot 3-index slice a string")
    held = value.encode() if isinstance(value, str) else value
    bounds = [_position(index, len(held), exclusive=False) for index in indexes]
    for one, two in pairwise(bounds):
        if one > two:
            raise FunctionError(f"invalid slice index: {one} > {two}")
    start, end = (bounds[0] if bounds else 0), (bounds[1] if len(bounds) > 1 else len(held))
    part = held[start:end]
    return part.decode(errors="replace") if isinstance(part, bytes) else part


TABLE: Final[dict[str, Callable[..., GoValue]]] = {
    "eq": _equal,
    "ne": lambda one, two: not _equal(one, two),
    "lt": _less,
    "le": _less_or_equal,
    "gt": lambda one, two: not _less_or_equal(one, two),
    "ge": lambda one, two: not _less(one, two),
    "not": lambda value: not truth(value),
    "html": _html,
    "js": _js,
    "urlquery": _urlquery,
    "print": lambda *values: sprint([_nil(each) for each in values]),
    "println": lambda *values: sprint([_nil(each) for each in values], line=True),
    "printf": lambda template, *values: sprintf(template, [_nil(each) for each in values]),
    "len": _length,
    "index": _index,
    "slice": _slice,
}
# How many operands each takes: at least, and at most.
COUNTS: Final[dict[str, tuple[int, int | None]]] = {
    **dict.fromkeys(("html", "js", "urlquery", "print", "println"), (0, None)),
    **dict.fromkeys(("and", "or", "eq", "index", "slice", "printf", "call"), (1, None)),
    **dict.fromkeys(("ne", "lt", "le", "gt", "ge"), (2, 2)),
    **dict.fromkeys(("not", "len"), (1, 1)),
}
NAMES: Final = frozenset(COUNTS)
