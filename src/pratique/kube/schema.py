"""Structural schemas: does a value fit, what does the schema fill in, what would it drop.

In come a value and an OpenAPI v3 schema of a CustomResourceDefinition, out go complaints in
kube-apiserver's words, or the value with defaults set, or pruned. Whether the schema itself may be used is
`structural`'s question. Knows nothing of resources or of metadata.

Sources: `apiextensions-apiserver/pkg/apiserver/schema`, `kube-openapi/pkg/validation`.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import re2

from pratique.kube import status
from pratique.kube.objects import copy
from pratique.kube.status import FieldError

Schema = Mapping[str, Any]
PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
EMBEDDED = "x-kubernetes-embedded-resource"


def validate(value: Any, schema: Schema, path: str = "") -> list[str]:
    """Return what is wrong with a value, one `field: complaint` each."""
    return [str(error) for error in errors(value, schema, path)]


def errors(value: Any, schema: Schema, path: str = "") -> list[FieldError]:
    """Return what is wrong with a value."""
    found: list[FieldError] = []
    _check(value, schema, path, found)
    return found


def kind_of(value: Any) -> str:
    """Return a value's type as schemas name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        # What is no int64 is read as a float.
        return "integer" if -(2**63) <= value < 2**63 else "number"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _check(value: Any, schema: Schema, path: str, found: list[FieldError]) -> None:
    if value is None and schema.get("nullable"):
        return
    if not _type_fits(value, schema, path, found):
        return
    _check_composition(value, schema, path, found)
    if isinstance(value, str):
        _check_string(value, schema, path, found)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _check_number(value, schema, path, found)
    elif isinstance(value, list):
        _check_list(value, schema, path, found)
    if "enum" in schema and not any(_equal(value, option) for option in schema["enum"]):
        options = [option if isinstance(option, str) else json.dumps(option) for option in schema["enum"]]
        found.append(status.unsupported(path, value, options))
    if isinstance(value, dict):
        _check_object(value, schema, path, found)


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _type_fits(value: Any, schema: Schema, path: str, found: list[FieldError]) -> bool:
    wanted, actual = schema.get("type"), kind_of(value)
    if schema.get(INT_OR_STRING):
        fits = actual in ("integer", "string") or (isinstance(value, float) and _is_whole(value))
        wanted = "integer,string"
    elif not wanted:
        return True
    else:
        fits = actual == wanted or (wanted == "number" and actual == "integer")
        fits = fits or (wanted == "integer" and isinstance(value, float) and _is_whole(value))
    if not fits:
        text = f'{path} in body must be of type {wanted}: "{actual}"'
        found.append(status.type_invalid(path or "<nil>", actual, text))
    return fits


def _is_whole(value: float) -> bool:
    """Tell whether a float stands for an integer without doubt (go-openapi: IsFloat64AJSONInteger)."""
    return value.is_integer() and abs(value) < 2**53


def _complain(found: list[FieldError], path: str, value: Any, text: str) -> None:
    found.append(status.invalid(path or "<nil>", value, f"{path} in body {text}"))


def _check_string(value: str, schema: Schema, path: str, found: list[FieldError]) -> None:
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        found.append(status.too_long(path, schema["maxLength"]))
    if "minLength" in schema and len(value) < schema["minLength"]:
        _complain(found, path, value, f"should be at least {schema['minLength']} chars long")
    pattern = schema.get("pattern")
    if pattern and not _searcher(pattern)(value):
        _complain(found, path, value, f"should match '{pattern}'")
    known = FORMATS.get(schema.get("format", ""))
    if known is not None and not known(value):
        _complain(found, path, value, f"must be of type {schema['format']}: {json.dumps(value)}")


@lru_cache(maxsize=1024)
def _searcher(pattern: str) -> Callable[[str], Any]:
    """Return the search for a pattern; RE2, as in the original, so that it is linear in time."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options).search  # type: ignore[no-any-return]
    except re2.error:
        return lambda value: True


def _check_number(value: float, schema: Schema, path: str, found: list[FieldError]) -> None:
    limit = schema.get("maximum")
    if limit is not None:
        exclusive = schema.get("exclusiveMaximum")
        if value > limit or (exclusive and value == limit):
            words = "less than" if exclusive else "less than or equal to"
            _complain(found, path, value, f"should be {words} {_plain(limit)}")
    limit = schema.get("minimum")
    if limit is not None:
        exclusive = schema.get("exclusiveMinimum")
        if value < limit or (exclusive and value == limit):
            words = "greater than" if exclusive else "greater than or equal to"
            _complain(found, path, value, f"should be {words} {_plain(limit)}")
    factor = schema.get("multipleOf")
    if factor and abs(value / factor - round(value / factor)) > 1e-9:
        _complain(found, path, value, f"should be a multiple of {_plain(factor)}")
    bits = {"int32": 31, "int64": 63}.get(schema.get("format", ""))
    if bits and not -(2**bits) <= value < 2**bits:
        _complain(found, path, value, f"must be of type {schema['format']}: {json.dumps(value)}")


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _check_list(value: list[Any], schema: Schema, path: str, found: list[FieldError]) -> None:
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        found.append(status.too_many(path, len(value), schema["maxItems"]))
    if "minItems" in schema and len(value) < schema["minItems"]:
        _complain(found, path, len(value), f"should have at least {schema['minItems']} items")
    if schema.get("uniqueItems") and len({json.dumps(item, sort_keys=True) for item in value}) < len(value):
        _complain(found, path, value, "shouldn't contain duplicates")
    items = schema.get("items")
    if isinstance(items, Mapping):
        for index, item in enumerate(value):
            _check(item, items, f"{path}[{index}]", found)
    kind = schema.get("x-kubernetes-list-type")
    if kind in ("map", "set"):
        _check_duplicates(value, schema, path, found)


def _check_duplicates(value: list[Any], schema: Schema, path: str, found: list[FieldError]) -> None:
    keys = schema.get("x-kubernetes-list-map-keys") or []
    defaults = {
        name: node["default"]
        for name, node in ((schema.get("items") or {}).get("properties") or {}).items()
        if "default" in node
    }
    seen: set[str] = set()
    for index, item in enumerate(value):
        if keys and isinstance(item, dict):
            item = {key: item.get(key, defaults.get(key)) for key in keys}
        mark = json.dumps(item, sort_keys=True)
        if mark in seen:
            found.append(status.duplicate(f"{path}[{index}]", item))
        seen.add(mark)


def _check_object(value: dict[str, Any], schema: Schema, path: str, found: list[FieldError]) -> None:
    lead = f"{path}." if path else ""
    for name in schema.get("required") or []:
        if name not in value:
            found.append(status.required(f"{lead}{name}"))
    if "maxProperties" in schema and len(value) > schema["maxProperties"]:
        found.append(status.too_many(path, len(value), schema["maxProperties"]))
    if "minProperties" in schema and len(value) < schema["minProperties"]:
        _complain(found, path, value, f"should have at least {schema['minProperties']} properties")
    properties: Mapping[str, Any] = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    for name, item in value.items():
        if name in properties:
            _check(item, properties[name], f"{lead}{name}", found)
        elif isinstance(additional, Mapping):
            _check(item, additional, f"{lead}{name}", found)
        elif additional is False:
            _complain(found, f"{lead}{name}", status.OMIT_VALUE, "is a forbidden property")


def _check_composition(value: Any, schema: Schema, path: str, found: list[FieldError]) -> None:
    shown = json.dumps(path)
    for part in schema.get("allOf") or []:
        before = len(found)
        _check(value, part, path, found)
        if len(found) > before:
            _composite(found, f"{shown} must validate all the schemas (allOf)")
    options = schema.get("anyOf")
    if options and not any(_fits(value, option) for option in options):
        _nearest(value, options, path, found)
        _composite(found, f"{shown} must validate at least one schema (anyOf)")
    options = schema.get("oneOf")
    if options:
        valid = sum(_fits(value, option) for option in options)
        if valid != 1:
            note = "Found none valid" if valid == 0 else f"Found {valid} valid alternatives"
            _composite(found, f"{shown} must validate one and only one schema (oneOf). {note}")
            if valid == 0:
                _nearest(value, options, path, found)
    if "not" in schema and _fits(value, schema["not"]):
        _composite(found, f"{shown} must not validate the schema (not)")


def _composite(found: list[FieldError], text: str) -> None:
    # kube-openapi knows no path for these, and Go prints a missing path as <nil>.
    found.append(status.invalid("<nil>", "", text))


def _nearest(value: Any, options: list[Schema], path: str, found: list[FieldError]) -> None:
    """Add the complaints of the alternative that fits best, as kube-openapi does."""
    attempts: list[list[FieldError]] = [errors(value, option, path) for option in options]
    attempts.sort(key=len)
    found += attempts[0]


def _fits(value: Any, schema: Schema) -> bool:
    return not errors(value, schema, "x")


def _is_time(value: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", value):
        return False
    return _survives(datetime.fromisoformat, value[:19].upper().replace(" ", "T"))


def _survives(read: Callable[[str], Any], value: str) -> bool:
    try:
        read(value)
    except (ValueError, binascii.Error):
        return False
    return True


def _is_byte(value: str) -> bool:
    return _survives(lambda text: base64.b64decode(text, validate=True), value)


def _is_uri(value: str) -> bool:
    return _survives(urlsplit, value) and bool(urlsplit(value).scheme)


_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,62})?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62})?)*")
_UUID = re.compile(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_DURATION = re.compile(r"([0-9]+(\.[0-9]+)?\s*(ns|us|µs|ms|s|m|h|d|w|[a-z]+)\s*)+")

FORMATS: dict[str, Callable[[str], Any]] = {
    "date-time": _is_time,
    "datetime": _is_time,
    "date": lambda value: (
        bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value)) and _survives(date.fromisoformat, value)
    ),
    "email": re.compile(r"[^@\s]+@[^@\s]+").fullmatch,
    "hostname": _HOST.fullmatch,
    "ipv4": lambda value: _survives(ipaddress.IPv4Address, value),
    "ipv6": lambda value: _survives(ipaddress.IPv6Address, value),
    "cidr": lambda value: "/" in value and _survives(ipaddress.ip_interface, value),
    "mac": re.compile(r"(?i)[0-9a-f]{2}([:-][0-9a-f]{2}){5,7}").fullmatch,
    "uri": _is_uri,
    "uuid": _UUID.fullmatch,
    "byte": _is_byte,
    "duration": _DURATION.fullmatch,
}


def set_defaults(value: Any, schema: Schema) -> None:
    """Fill in what the schema has defaults for, in place."""
    if isinstance(value, dict):
        properties: Mapping[str, Any] = schema.get("properties") or {}
        for name, node in properties.items():
            if "default" in node and (
                name not in value or (value[name] is None and not node.get("nullable"))
            ):
                value[name] = copy(node["default"])
            if name in value:
                set_defaults(value[name], node)
        additional = schema.get("additionalProperties")
        if isinstance(additional, Mapping):
            for name, item in value.items():
                if name not in properties:
                    set_defaults(item, additional)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for item in value:
            set_defaults(item, schema["items"])


def drop_nulls(value: Any, schema: Schema) -> None:
    """Remove, in place, the nulls of fields that may not be null and have a default or are optional."""
    if isinstance(value, dict):
        for name, node in (schema.get("properties") or {}).items():
            if name in value and value[name] is None and not node.get("nullable") and node.get("type"):
                del value[name]
            elif name in value:
                drop_nulls(value[name], node)
        additional = schema.get("additionalProperties")
        if isinstance(additional, Mapping):
            for name, item in value.items():
                if name not in (schema.get("properties") or {}):
                    drop_nulls(item, additional)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for item in value:
            drop_nulls(item, schema["items"])


def unknown_fields(value: Any, schema: Schema) -> list[str]:
    """Return the paths that pruning would drop."""
    found: list[str] = []
    _prune(copy(value), schema, "", found, root=False)
    return found


def prune(value: Any, schema: Schema, *, root: bool = False) -> list[str]:
    """Remove, in place, what the schema does not know; return the removed paths.

    At the root of an object `apiVersion`, `kind` and `metadata` always stay.
    """
    found: list[str] = []
    _prune(value, schema, "", found, root=root)
    return found


def _prune(value: Any, schema: Schema, path: str, found: list[str], *, root: bool) -> None:
    if isinstance(value, dict):
        properties: Mapping[str, Any] = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        keep_unknown = bool(schema.get(PRESERVE))
        kept = ("apiVersion", "kind", "metadata") if root or schema.get(EMBEDDED) else ()
        lead = f"{path}." if path else ""
        for name in list(value):
            if name in kept:
                continue
            if name in properties:
                _prune(value[name], properties[name], f"{lead}{name}", found, root=False)
            elif isinstance(additional, Mapping):
                _prune(value[name], additional, f"{lead}{name}", found, root=False)
            elif not keep_unknown and additional is not True:
                found.append(f"{lead}{name}")
                del value[name]
    elif isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, Mapping):
            for index, item in enumerate(value):
                _prune(item, items, f"{path}[{index}]", found, root=False)
