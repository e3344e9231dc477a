"""units.*: amounts with SI and binary units, as numbers."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from pratique.rego.builtins.registry import builtin, failure
from pratique.rego.runtime.errors import BuiltinError
from pratique.rego.runtime.values import Value

# Where the number of `1e3Mi` ends: digits, points, and exponents that have digits or a sign behind them.
_NUMBER: Final = re.compile(r"(?:[0-9.+-]|[eE][+-]|[eE](?=[0-9]))*")
_EXPONENT: Final = re.compile(r"[eE][+-]?([0-9]+)")
_EXPONENT_DIGITS: Final = 6
_AMOUNT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")

_SI: Final = {name: 1000**power for power, name in enumerate("kmgtpe", 1)}
_BINARY: Final = {f"{name}i": 1024**power for power, name in enumerate("kmgtpe", 1)}
# In `units.parse` only the first letter's case counts, and only for m: milli or mega.
_UNITS: Final[dict[str, Fraction]] = {
    "": Fraction(1),
    # OPA takes milli from the nearest 64-bit float.
    "m": Fraction(0.001),
    "M": Fraction(1000**2),
    **{name: Fraction(size) for name, size in _SI.items() if name != "m"},
    **{name.upper(): Fraction(size) for name, size in _SI.items() if name != "m"},
    **{name: Fraction(size) for name, size in _BINARY.items()},
    **{name.capitalize(): Fraction(size) for name, size in _BINARY.items()},
}
_BYTES: Final[dict[str, int]] = {
    "": 1,
    **_SI,
    **{f"{name}b": size for name, size in _SI.items()},
    **_BINARY,
    **{f"{name}b": size for name, size in _BINARY.items()},
}


def _refusal(name: str, message: str) -> BuiltinError:
    # OPA puts the name before it once more.
    return failure(name, f"{name}: {message}")


def _split(name: str, text: str, what: str) -> tuple[str, str]:
    if " " in text:
        raise _refusal(name, "spaces not allowed in resource strings")
    if any(len(digits) > _EXPONENT_DIGITS for digits in _EXPONENT.findall(text)):
        raise _refusal(name, "exponent too large")
    found = _NUMBER.match(text)
    assert found is not None  # the pattern matches nothing at all
    if not found.group():
        raise _refusal(name, f"no {what} provided")
    return found.group(), text[found.end() :]


def _amount(name: str, text: str, what: str) -> Fraction:
    if not _AMOUNT.match(text):
        raise _refusal(name, f"could not parse {what} to a number")
    return Fraction(Decimal(text))


@builtin("units.parse", "string -> number", cost=0)
def parse(text: Value) -> Value:
    """Return the number that an amount like `10Mi` or `100m` stands for."""
    number, unit = _split("units.parse", text.replace('"', ""), "amount")
    unit = unit[:1] + unit[1:].lower()
    if unit not in _UNITS:
        raise _refusal("units.parse", f"unit {unit} not recognized")
    total = _amount("units.parse", number, "amount") * _UNITS[unit]
    if total.denominator == 1:
        return total.numerator
    # Ten digits after the point, half away from zero (Go's Rat.FloatString).
    scaled = abs(total) * 10**10
    digits = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    sign = "-" if total < 0 else ""
    return Decimal(f"{sign}{digits // 10**10}.{digits % 10**10:010}")


@builtin("units.parse_bytes", "string -> number", cost=0)
def parse_bytes(text: Value) -> Value:
    """Return the number of bytes that an amount like `10MiB` or `5k` stands for; a fraction is cut off."""
    number, unit = _split("units.parse_bytes", text.lower().replace('"', ""), "byte amount")
    if unit not in _BYTES:
        raise _refusal("units.parse_bytes", f"byte unit {unit} not recognized")
    total = _amount("units.parse_bytes", number, "byte amount") * _BYTES[unit]
    return int(total)
