"""Parameters: what a definition declares, and the values that an assignment gives.

In: the `parameters` objects of both documents. Out: `Parameter` declarations, and one plain mapping from
name to value with defaults filled in. Every refusal names the parameter (azure-policy.md 1.3). It knows
nothing of rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.policy import schema as json_schema
from pratique.policy.errors import ParameterError

MISSING: Final = object()
EXAMPLES: Final = {
    "String": '"text"',
    "Array": '["one", "two"]',
    "Object": '{"key": "value"}',
    "Boolean": "true",
    "Integer": "3",
    "Float": "0.5",
    "DateTime": '"2030-01-31T12:00:00Z"',
}
TYPES: Final = tuple(EXAMPLES)
MAX_IN_DEFINITION: Final = 20

_TYPES = {name.casefold(): name for name in TYPES}
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter."""

    name: str
    type: str
    default: Any = MISSING
    allowed: tuple[Any, ...] = ()
    schema: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def required(self) -> bool:
        """Tell whether an assignment must give a value."""
        return self.default is MISSING

    @property
    def display_name(self) -> str:
        """Return what a form calls this parameter."""
        return str(self.metadata.get("displayName") or self.name)

    @property
    def description(self) -> str:
        """Return what a form explains about this parameter."""
        return str(self.metadata.get("description") or "")

    def check(self, value: Any) -> None:
        """Raise `ParameterError` unless the value may be given to this parameter."""
        if not _fits(value, self.type):
            raise self._error(
                f"parameter `{self.name}` must be of type {self.type}, not {_kind(value)}",
                hint=f"write it as in {EXAMPLES[self.type]}",
            )
        if self.allowed:
            # INVARIANT: allowed values compare with case at assignment (azure-policy.md 1.3).
            values = value if self.type == "Array" else [value]
            for item in values:
                if not any(_identical(item, allowed) for allowed in self.allowed):
                    raise self._error(
                        f"parameter `{self.name}` does not allow `{item}`",
                        hint=f"write one of {', '.join(map(str, self.allowed))}",
                    )
        if self.schema is not None:
            problems = json_schema.check(value, self.schema, path=self.name)
            if problems:
                raise self._error(f"parameter `{self.name}` does not fit its schema: {'; '.join(problems)}")

    def _error(self, message: str, *, hint: str = "") -> ParameterError:
        return ParameterError(message, target=f"parameters.{self.name}", hint=hint)


def read(document: Any, *, limit: int = MAX_IN_DEFINITION) -> dict[str, Parameter]:
    """Read the declarations of a definition."""
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ParameterError("`parameters` must be an object", target="properties.parameters")
    if len(document) > limit:
        raise ParameterError(
            f"{len(document)} parameters, the most is {limit}", target="properties.parameters"
        )
    return {name: _read_one(name, entry) for name, entry in document.items()}


def _read_one(name: str, entry: Any) -> Parameter:
    target = f"properties.parameters.{name}"
    if not isinstance(entry, dict):
        raise ParameterError(f"parameter `{name}` must be an object", target=target)
    kind = _TYPES.get(str(entry.get("type", "")).casefold())
    if kind is None:
        raise ParameterError(
            f"parameter `{name}` has the unknown type `{entry.get('type', '')}`",
            target=target,
            hint=f"write one of {', '.join(TYPES)}",
        )
    allowed = entry.get("allowedValues") or ()
    if not isinstance(allowed, (list, tuple)):
        raise ParameterError(f"`allowedValues` of parameter `{name}` must be an array", target=target)
    metadata = entry.get("metadata")
    parameter = Parameter(
        name=name,
        type=kind,
        default=entry.get("defaultValue", MISSING),
        allowed=tuple(allowed),
        schema=entry.get("schema") if isinstance(entry.get("schema"), dict) else None,
        metadata=metadata if isinstance(metadata, dict) else {},
    )
    if parameter.default is not MISSING:
        try:
            parameter.check(parameter.default)
        except ParameterError as error:
            raise ParameterError(f"default: {error.message}", target=target, hint=error.hint) from error
    return parameter


def values(document: Any, *, target: str = "properties.parameters") -> dict[str, Any]:
    """Read an assignment's `{name: {"value": ...}}` to a plain mapping."""
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ParameterError("`parameters` must be an object", target=target)
    found = {}
    for name, entry in document.items():
        if not isinstance(entry, dict) or "value" not in entry:
            raise ParameterError(
                f"parameter `{name}` has no `value`",
                target=f"{target}.{name}",
                hint=f'write {{"{name}": {{"value": ...}}}}',
            )
        found[name] = entry["value"]
    return found


def resolve(declared: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every declared parameter's value: the given one, checked, or its default.

    Raises `ParameterError` for a value that does not fit, an unknown name, or a missing one.
    """
    by_name = {name.casefold(): parameter for name, parameter in declared.items()}
    resolved: dict[str, Any] = {}
    for name, value in given.items():
        parameter = by_name.get(name.casefold())
        if parameter is None:
            raise ParameterError(
                f"the definition has no parameter `{name}`",
                target=f"parameters.{name}",
                code="UndefinedPolicyParameter",
                hint=f"it has {', '.join(declared) or 'none'}",
            )
        parameter.check(value)
        resolved[parameter.name] = value
    missing = [name for name, parameter in declared.items() if name not in resolved and parameter.required]
    if missing:
        raise ParameterError(
            f"no value for parameter {', '.join(f'`{name}`' for name in missing)}",
            target=f"parameters.{missing[0]}",
            code="MissingPolicyParameter",
            hint="give each a value: they have no default",
        )
    return {name: resolved.get(name, parameter.default) for name, parameter in declared.items()}


def _fits(value: Any, kind: str) -> bool:
    match kind:
        case "String":
            return isinstance(value, str)
        case "Array":
            return isinstance(value, list)
        case "Object":
            return isinstance(value, dict)
        case "Boolean":
            return isinstance(value, bool) or (
                isinstance(value, str) and value.casefold() in ("true", "false")
            )
        case "Integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "Float":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case _:
            return isinstance(value, str) and _DATE_TIME.fullmatch(value) is not None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "Boolean"
    names = {str: "String", list: "Array", dict: "Object", int: "Integer", float: "Float"}
    return names.get(type(value), "something else")


def _identical(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)
