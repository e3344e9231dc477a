"""regex.*: matching, finding, splitting and replacing with RE2's patterns and Go's rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pratique.rego.builtins import patterns
from pratique.rego.builtins.intersect import intersects
from pratique.rego.builtins.registry import RefusalError, builtin, machine_int, mismatch
from pratique.rego.runtime.errors import BuiltinError
from pratique.rego.runtime.numbers import integer
from pratique.rego.runtime.text import quote
from pratique.rego.runtime.values import Value
from pratique.rego.runtime.work import QUANTUM, charge_text

_TEMPLATE: Final = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")


def _compiled(name: str, pattern: str) -> Any:
    try:
        return patterns.compiled(pattern)
    except BuiltinError as error:
        raise BuiltinError(error.code, f"{name}: {error.message}") from None


def _searcher(name: str, pattern: str) -> Callable[[str], Any]:
    try:
        return patterns.searcher(pattern)
    except BuiltinError as error:
        raise BuiltinError(error.code, f"{name}: {error.message}") from None


@builtin("regex.match", "string, string -> boolean", unchecked=True)
def match(pattern: Value, text: Value) -> Value:
    """Tell whether the pattern is found anywhere in the text."""
    if type(pattern) is str and type(text) is str:
        if len(text) > QUANTUM:
            charge_text(len(text))
        return _searcher("regex.match", pattern)(text) is not None
    raise mismatch("regex.match", pattern, text)


@builtin("re_match", "string, string -> boolean", unchecked=True, deprecated=True)
def re_match(pattern: Value, text: Value) -> Value:
    """Do what regex.match does, under its old name."""
    if type(pattern) is str and type(text) is str:
        if len(text) > QUANTUM:
            charge_text(len(text))
        return _searcher("re_match", pattern)(text) is not None
    raise mismatch("re_match", pattern, text)


@builtin("regex.is_valid", "any -> boolean", unchecked=True)
def is_valid(pattern: Value) -> Value:
    """Tell whether the pattern is one that RE2 takes."""
    return type(pattern) is str and patterns.valid(pattern)


@builtin("regex.split", "string, string -> array", cost=0)
def split(pattern: Value, text: Value) -> Value:
    """Return what stands between the matches, as Go's Split does."""
    compiled = _compiled("regex.split", pattern)
    if pattern and not text:
        return [""]
    parts: list[str] = []
    begin = end = 0
    for found in patterns.matches(compiled, text):
        end = found.start()
        if found.end():
            parts.append(text[begin:end])
        begin = found.end()
    if end != len(text):
        parts.append(text[begin:])
    return parts


@builtin("regex.find_n", "string, string, number -> array", cost=0)
def find_n(pattern: Value, text: Value, number: Value) -> Value:
    """Return the first `number` matches, all of them for -1."""
    limit = machine_int("regex.find_n", 3, number)
    compiled = _compiled("regex.find_n", pattern)
    return [found.group() for found in patterns.matches(compiled, text, limit)]


@builtin("regex.find_all_string_submatch_n", "string, string, number -> array", cost=0)
def find_all(pattern: Value, text: Value, number: Value) -> Value:
    """Return matches with their groups; a group that took no part is empty."""
    name = "regex.find_all_string_submatch_n"
    limit = machine_int(name, 3, number)
    compiled = _compiled(name, pattern)
    return [
        [found.group(), *(group or "" for group in found.groups())]
        for found in patterns.matches(compiled, text, limit)
    ]


@builtin("regex.replace", "string, string, string -> string", cost=0, grows=True)
def replace(text: Value, pattern: Value, template: Value) -> Value:
    """Return the text with every match replaced; `$1`, `${name}` and `$$` stand for groups and a dollar."""
    compiled = _compiled("regex.replace", pattern)
    out: list[str] = []
    at = 0
    for found in patterns.matches(compiled, text):
        out += (text[at : found.start()], _expanded(template, found))
        at = found.end()
    return "".join([*out, text[at:]])


def _expanded(template: str, found: Any) -> str:
    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return found.group(integer(name) if name.isdigit() else name) or ""
        except (IndexError, KeyError, OverflowError):
            return ""

    return _TEMPLATE.sub(group, template) if "$" in template else template


@builtin("regex.template_match", "string, string, string, string -> boolean", cost=0)
def template_match(template: Value, text: Value, start: Value, end: Value) -> Value:
    """Tell whether the whole text fits a template whose delimited parts are patterns."""
    for what, delimiter in (("start", start), ("end", end)):
        if len(delimiter.encode()) != 1:
            # OPA tells the length of the first one in both cases.
            long = f"exactly one character long but is {len(start.encode())} long"
            raise RefusalError(f"{what} delimiter has to be {long}")
    source, at, depth, literal = ["^"], 0, 0, 0
    for index, char in enumerate(template):
        if char == start:
            if depth == 0:
                literal, at = at, index
                source.append(re.escape(template[literal:index]))
            depth += 1
        elif char == end:
            depth -= 1
            if depth == 0:
                source.append(f"({template[at + 1 : index]})")
                at = index + 1
            elif depth < 0:
                raise RefusalError(f"unbalanced braces in {quote(template)}")
    if depth:
        raise RefusalError(f"unbalanced braces in {quote(template)}")
    source.append(re.escape(template[at:]) + "$")
    return _searcher("regex.template_match", "".join(source))(text) is not None


@builtin("regex.globs_match", "string, string -> boolean", cost=0)
def globs_match(left: Value, right: Value) -> Value:
    """Tell whether a text exists that both glob-like patterns take."""
    return intersects(left, right)
