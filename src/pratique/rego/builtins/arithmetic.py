"""Numbers: abs, ceil, floor, round, numbers.range, format_int, bits.*"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from pratique.rego.builtins.registry import RefusalError, builtin, failure, operand_error, whole
from pratique.rego.runtime.errors import TYPE_ERROR, BuiltinError
from pratique.rego.runtime.numbers import as_fraction, from_fraction, in_base, refuse_wide, rounded, small_int
from pratique.rego.runtime.state import State, spend
from pratique.rego.runtime.values import Value

_DIGITS: Final = {2: "b", 8: "o", 10: "d", 16: "x"}
_LARGEST_RANGE: Final = 10_000_000
_HALF: Final = Fraction(1, 2)


@builtin("abs", "number -> number")
def absolute(number: Value) -> Value:
    """Return the number without its sign."""
    small = small_int(number)
    return from_fraction(abs(as_fraction(number))) if small is None else abs(small)


@builtin("ceil", "number -> number")
def ceil(number: Value) -> Value:
    """Return the least integer that is not less; 1 between -1 and 0, as OPA has it."""
    value = _short_or_fraction(number)
    cut = int(value)
    return cut if cut < 0 or cut == value else cut + 1


@builtin("floor", "number -> number")
def floor(number: Value) -> Value:
    """Return the greatest integer that is not greater; 0 between -1 and 0, as OPA has it."""
    value = _short_or_fraction(number)
    cut = int(value)
    return cut if cut >= 0 or cut == value else cut - 1


@builtin("round", "number -> number")
def nearest(number: Value) -> Value:
    """Return the nearest integer, halves away from zero."""
    value = _short_or_fraction(number)
    if isinstance(value, int):
        return value
    return int(rounded(value - _HALF if value < 0 else value + _HALF))


def _short_or_fraction(number: Value) -> int | Fraction:
    small = small_int(number)
    return as_fraction(number) if small is None else small


@builtin("numbers.range", "number, number -> array", accepts="any, any", needs_state=True)
def span(state: State, first: Value, last: Value) -> Value:
    """Return all integers from `first` to `last`, both included, downwards if need be."""
    one, two = whole("numbers.range", 1, first), whole("numbers.range", 2, last)
    return _span(state, "numbers.range", one, two, 1)


@builtin("numbers.range_step", "number, number, number -> array", accepts="any, any, any", needs_state=True)
def span_step(state: State, first: Value, last: Value, step: Value) -> Value:
    """Return the integers from `first` to `last` in steps."""
    one, two = whole("numbers.range_step", 1, first), whole("numbers.range_step", 2, last)
    by = whole("numbers.range_step", 3, step)
    if by < 1:
        raise RefusalError("numbers.range_step: step must be a positive integer")
    return _span(state, "numbers.range_step", one, two, by)


def _span(state: State, name: str, first: int, last: int, step: int) -> list[int]:
    spend(state, abs(last - first) // step)
    if abs(last - first) // step > _LARGEST_RANGE:
        raise failure(name, f"more than {_LARGEST_RANGE} numbers")
    return list(range(first, last + 1, step) if first <= last else range(first, last - 1, -step))


@builtin("format_int", "number, number -> string")
def format_int(number: Value, base: Value) -> Value:
    """Return the number's text in base 2, 8, 10 or 16; a fraction is cut off."""
    kind = _DIGITS.get(base) if type(base) is int else None
    if kind is None:
        raise BuiltinError(TYPE_ERROR, "format_int: operand 2 must be one of {2, 8, 10, 16}")
    return in_base(number if type(number) is int else int(as_fraction(number)), kind)


@builtin("bits.and", "number, number -> number", accepts="any, any")
def bits_and(left: Value, right: Value) -> Value:
    """Return the bits that both have."""
    return whole("bits.and", 1, left) & whole("bits.and", 2, right)


@builtin("bits.or", "number, number -> number", accepts="any, any")
def bits_or(left: Value, right: Value) -> Value:
    """Return the bits that either has."""
    return whole("bits.or", 1, left) | whole("bits.or", 2, right)


@builtin("bits.xor", "number, number -> number", accepts="any, any")
def bits_xor(left: Value, right: Value) -> Value:
    """Return the bits that one of them has."""
    return whole("bits.xor", 1, left) ^ whole("bits.xor", 2, right)


@builtin("bits.negate", "number -> number", accepts="any")
def bits_negate(number: Value) -> Value:
    """Return the bits turned over."""
    return ~whole("bits.negate", 1, number)


def _shift(name: str, value: Value) -> int:
    by = whole(name, 2, value)
    if by < 0:
        raise operand_error(name, 2, "an unsigned integer number", "a negative integer")
    # What is left of it in a machine word, as in Go.
    return by & (2**64 - 1)


@builtin("bits.lsh", "number, number -> number", accepts="any, any")
def bits_lsh(number: Value, by: Value) -> Value:
    """Return the bits moved up."""
    bits, places = whole("bits.lsh", 1, number), _shift("bits.lsh", by)
    if bits and places > _LARGEST_RANGE:
        raise failure("bits.lsh", f"a shift by more than {_LARGEST_RANGE} bits")
    if not bits:
        return 0
    refuse_wide("bits.lsh", bits.bit_length() + places)
    return bits << places


@builtin("bits.rsh", "number, number -> number", accepts="any, any")
def bits_rsh(number: Value, by: Value) -> Value:
    """Return the bits moved down."""
    return whole("bits.rsh", 1, number) >> _shift("bits.rsh", by)
