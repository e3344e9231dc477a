"""Regular expressions as RE2 has them: its syntax, its refusals, and linear time whatever the pattern.

RE2 itself (google-re2) is the engine. Python's `re` answers an easy match some fifteen times faster, so the
patterns that mean the same to both and that cannot backtrack beyond linear time are handed to it: literals,
escapes, plain classes, groups and alternatives without quantifier, bounded single characters, and one unbounded
repetition when the pattern is anchored at its beginning. Everything else goes to RE2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import re2

from pratique.kube import regexps
from pratique.rego.runtime.errors import BUILTIN_ERROR, BuiltinError
from pratique.rego.runtime.numbers import integer

_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_NO_GROUPS: Final = re2.Options()
_NO_GROUPS.log_errors = False
_NO_GROUPS.never_capture = True
_NOWHERE: Final = (-1, -1)

_EASY_ATOM: Final = re.compile(
    r"\\[.\-/\\^$|?*+(){}\[\]_:=@,]"  # an escaped sign
    r"|\\[dDwW]"
    r"|\[\^?(?:[A-Za-z0-9 _./:@=,;!#%+*$?(){}|<>'\"]|\\[.\-/\\\]^dw]|(?<=[A-Za-z0-9])-(?=[A-Za-z0-9])|-(?=\]))+\]"
    r"|[A-Za-z0-9 _/:@=,;!#%<>'\"&~-]"
    r"|\."
)
_QUANTIFIER: Final = re.compile(r"[*+?]|\{(\d{1,2})(?:(,)(\d{1,2})?)?\}")
# What RE2 takes and Go's regexp does not: bytes, and more than a thousand repetitions.
_BYTE: Final = re.compile(r"(?<!\\)(?:\\\\)*\\C")
_REPEAT: Final = re.compile(r"(?<!\\)\{(\d+)(?:,(\d*))?\}")
_MOST_REPEATS: Final = 1000


@lru_cache(maxsize=2048)
def compiled(pattern: str) -> Any:
    """Return the pattern with `search`, `fullmatch` and match objects as `re` has them.

    Raises BuiltinError in Go's words where RE2 refuses the pattern.
    """
    return _easy(pattern) or _linear(pattern, _OPTIONS)


def _linear(pattern: str, options: Any) -> Any:
    _refuse_what_go_refuses(pattern)
    try:
        return re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise BuiltinError(BUILTIN_ERROR, "error parsing regexp: invalid UTF-8") from None
    except re2.error as error:
        raise BuiltinError(
            BUILTIN_ERROR, f"error parsing regexp: {regexps.go_message(error, pattern)}"
        ) from None


def _refuse_what_go_refuses(pattern: str) -> None:
    if found := _BYTE.search(pattern):
        raise BuiltinError(BUILTIN_ERROR, f"error parsing regexp: invalid escape sequence: `{found[0][-2:]}`")
    for found in _REPEAT.finditer(pattern):
        if any(integer(number) > _MOST_REPEATS for number in found.groups() if number):
            raise BuiltinError(BUILTIN_ERROR, f"error parsing regexp: invalid repeat count: `{found[0]}`")


@lru_cache(maxsize=2048)
def searcher(pattern: str) -> Callable[[str], Any]:
    """Return a function that answers None where the pattern is nowhere in a text, and anything else where it is.

    Raises BuiltinError as `compiled` does.
    """
    if (easy := _easy(pattern)) is not None:
        return easy.search
    # The library's own search makes a match object, which takes ten times as long as finding out if there is one.
    match = _linear(pattern, _NO_GROUPS)._regexp.Match
    anywhere = re2._re2.RE2.Anchor.UNANCHORED

    def search(text: str) -> Any:
        encoded = text.encode()
        where = match(anywhere, encoded, 0, len(encoded))[0]
        return None if where == _NOWHERE else where

    return search


def valid(pattern: str) -> bool:
    """Tell whether RE2 takes the pattern."""
    try:
        compiled(pattern)
    except BuiltinError:
        return False
    return True


def _easy(pattern: str) -> re.Pattern[str] | None:
    """Return the pattern for `re` if it means the same there and cannot be slow, else None."""
    at, unbounded, depth, end = 0, 0, 0, len(pattern)
    anchored = pattern.startswith("^")
    if anchored:
        at = 1
    while at < end:
        char = pattern[at]
        if char == "$" and at == end - 1:
            break
        if char == "(" and pattern[at + 1 : at + 2] != "?":
            depth, at = depth + 1, at + 1
        elif char == "|" and depth:
            at += 1
        elif char == ")" and depth:
            depth, at = depth - 1, at + 1
            if _QUANTIFIER.match(pattern, at):
                return None
        elif atom := _EASY_ATOM.match(pattern, at):
            at = atom.end()
            if quantifier := _QUANTIFIER.match(pattern, at):
                at = quantifier.end()
                unbounded += quantifier[0] in "*+" or bool(quantifier[2] and not quantifier[3])
                if pattern[at : at + 1] in ("?", "*", "+", "{"):
                    return None
        else:
            return None
    if depth or unbounded > 1 or (unbounded and not anchored):
        return None
    source = f"{pattern[:-1]}\\Z" if pattern.endswith("$") and not pattern.endswith("\\$") else pattern
    try:
        return re.compile(source, re.ASCII)
    except re.error:
        return None


def matches(pattern: Any, text: str, limit: int = -1) -> Iterator[Any]:
    """Yield matches as Go's FindAll does: an empty match right behind another match does not count."""
    at, previous, found = 0, -1, 0
    while at <= len(text) and found != limit:
        match = pattern.search(text, at)
        if match is None:
            return
        start, stop = match.span()
        accepted = True
        if stop == at:
            accepted = start != previous
            at += 1
        else:
            at = stop
        previous = stop
        if accepted:
            found += 1
            yield match
