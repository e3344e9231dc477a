"""Encodings: base64, hex, url queries, JSON and YAML."""

from __future__ import annotations

import base64
import binascii
import json
import re
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, unquote_plus

import yaml

from pratique.rego.builtins.registry import builtin, failure, operand_error
from pratique.rego.builtins.strings import texts
from pratique.rego.runtime.errors import TYPE_ERROR, BuiltinError
from pratique.rego.runtime.numbers import parse_number
from pratique.rego.runtime.text import json_text, to_json
from pratique.rego.runtime.values import Set, Value, type_name


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@builtin("base64.encode", "string -> string")
def base64_encode(text: Value) -> Value:
    """Return the text in base64."""
    return base64.b64encode(_bytes(text)).decode()


@builtin("base64.decode", "string -> string")
def base64_decode(text: Value) -> Value:
    """Return what base64 with padding stands for."""
    return _text(_decoded("base64.decode", text))


def _decoded(name: str, text: str) -> bytes:
    try:
        # Go's decoder passes over line ends.
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise failure(name, "illegal base64 data at input byte 0") from None


@builtin("base64.is_valid", "string -> boolean")
def base64_is_valid(text: Value) -> Value:
    """Tell whether the text is base64."""
    try:
        base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


@builtin("base64url.encode", "string -> string")
def base64url_encode(text: Value) -> Value:
    """Return the text in base64url, padded."""
    return base64.urlsafe_b64encode(_bytes(text)).decode()


@builtin("base64url.encode_no_pad", "string -> string")
def base64url_encode_no_pad(text: Value) -> Value:
    """Return the text in base64url, without padding."""
    return base64.urlsafe_b64encode(_bytes(text)).decode().rstrip("=")


@builtin("base64url.decode", "string -> string")
def base64url_decode(text: Value) -> Value:
    """Return what base64url stands for, padded or not."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return _text(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise failure("base64url.decode", "illegal base64 data at input byte 0") from None


@builtin("hex.encode", "string -> string")
def hex_encode(text: Value) -> Value:
    """Return the text's bytes in hexadecimal."""
    return _bytes(text).hex()


@builtin("hex.decode", "string -> string")
def hex_decode(text: Value) -> Value:
    """Return the text whose bytes these are."""
    try:
        return _text(binascii.unhexlify(text))
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


# --- JSON --------------------------------------------------------------------------------------------------

_OPTIONS: Final = {"indent", "prefix", "pretty"}
_CASTS: Final[dict[type, str]] = {bool: "bool", str: "string"}


def parse_json(name: str, text: str) -> Value:
    """Return a JSON text as a value; numbers keep their text."""
    try:
        return json.loads(text, parse_float=Decimal, parse_int=parse_number, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise failure(name, f"invalid JSON: {error}") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"invalid character in `{constant}`")


builtin("json.marshal", "any -> string", unchecked=True)(json_text)


def _option_error(message: str) -> BuiltinError:
    return BuiltinError(TYPE_ERROR, f"json.marshal_with_options: operand 2 {message}")


@builtin("json.marshal_with_options", "any, object -> string")
def marshal_with_options(value: Value, options: Value) -> Value:
    """Return the value as JSON text, indented when an option asks for it."""
    for name in options:
        if name not in _OPTIONS:
            raise _option_error(f'object contained unknown key "{name}"')
    wanted: dict[str, type] = {"pretty": bool, "indent": str, "prefix": str}
    for name, kind in wanted.items():
        if name in options and type(options[name]) is not kind:
            raise _option_error(f'key "{name}" failed cast to {_CASTS[kind]}')
    pretty = options.get("pretty", "indent" in options or "prefix" in options)
    if not pretty:
        return json_text(value)
    indent, prefix = options.get("indent", "\t"), options.get("prefix", "")
    return prefix + _indented(value, prefix, indent, 0)


def _indented(value: Value, prefix: str, indent: str, depth: int) -> str:
    plain = list(value) if type(value) is Set else value
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


@builtin("json.unmarshal", "string -> any")
def unmarshal(text: Value) -> Value:
    """Return what a JSON text stands for."""
    return parse_json("json.unmarshal", text)


@builtin("json.is_valid", "any -> boolean", unchecked=True)
def json_is_valid(text: Value) -> Value:
    """Tell whether the text is JSON."""
    if type(text) is not str:
        return False
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


# --- YAML --------------------------------------------------------------------------------------------------


class _Loader(yaml.CSafeLoader):
    """Reads scalars as OPA's YAML does: only `true` and `false` are booleans, dates stay strings."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(rf"(?:{_pattern})\Z"),
        [None if first == "\0" else first for first in _first],
    )


def _integer(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    digits = text.lstrip("+-")
    base = {"0b": 2, "0o": 8, "0x": 16}.get(
        digits[:2].lower(), 8 if digits[:1] == "0" and digits != "0" else 10
    )
    try:
        return int(text.replace("0o", "", 1) if base == 8 else text, base)
    except ValueError:  # `08` is no octal number
        return int(text)


def _real(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> float:
    return float(str(loader.construct_scalar(node)).replace("_", ""))


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _real)


class _Dumper(yaml.SafeDumper):
    """Writes YAML as OPA's library does: sequences indented, doubtful strings in double quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent sequences inside mappings too."""
        super().increase_indent(flow, False)


_DOUBTFUL: Final = re.compile(
    r"(?i:true|false|yes|no|on|off|y|n|null|~|)\Z|[-+]?[.0-9][-+.0-9_:exoabcdf]*\Z|[-+]?\.(inf|nan)\Z",
    re.IGNORECASE,
)


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else '"' if _DOUBTFUL.match(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


def parse_yaml(text: str) -> Value:
    """Return a YAML text as a value. Raises yaml.YAMLError."""
    return _jsonlike(yaml.load(text, Loader=_Loader))  # noqa: S506 a safe loader, without dates


def _jsonlike(value: Any) -> Value:
    if isinstance(value, dict):
        return {_key(name): _jsonlike(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_jsonlike(item) for item in value]
    if isinstance(value, float):
        return parse_number(repr(value)) if not value.is_integer() else int(value)
    return value


def _key(name: Any) -> str:
    return name if isinstance(name, str) else json_text(name)


@builtin("yaml.marshal", "any -> string", unchecked=True)
def yaml_marshal(value: Value) -> Value:
    """Return the value as YAML text, keys sorted."""
    plain = json.loads(json.dumps(to_json(value), default=float))
    return yaml.dump(plain, Dumper=_Dumper, allow_unicode=True, sort_keys=True, width=1_000_000)


@builtin("yaml.unmarshal", "string -> any")
def yaml_unmarshal(text: Value) -> Value:
    """Return what a YAML text stands for."""
    try:
        return parse_yaml(text)
    except yaml.YAMLError as error:
        raise failure("yaml.unmarshal", _yaml_message(error)) from None


def _yaml_message(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"yaml: line {mark.line + 1}: {problem}" if mark else f"yaml: {problem}"


@builtin("yaml.is_valid", "any -> boolean", unchecked=True)
def yaml_is_valid(text: Value) -> Value:
    """Tell whether the text is YAML."""
    if type(text) is not str:
        return False
    try:
        parse_yaml(text)
    except yaml.YAMLError:
        return False
    return True
