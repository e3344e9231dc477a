"""JSON schemas read: what a schema demands, checked and ready for documents.

Drafts 4, 6 and 7; a schema that names none is read as a mixture of them, as OPA's library does, and refused in the
words of that library (gojsonschema). References inside the schema are followed; others would need the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeAlias
from urllib.parse import urldefrag, urljoin

from pratique.rego.builtins import patterns
from pratique.rego.builtins.registry import RefusalError
from pratique.rego.runtime.errors import BuiltinError
from pratique.rego.runtime.numbers import integer
from pratique.rego.runtime.text import json_text

Draft: TypeAlias = float
HYBRID: Final[Draft] = float("inf")
_DRAFTS: Final[dict[str, Draft]] = {
    f"http://json-schema.org/draft-0{number}/schema": number for number in (4, 6, 7)
}
_TYPES: Final = ("array", "boolean", "integer", "number", "null", "object", "string")
_SCHEMA: Final = "Valid Schema"
_LISTED: Final = "Array Of Schemas"


class SchemaError(RefusalError):
    """A value is no JSON schema."""


@dataclass(slots=True, eq=False)
class Schema:
    """What one schema demands; what it does not mention is None or empty. `passes` is a schema `true` or `false`."""

    draft: Draft
    base: str
    passes: bool | None = None
    target: Schema | None = None
    types: list[str] = field(default_factory=list)
    properties: dict[str, Schema] = field(default_factory=dict)
    pattern_properties: dict[str, Schema] = field(default_factory=dict)
    additional_properties: Schema | bool | None = None
    property_names: Schema | None = None
    dependencies: dict[str, Schema | list[str]] = field(default_factory=dict)
    items: list[Schema] | Schema | None = None
    additional_items: Schema | bool | None = None
    contains: Schema | None = None
    numbers: dict[str, Fraction] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    pattern: str | None = None
    format: str | None = None
    required: list[str] = field(default_factory=list)
    unique: bool = False
    constant: str | None = None
    enumeration: list[str] | None = None
    one_of: list[Schema] = field(default_factory=list)
    any_of: list[Schema] = field(default_factory=list)
    all_of: list[Schema] = field(default_factory=list)
    negated: Schema | None = None
    condition: Schema | None = None
    consequence: Schema | None = None
    alternative: Schema | None = None


def read(document: Any) -> Schema:
    """Return the schema that a JSON value is. Raises SchemaError."""
    reader = _Reader()
    reader.register(document, "")
    reader.pool.setdefault("", document)
    draft = _draft(document)
    return reader.schema(document, Schema(HYBRID if draft is None else draft, ""))


def _draft(document: Any) -> Draft | None:
    if isinstance(document, bool):
        return None
    if not isinstance(document, dict):
        raise SchemaError("schema is invalid")
    named = document.get("$schema", "")
    if not isinstance(named, str):
        raise SchemaError("$schema must be of type string")
    return _DRAFTS.get(named.rstrip("#"))


def _invalid(expected: str, given: str) -> SchemaError:
    return SchemaError(f"Invalid type. Expected: {expected}, given: {given}")


def _number(value: Any) -> Fraction | None:
    return (
        Fraction(Decimal(value)) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    )


class _Reader:
    def __init__(self) -> None:
        self.pool: dict[str, Any] = {}
        self._known: dict[str, Schema] = {}

    def register(self, value: Any, base: str) -> None:
        """Note every schema that gives itself a name, by the absolute form of it."""
        if isinstance(value, list):
            for item in value:
                self.register(item, base)
        if not isinstance(value, dict):
            return
        name = value.get("id" if "id" in value else "$id")
        if isinstance(name, str):
            base = _joined(base, name)
            if base in self.pool:
                raise SchemaError(f'Reference already exists: "{base}"')
            self.pool[base] = value
        for keyword, item in value.items():
            if keyword in ("const", "enum"):
                continue
            if keyword in ("properties", "dependencies", "patternProperties"):
                for child in item.values() if isinstance(item, dict) else ():
                    self.register(child, base)
            else:
                self.register(item, base)

    def schema(self, value: Any, made: Schema) -> Schema:
        """Read a schema into a fresh one, which knows its draft and base already."""
        if made.draft >= 6 and isinstance(value, bool):
            made.passes = value
            return made
        if not isinstance(value, dict):
            raise SchemaError(f"Expected: {_SCHEMA}, given: Invalid JSON")
        old = made.draft == 4 or (made.draft == HYBRID and "id" in value)
        name = _text(value, "id" if old else "$id")
        if name is not None:
            made.base = _joined(made.base, name)
        for child in self._definitions(value):
            self._child(child, made)
        _text(value, "title")
        _text(value, "description")
        reference = _text(value, "$ref")
        if reference is not None:
            made.target = self._followed(_joined(made.base, reference), made)
            return made
        self._types(value, made)
        self._objects(value, made)
        self._arrays(value, made)
        _numbers(value, made)
        _lengths(value, made, "minLength", "maxLength", "{} cannot be greater than {}")
        self._texts(value, made)
        _lengths(value, made, "minProperties", "maxProperties", "{} cannot be greater than {}")
        _required(value, made)
        _lengths(value, made, "minItems", "maxItems", "")
        self._rest(value, made)
        self._combinations(value, made)
        return made

    def _child(self, value: Any, parent: Schema) -> Schema:
        return self.schema(value, Schema(parent.draft, parent.base))

    def _definitions(self, value: dict[str, Any]) -> Iterable[Any]:
        found = value.get("definitions", {})
        if not isinstance(found, dict) or any(not isinstance(each, bool | dict) for each in found.values()):
            raise _invalid(_LISTED, "definitions")
        return [found[name] for name in sorted(found)]

    def _followed(self, reference: str, referrer: Schema) -> Schema:
        if reference in self._known:
            return self._known[reference]
        value = self._document(reference)
        if not isinstance(value, bool | dict):
            raise SchemaError(f"{_SCHEMA} must be of type object")
        made = self._known[reference] = Schema(referrer.draft, urldefrag(reference)[0])
        return self.schema(value, made)

    def _document(self, reference: str) -> Any:
        if reference in self.pool:
            return self.pool[reference]
        address, fragment = urldefrag(reference)
        if address not in self.pool:
            if not re.match(r"[a-z]+:", address):
                raise SchemaError(f"Reference {reference} must be canonical")
            raise SchemaError(f"remote reference loading disabled: {reference}")
        value = self.pool[address]
        for token in fragment.split("/")[1:] if fragment.startswith("/") else []:
            value = _step(value, token.replace("~1", "/").replace("~0", "~"))
        return value

    def _types(self, value: dict[str, Any], made: Schema) -> None:
        if "type" not in value:
            return
        named = value["type"]
        listed = named if isinstance(named, list) else [named]
        for each in listed:
            if not isinstance(each, str):
                raise _invalid("type", "string/Array Of Strings")
            if each not in _TYPES:
                expected = "[array boolean integer number null object string]"
                raise SchemaError(
                    f"has a primitive type that is NOT VALID -- given: /{each}/ Expected valid values are:{expected}"
                )
            if each in made.types:
                raise SchemaError(f"{each} type is duplicated")
            made.types.append(each)

    def _objects(self, value: dict[str, Any], made: Schema) -> None:
        found = value.get("properties", {})
        if not isinstance(found, dict):
            raise SchemaError("Properties must be of type object")
        made.properties = {name: self._child(found[name], made) for name in sorted(found)}
        made.additional_properties = self._boolean_or(value, "additionalProperties", made)
        found = value.get("patternProperties", {})
        if not isinstance(found, dict):
            raise _invalid(_SCHEMA, "patternProperties")
        for pattern in sorted(found):
            if not patterns.valid(pattern):
                raise SchemaError(f"Invalid regex pattern '{pattern}'")
            made.pattern_properties[pattern] = self._child(found[pattern], made)
        if "propertyNames" in value and made.draft >= 6:
            if not isinstance(value["propertyNames"], bool | dict):
                raise _invalid(_SCHEMA, "patternProperties")
            made.property_names = self._child(value["propertyNames"], made)
        self._dependencies(value, made)

    def _boolean_or(self, value: dict[str, Any], keyword: str, made: Schema) -> Schema | bool | None:
        found = value.get(keyword)
        if keyword not in value or isinstance(found, bool):
            return found
        if not isinstance(found, dict):
            raise _invalid(f"boolean/{_SCHEMA}", keyword)
        return self._child(found, made)

    def _dependencies(self, value: dict[str, Any], made: Schema) -> None:
        found = value.get("dependencies", {})
        if not isinstance(found, dict):
            raise SchemaError("dependencies must be of type object")
        for name in sorted(found):
            demanded = found[name]
            if isinstance(demanded, bool | dict):
                made.dependencies[name] = self._child(demanded, made)
            elif isinstance(demanded, list) and all(isinstance(each, str) for each in demanded):
                made.dependencies[name] = demanded
            else:
                raise SchemaError("Dependency must be of type Schema Or Array Of Strings")

    def _arrays(self, value: dict[str, Any], made: Schema) -> None:
        if "items" in value:
            found = value["items"]
            listed = found if isinstance(found, list) else [found]
            if any(not isinstance(each, bool | dict) for each in listed):
                raise _invalid(f"{_SCHEMA}/{_LISTED}", "items")
            read = [self._child(each, made) for each in listed]
            made.items = read if isinstance(found, list) else read[0]
        made.additional_items = self._boolean_or(value, "additionalItems", made)

    def _texts(self, value: dict[str, Any], made: Schema) -> None:
        made.pattern = _text(value, "pattern")
        if made.pattern is not None:
            try:
                patterns.compiled(made.pattern)
            except BuiltinError:
                raise SchemaError("pattern must be a valid regex") from None
        made.format = _text(value, "format")

    def _rest(self, value: dict[str, Any], made: Schema) -> None:
        made.unique = value.get("uniqueItems", False)
        if not isinstance(made.unique, bool):
            raise SchemaError("uniqueItems must be of a boolean")
        if "contains" in value and made.draft >= 6:
            made.contains = self._child(value["contains"], made)
        if "const" in value and made.draft >= 6:
            made.constant = canonical(value["const"])
        listed = _list(value, "enum")
        if listed is not None:
            made.enumeration = []
            for each in map(canonical, listed):
                if each in made.enumeration:
                    raise SchemaError("enum items must be unique")
                made.enumeration.append(each)

    def _combinations(self, value: dict[str, Any], made: Schema) -> None:
        made.one_of = [self._child(each, made) for each in _list(value, "oneOf") or []]
        made.any_of = [self._child(each, made) for each in _list(value, "anyOf") or []]
        made.all_of = [self._child(each, made) for each in _list(value, "allOf") or []]
        made.negated = self._one(value, "not", made)
        if made.draft >= 7:
            made.condition = self._one(value, "if", made)
            made.consequence = self._one(value, "then", made)
            made.alternative = self._one(value, "else", made)

    def _one(self, value: dict[str, Any], keyword: str, made: Schema) -> Schema | None:
        if keyword not in value:
            return None
        if not isinstance(value[keyword], bool | dict):
            raise SchemaError(f"{keyword} must be of an object")
        return self._child(value[keyword], made)


def canonical(value: Any) -> str:
    """Return a JSON value as text that is equal for equal values, numbers as 64-bit floats."""
    return json_text(_floated(value))


def _floated(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _floated(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_floated(item) for item in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) < 1e21 else number
    return value


def _joined(base: str, reference: str) -> str:
    if reference.startswith("#") or not reference:
        return urldefrag(base)[0] + reference.rstrip("#") if reference != "#" else urldefrag(base)[0]
    return urljoin(base, reference).rstrip("#")


def _step(value: Any, token: str) -> Any:
    if isinstance(value, dict) and token in value:
        return value[token]
    if isinstance(value, list) and token.isdecimal() and integer(token) < len(value):
        return value[int(token)]
    raise SchemaError(f"Object has no key '{token}'")


def _text(value: dict[str, Any], keyword: str) -> str | None:
    found = value.get(keyword)
    if keyword in value and not isinstance(found, str):
        raise _invalid("string", keyword)
    return found


def _list(value: dict[str, Any], keyword: str) -> list[Any] | None:
    found = value.get(keyword)
    if keyword in value and not isinstance(found, list):
        raise SchemaError(f"{keyword} must be of an array")
    return found


def _required(value: dict[str, Any], made: Schema) -> None:
    for each in _list(value, "required") or []:
        if not isinstance(each, str):
            raise _invalid("string", "required")
        if each in made.required:
            raise SchemaError("required items must be unique")
        made.required.append(each)


def _numbers(value: dict[str, Any], made: Schema) -> None:
    if "multipleOf" in value:
        number = _number(value["multipleOf"])
        if number is None:
            raise _invalid("Number", "multipleOf")
        if number <= 0:
            raise SchemaError("multipleOf must be strictly greater than 0")
        made.numbers["multipleOf"] = number
    for keyword, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if keyword in value:
            number = _number(value[keyword])
            if number is None:
                raise SchemaError(f"{keyword} must be of a Number")
            made.numbers[keyword] = number
        if exclusive in value:
            _exclusive(value[exclusive], made, keyword, exclusive)


def _exclusive(found: Any, made: Schema, keyword: str, exclusive: str) -> None:
    """Read `exclusiveMinimum` or `exclusiveMaximum`: a flag in draft 4, a number of its own later."""
    number = _number(found)
    if isinstance(found, bool) and made.draft in (4, HYBRID):
        if keyword not in made.numbers:
            raise SchemaError(f"{exclusive} cannot be used without {keyword}")
        if found:
            made.numbers[exclusive] = made.numbers.pop(keyword)
    elif number is not None and made.draft != 4:
        made.numbers[exclusive] = number
    else:
        expected = {4: "boolean", HYBRID: "boolean/number"}.get(made.draft, "number")
        raise _invalid(expected, exclusive)


def _lengths(value: dict[str, Any], made: Schema, least: str, most: str, complaint: str) -> None:
    for keyword in (least, most):
        if keyword in value:
            number = value[keyword]
            if isinstance(number, bool) or not isinstance(number, int):
                raise SchemaError(f"{keyword} must be of an integer")
            if number < 0:
                raise SchemaError(f"{keyword} must be greater than or equal to 0")
            made.sizes[keyword] = number
    if complaint and made.sizes.get(least, 0) > made.sizes.get(most, HYBRID):
        raise SchemaError(complaint.format(least, most))
