"""json.match_schema and json.verify_schema: documents against JSON schemas."""

from __future__ import annotations

from typing import Any

from pratique.rego.builtins.jsons import JsonError, parsed
from pratique.rego.builtins.registry import RefusalError, builtin
from pratique.rego.builtins.schema_checker import check
from pratique.rego.builtins.schema_reader import read
from pratique.rego.runtime.text import json_text
from pratique.rego.runtime.values import Value, is_object


@builtin("json.verify_schema", "string|object -> array", cost=64, accepts="any")
def verify_schema(schema: Value) -> Value:
    """Return whether the value is a JSON schema, and if not, why."""
    try:
        read(_loaded(schema))
    except RefusalError as error:
        return [False, f"jsonschema: {error}"]
    return [True, None]


@builtin("json.match_schema", "string|object, string|object -> array", cost=64, accepts="any, any")
def match_schema(document: Value, schema: Value) -> Value:
    """Return whether the document meets the schema, and what it does not meet."""
    value = _loaded(document)
    complaints = check(read(_loaded(schema)), value)
    return [not complaints, [each.shown() for each in complaints]]


def _loaded(value: Value) -> Any:
    """Return a JSON text as a value; other values as JSON has them."""
    if type(value) is str:
        try:
            return parsed(value)
        except JsonError:
            raise RefusalError("invalid JSON string") from None
    if not is_object(value) and type(value) is not list:
        raise RefusalError("wrong type, expected string or object")
    return parsed(json_text(value))
