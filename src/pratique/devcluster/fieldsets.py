"""Sets of fields, as server-side apply counts them, and their form in `managedFields`.

In come objects and their shapes, out go sets of paths: `("f:data", "f:a")`, `("f:ports", 'k:{"port":1}')`.
Nothing here knows managers or conflicts.

Source: `sigs.k8s.io/structured-merge-diff`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from pratique.devcluster.shapes import Shape

Path = tuple[str, ...]
Paths = frozenset[Path]
NONE: Paths = frozenset()
_UNSET = object()
_SERVER_FIELDS = ("creationTimestamp", "generation", "managedFields", "name", "namespace", "resourceVersion")
_OWNERLESS: tuple[Path, ...] = (
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata",),
    *(("f:metadata", f"f:{name}") for name in (*_SERVER_FIELDS, "selfLink", "uid", "generateName")),
    *(("f:metadata", f"f:{name}") for name in ("deletionTimestamp", "deletionGracePeriodSeconds")),
)


def _dump(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def element(shape: Shape, item: Any) -> str | None:
    """Return the path element of an item of a keyed list or of a set."""
    if shape.list_type == "set":
        return f"v:{_dump(item)}"
    key = shape.item_key(item)
    return None if key is None else f"k:{_dump(key)}"


def of(value: Any, shape: Shape) -> Paths:
    """Return the fields that a configuration sets: its leaves, and the items of keyed lists."""
    found: set[Path] = set()
    _collect(value, shape, (), found)
    return without_server_fields(found)


def _collect(value: Any, shape: Shape, path: Path, found: set[Path]) -> None:
    if isinstance(value, dict) and value and not shape.atomic_map:
        for name, item in value.items():
            inner = shape.field(name)
            if inner is not None:
                _collect(item, inner, (*path, f"f:{name}"), found)
    elif isinstance(value, list) and value and shape.list_type in ("map", "set"):
        items = shape.items()
        for item in value:
            mark = element(shape, item)
            if mark is None:
                continue
            found.add((*path, mark))
            if shape.list_type == "map":
                _collect(item, items, (*path, mark), found)
    else:
        found.add(path)


def compare(old: Any, new: Any, shape: Shape) -> tuple[Paths, Paths]:
    """Return which fields were added or modified, and which were removed."""
    changed: set[Path] = set()
    removed: set[Path] = set()
    _compare(old, new, shape, (), (changed, removed))
    return without_server_fields(changed), without_server_fields(removed)


def _compare(old: Any, new: Any, shape: Shape, path: Path, into: tuple[set[Path], set[Path]]) -> None:
    changed, removed = into
    old_parts, new_parts = _parts(old, shape), _parts(new, shape)
    if new_parts is None and old_parts is None:
        if new is _UNSET and old is not _UNSET:
            removed.add(path)
        elif new is not _UNSET and (old is _UNSET or old != new):
            changed.add(path)
        return
    if path:
        if old is _UNSET or (old_parts is None and new_parts is not None):
            changed.add(path)
        elif new is _UNSET or (new_parts is None and old_parts is not None):
            removed.add(path) if new is _UNSET else changed.add(path)
    old_parts, new_parts = old_parts or {}, new_parts or {}
    for mark in {**old_parts, **new_parts}:
        before, after = old_parts.get(mark, _UNSET), new_parts.get(mark, _UNSET)
        if before is after:
            continue
        inner = shape.items() if mark[0] in "kv" else shape.field(mark[2:])
        if inner is not None:
            _compare(before, after, inner, (*path, mark), into)


def _parts(value: Any, shape: Shape) -> dict[str, Any] | None:
    """Return what is inside a value by path element; None for what is owned as a whole."""
    if isinstance(value, dict) and not shape.atomic_map:
        return {f"f:{name}": item for name, item in value.items()}
    if isinstance(value, list) and shape.list_type in ("map", "set"):
        found = {}
        for item in value:
            mark = element(shape, item)
            if mark is not None:
                found[mark] = item
        return found
    return None


def without_server_fields(paths: Iterable[Path]) -> Paths:
    """Return a set without what nobody can own."""
    return frozenset(path for path in paths if path and path not in _OWNERLESS)


def write(paths: Iterable[Path]) -> dict[str, Any]:
    """Return a set as FieldsV1."""
    root: dict[str, Any] = {}
    members = sorted(paths)
    inner = {path[:depth] for path in members for depth in range(1, len(path))}
    for path in members:
        node = root
        for part in path:
            node = node.setdefault(part, {})
        if path in inner:
            node["."] = {}
    return _sorted(root)


def _sorted(node: dict[str, Any]) -> dict[str, Any]:
    return {key: _sorted(node[key]) for key in sorted(node)}


def read(fields: Mapping[str, Any] | None) -> Paths:
    """Return the set that FieldsV1 spells."""
    found: set[Path] = set()
    _read(fields or {}, (), found)
    return frozenset(found)


def _read(fields: Mapping[str, Any], path: Path, found: set[Path]) -> None:
    for part, inner in fields.items():
        if part == ".":
            found.add(path)
        elif not inner:
            found.add((*path, part))
        else:
            _read(inner, (*path, part), found)


def show(path: Path) -> str:
    """Return a path as conflicts print it: `.spec.containers[name="a"].image`."""
    text = ""
    for part in path:
        kind, _, body = part.partition(":")
        if kind == "f":
            text += f".{body}"
        elif kind == "k":
            pairs = orjson.loads(body)
            text += "[" + ",".join(f"{name}={_dump(value)}" for name, value in pairs.items()) + "]"
        else:
            text += f"[={body}]"
    return text


def drop(value: Any, shape: Shape, gone: Paths) -> Any:
    """Return the value without the given fields."""
    if not gone:
        return value
    heads: dict[str, set[Path]] = {}
    for path in gone:
        heads.setdefault(path[0], set()).add(path[1:])
    if isinstance(value, dict):
        result = {}
        for name, item in value.items():
            rests = heads.get(f"f:{name}")
            inner = shape.field(name)
            if rests is None or inner is None:
                result[name] = item
            elif () not in rests:
                result[name] = drop(item, inner, frozenset(rests))
            elif len(rests) > 1 and isinstance(item, dict | list):
                kept = drop(item, inner, frozenset(rests - {()}))
                if kept:
                    result[name] = kept
        return result
    if isinstance(value, list) and shape.list_type in ("map", "set"):
        return _drop_items(value, shape, heads)
    return value


def _drop_items(value: list[Any], shape: Shape, heads: dict[str, set[Path]]) -> list[Any]:
    result = []
    for item in value:
        rests = heads.get(element(shape, item) or "")
        if rests is None:
            result.append(item)
        elif () not in rests:
            result.append(drop(item, shape.items(), frozenset(rests)))
    return result


def merge(live: Any, config: Any, shape: Shape) -> Any:
    """Return the live value with a configuration laid over it."""
    if isinstance(config, dict) and isinstance(live, dict) and not shape.atomic_map:
        result = dict(live)
        for name, item in config.items():
            inner = shape.field(name)
            result[name] = item if inner is None or name not in live else merge(live[name], item, inner)
        return result
    if isinstance(config, list) and isinstance(live, list) and shape.list_type in ("map", "set"):
        return _merge_list(live, config, shape)
    return config


def _merge_list(live: list[Any], config: list[Any], shape: Shape) -> list[Any]:
    """Return both lists as one: the configuration's order rules, items of others keep their neighbours."""
    marks = [element(shape, item) for item in live]
    wanted = {element(shape, item): item for item in config}
    result: list[Any] = []
    position = 0
    for item in config:
        mark = element(shape, item)
        if mark in marks:
            spot = marks.index(mark)
            for index in range(position, spot):
                if marks[index] not in wanted:
                    result.append(live[index])
            position = max(position, spot + 1)
            result.append(merge(live[spot], item, shape.items()) if shape.list_type == "map" else item)
        else:
            result.append(item)
    result += [live[index] for index in range(position, len(live)) if marks[index] not in wanted]
    return result


def undeclared(value: Any, shape: Shape, path: str = "") -> list[str]:
    """Return the paths of a configuration that its type does not have."""
    found: list[str] = []
    if isinstance(value, dict):
        for name, item in value.items():
            inner = shape.field(name)
            if inner is None:
                found.append(f"{path}.{name}")
            else:
                found += undeclared(item, inner, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            mark = element(shape, item) if shape.list_type in ("map", "set") else None
            spot = show((mark,)) if mark else f"[{index}]"
            found += undeclared(item, shape.items(), f"{path}{spot}")
    return found
