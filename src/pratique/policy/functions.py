"""The functions of Azure's expression language that need nothing but their arguments.

In: plain values. Out: plain values; a wrong argument raises `ExpressionError`, `TypeError` or `ValueError`,
which the evaluator turns into one message. Which functions exist: azure-policy.md 1.5.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, urljoin

from pratique.policy.errors import ExpressionError

MAX_STRING: Final = 131_072


def truth(value: Any) -> bool:
    """Return a value as a boolean; only booleans and their names are."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    if isinstance(value, int) and value in (0, 1):
        return value == 1
    raise ExpressionError(f"`{value}` is neither true nor false")


def text(value: Any) -> str:
    """Return a value as `string()` does."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, (dict, list)) or value is None:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def equal(left: Any, right: Any) -> bool:
    """Compare as policy conditions do: strings without case, the rest by value."""
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool) and left == right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[name], right[name]) for name in left)
    return bool(left == right)


def _concat(*values: Any) -> Any:
    if values and all(isinstance(value, list) for value in values):
        return [item for value in values for item in value]
    joined = "".join(map(text, values))
    if len(joined) > MAX_STRING:
        raise ExpressionError(f"`concat` makes a string longer than {MAX_STRING}")
    return joined


def _contains(container: Any, item: Any) -> bool:
    if isinstance(container, str):
        return text(item) in container
    if isinstance(container, dict):
        return any(name.casefold() == text(item).casefold() for name in container)
    return any(equal(member, item) for member in container)


def _first(value: Any) -> Any:
    return value[0] if value else ("" if isinstance(value, str) else None)


def _last(value: Any) -> Any:
    return value[-1] if value else ("" if isinstance(value, str) else None)


def _intersection(first: Any, *others: Any) -> Any:
    if isinstance(first, dict):
        return {
            name: value
            for name, value in first.items()
            if all(name in other and equal(other[name], value) for other in others)
        }
    return [item for item in first if all(any(equal(item, member) for member in other) for other in others)]


def _union(*values: Any) -> Any:
    if all(isinstance(value, dict) for value in values):
        merged: dict[str, Any] = {}
        for value in values:
            for name, item in value.items():
                mine = merged.get(name)
                both = isinstance(mine, dict) and isinstance(item, dict)
                merged[name] = _union(mine, item) if both else item
        return merged
    found: list[Any] = []
    for value in values:
        found.extend(item for item in value if not any(equal(item, member) for member in found))
    return found


def _index_of(container: Any, item: Any, *, last: bool = False) -> int:
    if isinstance(container, str):
        folded, wanted = container.casefold(), str(item).casefold()
        return folded.rfind(wanted) if last else folded.find(wanted)
    places = [index for index, member in enumerate(container) if member == item]
    return (places[-1] if last else places[0]) if places else -1


def _extreme(choose: Callable[..., Any], values: tuple[Any, ...]) -> Any:
    items = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    return choose(items)


def _format(pattern: str, *values: Any) -> str:
    def put(match: re.Match[str]) -> str:
        index = int(match[1])
        if index >= len(values):
            raise ExpressionError(f"`format` has no value for `{match[0]}`")
        shown = text(values[index])
        width = int(match[2] or 0)
        return shown.ljust(-width) if width < 0 else shown.rjust(width)

    opened, closed = "\0", "\1"
    escaped = pattern.replace("{{", opened).replace("}}", closed)
    done = re.sub(r"\{(\d+)(?:,(-?\d+))?(?::[^}]*)?\}", put, escaped)
    return done.replace(opened, "{").replace(closed, "}")


def _int(value: Any) -> int:
    if isinstance(value, bool):
        raise ExpressionError("`int` takes a number or its text")
    return int(value)


def _items(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": value[name]} for name in sorted(value)]


def _less(left: Any, right: Any) -> int:
    """Compare for `less` and `greater`: numbers with numbers, text with text."""
    if isinstance(left, str) and isinstance(right, str):
        return (left.casefold() > right.casefold()) - (left.casefold() < right.casefold())
    if any(isinstance(value, (bool, str, dict, list)) or value is None for value in (left, right)):
        raise ExpressionError(f"`{left}` and `{right}` cannot be ordered")
    return int((left > right) - (left < right))


def compare(left: Any, right: Any) -> int:
    """Return -1, 0 or 1; raises `ExpressionError` when the two cannot be ordered."""
    return _less(left, right)


def _pad_left(value: Any, width: int, character: str = " ") -> str:
    return text(value).rjust(width, character)


def _range(start: int, count: int) -> list[int]:
    if not 0 <= count <= 10_000:
        raise ExpressionError("`range` gives at most 10000 numbers")
    return list(range(start, start + count))


def _skip(value: Any, count: int) -> Any:
    return value[max(0, count) :]


def _split(value: str, delimiters: str | list[str]) -> list[str]:
    marks = [delimiters] if isinstance(delimiters, str) else delimiters
    return re.split("|".join(re.escape(mark) for mark in marks), value) if marks else [value]


def _substring(value: str, start: int, length: int | None = None) -> str:
    end = len(value) if length is None else start + length
    if not 0 <= start <= end <= len(value):
        raise ExpressionError("`substring` reaches outside of the string")
    return value[start:end]


def _take(value: Any, count: int) -> Any:
    return value[: max(0, count)]


def _try_get(value: Any, *path: Any) -> Any:
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = next((item for name, item in value.items() if name.casefold() == step.casefold()), None)
        elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def _date(value: str) -> datetime.datetime:
    # .NET writes seven digits of a second, Python reads six.
    trimmed = re.sub(r"(\.\d{6})\d+", r"\1", value.replace("Z", "+00:00"))
    moment = datetime.datetime.fromisoformat(trimmed)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def stamp(moment: datetime.datetime) -> str:
    """Return a time as policy documents write it: seven digits of a second and `Z`."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _add_days(value: str, days: int) -> str:
    return stamp(_date(value) + datetime.timedelta(days=days))


def _span(value: str) -> tuple[int, int, int]:
    if "-" in value:
        low, high = (ipaddress.ip_address(part.strip()) for part in value.split("-", 1))
        return low.version, int(low), int(high)
    network = ipaddress.ip_network(value.strip(), strict=False)
    return network.version, int(network.network_address), int(network.broadcast_address)


def _ip_range_contains(span: str, target: str) -> bool:
    family, low, high = _span(span)
    target_family, target_low, target_high = _span(target)
    if family != target_family:
        raise ExpressionError("`ipRangeContains` cannot compare IPv4 with IPv6")
    return low <= target_low and target_high <= high


def _create_object(*values: Any) -> dict[str, Any]:
    if len(values) % 2:
        raise ExpressionError("`createObject` takes pairs of a name and a value")
    return {text(values[at]): values[at + 1] for at in range(0, len(values), 2)}


def _divide(left: int, right: int) -> int:
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "add": lambda left, right: left + right,
    "adddays": _add_days,
    "array": lambda value: value if isinstance(value, list) else [value],
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64tojson": lambda value: json.loads(base64.b64decode(value)),
    "base64tostring": lambda value: base64.b64decode(value).decode(),
    "bool": truth,
    "concat": _concat,
    "contains": _contains,
    "createarray": lambda *values: list(values),
    "createobject": _create_object,
    "datauri": lambda value: (
        "data:text/plain;charset=utf8;base64," + base64.b64encode(value.encode()).decode()
    ),
    "datauritostring": lambda value: base64.b64decode(value.split(",", 1)[1]).decode(),
    "div": _divide,
    "empty": lambda value: value is None or len(value) == 0,
    "endswith": lambda value, end: value.casefold().endswith(end.casefold()),
    "equals": equal,
    "false": lambda: False,
    "first": _first,
    "float": float,
    "format": _format,
    "greater": lambda left, right: _less(left, right) > 0,
    "greaterorequals": lambda left, right: _less(left, right) >= 0,
    "indexof": _index_of,
    "int": _int,
    "intersection": _intersection,
    "iprangecontains": _ip_range_contains,
    "items": _items,
    "join": lambda values, mark: mark.join(map(text, values)),
    "json": json.loads,
    "last": _last,
    "lastindexof": lambda container, item: _index_of(container, item, last=True),
    "length": len,
    "less": lambda left, right: _less(left, right) < 0,
    "lessorequals": lambda left, right: _less(left, right) <= 0,
    "max": lambda *values: _extreme(max, values),
    "min": lambda *values: _extreme(min, values),
    "mod": lambda left, right: left - right * _divide(left, right),
    "mul": lambda left, right: left * right,
    "not": lambda value: not truth(value),
    "null": lambda: None,
    "objectkeys": lambda value: sorted(value),
    "padleft": _pad_left,
    "range": _range,
    "replace": lambda value, old, new: value.replace(old, new),
    "shallowmerge": lambda values: {name: item for value in values for name, item in value.items()},
    "skip": _skip,
    "split": _split,
    "startswith": lambda value, start: value.casefold().startswith(start.casefold()),
    "string": text,
    "sub": lambda left, right: left - right,
    "substring": _substring,
    "take": _take,
    "tolower": lambda value: value.lower(),
    "toupper": lambda value: value.upper(),
    "trim": lambda value: value.strip(),
    "true": lambda: True,
    "tryget": _try_get,
    "union": _union,
    "uri": urljoin,
    "uricomponent": lambda value: quote(value, safe="-_.!~*'()"),
    "uricomponenttostring": unquote,
}
