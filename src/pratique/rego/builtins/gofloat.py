"""Go's strconv.FormatFloat: a float64 as text, with the fewest digits that read back or with so many."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

_EXPONENTS: Final = range(-4, 6)
_MANTISSA: Final = 52


def formatted(value: float, kind: str, precision: int | None) -> str:
    """Return a finite float as `%e`, `%f`, `%g` (or their capitals), `%x` or `%b` print it."""
    sign = "-" if str(value)[0] == "-" else ""
    magnitude = abs(value)
    if kind in "eE":
        return sign + format(magnitude, f".{precision}{kind}")
    if kind == "f":
        return sign + format(magnitude, f".{precision}f")
    if kind == "b":
        return sign + _binary(magnitude)
    if kind in "xX":
        text = _hexadecimal(magnitude, precision)
        return sign + (text.upper() if kind == "X" else text)
    text = _general(magnitude, precision)
    return sign + (text.upper() if kind == "G" else text)


def _general(value: float, precision: int | None) -> str:
    if not value:
        return "0"
    if precision is not None:
        return format(value, f".{precision or 1}g")
    shortest = Decimal(repr(value)).normalize()
    mantissa, _, exponent = f"{shortest:e}".partition("e")
    power = int(exponent)
    if power in _EXPONENTS:
        return f"{shortest:f}"
    return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _parts(value: float) -> tuple[int, int]:
    """Return the mantissa as an integer of 53 bits (fewer when it is subnormal), and the power of two."""
    mantissa, exponent = value.as_integer_ratio()[0], 0
    if not value:
        return 0, -1074
    top, bottom = value.as_integer_ratio()
    exponent = top.bit_length() - bottom.bit_length() - _MANTISSA
    mantissa = top << -exponent if exponent < 0 else top >> exponent
    mantissa //= bottom
    if not mantissa >> _MANTISSA:
        mantissa, exponent = mantissa << 1, exponent - 1
    return mantissa, exponent


def _binary(value: float) -> str:
    mantissa, exponent = _parts(value)
    return f"{mantissa}p{'-' if exponent < 0 else '+'}{abs(exponent)}"


def _hexadecimal(value: float, precision: int | None) -> str:
    if not value:
        digits, power = "", 0
    else:
        head, _, tail = float.hex(value).partition("p")
        digits, power = head.partition(".")[2], int(tail)
        digits = digits.rstrip("0")
    first = 1 if value else 0
    if precision is not None:
        number = Decimal(int(f"{first}{digits}" if digits else f"{first}", 16))
        scaled = number * Decimal(16) ** (precision - len(digits))
        rounded = int(scaled.to_integral_value(rounding=ROUND_HALF_EVEN))
        if rounded >> (4 * precision) > 1:
            rounded, power = rounded >> 1, power + 1
        text = f"{rounded:x}".rjust(precision + 1, "0")
        first, digits = int(text[0], 16), text[1:]
    point = f".{digits}" if digits else ""
    return f"0x{first}{point}p{'-' if power < 0 else '+'}{abs(power):02d}"
