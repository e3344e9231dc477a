"""The patches that an API server takes: JSON patch, JSON merge patch, strategic merge patch.

In come an object and a patch, out goes a new object; neither is changed. What a strategic merge patch needs
to know of a kind (which lists merge, by which key) comes from a `Guide`. A patch that cannot be applied
raises PatchError.

Sources: RFC 6902, RFC 7386, `apimachinery/pkg/util/strategicpatch/patch.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pratique.errors import InputError
from pratique.kube.objects import copy

DIRECTIVE = "$patch"
DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
ORDER = "$setElementOrder/"
RETAIN = "$retainKeys"


class PatchError(InputError):
    """A patch makes no sense, or does not fit the object."""


class Guide(Protocol):
    """What a strategic merge patch must know of the fields of one type."""

    def child(self, name: str) -> Guide:
        """Return the guide of a field's objects (of a list's items, if it is a list)."""
        ...

    def merge_key(self, name: str) -> str | None:
        """Return the key by which a list of objects merges; empty for plain values; None if it does not."""
        ...

    def retains(self, name: str) -> bool:
        """Tell whether the field is replaced as a whole, strategies apart."""
        ...


def merge(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return copy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def apply_json_patch(document: Any, operations: Any) -> Any:
    """Apply a JSON patch."""
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    result = copy(document)
    for operation in operations:
        if not isinstance(operation, dict):
            raise PatchError("an operation of a JSON patch is an object")
        result = _apply(result, operation)
    return result


def _pointer(path: Any) -> list[str]:
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise PatchError(f"invalid JSON pointer `{path}`")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _apply(document: Any, operation: Mapping[str, Any]) -> Any:
    kind, path = operation.get("op"), operation.get("path")
    parts = _pointer(path)
    if kind in ("add", "replace", "test") and "value" not in operation and kind != "test":
        raise PatchError(f"{kind} operation does not apply: missing value")
    if kind == "add":
        return _add(
            document,
            parts,
            copy(operation["value"]),
            f"add operation does not apply: doc is missing path: {path}",
        )
    if kind == "remove":
        return _remove(document, parts, kind="remove", path=str(path))[0]
    if kind == "replace":
        if not parts:
            return copy(operation["value"])
        missing = f"replace operation does not apply: doc is missing key: {path}: missing value"
        parent = _find(document, parts[:-1], f"replace operation does not apply: doc is missing path: {path}")
        _item(parent, parts[-1], missing)
        _set(parent, parts[-1], copy(operation["value"]), missing)
        return document
    if kind == "test":
        return _test(document, parts, operation)
    if kind in ("move", "copy"):
        return _transfer(document, parts, operation)
    raise PatchError(f"Unexpected kind: {kind}")


def _transfer(document: Any, parts: list[str], operation: Mapping[str, Any]) -> Any:
    kind, origin = str(operation["op"]), operation.get("from")
    source = _pointer(origin)
    if kind == "move":
        document, value = _remove(document, source, kind="move", path=str(origin))
    else:
        value = copy(
            _find(document, source, f"copy operation does not apply: doc is missing from path: {origin}")
        )
    missing = f"{kind} operation does not apply: doc is missing destination path: {operation.get('path')}"
    return _add(document, parts, value, missing)


def _test(document: Any, parts: list[str], operation: Mapping[str, Any]) -> Any:
    path = operation.get("path")
    try:
        found = _find(document, parts, "")
    except PatchError:
        if operation.get("value") is None:
            return document
        raise PatchError(f"testing path {path} failed: test failed") from None
    if not same(found, operation.get("value")):
        raise PatchError(f"testing value {path} failed: test failed")
    return document


def same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are equal; true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _index(parent: list[Any], part: str, missing: str, *, end: bool = False) -> int:
    if part == "-" and end:
        return len(parent)
    try:
        index = int(part)
    except ValueError:
        raise PatchError(f"{missing}: invalid index `{part}`") from None
    limit = len(parent) + (1 if end else 0)
    if index < 0:
        index += limit
    if not 0 <= index < limit:
        raise PatchError(f"{missing}: Unable to access invalid index: {part}: invalid index referenced")
    return index


def _item(parent: Any, part: str, missing: str) -> Any:
    if isinstance(parent, dict):
        if part not in parent:
            raise PatchError(missing)
        return parent[part]
    if isinstance(parent, list):
        return parent[_index(parent, part, missing)]
    raise PatchError(missing)


def _find(document: Any, parts: list[str], missing: str) -> Any:
    if missing and not missing.endswith("missing value"):
        missing += ": missing value"
    for part in parts:
        document = _item(document, part, missing)
    return document


def _set(parent: Any, part: str, value: Any, missing: str) -> None:
    if isinstance(parent, dict):
        parent[part] = value
    else:
        parent[_index(parent, part, missing)] = value


def _add(document: Any, parts: list[str], value: Any, missing: str) -> Any:
    if not parts:
        return value
    parent = _find(document, parts[:-1], missing)
    if isinstance(parent, dict):
        parent[parts[-1]] = value
    elif isinstance(parent, list):
        parent.insert(_index(parent, parts[-1], missing, end=True), value)
    else:
        raise PatchError(f"{missing}: missing value")
    return document


def _remove(document: Any, parts: list[str], *, kind: str, path: str) -> tuple[Any, Any]:
    if not parts:
        return None, document
    parent = _find(document, parts[:-1], f"{kind} operation does not apply: doc is missing path: {path}")
    missing = f"{kind} operation does not apply: doc is missing key: {path}: missing value"
    if kind == "remove" and isinstance(parent, dict) and parts[-1] not in parent:
        raise PatchError(f"remove operation does not apply: doc is missing path: {path}: missing value")
    value = _item(parent, parts[-1], missing)
    if isinstance(parent, dict):
        del parent[parts[-1]]
    else:
        del parent[_index(parent, parts[-1], missing)]
    return document, value


def strategic(original: Mapping[str, Any], patch: Any, guide: Guide) -> dict[str, Any]:
    """Apply a strategic merge patch."""
    if not isinstance(patch, dict):
        raise PatchError("a strategic merge patch is an object")
    return _strategic_map(original, patch, guide)


def _strategic_map(original: Any, patch: Mapping[str, Any], guide: Guide) -> dict[str, Any]:
    directive = patch.get(DIRECTIVE)
    if directive == "replace":
        return {key: copy(value) for key, value in patch.items() if key != DIRECTIVE}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchError(f"unknown patch type: {directive}")
    result = dict(original) if isinstance(original, Mapping) else {}
    retained = patch.get(RETAIN)
    if isinstance(retained, list):
        result = {key: value for key, value in result.items() if key in retained}
    orders: dict[str, list[Any]] = {}
    for key, value in patch.items():
        if key in (DIRECTIVE, RETAIN):
            continue
        if key.startswith(DELETE_PRIMITIVES):
            name = key.removeprefix(DELETE_PRIMITIVES)
            if isinstance(result.get(name), list):
                result[name] = [item for item in result[name] if item not in value]
        elif key.startswith(ORDER):
            orders[key.removeprefix(ORDER)] = value
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            _merge_field(result, key, value, guide)
        elif isinstance(value, list):
            result[key] = _strategic_list(result.get(key), value, name=key, guide=guide)
        else:
            result[key] = value
    for name, order in orders.items():
        if isinstance(result.get(name), list):
            result[name] = _ordered(result[name], order, guide.merge_key(name))
    return result


def _merge_field(result: dict[str, Any], key: str, value: dict[str, Any], guide: Guide) -> None:
    if value.get(DIRECTIVE) == "delete":
        result.pop(key, None)
    elif guide.retains(key):
        result[key] = copy(value)
    else:
        result[key] = _strategic_map(result.get(key), value, guide.child(key))


def _strategic_list(original: Any, patch: list[Any], *, name: str, guide: Guide) -> list[Any]:
    key = guide.merge_key(name)
    if key is None or not isinstance(original, list):
        plain = [item for item in patch if not (isinstance(item, dict) and item.get(DIRECTIVE) == "delete")]
        return [_clean(item) for item in plain if not (isinstance(item, dict) and set(item) == {DIRECTIVE})]
    if key == "":
        return [*original, *(item for item in patch if item not in original)]
    if any(isinstance(item, dict) and item.get(DIRECTIVE) == "replace" for item in patch):
        return [_clean(item) for item in patch if isinstance(item, dict) and set(item) != {DIRECTIVE}]
    result = list(original)
    child = guide.child(name)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise PatchError(f"map: {_go_map(item)} does not contain declared merge key: {key}")
        spots = [i for i, have in enumerate(result) if isinstance(have, dict) and have.get(key) == item[key]]
        if item.get(DIRECTIVE) == "delete":
            result = [have for i, have in enumerate(result) if i not in spots]
        elif spots:
            result[spots[0]] = _strategic_map(result[spots[0]], item, child)
        else:
            result.append(_strategic_map({}, item, child))
    return result


def _clean(item: Any) -> Any:
    """Return a value without the directives in it."""
    if isinstance(item, dict):
        return {
            key: _clean(value)
            for key, value in item.items()
            if key not in (DIRECTIVE, RETAIN)
            and not key.startswith((DELETE_PRIMITIVES, ORDER))
            and value is not None
        }
    return [_clean(part) for part in item] if isinstance(item, list) else item


def _ordered(items: list[Any], order: list[Any], key: str | None) -> list[Any]:
    """Sort items as the patch lists them; those that it does not list keep their place among them."""
    if key is None:
        return items
    ranks = {_rank_key(entry, key): rank for rank, entry in enumerate(order)}
    listed = sorted(
        (item for item in items if _rank_key(item, key) in ranks), key=lambda i: ranks[_rank_key(i, key)]
    )
    if len(listed) == len(items):
        return listed
    others = [item for item in items if _rank_key(item, key) not in ranks]
    places = {id(item): index for index, item in enumerate(items)}
    result: list[Any] = []
    while listed or others:
        # An item that only the server has stays before a listed one that stood after it on the server.
        if not listed or (others and places[id(others[0])] < places[id(listed[0])]):
            result.append(others.pop(0))
        else:
            result.append(listed.pop(0))
    return result


def _rank_key(item: Any, key: str) -> Any:
    value = item.get(key) if key and isinstance(item, dict) else item
    return repr(value)


def _go_map(value: Any) -> str:
    """Return a value as Go prints maps: `map[a:1 b:[x y]]`, keys sorted."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go_map(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_go_map(item) for item in value) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def without_lists(value: Any) -> Any:
    """Return a strategic merge patch without the lists whose order it sets, and without its directives."""
    if not isinstance(value, dict):
        return value
    ordered = {key.removeprefix(ORDER) for key in value if key.startswith(ORDER)}
    return {
        key: without_lists(item)
        for key, item in value.items()
        if key not in ordered and not key.startswith((ORDER, DELETE_PRIMITIVES))
    }


def go_map(value: Any) -> str:
    """Return a value as Go's `%v` prints it."""
    return _go_map(value)
