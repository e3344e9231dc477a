"""json.marshal, json.unmarshal, json.is_valid: JSON texts, with the refusals of Go's decoder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from pratique.rego.builtins.registry import RefusalError, builtin
from pratique.rego.runtime.errors import TYPE_ERROR, BuiltinError
from pratique.rego.runtime.numbers import NumberRangeError, parse_number
from pratique.rego.runtime.text import json_text, key_text, rego_text
from pratique.rego.runtime.values import Object, Set, Value

_CASTS: Final[dict[type, str]] = {bool: "bool", str: "string"}


builtin("json.marshal", "any -> string", unchecked=True, grows=True, group="jsons")(json_text)


def _option_error(message: str) -> BuiltinError:
    return BuiltinError(TYPE_ERROR, f"json.marshal_with_options: operand 2 {message}")


@builtin("json.marshal_with_options", "any, object -> string", grows=True)
def marshal_with_options(value: Value, options: Value) -> Value:
    """Return the value as JSON text, indented when an option asks for it."""
    kinds: dict[str, type] = {"pretty": bool, "indent": str, "prefix": str}
    for name in sorted(options) if type(options) is dict else options:
        if type(name) is not str or name not in kinds:
            raise _option_error(f"object contained unknown key {rego_text(name)}")
        if type(options.get(name)) is not kinds[name]:
            raise _option_error(f'key "{name}" failed cast to {_CASTS[kinds[name]]}')
    pretty = options.get("pretty", "indent" in options or "prefix" in options)
    if not pretty:
        return json_text(value)
    indent, prefix = options.get("indent", "\t"), options.get("prefix", "")
    return prefix + _indented(value, prefix, indent, 0)


def _indented(value: Value, prefix: str, indent: str, depth: int) -> str:
    plain = list(value) if type(value) is Set else value
    if type(plain) is Object:
        plain = {key_text(name): item for name, item in plain.items()}
    if type(plain) not in (list, dict) or not plain:
        return json_text(value)
    inner, outer = f"\n{prefix}{indent * (depth + 1)}", f"\n{prefix}{indent * depth}"
    if type(plain) is list:
        items = [_indented(item, prefix, indent, depth + 1) for item in plain]
        return f"[{inner}{f',{inner}'.join(items)}{outer}]"
    pairs = [
        f"{json_text(name)}: {_indented(plain[name], prefix, indent, depth + 1)}" for name in sorted(plain)
    ]
    return f"{{{inner}{f',{inner}'.join(pairs)}{outer}}}"


@builtin("json.is_valid", "string -> boolean", cost=0, unchecked=True)
def json_is_valid(text: Value) -> Value:
    """Tell whether the text is JSON."""
    if type(text) is not str:
        return False
    try:
        _READER.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


# --- reading -----------------------------------------------------------------------------------------------

_SPACE: Final = " \t\r\n"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_DEEPEST: Final = 10_000


class JsonError(RefusalError):
    """A text is not JSON; the message is Go's."""


def parsed(text: str) -> Value:
    """Return a JSON text as a value; numbers keep their text. Raises JsonError."""
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, NumberRangeError) and json_is_valid(text):
            raise JsonError(f"invalid number: {error}") from None
        complaint = _Complaint(text).message()
        if complaint is None:
            # OPA's decoder lets `null` pass behind the value.
            return _DECODER.raw_decode(text.lstrip(_SPACE))[0]
        raise JsonError(complaint) from None
    return _without_surrogates(value) if "\\u" in text else value


builtin("json.unmarshal", "string -> any", cost=0)(parsed)


def _refuse(constant: str) -> Any:
    raise ValueError(f"invalid character in `{constant}`")


def decoder(*, parse_float: Callable[[str], Any], parse_int: Callable[[str], Any]) -> json.JSONDecoder:
    """Return a decoder of JSON that makes numbers in one's own way."""
    return json.JSONDecoder(parse_float=parse_float, parse_int=parse_int, parse_constant=_refuse)


_DECODER: Final = decoder(parse_float=parse_number, parse_int=parse_number)
# For who only asks whether a text is JSON: numbers may be as large as they like.
_READER: Final = decoder(parse_float=str, parse_int=str)


def _without_surrogates(value: Any) -> Any:
    # Half a pair in an escape stands for U+FFFD.
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    return value


class _Complaint:
    """Why Go's decoder does not take a text: the text is read up to the first character that does not fit."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def message(self) -> str | None:
        """Return what Go says, or None if it does not mind."""
        try:
            self._value(0)
        except JsonError as error:
            return str(error)
        # The first value is whole: what follows is read as another one.
        found = self._peek()
        if found in ("[", "{"):
            return f"error: invalid character '{found}' after top-level value"
        start = self._at
        try:
            self._value(0)
        except JsonError as error:
            return str(error)
        following = self._text[start : self._at].strip('"')
        if following == "null":
            return None
        return f"error: invalid character '{following}' after top-level value"

    def _peek(self) -> str:
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _wrong(self, context: str) -> JsonError:
        found = self._text[self._at : self._at + 1]
        if not found:
            return JsonError("EOF" if not self._text.strip(_SPACE) else "unexpected EOF")
        # Go looks at bytes.
        byte = chr(found.encode("utf-8", "surrogatepass")[0])
        shown = {"'": "\\'", '"': '"', "\\": "\\\\"}.get(byte) or repr(byte)[1:-1]
        return JsonError(f"invalid character '{shown}' {context}")

    def _value(self, depth: int) -> None:
        if depth > _DEEPEST:
            raise JsonError("exceeded max depth")
        found = self._peek()
        reader: Callable[[int], None] | None = {"{": self._object, "[": self._array, '"': self._string}.get(
            found
        )
        if reader is not None:
            self._at += 1
            reader(depth)
        elif found == "-" or found.isdecimal():
            self._number()
        elif found in ("t", "f", "n"):
            self._literal({"t": "true", "f": "false", "n": "null"}[found])
        else:
            raise self._wrong("looking for beginning of value")

    def _literal(self, word: str) -> None:
        for letter in word:
            if self._text[self._at : self._at + 1] != letter:
                raise self._wrong(f"in literal {word} (expecting '{letter}')")
            self._at += 1

    def _number(self) -> None:
        found = _NUMBER.match(self._text, self._at)
        if found is None:
            self._at += 1
            raise self._wrong("in numeric literal")
        self._at = found.end()
        after = self._text[self._at : self._at + 2]
        if after[:1] == "." and "." not in found.group() and "e" not in found.group().lower():
            self._at += 1
            raise self._wrong("after decimal point in numeric literal")
        if after[:1] in ("e", "E") and "e" not in found.group().lower():
            self._at += 2 if after[1:] in ("+", "-") else 1
            raise self._wrong("in exponent of numeric literal")

    def _string(self, _: int) -> None:
        while True:
            char = self._text[self._at : self._at + 1]
            if not char or char < " ":
                raise self._wrong("in string literal")
            self._at += 1
            if char == '"':
                return
            if char == "\\":
                self._escape()

    def _escape(self) -> None:
        char = self._text[self._at : self._at + 1]
        if not char or char not in '"\\/bfnrtu':
            raise self._wrong("in string escape code")
        self._at += 1
        if char == "u":
            for _ in range(4):
                if self._text[self._at : self._at + 1].lower() not in tuple("0123456789abcdef"):
                    raise self._wrong("in \\u hexadecimal character escape")
                self._at += 1

    def _array(self, depth: int) -> None:
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            self._value(depth + 1)
            if self._ended("]", "after array element"):
                return

    def _object(self, depth: int) -> None:
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            if self._peek() != '"':
                raise self._wrong("looking for beginning of object key string")
            self._at += 1
            self._string(depth)
            if self._peek() != ":":
                raise self._wrong("after object key")
            self._at += 1
            self._value(depth + 1)
            if self._ended("}", "after object key:value pair"):
                return

    def _ended(self, close: str, context: str) -> bool:
        found = self._peek()
        if found not in (",", close):
            raise self._wrong(context)
        self._at += 1
        return found == close
