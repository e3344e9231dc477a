"""What an unquoted YAML scalar means: go-yaml's reading, followed by Kubernetes' conversion to JSON.

In: the text of a scalar. Out: None, a boolean, a number or the text. Measured with kubectl: `yes` and `on` are
true, `0777` is 511, `1.0` is 1, a date is text.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

CONSTANTS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_INFINITE: Final = frozenset(
    {"+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"}
)
_NUMBER_START: Final = frozenset("+-.0123456789")
_INTEGER = re.compile(
    r"[-+]?(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES: Final = (("dec", 10), ("hex", 16), ("oct", 8), ("bin", 2))


def plain(text: str) -> Any:
    """Return what an unquoted scalar means.

    Raises `ValueError` for what JSON cannot say (`.inf`, `.nan`).
    """
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text[0] not in _NUMBER_START:
        return text
    if text in _INFINITE:
        raise ValueError(f"`{text}` is a number that JSON cannot say")
    return _number(text)


def _number(text: str) -> Any:
    digits = text.replace("_", "")
    if match := _INTEGER.fullmatch(digits):
        for name, base in _BASES:
            if part := match[name]:
                value = -int(part, base) if digits[0] == "-" else int(part, base)
                return value if -(1 << 63) <= value < 1 << 63 else _whole(float(value))
    if _FLOAT.fullmatch(digits):
        found = float(digits)
        return text if found in (float("inf"), float("-inf")) else _whole(found)
    return text


def _whole(value: float) -> int | float:
    """Return a float as JSON writes it: without a fraction it is an integer, of its shortest digits."""
    if value.is_integer() and abs(value) < 1e21:
        return int(Decimal(repr(value)))
    return value
