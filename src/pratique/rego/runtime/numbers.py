"""Numbers as OPA has them: exact integers of any size, and results rounded to a 64-bit mantissa.

Comes in: the text of a literal, or two numbers. Goes out: an `int` where the value is an integer, else a
`Decimal` that carries the shortest text which reads back to the same 64-bit mantissa (Go's `big.Float`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from pratique.rego.runtime.errors import BUILTIN_ERROR, TYPE_ERROR, BuiltinError, LimitError
from pratique.rego.runtime.values import Set, Value, Written, is_number, type_name
from pratique.rego.runtime.work import CHARACTERS, charge, charge_members

Number: TypeAlias = "int | float | Decimal"

MANTISSA: Final = 64
_MACHINE: Final = 1 << 63
# A product has no more bits than this; what has fewer than the second is made in no time.
_MOST_BITS: Final = 1 << 17
_WIDE: Final = 1 << 12
_MOST_DIGITS: Final = 19
# Where OPA takes the short way with whole numbers: those that fit 32 bits.
_SMALL: Final = 1 << 31
# big.Float's own precision where it comes from a float64.
FLOAT64: Final = 53
_EXPONENTS: Final = range(-4, 6)
_INTEGER: Final = re.compile(r"[+-]?[0-9]+\Z")
_MACHINE_INTEGER: Final = re.compile(r"(-?[0-9]+)(?:\.0*)?\Z")
_MOST_AT_ONCE: Final = 4000
_MINUS_ZERO: Final = Decimal("-0")
_EXPONENT: Final = re.compile(r"([+-]?)([0-9]*)\.?([0-9]*)[eE]([+-]?[0-9]+)\Z")
# OPA takes no number whose binary exponent is beyond this (term.go, maxNumberExp), ...
_MOST_EXPONENT: Final = 100_000
# ... and of those with a decimal exponent below this it looks no further.
_SURE_EXPONENT: Final = 25_000
# big.Float's exponents have 32 bits: what is smaller than the smallest is zero, and larger ones are not read.
_LARGEST: Final = 1 << 31
_SMALLEST_DECIMAL: Final = -646_456_993


class NumberRangeError(ValueError):
    """A number is too large, or too close to zero, to count with."""


def parse_number(text: str) -> int | Decimal:
    """Return the number that a literal's text stands for; `1.0`, `1e3` and `-0` keep their text.

    Raises NumberRangeError for what has an exponent that OPA does not take.

    >>> from pratique import rego
    >>> rego.parse_number("12"), rego.parse_number("0.1")
    (12, Decimal('0.1'))
    >>> rego.rego_text(rego.parse_number("1.0"))
    '1.0'
    """
    if _INTEGER.match(text) and text != "-0":
        return integer(text)
    if "e" in text or "E" in text:
        return _with_exponent(text)
    return _spelled(text)


def _spelled(text: str) -> Decimal:
    found = Decimal(text)
    return found if _decimal_text(found) == text else Written(text)


def integer(digits: str) -> int:
    """Return the integer that decimal digits, perhaps with a sign, stand for: any number of them."""
    # Python refuses to read and to print integers of more than 4300 digits in one go.
    if len(digits) < _MOST_AT_ONCE:
        return int(digits)
    if len(digits) > _MOST_BITS // 4:
        # It takes their number squared.
        raise NumberRangeError(f"a number of more than {_MOST_BITS // 4} digits")
    charge(len(digits))
    return int(Decimal(digits))


def _with_exponent(text: str) -> Decimal:
    found = _EXPONENT.match(text)
    if found is None:
        return Decimal(text)
    sign, before, after, power = found.groups()
    if len(text) + abs(int(power)) > _SURE_EXPONENT:
        mantissa, exponent = (before + after).lstrip("0"), int(power) - len(after)
        if not mantissa or len(mantissa) + exponent < _SMALLEST_DECIMAL:
            return Written(text, f"{sign}0")
        check_range(mantissa, exponent)
    return _spelled(text)


def check_range(mantissa: str, exponent: int = 0) -> None:
    """Raise NumberRangeError where `mantissa` (digits) times ten to `exponent` is a number that OPA does not take."""
    if exponent + len(mantissa) >= _LARGEST:
        raise NumberRangeError("invalid float")
    if abs(exponent + len(mantissa)) > _MOST_EXPONENT // 3:
        raise NumberRangeError("number too big")
    top, bottom = integer(mantissa) * 10 ** max(exponent, 0), 10 ** max(-exponent, 0)
    binary = top.bit_length() - bottom.bit_length()
    if top >= bottom << binary if binary >= 0 else top << -binary >= bottom:
        binary += 1
    if abs(binary) > _MOST_EXPONENT:
        raise NumberRangeError("number too big")


def number_text(number: Number) -> str:
    """Return the text of a number as OPA prints it."""
    if type(number) is int:
        return digits_of(number)
    if type(number) is Written:
        return number.text
    return repr(number) if type(number) is float else _decimal_text(number)


def _decimal_text(number: Number) -> str:
    return str(number).replace("E+", "e").replace("E", "e")


def in_base(number: int, base: str) -> str:
    """Return an integer's digits in base `b`, `o`, `d`, `x` or `X`."""
    return digits_of(number) if base == "d" else format(number, base)


def digits_of(number: int) -> str:
    """Return an integer in decimal digits, however many they are."""
    return str(number) if number.bit_length() < 14000 else f"{Decimal(number):f}"


def machine_int(number: Number) -> int | None:
    """Return the number as Go's int where its text is one: digits that fit 64 bits, and no fraction but zeros."""
    if type(number) is not int:
        found = _MACHINE_INTEGER.match(number_text(number))
        if not found or len(found.group().lstrip("-")) > _MOST_DIGITS:
            return None
        number = int(found[1])
    return number if -_MACHINE <= number < _MACHINE else None


def as_fraction(number: Number) -> Fraction:
    """Return the number rounded to a 64-bit mantissa, as an exact fraction."""
    if type(number) is int:
        return rounded(Fraction(number))
    return rounded(Fraction(Decimal(repr(number)) if type(number) is float else number))


def rounded(value: Fraction, mantissa: int = MANTISSA) -> Fraction:
    """Round to a mantissa of so many bits, half to even."""
    if not value:
        return value
    top, bottom = abs(value.numerator), value.denominator
    shift = mantissa - (top.bit_length() - bottom.bit_length())
    # The quotient may have a bit too many at this shift; one more step takes it away.
    quotient = _shifted(top, bottom, shift)
    if quotient.bit_length() > mantissa:
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


def from_fraction(value: Fraction, mantissa: int = MANTISSA, *, negative: bool = False) -> int | Decimal:
    """Return a result as a number: the shortest digits that read back to the same mantissa.

    An integer is filled up with zeros, another number has an exponent where Go's `%g` has one; `negative` is the
    sign of a zero.
    """
    value = rounded(value, mantissa)
    if not value:
        return _MINUS_ZERO if negative else 0
    digits, power = _shortest(value, mantissa)
    sign = "-" if value < 0 else ""
    if value.denominator == 1:
        found: int = int(f"{sign}{digits}") * 10**power
        return found
    exponent = len(digits) + power - 1
    if exponent in _EXPONENTS:
        return parse_number(sign + _plain(digits, power))
    point = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return _spelled(f"{sign}{point}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}")


def _shortest(value: Fraction, mantissa: int) -> tuple[str, int]:
    """Return the fewest significant digits of a number, and the power of ten that they are multiplied with."""
    top, bottom = abs(value.numerator), value.denominator
    exponent = len(digits_of(top)) - len(digits_of(bottom))
    if Fraction(top, bottom) < Fraction(10) ** exponent:
        exponent -= 1
    for digits in range(1, 24):
        scale = digits - 1 - exponent
        scaled = Fraction(top, bottom) * (Fraction(10) ** scale)
        number = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
        if rounded(number / Fraction(10) ** scale, mantissa) == abs(value):
            text = str(number).rstrip("0")
            return text, len(str(number)) - len(text) - scale
    raise AssertionError("23 digits always tell 64-bit mantissas apart")


def _plain(digits: str, power: int) -> str:
    point = len(digits) + power
    if point > 0:
        return f"{digits[:point]}.{digits[point:]}"
    return f"0.{'0' * -point}{digits}"


def negative(number: Number) -> bool:
    """Tell whether the number has a minus sign; a zero may have one."""
    return number < 0 or (isinstance(number, Decimal) and number.is_signed())


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


def without(left: Set, right: Set) -> Set:
    """Return the members of `left` that are not in `right`."""
    quick = left.texts_without(right)
    if quick is not None:
        return quick
    other = right.table()
    charge_members(len(left))
    return Set.of_table({name: value for name, value in left.table().items() if name not in other})


def minus(left: Value, right: Value) -> Value:
    """Return `left - right`, of numbers or of sets."""
    if type(left) is int and type(right) is int:
        return left - right
    if type(left) is Set and type(right) is Set:
        return without(left, right)
    if is_number(left) and is_number(right):
        one, two = whole(left), whole(right)
        if one is not None and two is not None:
            return one - two
        return from_fraction(as_fraction(left) - as_fraction(right))
    if not is_number(left) and type(left) is not Set:
        raise BuiltinError(
            TYPE_ERROR, f"minus: operand 1 must be one of {{number, set}} but got {type_name(left)}"
        )
    wanted = "set" if is_number(right) else "number"
    raise BuiltinError(TYPE_ERROR, f"minus: operand 2 must be {wanted} but got {type_name(right)}")


def times(left: Value, right: Value) -> Value:
    """Return `left * right`."""
    _operands("mul", left, right)
    one, two = whole(left), whole(right)
    if one is not None and two is not None:
        refuse_wide("mul", one.bit_length() + two.bit_length())
        return one * two
    minus = negative(left) is not negative(right)
    return from_fraction(as_fraction(left) * as_fraction(right), negative=minus)


def refuse_wide(name: str, bits: int) -> None:
    """Count the making of a number of so many bits; raises LimitError for one that has no bounds any more."""
    if bits > _MOST_BITS:
        raise LimitError(
            f"{name} makes a number of more than {_MOST_BITS} bits", hint="multiply less together"
        )
    if bits > _WIDE:
        charge(bits // CHARACTERS)


def divide(left: Value, right: Value) -> Value:
    """Return `left / right`."""
    _operands("div", left, right)
    if right == 0:
        raise BuiltinError(BUILTIN_ERROR, "div: divide by zero")
    one, two = whole(left), whole(right)
    if one and two and max(abs(one), abs(two)) < _SMALL and one % two == 0:
        return one // two
    minus = negative(left) is not negative(right)
    return from_fraction(as_fraction(left) / as_fraction(right), negative=minus)


def small_int(number: Number) -> int | None:
    """Return the number as an int where OPA takes the short way with it: a plain integer that fits 32 bits."""
    found = machine_int(number)
    return found if found is not None and -_SMALL <= found < _SMALL else None


def whole(value: Value) -> int | None:
    """Return the number as an `int` when its value is an integer, else nothing."""
    if type(value) is int:
        return value
    if type(value) is float:
        return int(value) if value.is_integer() else None
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return None


def modulo(left: Value, right: Value) -> Value:
    """Return `left % right` with the sign of `left`; both must be integers."""
    _operands("rem", left, right)
    top, bottom = whole(left), whole(right)
    if top is None or bottom is None:
        raise BuiltinError(BUILTIN_ERROR, "rem: modulo on floating-point number")
    if bottom == 0:
        raise BuiltinError(BUILTIN_ERROR, "rem: modulo by zero")
    rest = abs(top) % abs(bottom)
    return -rest if top < 0 else rest
