"""JSON as Go's `encoding/json` writes it: what OPA prints, byte for byte.

Comes in: plain data in the order in which it is to be printed, with values of Rego anywhere in it (their objects
are printed with sorted keys, their numbers with the author's digits). Goes out: text.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from pratique.rego.runtime.numbers import number_text
from pratique.rego.runtime.text import json_string, key_text
from pratique.rego.runtime.values import Object, Set


def plain(value: Any) -> Any:
    """Return a value of Rego as lists and dicts whose keys are sorted strings; numbers stay as they are."""
    kind = type(value)
    if kind is list:
        return [plain(item) for item in value]
    if kind is Set:
        return [plain(item) for item in value]
    if kind is dict:
        return {name: plain(value[name]) for name in sorted(value)}
    if kind is Object:
        named = {key_text(name): item for name, item in value.items()}
        return {name: plain(named[name]) for name in sorted(named)}
    return value


def dumps(value: Any, *, indent: int = 2) -> str:
    """Return the text of plain data; 0 for `indent` gives one line without spaces."""
    return _text(value, " " * indent, "\n" if indent else "")


def _text(value: Any, step: str, newline: str) -> str:
    if isinstance(value, str):
        return json_string(value)
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int | Decimal):
        return number_text(value)
    inner = newline + step if newline else ""
    space = " " if newline else ""
    if isinstance(value, dict):
        rows = [f"{json_string(name)}:{space}{_text(item, step, inner)}" for name, item in value.items()]
        return f"{{{inner}{f',{inner}'.join(rows)}{newline}}}" if rows else "{}"
    rows = [_text(item, step, inner) for item in value]
    return f"[{inner}{f',{inner}'.join(rows)}{newline}]" if rows else "[]"


def _float(number: float) -> str:
    # A float of our own (a percentage, a mean), never one of Rego's.
    return str(int(number)) if math.isfinite(number) and number == int(number) else repr(number)
