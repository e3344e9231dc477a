"""hex.* and urlquery.*: bytes in hexadecimal, and the queries of URLs, with the refusals of Go's decoders."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote_plus

from pratique.rego.builtins.base64s import as_text, encoded
from pratique.rego.builtins.registry import RefusalError, builtin
from pratique.rego.builtins.uris import UrlError, unescape
from pratique.rego.runtime.errors import TYPE_ERROR, BuiltinError
from pratique.rego.runtime.text import json_text
from pratique.rego.runtime.values import Set, Value

_HEX: Final = re.compile(r"[0-9a-fA-F]*")
_PLAIN: Final = "~"


@builtin("hex.encode", "string -> string", grows=True)
def hex_encode(text: Value) -> Value:
    """Return the text's bytes in hexadecimal."""
    return encoded(text).hex()


@builtin("hex.decode", "string -> string", cost=0)
def hex_decode(text: Value) -> Value:
    """Return the text whose bytes these are."""
    data = encoded(text)
    found = _HEX.match(text)
    assert found is not None  # the pattern matches nothing at all
    if found.end() < len(text):
        byte = data[found.end()]
        shown = f"'{chr(byte)}'" if chr(byte).isprintable() and byte != 0xAD else ""
        raise RefusalError(f"encoding/hex: invalid byte: U+{byte:04X}{shown and ' '}{shown}")
    if len(text) % 2:
        raise RefusalError("encoding/hex: odd length hex string")
    return as_text(bytes.fromhex(text))


@builtin("urlquery.encode", "string -> string", grows=True)
def urlquery_encode(text: Value) -> Value:
    """Return the text as it stands in a query; a space becomes `+`."""
    return quote_plus(text, safe=_PLAIN, errors="surrogatepass")


@builtin("urlquery.decode", "string -> string", cost=0)
def urlquery_decode(text: Value) -> Value:
    """Return what a part of a query stands for."""
    return as_text(unescape(text, plus=True))


@builtin("urlquery.encode_object", "object -> string", grows=True)
def urlquery_encode_object(values: Value) -> Value:
    """Return the object as a query, sorted by key; an array or a set repeats its key."""
    named = {name if type(name) is str else json_text(name): value for name, value in values.items()}
    pairs: list[str] = []
    for name in sorted(named):
        value = named[name]
        listed = [value] if type(value) is str else list(value) if type(value) in (list, Set) else [None]
        if any(type(each) is not str for each in listed):
            raise BuiltinError(
                TYPE_ERROR,
                "urlquery.encode_object: operand 1 values must be string, array[string], or set[string]",
            )
        pairs += [f"{urlquery_encode(name)}={urlquery_encode(each)}" for each in listed]
    return "&".join(pairs)


@builtin("urlquery.decode_object", "string -> object", cost=0)
def urlquery_decode_object(text: Value) -> Value:
    """Return a query as an object of arrays."""
    result: dict[str, Any] = {}
    refusal: RefusalError | None = None
    for part in filter(None, text.split("&")):
        if ";" in part:
            refusal = refusal or RefusalError("invalid semicolon separator in query")
            continue
        name, _, value = part.partition("=")
        try:
            result.setdefault(urlquery_decode(name), []).append(urlquery_decode(value))
        except UrlError as error:
            refusal = refusal or error
    if refusal is not None:
        raise refusal
    return result
