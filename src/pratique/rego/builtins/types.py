"""Types and casts: is_*, type_name, to_number, cast_*."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from pratique.rego.builtins.registry import builtin, failure, operand_error
from pratique.rego.runtime.errors import TYPE_ERROR, BuiltinError
from pratique.rego.runtime.numbers import NumberRangeError, parse_number
from pratique.rego.runtime.text import quote
from pratique.rego.runtime.values import Set, Value, is_number, is_object, type_name

# What Go's ParseFloat takes: signs, digits with `_` between them, and hexadecimal with a binary exponent.
_DECIMAL: Final = re.compile(
    r"[+-]?(?:[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?\Z"
)
_HEXADECIMAL: Final = re.compile(
    r"[+-]?0[xX]_?(?=\.?[0-9a-fA-F])[0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?[pP][+-]?[0-9](?:_?[0-9])*\Z"
)
# So many digits are an integer of any kind.
_SAFE: Final = 18
_NO_NUMBER: Final = re.compile(r"[+-]*(inf|infinity|nan)\Z", re.IGNORECASE)


@builtin("is_array", "any -> boolean", unchecked=True)
def is_array(value: Value) -> Value:
    """Tell whether the value is an array."""
    return type(value) is list


@builtin("is_boolean", "any -> boolean", unchecked=True)
def is_boolean(value: Value) -> Value:
    """Tell whether the value is a boolean."""
    return type(value) is bool


@builtin("is_null", "any -> boolean", unchecked=True)
def is_null(value: Value) -> Value:
    """Tell whether the value is null."""
    return value is None


builtin("is_number", "any -> boolean", unchecked=True, group="types")(is_number)
builtin("is_object", "any -> boolean", unchecked=True, group="types")(is_object)


@builtin("is_set", "any -> boolean", unchecked=True)
def is_set(value: Value) -> Value:
    """Tell whether the value is a set."""
    return type(value) is Set


@builtin("is_string", "any -> boolean", unchecked=True)
def is_string(value: Value) -> Value:
    """Tell whether the value is a string."""
    return type(value) is str


builtin("type_name", "any -> string", unchecked=True, group="types")(type_name)


@builtin("to_number", "null|boolean|number|string -> number", unchecked=True)
def to_number(value: Value) -> Value:
    """Return the number that the value stands for; a string keeps its text."""
    if value is None:
        return 0
    if type(value) is bool:
        return int(value)
    if is_number(value):
        return value
    if type(value) is not str:
        raise operand_error("to_number", 1, "null|boolean|number|string", type_name(value))
    return _parsed(value)


def _parsed(text: str) -> Value:
    if text.isdecimal() and text.isascii() and text[0] != "0" and len(text) < _SAFE:
        return int(text)
    if _NO_NUMBER.match(text):
        # Go's ParseFloat takes these, but they are no numbers of JSON: OPA's other refusal.
        raise operand_error("to_number", 1, "valid number string", "string")
    if _HEXADECIMAL.match(text):
        return parse_number(str(Decimal(float.fromhex(text.replace("_", "")))))
    if not _DECIMAL.match(text):
        raise failure("to_number", f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax")
    plain = text.replace("_", "")
    if math.isinf(float(plain)):
        raise failure("to_number", f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    try:
        return parse_number(plain.lstrip("+"))
    except NumberRangeError as error:
        raise failure("to_number", f"invalid number: {error}") from None


def _cast(kind: str, value: Value, *fitting: str) -> Value:
    if type_name(value) not in fitting:
        choice = fitting[0] if len(fitting) == 1 else f"one of {{{', '.join(fitting)}}}"
        raise BuiltinError(TYPE_ERROR, f"{kind}: operand 1 must be {choice} but got {type_name(value)}")
    return value


@builtin("cast_array", "any -> array", unchecked=True, deprecated=True)
def cast_array(value: Value) -> Value:
    """Return an array as it is, a set as an array in Rego's order."""
    return list(_cast("cast_array", value, "array", "set"))


@builtin("cast_set", "any -> set", unchecked=True, deprecated=True)
def cast_set(value: Value) -> Value:
    """Return a set as it is, an array as a set."""
    found = _cast("cast_set", value, "array", "set")
    return Set(found) if type(found) is list else found


@builtin("cast_string", "any -> string", unchecked=True, deprecated=True)
def cast_string(value: Value) -> Value:
    """Return a string."""
    return _cast("cast_string", value, "string")


@builtin("cast_boolean", "any -> boolean", unchecked=True, deprecated=True)
def cast_boolean(value: Value) -> Value:
    """Return a boolean."""
    return _cast("cast_boolean", value, "boolean")


@builtin("cast_null", "any -> null", unchecked=True, deprecated=True)
def cast_null(value: Value) -> Value:
    """Return null."""
    return _cast("cast_null", value, "null")


@builtin("cast_object", "any -> object", unchecked=True, deprecated=True)
def cast_object(value: Value) -> Value:
    """Return an object."""
    return _cast("cast_object", value, "object")
