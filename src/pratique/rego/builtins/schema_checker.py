"""Documents checked against JSON schemas: every complaint with its kind, its place and its words.

The complaints, their order (by keyword; properties by name) and the choice of the alternative that is nearest to
a document are those of OPA's library (gojsonschema).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from pratique.rego.builtins import patterns
from pratique.rego.builtins.formats import fits
from pratique.rego.builtins.schema_reader import Schema, canonical
from pratique.rego.runtime.work import work

_ROOT: Final = "(Root)"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One demand that a document does not meet."""

    kind: str
    place: str
    words: str

    def shown(self) -> dict[str, str]:
        """Return the complaint as `json.match_schema` has it."""
        return {
            "desc": self.words,
            "error": f"{self.place}: {self.words}",
            "field": self.place,
            "type": self.kind,
        }


@dataclass(slots=True)
class _Result:
    """The complaints so far, and how near the document came."""

    complaints: list[Complaint] = field(default_factory=list)
    score: int = 0

    @property
    def valid(self) -> bool:
        return not self.complaints

    def complain(self, kind: str, path: tuple[str, ...], words: str) -> None:
        self.complaints.append(Complaint(kind, ".".join(path) or _ROOT, words))
        self.score -= 2

    def merge(self, other: _Result) -> None:
        self.complaints += other.complaints
        self.score += other.score


def check(schema: Schema, document: Any) -> list[Complaint]:
    """Return what a document does not meet."""
    return _checked(schema, document, ()).complaints


def _checked(schema: Schema, value: Any, path: tuple[str, ...]) -> _Result:
    result = _Result()
    _check(schema, value, path, result)
    return result


def _check(schema: Schema, value: Any, path: tuple[str, ...], result: _Result) -> None:
    work(1)
    if schema.passes is not None:
        if not schema.passes:
            result.complain("false", path, "False always fails validation")
        return
    if schema.target is not None:
        _check(schema.target, value, path, result)
        return
    kind = _kind(value)
    if schema.types and not (kind in schema.types or (kind == "integer" and "number" in schema.types)):
        names = schema.types[0] if len(schema.types) == 1 else f"[{','.join(schema.types)}]"
        result.complain("invalid_type", path, f"Invalid type. Expected: {names}, given: {kind}")
        return
    _combined(schema, value, path, result)
    if kind == "array":
        _array(schema, value, path, result)
    elif kind == "object":
        _object(schema, value, path, result)
    elif kind in ("integer", "number"):
        _number(schema, value, path, result)
    _common(schema, value, path, result)
    if kind == "string":
        _string(schema, value, path, result)
    if kind == "object":
        for name, inner in schema.properties.items():
            if name in value:
                _check(inner, value[name], (*path, name), result)
    result.score += 1


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, Decimal):
        return "integer" if Fraction(value).denominator == 1 else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _combined(schema: Schema, value: Any, path: tuple[str, ...], result: _Result) -> None:
    _any_of(schema, value, path, result)
    _one_of(schema, value, path, result)
    if schema.all_of:
        found = [_checked(each, value, path) for each in schema.all_of]
        for each in found:
            result.merge(each)
        if not all(each.valid for each in found):
            result.complain("number_all_of", path, "Must validate all the schemas (allOf)")
    if schema.negated is not None and _checked(schema.negated, value, path).valid:
        result.complain("number_not", path, "Must not validate the schema (not)")
    for name in sorted(schema.dependencies) if isinstance(value, dict) else ():
        demanded = schema.dependencies[name]
        if name not in value:
            continue
        if isinstance(demanded, Schema):
            _check(demanded, value, path, result)
        else:
            for other in [each for each in demanded if each not in value]:
                result.complain("missing_dependency", path, f"Has a dependency on {other}")
    _conditional(schema, value, path, result)
    result.score += 1


def _any_of(schema: Schema, value: Any, path: tuple[str, ...], result: _Result) -> None:
    best: _Result | None = None
    for each in schema.any_of:
        found = _checked(each, value, path)
        if found.valid:
            return
        if best is None or found.score > best.score:
            best = found
    if best is not None:
        result.complain("number_any_of", path, "Must validate at least one schema (anyOf)")
        result.merge(best)


def _one_of(schema: Schema, value: Any, path: tuple[str, ...], result: _Result) -> None:
    if not schema.one_of:
        return
    valid = 0
    best: _Result | None = None
    for each in schema.one_of:
        found = _checked(each, value, path)
        if found.valid:
            valid += 1
        elif not valid and (best is None or found.score > best.score):
            best = found
    if valid != 1:
        result.complain("number_one_of", path, "Must validate one and only one schema (oneOf)")
        if not valid and best is not None:
            result.merge(best)


def _conditional(schema: Schema, value: Any, path: tuple[str, ...], result: _Result) -> None:
    if schema.condition is None:
        return
    holds = _checked(schema.condition, value, path).valid
    branch = schema.consequence if holds else schema.alternative
    if branch is None:
        return
    found = _checked(branch, value, path)
    if not found.valid:
        name, was = ("then", "valid") if holds else ("else", "not valid")
        result.complain(f"condition_{name}", path, f'Must validate "{name}" as "if" was {was}')
        result.merge(found)


def _common(schema: Schema, value: Any, path: tuple[str, ...], result: _Result) -> None:
    place = ".".join(path) or _ROOT
    if schema.constant is not None and canonical(value) != schema.constant:
        result.complain("const", path, f"{place} does not match: {schema.constant}")
    if schema.enumeration is not None and canonical(value) not in schema.enumeration:
        result.complain(
            "enum", path, f"{place} must be one of the following: {', '.join(schema.enumeration)}"
        )
    if schema.format and isinstance(value, str) and not fits(schema.format, value):
        result.complain("format", path, f"Does not match format '{schema.format}'")
    result.score += 1


def _sized(
    schema: Schema, keyword: str, path: tuple[str, ...], result: _Result, size: int, kind: str, words: str
) -> None:
    limit = schema.sizes.get(keyword)
    if limit is not None and (size < limit if keyword.startswith("min") else size > limit):
        result.complain(kind, path, words.format(limit))


def _array(schema: Schema, value: list[Any], path: tuple[str, ...], result: _Result) -> None:
    if isinstance(schema.items, Schema):
        for index, item in enumerate(value):
            result.merge(_checked(schema.items, item, (*path, str(index))))
    elif schema.items:
        for index, (inner, item) in enumerate(zip(schema.items, value, strict=False)):
            result.merge(_checked(inner, item, (*path, str(index))))
        if len(schema.items) < len(value):
            if schema.additional_items is False:
                result.complain("array_no_additional_items", path, "No additional items allowed on array")
            elif isinstance(schema.additional_items, Schema):
                for index in range(len(schema.items), len(value)):
                    result.merge(_checked(schema.additional_items, value[index], (*path, str(index))))
    size = len(value)
    _sized(schema, "minItems", path, result, size, "array_min_items", "Array must have at least {} items")
    _sized(schema, "maxItems", path, result, size, "array_max_items", "Array must have at most {} items")
    if schema.unique:
        _unique(value, path, result)
    if schema.contains is not None:
        _contains(schema.contains, value, path, result)
    result.score += 1


def _unique(value: list[Any], path: tuple[str, ...], result: _Result) -> None:
    seen: dict[str, int] = {}
    for index, text in enumerate(map(canonical, value)):
        if text in seen:
            result.complain("unique", path, f"array items[{seen[text]},{index}] must be unique")
        seen[text] = index


def _contains(schema: Schema, value: list[Any], path: tuple[str, ...], result: _Result) -> None:
    best: _Result | None = None
    for index, item in enumerate(value):
        found = _checked(schema, item, (*path, str(index)))
        if found.valid:
            return
        if best is None or found.score > best.score:
            best = found
    result.complain("contains", path, "At least one of the items must match")
    if best is not None:
        result.merge(best)


def _object(schema: Schema, value: dict[str, Any], path: tuple[str, ...], result: _Result) -> None:
    size = len(value)
    least, most = "Must have at least {} properties", "Must have at most {} properties"
    _sized(schema, "minProperties", path, result, size, "array_min_properties", least)
    _sized(schema, "maxProperties", path, result, size, "array_max_properties", most)
    for name in schema.required:
        if name in value:
            result.score += 1
        else:
            result.complain("required", path, f"{name} is required")
    for name in sorted(value):
        matched = [inner for pattern, inner in schema.pattern_properties.items() if _found(pattern, name)]
        for inner in matched:
            result.merge(_checked(inner, value[name], (*path, name)))
        result.score += bool(matched)
        if name in schema.properties or matched:
            continue
        if schema.additional_properties is False:
            result.complain(
                "additional_property_not_allowed", path, f"Additional property {name} is not allowed"
            )
        elif isinstance(schema.additional_properties, Schema):
            result.merge(_checked(schema.additional_properties, value[name], (*path, name)))
    if schema.property_names is not None:
        for name in sorted(value):
            found = _checked(schema.property_names, name, path)
            if not found.valid:
                result.complain("invalid_property_name", path, f'Property name of "{name}" does not match')
                result.merge(found)
    result.score += 1


def _found(pattern: str, text: str) -> bool:
    return patterns.searcher(pattern)(text) is not None


def _string(schema: Schema, value: str, path: tuple[str, ...], result: _Result) -> None:
    words = "String length must be {} than or equal to {{}}"
    _sized(schema, "minLength", path, result, len(value), "string_gte", words.format("greater"))
    _sized(schema, "maxLength", path, result, len(value), "string_lte", words.format("less"))
    if schema.pattern is not None and not _found(schema.pattern, value):
        result.complain("pattern", path, f"Does not match pattern '{schema.pattern}'")
    result.score += 1


_LIMITS: Final[tuple[tuple[str, str, str, Callable[[Fraction, Fraction], bool]], ...]] = (
    ("multipleOf", "multiple_of", "Must be a multiple of", lambda one, two: (one / two).denominator == 1),
    ("maximum", "number_lte", "Must be less than or equal to", lambda one, two: one <= two),
    ("exclusiveMaximum", "number_lt", "Must be less than", lambda one, two: one < two),
    ("minimum", "number_gte", "Must be greater than or equal to", lambda one, two: one >= two),
    ("exclusiveMinimum", "number_gt", "Must be greater than", lambda one, two: one > two),
)


def _number(schema: Schema, value: int | Decimal, path: tuple[str, ...], result: _Result) -> None:
    number = Fraction(value)
    for keyword, kind, words, holds in _LIMITS:
        limit = schema.numbers.get(keyword)
        if limit is not None and not holds(number, limit):
            result.complain(kind, path, f"{words} {_shown(limit)}")
    result.score += 1


def _shown(limit: Fraction) -> str:
    """Return a limit as Go prints a big.Float: ten digits at most."""
    text = f"{float(limit):.10g}"
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa}e{power[0]}{int(power[1:]):02d}" if exponent else text
