"""Quantities such as `100m`, `1.5Gi`, `2e3`: read, compared, and written as Kubernetes writes them.

In comes the text (or the number) of a manifest, out goes an exact value and the canonical text. Knows
nothing of resources and their meaning.

Source: `apimachinery/pkg/api/resource/quantity.go`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from pratique.errors import InputError

FORMAT_ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
SUFFIX_ERROR = "unable to parse quantity's suffix"
_SHAPE = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(.*)", re.S)
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_NAME = {power: name for name, power in _DECIMAL.items()}
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)")


class QuantityError(InputError):
    """A text is no quantity."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An exact amount and the family of suffixes in which it was written."""

    value: Fraction
    style: str = "decimal"

    def __str__(self) -> str:
        return _canonical(self.value, self.style)


@lru_cache(maxsize=4096)
def parse(text: str) -> Quantity:
    """Read a quantity; raise QuantityError with Kubernetes' words if it is none."""
    match = _SHAPE.fullmatch(text)
    if not text or match is None:
        raise QuantityError(FORMAT_ERROR)
    sign, whole, fraction, suffix = match[1], match[2], match[3] or "", match[4]
    if not whole and not fraction:
        raise QuantityError(FORMAT_ERROR)
    if not re.fullmatch(r"[eEinumkKMGTP]*[-+]?[0-9]*", suffix):
        raise QuantityError(FORMAT_ERROR)
    number = Fraction(int((whole or "0") + fraction), 10 ** len(fraction))
    if suffix in _BINARY:
        number, style = number * 2 ** _BINARY[suffix], "binary"
    elif suffix in _DECIMAL:
        number, style = number * Fraction(10) ** _DECIMAL[suffix], "decimal"
    elif exponent := _EXPONENT.fullmatch(suffix):
        power = int(exponent[1])
        if abs(power) > 64:
            raise QuantityError(SUFFIX_ERROR)
        number, style = number * Fraction(10) ** power, "exponent"
    else:
        raise QuantityError(SUFFIX_ERROR)
    nano = number * 10**9
    if nano.denominator != 1:  # what is finer than a nano is rounded away from zero
        number = Fraction(-(-nano.numerator // nano.denominator), 10**9)
    return Quantity(-number if sign == "-" else number, style)


def read(value: object) -> Quantity:
    """Read a quantity from a manifest's text or number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise QuantityError(FORMAT_ERROR)
    return parse(value if isinstance(value, str) else repr(value))


def canonical(value: object) -> str:
    """Return the text in which Kubernetes stores a quantity."""
    return str(read(value))


def _canonical(value: Fraction, style: str) -> str:
    if value == 0:
        return "0"
    sign, size = ("-", -value) if value < 0 else ("", value)
    if style == "binary" and size >= 1024 and size.denominator == 1:
        whole = int(size)
        for name, power in reversed(_BINARY.items()):
            if whole % 2**power == 0:
                return f"{sign}{whole >> power}{name}"
        return f"{sign}{whole}"
    power = 18
    while power > -9 and (size / Fraction(10) ** power).denominator != 1:
        power -= 3
    amount = int(size / Fraction(10) ** power)
    if style == "exponent":
        return f"{sign}{amount}e{power}" if power else f"{sign}{amount}"
    return f"{sign}{amount}{_DECIMAL_NAME[power]}"
