"""`sprintf`: Go's fmt over Rego's values (rego.md 2.6).

Operands become what OPA hands to Go: integers `int64` (or `big.Int`), other numbers `float64`, strings strings, and
everything else its Rego text as a string.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from pratique.rego.builtins import gofmt
from pratique.rego.builtins.registry import builtin, mismatch
from pratique.rego.runtime.numbers import integer, number_text
from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.values import Set, Value, Written

_PLAIN: Final = re.compile(r"%v|%s|%d")


@builtin("sprintf", "string, array -> string", unchecked=True, grows=True)
def sprintf(template: Value, operands: Value) -> Value:
    """Return the template with its verbs replaced by the operands."""
    if type(template) is not str or type(operands) is not list:
        raise mismatch("sprintf", template, operands)
    parts = simple(template)
    if parts is not None and len(parts) >= len(operands) * 2 + 1:
        made = _fast(filled(parts, len(operands)), operands)
        if made is not None:
            return made
    return gofmt.sprintf(template, [_go_value(each) for each in operands])


def shown(verb: str, value: Value) -> str:
    """Return what a plain %v, %s or %d prints of a value."""
    kind = type(value)
    if kind is str and verb != "d":
        return value  # type: ignore[no-any-return]
    if kind is int and verb != "s" and gofmt.INT64_LEAST <= value < -gofmt.INT64_LEAST:
        return str(value)
    if (kind is dict or kind is Set or kind is list) and verb != "d":
        return rego_text(value)
    if kind is float or kind is Decimal or kind is Written or kind is int or verb == "d":
        return gofmt.sprintf(f"%{verb}", [_go_value(value)])
    return rego_text(value)


@lru_cache(maxsize=1024)
def simple(template: str) -> tuple[str, ...] | None:
    """Split a template that uses nothing but plain %v, %s and %d: text, verb, text, verb, ... text."""
    if "%" in _PLAIN.sub("", template):
        return None
    pieces: list[str] = []
    at = 0
    for match in _PLAIN.finditer(template):
        pieces += (template[at : match.start()], match[0][1])
        at = match.end()
    return (*pieces, template[at:])


def filled(parts: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Return the pieces of a template for so many operands: verbs that get none say so."""
    if len(parts) == 2 * count + 1:
        return parts
    rest = list(parts[2 * count :])
    rest[1::2] = [f"%!{verb}(MISSING)" for verb in rest[1::2]]
    return (*parts[: 2 * count], "".join(rest))


def _fast(parts: tuple[str, ...], operands: list[Value]) -> str | None:
    made = list(parts)
    for index, value in enumerate(operands):
        verb = parts[2 * index + 1]
        kind = type(value)
        if kind is str:
            if verb == "d":
                return None
            made[2 * index + 1] = value
        elif kind is int:
            if verb == "s" or not gofmt.INT64_LEAST <= value < -gofmt.INT64_LEAST:
                return None
            made[2 * index + 1] = str(value)
        elif kind is float or kind is Decimal or kind is Written or verb == "d":
            return None
        else:
            made[2 * index + 1] = rego_text(value)
    return "".join(made)


def _go_value(value: Value) -> int | float | str:
    kind = type(value)
    if kind is str or kind is int:
        return value  # type: ignore[no-any-return]
    if kind is float or kind is Decimal or kind is Written:
        text = number_text(value)
        if text.lstrip("-").isdigit():
            return integer(text)
        number = float(text)
        # What no float64 holds is handed to Go as its text.
        return text if math.isinf(number) else number
    return rego_text(value)
