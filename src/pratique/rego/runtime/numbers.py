"""Numbers as OPA has them: exact integers of any size, and results rounded to a 64-bit mantissa.

Comes in: the text of a literal, or two numbers. Goes out: an `int` where the value is an integer, else a
`Decimal` that carries the shortest text which reads back to the same 64-bit mantissa (Go's `big.Float`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from pratique.rego.runtime.errors import BUILTIN_ERROR, TYPE_ERROR, BuiltinError
from pratique.rego.runtime.values import Set, Value, is_number, type_name

Number: TypeAlias = "int | float | Decimal"

MANTISSA: Final = 64
_INTEGER: Final = re.compile(r"[+-]?[0-9]+\Z")


def parse_number(text: str) -> int | Decimal:
    """Return the number that a literal's text stands for; `1.0`, `1e3` and `-0` keep their text."""
    return int(text) if _INTEGER.match(text) and text != "-0" else Decimal(text)


def number_text(number: Number) -> str:
    """Return the text of a number as OPA prints it."""
    if type(number) is int:
        return _digits(number)
    text = repr(number) if type(number) is float else str(number)
    if "E" in text:
        return text.replace("E+", "e").replace("E", "e")
    return text


def _digits(number: int) -> str:
    # Python refuses to print integers of more than 4300 digits in one go.
    return str(number) if number.bit_length() < 14000 else f"{Decimal(number):f}"


def as_fraction(number: Number) -> Fraction:
    """Return the number rounded to a 64-bit mantissa, as an exact fraction."""
    if type(number) is int:
        return rounded(Fraction(number))
    return rounded(Fraction(Decimal(repr(number)) if type(number) is float else number))


def rounded(value: Fraction) -> Fraction:
    """Round to a 64-bit mantissa, half to even."""
    if not value:
        return value
    top, bottom = abs(value.numerator), value.denominator
    shift = MANTISSA - (top.bit_length() - bottom.bit_length())
    # The quotient has 64 or 65 bits at this shift; one more step brings it to 64.
    quotient = _shifted(top, bottom, shift)
    if quotient.bit_length() > MANTISSA:
        shift -= 1
        quotient = _shifted(top, bottom, shift)
    result = Fraction(quotient, 1 << shift) if shift >= 0 else Fraction(quotient << -shift)
    return -result if value < 0 else result


def _shifted(top: int, bottom: int, shift: int) -> int:
    if shift >= 0:
        top <<= shift
    else:
        bottom <<= -shift
    quotient, rest = divmod(top, bottom)
    twice = 2 * rest
    if twice > bottom or (twice == bottom and quotient & 1):
        quotient += 1
    return quotient


def from_fraction(value: Fraction) -> int | Decimal:
    """Return a 64-bit-mantissa result as a number: an integer, or its shortest text."""
    value = rounded(value)
    if value.denominator == 1:
        return value.numerator
    for digits in range(1, 24):
        text = f"{_scientific(value, digits)}"
        found = Decimal(text)
        if rounded(Fraction(found)) == value:
            return found
    raise AssertionError("23 digits always tell 64-bit mantissas apart")


def _scientific(value: Fraction, digits: int) -> str:
    # `digits` significant digits, rounded to nearest.
    top, bottom = abs(value.numerator), value.denominator
    exponent = len(_digits(top)) - len(_digits(bottom))
    if Fraction(top, bottom) < Fraction(10) ** exponent:
        exponent -= 1
    scale = digits - 1 - exponent
    scaled = Fraction(top, bottom) * (Fraction(10) ** scale)
    number = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    text = str(number).rstrip("0") or "0"
    dropped = len(str(number)) - len(text)
    sign = "-" if value < 0 else ""
    return f"{sign}{_plain(text, dropped - scale)}"


def _plain(digits: str, exponent: int) -> str:
    if exponent >= 0:
        return digits + "0" * exponent
    point = len(digits) + exponent
    if point > 0:
        return f"{digits[:point]}.{digits[point:]}"
    if point > -5:
        return f"0.{'0' * -point}{digits}"
    return f"{digits}e{exponent}"


def operand(name: str, position: int, value: Value) -> None:
    """Refuse a value that is no number, in OPA's words."""
    if not is_number(value):
        raise BuiltinError(
            TYPE_ERROR, f"{name}: operand {position} must be number but got {type_name(value)}"
        )


def _operands(name: str, left: Value, right: Value) -> None:
    operand(name, 1, left)
    operand(name, 2, right)


def plus(left: Value, right: Value) -> Value:
    """Return `left + right`."""
    if type(left) is int and type(right) is int:
        return left + right
    _operands("plus", left, right)
    one, two = whole(left), whole(right)
    if one is not None and two is not None:
        return one + two
    return from_fraction(as_fraction(left) + as_fraction(right))


def minus(left: Value, right: Value) -> Value:
    """Return `left - right`, of numbers or of sets."""
    if type(left) is int and type(right) is int:
        return left - right
    if type(left) is Set and type(right) is Set:
        other = right.table()
        return Set.of_table({name: value for name, value in left.table().items() if name not in other})
    if is_number(left) and is_number(right):
        one, two = whole(left), whole(right)
        if one is not None and two is not None:
            return one - two
        return from_fraction(as_fraction(left) - as_fraction(right))
    if not is_number(left) and type(left) is not Set:
        raise BuiltinError(
            TYPE_ERROR, f"minus: operand 1 must be one of {{number, set}} but got {type_name(left)}"
        )
    wanted = "set" if type(left) is Set else "number"
    raise BuiltinError(TYPE_ERROR, f"minus: operand 2 must be {wanted} but got {type_name(right)}")


def times(left: Value, right: Value) -> Value:
    """Return `left * right`."""
    if type(left) is int and type(right) is int:
        return left * right
    _operands("mul", left, right)
    one, two = whole(left), whole(right)
    if one is not None and two is not None:
        return one * two
    return from_fraction(as_fraction(left) * as_fraction(right))


def divide(left: Value, right: Value) -> Value:
    """Return `left / right`."""
    _operands("div", left, right)
    if right == 0:
        raise BuiltinError(BUILTIN_ERROR, "div: divide by zero")
    return from_fraction(as_fraction(left) / as_fraction(right))


def whole(value: Value) -> int | None:
    """Return the number as an `int` when its value is an integer, else nothing."""
    if type(value) is int:
        return value
    if type(value) is float:
        return int(value) if value.is_integer() else None
    if type(value) is Decimal and value == value.to_integral_value():
        return int(value)
    return None


def modulo(left: Value, right: Value) -> Value:
    """Return `left % right` with the sign of `left`; both must be integers."""
    _operands("rem", left, right)
    if right == 0:
        raise BuiltinError(BUILTIN_ERROR, "rem: modulo by zero")
    top, bottom = whole(left), whole(right)
    if top is None or bottom is None:
        raise BuiltinError(BUILTIN_ERROR, "rem: modulo on floating-point number")
    rest = abs(top) % abs(bottom)
    return -rest if top < 0 else rest
