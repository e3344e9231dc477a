"""Small checks that many kinds share: numbers, ports, percentages, selectors. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pratique.kube import names, selectors, status
from pratique.kube.status import FieldError

Object = dict[str, Any]
Errors = list[FieldError]


def dicts(values: Any) -> Iterator[tuple[int, Object]]:
    """Yield index and item of those items that are objects."""
    for at, item in enumerate(values if isinstance(values, list) else ()):
        if isinstance(item, dict):
            yield at, item


def get(value: Any, *path: str) -> Any:
    """Return what is at a path of keys, or None."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def each(path: str, value: str, rule: Callable[[str], list[str]]) -> Errors:
    """Return a rule's complaints about a text."""
    return [status.invalid(path, value, message) for message in rule(value)]


def nonnegative(path: str, value: Any) -> Errors:
    """Demand that a number, if given, is not below zero."""
    if isinstance(value, int) and value < 0:
        return [status.invalid(path, value, "must be greater than or equal to 0")]
    return []


def port(path: str, value: Any) -> Errors:
    """Demand a port number."""
    if isinstance(value, int) and 1 <= value <= 65535:
        return []
    return [status.invalid(path, value if value is not None else 0, between(1, 65535))]


def between(low: int, high: int) -> str:
    """Return the words for a range."""
    return f"must be between {low} and {high}, inclusive"


def port_or_name(path: str, value: Any) -> Errors:
    """Demand a port number or the name of a port."""
    if isinstance(value, str):
        return each(path, value, port_name)
    return port(path, value)


def port_name(text: str) -> list[str]:
    """Check the name of a port (RFC 6335)."""
    errors = []
    if len(text) > 15:
        errors.append("must be no more than 15 characters")
    if not text or any(char not in "abcdefghijklmnopqrstuvwxyz0123456789-" for char in text):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    elif not any(char.isalpha() for char in text):
        errors.append("must contain at least one letter (a-z)")
    if "--" in text:
        errors.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def one_of(path: str, value: Any, allowed: Iterable[str]) -> Errors:
    """Demand one of some texts."""
    allowed = list(allowed)
    return [] if value in allowed else [status.unsupported(path, value, allowed)]


def int_or_percent(path: str, value: Any) -> Errors:
    """Demand a number that is not negative, or a percentage."""
    if isinstance(value, str):
        if value.endswith("%") and value[:-1].isdigit():
            return []
        return [
            status.invalid(
                path,
                value,
                "a valid percent string must be a numeric string followed by an ending '%' "
                "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
            )
        ]
    return nonnegative(path, value)


def at_most_all(path: str, value: Any) -> Errors:
    """Demand that a percentage is not above 100."""
    if isinstance(value, str) and value[:-1].isdigit() and int(value[:-1]) > 100:
        return [status.invalid(path, value, "must not be greater than 100%")]
    return []


def label_selector(path: str, selector: Any) -> Errors:
    """Check a LabelSelector."""
    return selectors.selector_errors(selector, path) if isinstance(selector, dict) else []


def matches(selector: Any, labels: Any) -> bool:
    """Tell whether a LabelSelector matches labels; a wrong selector matches nothing."""
    if selectors.selector_errors(selector):
        return False
    return bool(selectors.compile_selector(selector)(labels or {}))


def labels(path: str, values: Any) -> Errors:
    """Check a map of labels."""
    errors: Errors = []
    for key, value in (values or {}).items():
        errors += [status.invalid(path, key, message) for message in names.is_qualified_name(key)]
        errors += [status.invalid(path, value, message) for message in names.is_label_value(str(value))]
    return errors


def immutable(path: str, value: Any, old: Any) -> Errors:
    """Demand that a field stays as it was."""
    if (value or None) == (old or None):
        return []
    return [status.invalid(path, value, "field is immutable")]
