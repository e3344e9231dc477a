"""yaml.*: YAML as OPA reads and writes it, by way of JSON.

What a plain scalar means, and which strings need quotes, is as in the library that OPA uses (go.yaml.in/yaml/v3):
booleans are `true` and `false` only, dates stay strings, a number may be octal or binary, and of several documents
the first one counts.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final

import yaml

from pratique.rego.builtins.gofloat import formatted
from pratique.rego.builtins.registry import RefusalError, builtin
from pratique.rego.runtime.numbers import integer, parse_number
from pratique.rego.runtime.text import json_text
from pratique.rego.runtime.values import Value
from pratique.rego.runtime.work import work

_STRING: Final = "tag:yaml.org,2002:str"
_INTEGER: Final = r"[-+]?(0[bB][01_]+|0[oO]?[0-7_]+|0[xX][0-9a-fA-F_]+|[1-9][0-9_]*|0)"
_FLOAT: Final = r"[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?"
_SPECIAL: Final = r"\.(nan|NaN|NAN)|[-+]?\.(inf|Inf|INF)"
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"([Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})?)?\Z"
)
# What older YAML takes for booleans, or for numbers of base 60: written in quotes, though read as strings.
_OLD: Final = re.compile(
    r"(y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)\Z"
)
_RESOLVED: Final = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", _INTEGER, "-+0123456789"),
    ("float", f"{_FLOAT}|{_SPECIAL}", "-+.0123456789"),
    ("merge", r"<<", "<"),
)
_NOT_STRING: Final = re.compile(
    "|".join(f"(?:{pattern})" for kind, pattern, _ in _RESOLVED if kind != "merge")
)
# The value to write is read once as YAML, which has no such characters.
_CONTROL: Final = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
_MOST: Final = 2**64
_LEAST: Final = -(2**63)


class _Loader(yaml.CSafeLoader):
    """Reads scalars as OPA's YAML does."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Count each part as it is made: that takes its time."""
        work(8)
        return super().construct_object(node, deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _RESOLVED:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(rf"(?:{_pattern})\Z"),
        [None if first == "\0" else first for first in _first],
    )


def _integer(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> Any:
    text = str(loader.construct_scalar(node)).replace("_", "")
    digits = text.lstrip("+-").lower()
    if digits[:1] == "0" and digits[1:]:
        return _number(int(text, 8) if digits.isdigit() else int(text, 0), node.value)
    return _number(integer(text), node.value)


def _real(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> Any:
    text = str(loader.construct_scalar(node))
    if re.fullmatch(_SPECIAL, text):
        return float(text.replace(".", ""))
    number = float(text.replace("_", ""))
    # What no float holds is a string.
    return text if abs(number) == float("inf") else number


def _unknown(loader: yaml.CSafeLoader, _: str, node: yaml.Node) -> Any:
    """Read what has a tag of one's own as if it had none."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]  # the third kind of nodes


def _merge_as_value(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> Any:
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _unknown)
_Loader.add_constructor("tag:yaml.org,2002:merge", _merge_as_value)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _real)


class _Dumper(yaml.SafeDumper):
    """Writes YAML as OPA's library does: sequences indented, doubtful strings in double quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent sequences inside mappings too."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Write what occurs twice twice."""
        return True

    def check_simple_key(self) -> bool:
        """Write an empty key as plainly as others."""
        event = self.event
        return (isinstance(event, yaml.ScalarEvent) and not event.value) or bool(super().check_simple_key())

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        """Escape what lies beyond the basic plane."""
        self.allow_unicode = not _ASTRAL.search(text)
        super().write_double_quoted(text, split)
        self.allow_unicode = True


# What needs quotes is decided here: every scalar is handed on as a string.
_Dumper.yaml_implicit_resolvers = {}


def _is_string(text: str) -> bool:
    """Tell whether a plain scalar with this text is read as a string, by old readers too."""
    if _NOT_STRING.fullmatch(text):
        number = re.fullmatch(_FLOAT, text)
        return number is not None and abs(float(text.replace("_", ""))) == float("inf")
    return not _TIME.match(text) and not _OLD.match(text)


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _is_string(text) and not _ASTRAL.search(text)
    style = "|" if "\n" in text and not _ASTRAL.search(text) else None if plain else '"'
    return dumper.represent_scalar(_STRING, text, style=style)


def _plain(dumper: yaml.SafeDumper, value: Any) -> yaml.ScalarNode:
    text = formatted(value, "g", None) if isinstance(value, float) else json.dumps(value)
    return dumper.represent_scalar(_STRING, text)


_Dumper.add_representer(str, _string)
for _type in (int, float, bool, type(None)):
    _Dumper.add_representer(_type, _plain)


def parse_yaml(text: str) -> Value:
    """Return the first document of a YAML text as a value. Raises RefusalError."""
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise RefusalError(_yaml_message(error)) from None
    except (ValueError, RecursionError) as error:
        raise RefusalError(f"yaml: {error}") from None
    return _jsonlike(documents[0]) if documents else None


def _jsonlike(value: Any) -> Value:
    # Aliases may stand for the same part a billion times.
    work(len(value) if isinstance(value, dict | list | tuple) else 1)
    if isinstance(value, dict):
        return {_key(name): _jsonlike(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonlike(item) for item in value]
    if isinstance(value, float):
        return _json_number(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value


def _json_number(value: float) -> Value:
    """Return a float as Go's encoding/json writes it: an exponent below 1e-6 and from 1e21 on."""
    if value != value or value in (float("inf"), float("-inf")):
        shown = "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
        raise RefusalError(f"json: unsupported value: {shown}")
    magnitude = abs(value)
    shortest = Decimal(repr(value)).normalize()
    if not magnitude or 1e-6 <= magnitude < 1e21:
        return parse_number(f"{shortest:f}")
    mantissa, _, power = f"{shortest:e}".partition("e")
    return parse_number(f"{mantissa}e{int(power):+d}")


def _key(name: Any) -> str:
    if isinstance(name, float):
        return formatted(name, "g", None)
    if name is None or isinstance(name, tuple):
        raise RefusalError(f"unsupported map key of type: {name}")
    return name if isinstance(name, str) else json_text(name)


@builtin("yaml.marshal", "any -> string", grows=True)
def yaml_marshal(value: Value) -> Value:
    """Return the value as YAML text, keys sorted."""
    # Numbers are read again, by YAML's rules: what needs more than a float becomes one.
    text = json_text(value)
    if _CONTROL.search(text):
        raise RefusalError("yaml: control characters are not allowed")
    plain = json.loads(text, parse_int=_read_integer, parse_float=_read_float)
    return yaml.dump(plain, Dumper=_Dumper, allow_unicode=True, sort_keys=True, width=1_000_000).removesuffix(
        "...\n"
    )


def _read_integer(text: str) -> Any:
    return _number(integer(text), text)


def _number(number: int, otherwise: str) -> Any:
    """Return an integer as YAML's readers in Go have it: one of 64 bits, or a float, or what is said otherwise."""
    if _LEAST <= number < _MOST:
        return number
    try:
        return float(number)
    except OverflowError:
        return otherwise


def _read_float(text: str) -> Any:
    number = float(text)
    return text if abs(number) == float("inf") else number


builtin("yaml.unmarshal", "string -> any", cost=64)(parse_yaml)


def _yaml_message(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    # The library counts lines in its own way.
    line = mark.line + isinstance(error, yaml.scanner.ScannerError) if mark and mark.line else 0
    return f"yaml: line {line}: {problem}" if line else f"yaml: {problem}"


@builtin("yaml.is_valid", "string -> boolean", cost=64, unchecked=True)
def yaml_is_valid(text: Value) -> Value:
    """Tell whether the text is YAML."""
    if type(text) is not str:
        return False
    try:
        parse_yaml(text)
    except RefusalError:
        return False
    return True
