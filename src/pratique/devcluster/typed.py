"""Built-in objects as Kubernetes' Go types read and write them.

In comes a decoded object and its kind, out goes the object as it would come back from Go: unknown fields
gone (and reported), types checked, nulls and empty optional fields gone, fields that Go always writes there,
quantities in canonical form, everything in the order of the types. Nothing is defaulted or validated here.

The types are data, `data/builtin.json.gz` (see `scripts/builtin_schemas.py`): OpenAPI definitions whose
properties carry `go: [code, type]`. The code's first letter says what Go has there (`p` pointer, `l` slice or
map, `v` scalar, `s` struct, `t` time, `q` quantity, `i` int-or-string, `a` anything); `!` says that it has
no omitempty, `z` that it has omitzero.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import orjson

from pratique.errors import InputError
from pratique.kube import base64text, quantity

Node = dict[str, Any]
Convert = Callable[[Any, "Place"], Any]
_ABSENT = object()
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_JSON_PROPS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
_INT_RANGE = {"int32": 31, "int64": 63, "uint32": 32, "int": 63}


class DecodeError(InputError):
    """A value has a type that the field cannot hold; the message is that of Go's decoder."""


@dataclass(slots=True)
class Place:
    """Where in a document the reader is: the exact path, Go's idea of it, and what was unknown so far."""

    path: str
    go_path: str
    struct: str
    unknown: list[str]

    def into(self, name: str, struct: str) -> Place:
        """Return the place of a field."""
        lead = f"{self.path}." if self.path else ""
        go_lead = f"{self.go_path}." if self.go_path else ""
        return Place(f"{lead}{name}", f"{go_lead}{name}", struct, self.unknown)

    def item(self, mark: str) -> Place:
        """Return the place of an item of a list or map; Go's path does not name it."""
        return Place(f"{self.path}{mark}", self.go_path, self.struct, self.unknown)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a Go struct."""

    name: str
    convert: Convert
    drops_empty: bool
    zero: Callable[[], Any] | None


@dataclass(slots=True)
class Struct:
    """One Go struct: its fields in order."""

    name: str
    order: list[Field] = field(default_factory=list)
    fields: dict[str, Field] = field(default_factory=dict)

    def convert(self, value: Any, place: Place) -> Any:
        """Return a decoded object as this struct would write it."""
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise _mismatch(value, place, f"v1.{self.name}")
        found: dict[str, Any] = {}
        for name, item in value.items():
            known = self.fields.get(name)
            if known is None:
                place.unknown.append(place.into(name, "").path)
                continue
            if item is None:
                continue
            result = known.convert(item, place.into(name, self.name))
            if not (known.drops_empty and not result and not isinstance(result, dict | list)) and not (
                known.drops_empty and isinstance(result, dict | list) and not result
            ):
                found[name] = result
        written = {}
        for known in self.order:
            if known.name in found:
                written[known.name] = found[known.name]
            elif known.zero is not None:
                written[known.name] = known.zero()
        return written


def _go_value(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "number"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _mismatch(value: Any, place: Place, go_type: str, *, shown: str = "") -> DecodeError:
    what = shown or _go_value(value)
    if not place.struct:
        return DecodeError(f"json: cannot unmarshal {what} into Go value of type {go_type}")
    field_name = f"{place.struct}.{place.go_path}"
    return DecodeError(f"json: cannot unmarshal {what} into Go struct field {field_name} of type {go_type}")


def _text(go_type: str) -> Convert:
    def convert(value: Any, place: Place) -> Any:
        if not isinstance(value, str):
            raise _mismatch(value, place, go_type)
        return value

    return convert


def _boolean(go_type: str) -> Convert:
    def convert(value: Any, place: Place) -> Any:
        if not isinstance(value, bool):
            raise _mismatch(value, place, go_type)
        return value

    return convert


def _integer(go_type: str) -> Convert:
    bits = _INT_RANGE.get(go_type, 63)

    def convert(value: Any, place: Place) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _mismatch(value, place, go_type)
        if isinstance(value, float) and not value.is_integer():
            raise _mismatch(value, place, go_type, shown=f"number {value}")
        if not -(2**bits) <= value < 2**bits:
            raise _mismatch(value, place, go_type, shown=f"number {int(value)}")
        return int(value)

    return convert


def _number(go_type: str) -> Convert:
    def convert(value: Any, place: Place) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _mismatch(value, place, go_type)
        return value

    return convert


def _quantity(value: Any, place: Place) -> Any:
    try:
        return quantity.canonical(value)
    except quantity.QuantityError as error:
        raise DecodeError(error.message) from None


def _int_or_string(value: Any, place: Place) -> Any:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise _mismatch(value, place, "intstr.IntOrString" if not isinstance(value, float) else "int32")


def _time(value: Any, place: Place) -> Any:
    if not isinstance(value, str):
        raise _mismatch(value, place, "string")
    if not _TIME.fullmatch(value):
        layout = '"2006-01-02T15:04:05Z07:00"'
        raise DecodeError(f'parsing time "{value}" as {layout}: cannot parse "{value}" as "2006"')
    return value


def _bytes(value: Any, place: Place) -> Any:
    if not isinstance(value, str):
        raise _mismatch(value, place, "[]uint8")
    try:
        base64text.decoded(value.encode())
    except ValueError as error:
        raise DecodeError(str(error)) from None
    return value


def _anything(value: Any, place: Place) -> Any:
    return value


def _list_of(item: Convert, go_type: str) -> Convert:
    def convert(value: Any, place: Place) -> Any:
        if not isinstance(value, list):
            raise _mismatch(value, place, go_type)
        return [item(part, place.item(f"[{index}]")) for index, part in enumerate(value)]

    return convert


def _map_of(item: Convert, go_type: str) -> Convert:
    def convert(value: Any, place: Place) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(value, place, go_type)
        return {key: item("" if part is None else part, place.item(f".{key}")) for key, part in value.items()}

    return convert


class Types:
    """All built-in definitions, and the Go structs made from them as they are asked for."""

    def __init__(self, definitions: dict[str, Node]) -> None:
        self.definitions = definitions
        self._structs: dict[str, Struct] = {}
        self._names: dict[tuple[str, str, str], str] = {}
        for name, node in definitions.items():
            for gvk in node.get("x-kubernetes-group-version-kind") or []:
                self._names.setdefault((gvk["group"], gvk["version"], gvk["kind"]), name)

    def name_of(self, group: str, version: str, kind: str) -> str | None:
        """Return the name of a kind's definition."""
        return self._names.get((group, version, kind))

    def definition(self, group: str, version: str, kind: str) -> Node | None:
        """Return a kind's definition."""
        name = self.name_of(group, version, kind)
        return None if name is None else self.definitions[name]

    def round_trip(self, obj: Node, gvk: tuple[str, str, str]) -> tuple[Node, list[str]]:
        """Return an object as Go would write it, and the paths of its unknown fields."""
        name = self.name_of(*gvk)
        if name is None:
            return obj, []
        place = Place("", "", "", [])
        return self.struct(name).convert(obj, place), place.unknown

    def struct(self, name: str) -> Struct:
        """Return the Go struct of a definition."""
        made = self._structs.get(name)
        if made is None:
            made = self._structs[name] = Struct(name.rsplit(".", 1)[-1])
            for prop, node in (self.definitions[name].get("properties") or {}).items():
                one = self._field(prop, node)
                made.order.append(one)
                made.fields[prop] = one
        return made

    def _field(self, name: str, node: Node) -> Field:
        code, go_type = node.get("go") or ("v", node.get("type", "string"))
        letter, always, omit_zero = code[0], "!" in code, "z" in code
        convert = self.converter(node, go_type)
        zero: Callable[[], Any] | None = None
        if letter == "s" and not omit_zero and "$ref" in node:
            inner = node["$ref"]
            zero = lambda: self.struct(inner).convert({}, Place("", "", "", []))  # noqa: E731
        elif letter == "t" and not omit_zero:
            zero = lambda: None  # noqa: E731
        elif letter in "qi" and not omit_zero:
            zero = (lambda: "0") if letter == "q" else (lambda: 0)
        elif always:
            empty = {"string": "", "integer": 0, "number": 0, "boolean": False}.get(node.get("type", ""))
            zero = (lambda: empty) if letter == "v" else (lambda: None)
        return Field(name, convert, letter in "vl" and not always, zero)

    def converter(self, node: Node, go_type: str) -> Convert:
        """Return what reads a value of a schema's type."""
        if "$ref" in node:
            return self._reference(node["$ref"])
        kind = node.get("type")
        if kind == "array":
            inner = go_type.removeprefix("[]").removeprefix("*")
            return _list_of(self.converter(node.get("items") or {}, inner), go_type)
        if kind == "object" and isinstance(node.get("additionalProperties"), dict):
            inner = go_type.partition("]")[2].removeprefix("*")
            return _map_of(self.converter(node["additionalProperties"], inner), go_type)
        if kind == "string":
            return _bytes if node.get("format") == "byte" else _text(go_type)
        if kind == "boolean":
            return _boolean(go_type)
        if kind == "integer":
            return _integer(go_type)
        return _number(go_type) if kind == "number" else _anything

    def _reference(self, name: str) -> Convert:
        short = name.rsplit(".", 1)[-1]
        known = {
            "Quantity": _quantity,
            "IntOrString": _int_or_string,
            "Time": _time,
            "MicroTime": _time,
        }.get(short)
        if known is not None:
            return known
        if short.startswith("JSONSchemaPropsOr"):
            return self._schema_or
        if not self.definitions.get(name, {}).get("properties"):
            return _anything
        # Types refer to themselves (schemas do): the struct is looked up when it is needed.
        return lambda value, place: self.struct(name).convert(value, place)

    def _schema_or(self, value: Any, place: Place) -> Any:
        if isinstance(value, dict):
            return self.struct(_JSON_PROPS).convert(value, place)
        if isinstance(value, list):
            struct = self.struct(_JSON_PROPS)
            return [struct.convert(item, place.item(f"[{index}]")) for index, item in enumerate(value)]
        return value


@cache
def load() -> Types:
    """Read the built-in types; once a process, they are only read."""
    packed = resources.files("pratique.devcluster").joinpath("data/builtin.json.gz").read_bytes()
    return Types(orjson.loads(gzip.decompress(packed)))
