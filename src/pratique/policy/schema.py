"""Check a value against the JSON Schema that an object parameter may carry.

In: a value and a schema (the keywords that shipped definitions use, and their close kin). Out: a list of
messages, each beginning with the place. It knows nothing of parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


def check(value: Any, schema: Any, *, path: str = "") -> list[str]:
    """Return what is wrong with the value; an empty list when it fits."""
    return list(_check(value, schema, path))


def _check(value: Any, schema: Any, path: str) -> Iterator[str]:
    if not isinstance(schema, dict):
        if schema is False:
            yield f"`{path}` is not allowed"
        return
    kinds = schema.get("type")
    if kinds is not None:
        names = kinds if isinstance(kinds, list) else [kinds]
        if not any(_is(value, str(name).casefold()) for name in names):
            yield f"`{path}` must be {' or '.join(map(str, names))}"
            return
    if "enum" in schema and value not in schema["enum"]:
        yield f"`{path}` must be one of {', '.join(map(str, schema['enum']))}, not `{value}`"
    if "const" in schema and value != schema["const"]:
        yield f"`{path}` must be `{schema['const']}`"
    if isinstance(value, str):
        yield from _check_text(value, schema, path)
    elif isinstance(value, dict):
        yield from _check_object(value, schema, path)
    elif isinstance(value, list):
        yield from _check_array(value, schema, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _check_number(value, schema, path)
    yield from _check_combined(value, schema, path)


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(name, (object,)))


def _check_text(value: str, schema: dict[str, Any], path: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0):
        yield f"`{path}` must have at least {schema['minLength']} characters"
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield f"`{path}` must have at most {schema['maxLength']} characters"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"`{path}` must match `{schema['pattern']}`"


def _check_number(value: float, schema: dict[str, Any], path: str) -> Iterator[str]:
    if "minimum" in schema and value < schema["minimum"]:
        yield f"`{path}` must be at least {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"`{path}` must be at most {schema['maximum']}"


def _check_object(value: dict[str, Any], schema: dict[str, Any], path: str) -> Iterator[str]:
    properties = schema.get("properties") or {}
    for name in schema.get("required") or ():
        if name not in value:
            yield f"`{_join(path, name)}` is required"
    if len(value) < schema.get("minProperties", 0):
        yield f"`{path}` must have at least {schema['minProperties']} properties"
    rest = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in properties:
            yield from _check(item, properties[name], _join(path, name))
        elif rest is False:
            yield f"`{_join(path, name)}` is not known; there are {', '.join(properties) or 'no properties'}"
        elif isinstance(rest, dict):
            yield from _check(item, rest, _join(path, name))


def _check_array(value: list[Any], schema: dict[str, Any], path: str) -> Iterator[str]:
    if len(value) < schema.get("minItems", 0):
        yield f"`{path}` must have at least {schema['minItems']} items"
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        yield f"`{path}` must have at most {schema['maxItems']} items"
    if schema.get("uniqueItems") and any(item in value[:index] for index, item in enumerate(value)):
        yield f"`{path}` must not have the same item twice"
    if "items" in schema:
        for index, item in enumerate(value):
            yield from _check(item, schema["items"], f"{path}[{index}]")


def _check_combined(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    for part in schema.get("allOf") or ():
        yield from _check(value, part, path)
    for keyword in ("anyOf", "oneOf"):
        choices = schema.get(keyword)
        if choices:
            fitting = sum(not check(value, part, path=path) for part in choices)
            if fitting == 0 or (keyword == "oneOf" and fitting > 1):
                yield f"`{path}` fits {'none' if fitting == 0 else 'several'} of the forms in `{keyword}`"
    if "not" in schema and not check(value, schema["not"], path=path):
        yield f"`{path}` has a form that is not allowed"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
