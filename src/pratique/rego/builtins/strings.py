"""Strings: positions are code points, cases are Go's simple mappings (rego.md 2.4)."""

from __future__ import annotations

import re
from typing import Final

from pratique.rego.builtins.aggregates import members
from pratique.rego.builtins.registry import builtin, failure, machine_int, mismatch, operand_error
from pratique.rego.runtime.errors import LONGEST, TYPE_ERROR, BuiltinError, too_long
from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.values import Set, Value, ordered, type_name
from pratique.rego.runtime.work import CHARACTERS, QUANTUM, charge_members, charge_text

# Go's unicode.IsSpace; Python's strip() would also take \x1c to \x1f.
SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def texts(name: str, position: int, collection: Value) -> list[str]:
    """Return the members of an array or set of strings, in order; anything else in it is refused."""
    found = ordered(members(collection)) if type(collection) is Set else collection
    for each in found:
        if type(each) is not str:
            kind = type_name(collection)
            raise BuiltinError(
                TYPE_ERROR,
                f"{name}: operand {position} must be {kind} of strings but got {kind} containing "
                f"{type_name(each)}",
            )
    return list(found)


@builtin("concat", "string, array|set -> string", accepts="string, set|array")
def concat(separator: Value, collection: Value) -> Value:
    """Join the strings of an array, or of a set in Rego's order."""
    parts = texts("concat", 2, collection)
    # Before it is made: one text may stand in a list a thousand times.
    length = sum(map(len, parts)) + len(separator) * len(parts)
    if length > QUANTUM:
        if length > LONGEST:
            raise too_long("concat")
        charge_text(length)
        charge_members(len(parts))
    return separator.join(parts)


@builtin("contains", "string, string -> boolean", unchecked=True)
def contains(text: Value, part: Value) -> Value:
    """Tell whether the text has the part in it."""
    if type(text) is str and type(part) is str:
        return part in text
    raise mismatch("contains", text, part)


@builtin("startswith", "string, string -> boolean", unchecked=True)
def startswith(text: Value, part: Value) -> Value:
    """Tell whether the text begins with the part."""
    if type(text) is str and type(part) is str:
        return text.startswith(part)
    raise mismatch("startswith", text, part)


@builtin("endswith", "string, string -> boolean", unchecked=True)
def endswith(text: Value, part: Value) -> Value:
    """Tell whether the text ends with the part."""
    if type(text) is str and type(part) is str:
        return text.endswith(part)
    raise mismatch("endswith", text, part)


@builtin("indexof", "string, string -> number", cost=0)
def indexof(text: Value, part: Value) -> Value:
    """Return the first position of the part, or -1."""
    if not part:
        raise failure("indexof", "empty search character")
    return text.find(part)


@builtin("indexof_n", "string, string -> array", grows=True)
def indexof_n(text: Value, part: Value) -> Value:
    """Return all positions of the part, overlapping ones too."""
    if not part:
        raise failure("indexof_n", "empty search character")
    found = []
    at = text.find(part)
    while at >= 0:
        found.append(at)
        at = text.find(part, at + 1)
    return found


@builtin("lower", "string -> string", grows=True)
def lower(text: Value) -> Value:
    """Return the text in lower case."""
    return text.lower() if text.isascii() else "".join([_lowered(char) for char in text])


def _lowered(char: str) -> str:
    if char == "İ":  # Go's simple mapping of the dotted capital I
        return "i"
    found = char.lower()
    return found if len(found) == 1 else char


@builtin("upper", "string -> string", grows=True)
def upper(text: Value) -> Value:
    """Return the text in upper case."""
    if text.isascii():
        return text.upper()
    return "".join([found if len(found := char.upper()) == 1 else char for char in text])


@builtin("replace", "string, string, string -> string", grows=True)
def replace(text: Value, old: Value, new: Value) -> Value:
    """Return the text with every `old` replaced."""
    return text.replace(old, new)


@builtin("split", "string, string -> array", unchecked=True)
def split(text: Value, separator: Value) -> Value:
    """Return the parts between separators; without one, the code points."""
    if type(text) is str and type(separator) is str:
        parts = text.split(separator) if separator else list(text)
        if len(text) > QUANTUM:
            charge_members(len(parts))
            charge_text(len(text))
        return parts
    raise mismatch("split", text, separator)


@builtin("strings.split_n", "string, string, number -> array", grows=True)
def split_n(text: Value, separator: Value, number: Value) -> Value:
    """Return the first `number` parts, or the last ones when it is negative."""
    parts = text.split(separator) if separator else list(text)
    limit = machine_int("strings.split_n", 3, number)
    return parts[:limit] if limit >= 0 else parts[limit:]


@builtin("strings.any_prefix_match", "string|set|array, string|set|array -> boolean", accepts="any, any")
def any_prefix(search: Value, base: Value) -> Value:
    """Tell whether any text begins with any of the prefixes."""
    if _text_and_texts(search, base):
        return search.startswith(tuple(base))
    searched = _listed("strings.any_prefix_match", 1, search)
    prefixes = tuple(_listed("strings.any_prefix_match", 2, base))
    charge_members(len(searched) * len(prefixes) // CHARACTERS)
    return any(text.startswith(prefixes) for text in searched)


@builtin("strings.any_suffix_match", "string|set|array, string|set|array -> boolean", accepts="any, any")
def any_suffix(search: Value, base: Value) -> Value:
    """Tell whether any text ends with any of the suffixes."""
    if _text_and_texts(search, base):
        return search.endswith(tuple(base))
    searched = _listed("strings.any_suffix_match", 1, search)
    suffixes = tuple(_listed("strings.any_suffix_match", 2, base))
    charge_members(len(searched) * len(suffixes) // CHARACTERS)
    return any(text.endswith(suffixes) for text in searched)


_TEXTS: Final = {str}


def _text_and_texts(search: Value, base: Value) -> bool:
    """Tell whether these are what most policies give: a text, and an array of texts."""
    return (
        type(search) is str and type(base) is list and len(base) < QUANTUM and set(map(type, base)) <= _TEXTS
    )


def _listed(name: str, position: int, value: Value) -> list[str]:
    if type(value) is str:
        return [value]
    if type(value) is not list and type(value) is not Set:
        raise operand_error(name, position, "string|set|array", type_name(value))
    for each in value:
        if type(each) is not str:
            kind = type_name(value)
            wanted = f"{kind} of strings but got {kind} containing {type_name(each)}"
            raise BuiltinError(TYPE_ERROR, f"{name}: operand {position} must be {wanted}")
    return list(value)


@builtin("strings.count", "string, string -> number", cost=0)
def occurrences(text: Value, part: Value) -> Value:
    """Return how often the part occurs, without overlaps."""
    return text.count(part)


@builtin("strings.replace_n", "object, string -> string", cost=0, grows=True)
def replace_n(patterns: Value, text: Value) -> Value:
    """Return the text with every key replaced by its value, in one pass; earlier keys win."""
    for old, new in patterns.items():
        if type(old) is not str:
            raise BuiltinError(
                TYPE_ERROR, "strings.replace_n: operand 1 non-string key found in pattern object"
            )
        if type(new) is not str:
            raise BuiltinError(
                TYPE_ERROR, "strings.replace_n: operand 1 non-string value found in pattern object"
            )
    if not patterns:
        return text
    pattern = "|".join(re.escape(old) for old in sorted(patterns))
    return re.sub(pattern, lambda match: patterns[match[0]], text)


@builtin("strings.reverse", "string -> string", grows=True)
def reverse(text: Value) -> Value:
    """Return the code points in the opposite order."""
    return text[::-1]


@builtin("substring", "string, number, number -> string", accepts="string, any, any", grows=True)
def substring(text: Value, offset: Value, length: Value) -> Value:
    """Return `length` code points from `offset`; a negative length takes the rest."""
    start, count = machine_int("substring", 2, offset), machine_int("substring", 3, length)
    if start < 0:
        raise failure("substring", "negative offset")
    return text[start:] if count < 0 else text[start : start + count]


@builtin("trim", "string, string -> string", grows=True)
def trim(text: Value, cutset: Value) -> Value:
    """Return the text without the cutset's characters at both ends."""
    return text.strip(cutset) if cutset else text


@builtin("trim_left", "string, string -> string", grows=True)
def trim_left(text: Value, cutset: Value) -> Value:
    """Return the text without the cutset's characters at its beginning."""
    return text.lstrip(cutset) if cutset else text


@builtin("trim_right", "string, string -> string", grows=True)
def trim_right(text: Value, cutset: Value) -> Value:
    """Return the text without the cutset's characters at its end."""
    return text.rstrip(cutset) if cutset else text


@builtin("trim_prefix", "string, string -> string", grows=True)
def trim_prefix(text: Value, prefix: Value) -> Value:
    """Return the text without one prefix."""
    return text.removeprefix(prefix)


@builtin("trim_suffix", "string, string -> string", grows=True)
def trim_suffix(text: Value, suffix: Value) -> Value:
    """Return the text without one suffix."""
    return text.removesuffix(suffix)


@builtin("trim_space", "string -> string", grows=True)
def trim_space(text: Value) -> Value:
    """Return the text without white space at both ends."""
    return text.strip(SPACE)


@builtin("internal.template_string", "array -> string", grows=True)
def template_string(parts: Value) -> Value:
    """Return a template string's parts as one text; an empty set stands for an undefined expression."""
    return "".join([_part(part) for part in parts])


def _part(part: Value) -> str:
    if type(part) is str:
        return part
    if type(part) is not Set:
        return rego_text(part)
    if len(part) > 1:
        raise operand_error("internal.template_string", 1, "array of single values", "several values")
    for value in part:
        return value if type(value) is str else rego_text(value)
    return "<undefined>"
