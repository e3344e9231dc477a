"""Typed forms: from a definition's parameters to fields, and from a submitted form back to values.

A field knows how it is drawn (`kind`) and what it holds; `read` gives the values of an assignment
(`{"name": value}`) and what is wrong, by field. A value that equals the default is left out of an
assignment, so that a later default of the definition still reaches it. The service checks everything
again: what is found here is what can be said at the field while the person types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from pratique.portal import words
from pratique.portal.api import Json
from pratique.portal.session import Form

PREFIX = "p."
MISSING = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter as a form shows it.

    `kind` is text, select, tags (strings, one a line), choices (several of a list), switch, integer, number,
    datetime or json; `text` is what a text-like control holds, `chosen` what a list-like one has selected.
    """

    name: str
    label: str
    help: str
    kind: str
    text: str
    chosen: tuple[str, ...]
    options: tuple[str, ...]
    required: bool
    deprecated: bool
    default: str
    error: str = ""

    @property
    def id(self) -> str:
        """Return the name of the form's control."""
        return PREFIX + self.name


def as_text(value: Any) -> str:
    """Return a value as it is written into a text control."""
    if value is MISSING or value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def kind_of(spec: Json) -> str:
    """Return how a parameter is drawn."""
    kind = str(spec.get("type", "String")).lower()
    allowed = spec.get("allowedValues")
    if kind == "array":
        samples = [*(spec.get("defaultValue") or []), *(allowed or [])]
        if any(not isinstance(item, str) for item in samples):
            return "json"
        return "choices" if allowed else "tags"
    if allowed:
        return "select"
    drawn = {"boolean": "switch", "integer": "integer", "float": "number", "object": "json"}
    return drawn.get(kind, "datetime" if kind == "datetime" else "text")


def fields(
    parameters: Mapping[str, Json], values: Mapping[str, Any], errors: Mapping[str, str]
) -> list[Field]:
    """Return a definition's parameters as fields; those that need an answer come first."""
    made = [_field(name, spec, values, errors.get(name, "")) for name, spec in parameters.items()]
    return sorted(made, key=lambda field: not field.required)


def _field(name: str, spec: Json, values: Mapping[str, Any], error: str) -> Field:
    about = spec.get("metadata") or {}
    default = spec.get("defaultValue", MISSING)
    value = values.get(name, default)
    kind = kind_of(spec)
    text = as_text(value)
    chosen: tuple[str, ...] = ()
    if kind in ("tags", "choices") and isinstance(value, list):
        chosen = tuple(as_text(item) for item in value)
        text = "\n".join(chosen)
    elif kind in ("select", "switch"):
        chosen = (text,) if text else ()
    shown = (
        ""
        if default is MISSING
        else orjson.dumps(default).decode()
        if default not in ("", [], {})
        else "empty"
    )
    return Field(
        name=name,
        label=label_of(name, spec),
        help=str(about.get("description") or ""),
        kind=kind,
        text=text,
        chosen=chosen,
        options=tuple(as_text(option) for option in spec.get("allowedValues") or ()),
        required=default is MISSING,
        deprecated=bool(about.get("deprecated")),
        default=shown.strip('"'),
        error=error,
    )


def label_of(name: str, spec: Json) -> str:
    """Return what a form calls a parameter."""
    return str((spec.get("metadata") or {}).get("displayName") or humanize(name))


def humanize(name: str) -> str:
    """Return a parameter's name as words: `excludedNamespaces` reads `Excluded namespaces`."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_-]+", " ", name).strip()
    return text[:1].upper() + text[1:].lower() if not text.isupper() else text


def read(parameters: Mapping[str, Json], form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """Return every value that the form gives, and what is wrong by parameter."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, spec in parameters.items():
        sent = [str(item) for item in form.getlist(PREFIX + name)]
        if not sent:
            continue
        try:
            value = _parse(kind_of(spec), spec, sent)
        except ValueError as error:
            errors[name] = str(error)
            values[name] = sent[-1]
            continue
        if value is not MISSING:
            values[name] = value
    return values, errors


def missing(parameters: Mapping[str, Json], values: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters that need a value and have none, with what to say there."""
    return {
        name: "This parameter has no default: give it a value."
        for name, spec in parameters.items()
        if "defaultValue" not in spec and values.get(name) in (None, "", [])
    }


def changed(parameters: Mapping[str, Json], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that differ from the defaults: what an assignment has to say."""
    return {
        name: value
        for name, value in values.items()
        if name in parameters and parameters[name].get("defaultValue", MISSING) != value
    }


def _parse(kind: str, spec: Json, sent: list[str]) -> Any:
    text = sent[-1].strip()
    if kind == "choices":
        return [item for item in sent if item]
    if kind == "tags":
        return _lines(text, spec)
    if not text and (kind != "text" or "defaultValue" not in spec):
        return MISSING
    if kind == "select":
        return _allowed(text, spec)
    if kind == "switch":
        return text == "true"
    if kind in ("integer", "number"):
        return _number(kind, text)
    if kind == "json":
        return _json(text, spec)
    if kind == "datetime":
        if words.moment(text) is None:
            raise ValueError("This is not a date and time: write it as 2026-11-23T18:00:00Z.")
        return text
    return sent[-1]


def _lines(text: str, spec: Json) -> Any:
    if text.startswith("["):
        return _json(text, spec)
    items = [line.strip() for line in text.splitlines() if line.strip()]
    return items if items or "defaultValue" in spec else MISSING


def _allowed(text: str, spec: Json) -> Any:
    for option in spec["allowedValues"]:
        if as_text(option) == text:
            return option
    choices = ", ".join(as_text(option) for option in spec["allowedValues"])
    raise ValueError(f"This value is not allowed here: choose one of {choices}.")


def _number(kind: str, text: str) -> int | float:
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        what = "a whole number, like 3" if kind == "integer" else "a number, like 0.5"
        raise ValueError(f"Write {what}.") from None


def _json(text: str, spec: Json) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(
            f"This is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from None
    array = str(spec.get("type", "")).lower() == "array"
    if array and not isinstance(value, list):
        raise ValueError('Write a list, like ["a", "b"].')
    if not array and not isinstance(value, dict):
        raise ValueError('Write an object, like {"key": "value"}.')
    return value
