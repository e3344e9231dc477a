"""The pieces of text that cells are made of: ages, selectors, lists that end with `+ 2 more...`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 31536000


def age(timestamp: object, now: datetime) -> str:
    """Return the time since an RFC 3339 time stamp, or `<unknown>` without one."""
    moment = parse_time(timestamp)
    return "<unknown>" if moment is None else human_duration((now - moment).total_seconds())


def parse_time(timestamp: object) -> datetime | None:
    """Return the moment that an RFC 3339 text names, or None."""
    if not isinstance(timestamp, str):
        return None
    try:
        return datetime.fromisoformat(timestamp)
    except ValueError:
        return None


def human_duration(seconds: float) -> str:
    """Return a duration in at most two units, as apimachinery's `duration.HumanDuration`."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, (_MINUTE, "m"), (1, "s"))
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, (_HOUR, "h"), (_MINUTE, "m"))
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, (_DAY, "d"), (_HOUR, "h"))
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, (_YEAR, "y"), (_DAY, "d"))
    return f"{whole // _YEAR}y"


def _two(seconds: int, big: tuple[int, str], small: tuple[int, str]) -> str:
    rest = seconds % big[0] // small[0]
    return f"{seconds // big[0]}{big[1]}" + (f"{rest}{small[1]}" if rest else "")


def label_selector(selector: Any) -> str:
    """Return a LabelSelector as `kubectl get -l` would take it, or `<none>` for one that selects all."""
    if not isinstance(selector, dict):
        return "<none>"
    terms = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression.get("key", ""), ",".join(sorted(expression.get("values") or ()))
        operator = expression.get("operator")
        text = {"Exists": key, "DoesNotExist": f"!{key}", "In": f"{key} in ({values})"}
        terms.append((key, text.get(operator, f"{key} notin ({values})")))
    return ",".join(text for _, text in sorted(terms, key=lambda term: term[0])) or "<none>"


def labels(values: Any) -> str:
    """Return a map as `a=b,c=d`, or `<none>`."""
    return ",".join(f"{key}={value}" for key, value in sorted((values or {}).items())) or "<none>"


def containers(template: Any) -> tuple[str, str]:
    """Return a pod template's container names and images, each joined by commas."""
    found = get(template, "spec", "containers") or ()
    return ",".join(c.get("name", "") for c in found), ",".join(c.get("image", "") for c in found)


def limited(parts: Sequence[str], most: int, *, count: int | None = None, separator: str = ",") -> str:
    """Return at most `most` of the parts, then how many more there are."""
    total = len(parts) if count is None else count
    text = separator.join(parts[:most])
    return f"{text} + {total - most} more..." if total > most else text


def get(value: Any, *path: str) -> Any:
    """Return what is at a path of keys, or None."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def name_and_age(obj: dict[str, Any], now: datetime) -> tuple[str, str]:
    """Return the two cells that almost every kind has."""
    metadata = obj.get("metadata") or {}
    return metadata.get("name", ""), age(metadata.get("creationTimestamp"), now)


def condition(conditions: Iterable[dict[str, Any]] | None, kind: str) -> str:
    """Return the status of the condition of a type: `True`, `False`, `Unknown` or an empty text."""
    return next((str(c.get("status", "")) for c in conditions or () if c.get("type") == kind), "")
