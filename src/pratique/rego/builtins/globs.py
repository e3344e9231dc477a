"""glob.match and glob.quote_meta: patterns with delimiters, as gobwas/glob has them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pratique.rego.builtins import patterns
from pratique.rego.builtins.registry import builtin, failure, operand_error
from pratique.rego.builtins.strings import texts
from pratique.rego.runtime.errors import BuiltinError
from pratique.rego.runtime.values import Value, type_name


@builtin("glob.match", "string, null|array, string -> boolean", accepts="string, array|null, any")
def match(pattern: Value, delimiters: Value, text: Value) -> Value:
    """Tell whether the whole text fits the pattern; `*` stops at delimiters, `**` does not.

    No delimiters in the array means `.`; null means that nothing delimits.
    """
    signs = () if delimiters is None else tuple(texts("glob.match", 2, delimiters)) or (".",)
    for sign in signs:
        if len(sign) != 1:
            raise operand_error("glob.match", 2, "array of runes", "array containing string")
    if type(text) is not str:
        raise operand_error("glob.match", 3, "string", type_name(text))
    return _compiled(pattern, "".join(signs)).fullmatch(text) is not None


@builtin("glob.quote_meta", "string -> string")
def quote_meta(text: Value) -> Value:
    """Return the pattern that takes exactly this text."""
    return re.sub(r"[*?\\\[\]{}]", lambda found: "\\" + found[0], text) if text else ""


@lru_cache(maxsize=512)
def _compiled(pattern: str, delimiters: str) -> Any:
    source, at = _translate(pattern, delimiters, 0, depth=0)
    if at != len(pattern):
        raise failure("glob.match", f"unexpected `{pattern[at]}` in `{pattern}`")
    try:
        return patterns.compiled(f"(?s:{source})")
    except BuiltinError as error:
        raise failure("glob.match", error.message) from None


def _translate(pattern: str, delimiters: str, at: int, *, depth: int) -> tuple[str, int]:
    """Return the regular expression for the pattern from `at` on, and where it ended."""
    one = f"[^{re.escape(delimiters)}]" if delimiters else "."
    out: list[str] = []
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            if pattern.startswith("**", at):
                out.append(".*")
                at += 1
            else:
                out.append(f"{one}*")
        elif char == "?":
            out.append(one)
        elif char == "[":
            made, at = _class(pattern, at)
            out.append(made)
        elif char == "{":
            made, at = _alternatives(pattern, delimiters, at, depth=depth)
            out.append(made)
        elif depth and char in ",}":
            return "".join(out), at
        elif char == "\\":
            at += 1
            out.append(_literal(pattern[at : at + 1]))
        else:
            out.append(_literal(char))
        at += 1
    return "".join(out), at


def _literal(char: str) -> str:
    return re.escape(char) if char.isascii() else char


def _class(pattern: str, start: int) -> tuple[str, int]:
    end = pattern.find("]", start + 2)
    if end < 0:
        raise failure("glob.match", f"unclosed `[` in `{pattern}`")
    inside = pattern[start + 1 : end]
    negated = inside[:1] == "!"
    inside = inside[1:] if negated else inside
    ranged = len(inside) == 3 and inside[1] == "-"
    if ranged:
        inside = f"{_literal(inside[0])}-{_literal(inside[2])}"
    else:
        inside = "".join(map(_literal, inside.replace("\\", "")))
    return f"[{'^' if negated else ''}{inside}]", end


def _alternatives(pattern: str, delimiters: str, start: int, *, depth: int) -> tuple[str, int]:
    choices: list[str] = []
    at = start
    while True:
        made, at = _translate(pattern, delimiters, at + 1, depth=depth + 1)
        choices.append(made)
        if at >= len(pattern):
            raise failure("glob.match", f"unclosed `{{` in `{pattern}`")
        if pattern[at] == "}":
            return f"(?:{'|'.join(choices)})", at
