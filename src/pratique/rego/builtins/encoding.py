"""hex.* and urlquery.*: bytes in hexadecimal, and the queries of URLs."""

from __future__ import annotations

import binascii
from urllib.parse import parse_qsl, quote_plus, unquote_plus

from pratique.rego.builtins.base64s import as_text, encoded
from pratique.rego.builtins.registry import builtin, failure, operand_error
from pratique.rego.builtins.strings import texts
from pratique.rego.runtime.values import Set, Value, type_name


@builtin("hex.encode", "string -> string")
def hex_encode(text: Value) -> Value:
    """Return the text's bytes in hexadecimal."""
    return encoded(text).hex()


@builtin("hex.decode", "string -> string")
def hex_decode(text: Value) -> Value:
    """Return the text whose bytes these are."""
    try:
        return as_text(binascii.unhexlify(text))
    except (binascii.Error, ValueError) as error:
        raise failure("hex.decode", f"encoding/hex: {error}") from None


@builtin("urlquery.encode", "string -> string")
def urlquery_encode(text: Value) -> Value:
    """Return the text as it stands in a query; a space becomes `+`."""
    return quote_plus(text, safe="~")


@builtin("urlquery.decode", "string -> string")
def urlquery_decode(text: Value) -> Value:
    """Return what a part of a query stands for."""
    return unquote_plus(text)


@builtin("urlquery.encode_object", "object -> string")
def urlquery_encode_object(values: Value) -> Value:
    """Return the object as a query, sorted by key; an array or a set repeats its key."""
    pairs: list[str] = []
    for name in sorted(values):
        value = values[name]
        if type(value) is str:
            listed = [value]
        elif type(value) is list or type(value) is Set:
            listed = texts("urlquery.encode_object", 1, value)
        else:
            raise operand_error("urlquery.encode_object", 1, "string|array|set", type_name(value))
        pairs += [f"{quote_plus(name, safe='~')}={quote_plus(each, safe='~')}" for each in listed]
    return "&".join(pairs)


@builtin("urlquery.decode_object", "string -> object")
def urlquery_decode_object(text: Value) -> Value:
    """Return a query as an object of arrays."""
    result: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        result.setdefault(name, []).append(value)
    return result
