"""yaml.*: YAML as OPA reads and writes it, by way of JSON."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml

from pratique.rego.builtins.registry import builtin, failure
from pratique.rego.runtime.numbers import parse_number
from pratique.rego.runtime.text import json_text, to_json
from pratique.rego.runtime.values import Value


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
