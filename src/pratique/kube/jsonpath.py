"""The JSONPath of printer columns and of `selectableFields`: simple paths, indexes and filters.

In come a value and a path such as `.status.conditions[?(@.type=="Ready")].status`, out go the values found.
A path that makes no sense finds nothing. Knows nothing of kinds.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.\.(?P<deep>[\w-]+)|\.(?P<name>(?:\\.|[^.\[\]\\{}])+)|\[(?P<index>-?\d+)\]|\[(?P<all>\*)\]
    |\[(?P<quoted>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")\]
    |\[\?\(\s*@(?P<left>(?:\.[\w\\.-]+)*)\s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<right>[^)]*?)\s*\)\]
    |\[\?\(\s*@(?P<has>(?:\.[\w\\.-]+)+)\s*\)\]""",
    re.X,
)


@lru_cache(maxsize=2048)
def _parse(path: str) -> tuple[re.Match[str], ...] | None:
    path = path.strip()
    if path.startswith("{") and path.endswith("}"):
        path = path[1:-1]
    if path.startswith("$"):
        path = path[1:]
    steps, position = [], 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            return None
        steps.append(match)
        position = match.end()
    return tuple(steps)


def find(value: Any, path: str) -> list[Any]:
    """Return all values at a path."""
    steps = _parse(path)
    if steps is None:
        return []
    current = [value]
    for step in steps:
        current = [found for item in current for found in _step(item, step)]
    return current


def _step(value: Any, step: re.Match[str]) -> list[Any]:
    groups = step.groupdict()
    if groups["deep"] is not None:
        return list(_deep(value, groups["deep"]))
    if groups["name"] is not None:
        name = re.sub(r"\\(.)", r"\1", groups["name"])
        if name == "*":
            return _all(value)
        return [value[name]] if isinstance(value, dict) and name in value else []
    if groups["quoted"] is not None:
        name = re.sub(r"\\(.)", r"\1", groups["quoted"][1:-1])
        return [value[name]] if isinstance(value, dict) and name in value else []
    if groups["all"] is not None:
        return _all(value)
    if groups["index"] is not None:
        index = int(groups["index"])
        return [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []
    items = value if isinstance(value, list) else []
    if groups["has"] is not None:
        return [item for item in items if find(item, groups["has"])]
    return [item for item in items if _passes(item, groups)]


def _all(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list) else []


def _deep(value: Any, name: str) -> list[Any]:
    found: list[Any] = []
    if isinstance(value, dict):
        if name in value:
            found.append(value[name])
        for item in value.values():
            found += _deep(item, name)
    elif isinstance(value, list):
        for item in value:
            found += _deep(item, name)
    return found


def _passes(item: Any, groups: dict[str, Any]) -> bool:
    left = find(item, groups["left"]) if groups["left"] else [item]
    if not left:
        return False
    right = _literal(groups["right"])
    have = left[0]
    operator = groups["operator"]
    if operator == "==":
        return bool(have == right)
    if operator == "!=":
        return bool(have != right)
    if not isinstance(have, int | float) or not isinstance(right, int | float):
        return False
    return {"<": have < right, ">": have > right, "<=": have <= right, ">=": have >= right}[operator]


def _literal(text: str) -> Any:
    if text[:1] in "'\"" and text[:1]:
        return text[1:-1]
    try:
        return json.loads(text)
    except ValueError:
        return text


def text(value: Any) -> str:
    """Return a value as kubectl's JSONPath prints it: text plain, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
