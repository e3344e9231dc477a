"""Whether a template's fields have the types that Gatekeeper's Go structs want.

In: a ConstraintTemplate as a plain dict. Out: the first misfit, as its path and in the words of Go's JSON
decoder, or nothing. A field that would be ignored because it has the wrong type is a policy that does not do
what it says, so it is refused. What the fields mean is `template`'s business.

Sources: `frameworks/constraint/pkg/apis/templates/v1/constrainttemplate_types.go`, Go's `encoding/json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pratique.kube.schema import kind_of

Path = tuple[str | int, ...]

# How Go names the types of decoded JSON.
_GO_TYPES: Final = {
    "null": "<nil>",
    "boolean": "bool",
    "integer": "int64",
    "number": "float64",
    "string": "string",
    "array": "[]interface {}",
    "object": "map[string]interface {}",
}
_JSON_NAMES: Final = {"boolean": "bool", "integer": "number"}


@dataclass(frozen=True, slots=True)
class _Type:
    """A Go type: its name, the JSON kinds that fit, and what stands inside it."""

    name: str
    kinds: tuple[str, ...]
    fields: Mapping[str, _Type] | None = None
    items: _Type | None = None


_TEXT: Final = _Type("string", ("string",))
_TEXTS: Final = _Type("[]string", ("array",), items=_TEXT)
_BOOL: Final = _Type("bool", ("boolean",))
_COUNT: Final = _Type("int64", ("integer",))
_NUMBER: Final = _Type("float64", ("integer", "number"))


def _struct(name: str, **fields: _Type) -> _Type:
    return _Type(f"v1.{name}", ("object",), fields=fields)


def _list(of: _Type) -> _Type:
    return _Type(f"[]{of.name}", ("array",), items=of)


def _schema() -> _Type:
    fields: dict[str, _Type] = dict.fromkeys(("type", "format", "pattern", "title", "description"), _TEXT)
    fields |= dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems"), _COUNT)
    fields |= dict.fromkeys(("maximum", "minimum", "multipleOf"), _NUMBER)
    fields |= dict.fromkeys(("nullable", "uniqueItems", "exclusiveMaximum", "exclusiveMinimum"), _BOOL)
    fields |= {"required": _TEXTS, "enum": _Type("[]v1.JSON", ("array",))}
    schema = _Type("v1.JSONSchemaProps", ("object",), fields=fields)
    fields["properties"] = _Type(f"map[string]{schema.name}", ("object",), items=schema)
    fields |= dict.fromkeys(("allOf", "anyOf", "oneOf"), _list(schema))
    fields["not"] = schema
    return schema


_CODE: Final = _struct("Code", engine=_TEXT)
_TARGET: Final = _struct(
    "Target", target=_TEXT, rego=_TEXT, libs=_TEXTS, code=_list(_CODE), operations=_TEXTS
)
_VALIDATION: Final = _struct("Validation", openAPIV3Schema=_schema(), legacySchema=_BOOL)
_NAMES: Final = _struct("Names", kind=_TEXT, shortNames=_TEXTS)
_CRD: Final = _struct("CRD", spec=_struct("CRDSpec", names=_NAMES, validation=_VALIDATION))
_TEMPLATE: Final = _struct(
    "ConstraintTemplate", spec=_struct("ConstraintTemplateSpec", crd=_CRD, targets=_list(_TARGET))
)


def go_type(value: Any, *, floats: bool = False) -> str:
    """Return the name of a decoded value's type in Go; with `floats`, of a number where all are read as floats."""
    kind = kind_of(value)
    return _GO_TYPES["number" if floats and kind == "integer" else kind]


def printed(value: Any) -> str:
    """Return a value as Go's `%v` prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{' '.join(map(printed, value))}]"
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{name}:{printed(value[name])}' for name in sorted(value))}]"
    return str(value)


def misfit(found: Mapping[str, Any]) -> tuple[Path, str] | None:
    """Return where a template has a value of the wrong type, and Go's words for it."""
    for path, fields, owner, kind, value in _wrong(found, _TEMPLATE, (), (), ""):
        actual = kind_of(value)
        shown = _JSON_NAMES.get(actual, actual)
        if actual == "number" and kind == _COUNT.name:
            # Go's decoder tells a number that it could not put into an integer.
            shown = f"number {json.dumps(value)}"
        where = ".".join((owner.removeprefix("v1."), *fields))
        return path, (f"json: cannot unmarshal {shown} into Go struct field {where} of type {kind}")
    return None


def _wrong(
    value: Any, wanted: _Type, path: Path, fields: tuple[str, ...], owner: str
) -> Iterator[tuple[Path, tuple[str, ...], str, str, Any]]:
    """Yield each misfit: its path, Go's stack of fields, the struct that holds the last one, type, value."""
    if value is None:
        return
    if kind_of(value) not in wanted.kinds:
        yield path, fields, owner, wanted.name, value
    elif wanted.fields is not None:
        for name, kind in wanted.fields.items():
            yield from _wrong(value.get(name), kind, (*path, name), (*fields, name), wanted.name)
    elif wanted.items is not None:
        inside = value.items() if isinstance(value, Mapping) else enumerate(value)
        for step, item in inside:
            yield from _wrong(item, wanted.items, (*path, step), fields, owner)
