"""json.filter, json.remove, json.patch: documents by paths, `a/b` or `["a", "b"]`.

A path is a tuple of keys. Documents are never changed: what a patch touches is copied.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pratique.rego.builtins.registry import builtin, failure, operand_error
from pratique.rego.runtime import references
from pratique.rego.runtime.errors import TYPE_ERROR, BuiltinError
from pratique.rego.runtime.numbers import integer, whole
from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.values import (
    COLLECTIONS,
    UNDEFINED,
    Set,
    Value,
    equal,
    is_number,
    is_object,
    key,
    make_object,
    type_name,
)
from pratique.rego.runtime.work import work

Path = tuple[Value, ...]

_LARGEST: Final = 2**63 - 1  # a position in Go is one of 64 bits
_INDEX: Final = re.compile(r"-?[0-9]+\Z")
# The end of a path in a tree of paths: everything below is meant.
_ALL: Final = None


def _path(name: str, value: Value) -> Path:
    if type(value) is str:
        if not value:
            return ()
        return tuple([part.replace("~1", "/").replace("~0", "~") for part in value.lstrip("/").split("/")])
    if type(value) is list:
        return tuple(value)
    wanted = "must be one of {set, array} containing string paths or array of path segments"
    raise BuiltinError(TYPE_ERROR, f"{name}: operand 2 {wanted} but got {type_name(value)}")


def _tree(name: str, paths: Value) -> dict[Any, Any]:
    """Return the paths as a tree by canonical key; a shorter path swallows longer ones."""
    root: dict[Any, Any] = {}
    for each in paths:
        parts = _path(name, each)
        node: Any = root
        for part in parts[:-1]:
            node = node.setdefault(key(part), {})
            if node is _ALL:
                break
        if node is not _ALL and parts:
            node[key(parts[-1])] = _ALL
    return root


@builtin("json.filter", "object, array|set -> object", unchecked=True)
def keep(document: Value, paths: Value) -> Value:
    """Return the object with only what stands at these paths."""
    _operands("json.filter", document, paths)
    return _kept(document, _tree("json.filter", paths))


@builtin("json.remove", "object, array|set -> object", unchecked=True)
def remove(document: Value, paths: Value) -> Value:
    """Return the object without what stands at these paths."""
    _operands("json.remove", document, paths)
    return _removed(document, _tree("json.remove", paths))


def _operands(name: str, document: Value, paths: Value) -> None:
    if not is_object(document):
        raise operand_error(name, 1, "object", type_name(document))
    if type(paths) is not list and type(paths) is not Set:
        raise operand_error(name, 2, "set|array", type_name(paths))


def _kept(value: Value, tree: dict[Any, Any]) -> Value:
    if type(value) in COLLECTIONS:
        work(len(value))
    if is_object(value):
        pairs = []
        for name, item in value.items():
            inner = tree.get(key(name), UNDEFINED)
            if inner is not UNDEFINED:
                pairs.append((name, item if inner is _ALL else _kept(item, inner)))
        return make_object(pairs)
    if type(value) is list:
        # Indexes in paths are text.
        chosen = [(item, tree.get(str(index), UNDEFINED)) for index, item in enumerate(value)]
        return [
            item if inner is _ALL else _kept(item, inner) for item, inner in chosen if inner is not UNDEFINED
        ]
    if type(value) is Set:
        chosen = [(item, tree.get(key(item), UNDEFINED)) for item in value.values()]
        return Set(
            [
                item if inner is _ALL else _kept(item, inner)
                for item, inner in chosen
                if inner is not UNDEFINED
            ]
        )
    return value


def _removed(value: Value, tree: dict[Any, Any]) -> Value:
    def left(item: Value, at: Any) -> Value:
        inner = tree.get(at, UNDEFINED)
        if inner is UNDEFINED:
            return item
        return UNDEFINED if inner is _ALL else _removed(item, inner)

    if type(value) in COLLECTIONS:
        work(len(value))
    if is_object(value):
        kept = [(name, left(item, key(name))) for name, item in value.items()]
        return make_object([pair for pair in kept if pair[1] is not UNDEFINED])
    if type(value) is list:
        items = [left(item, str(index)) for index, item in enumerate(value)]
        return [item for item in items if item is not UNDEFINED]
    if type(value) is Set:
        members = [left(item, key(item)) for item in value.values()]
        return Set([item for item in members if item is not UNDEFINED])
    return value


# --- json.patch --------------------------------------------------------------------------------------------


@builtin("json.patch", "any, array -> any")
def patch(document: Value, operations: Value) -> Value:
    """Return the document after these operations of RFC 6902; sets take part, by member."""
    for operation in operations:
        if not is_object(operation):
            raise _failed("must be an array of JSON-Patch objects, but at least one element is not an object")
        document = _applied(document, operation)
    return document


def _failed(message: str) -> BuiltinError:
    return failure("json.patch", message)


def _attribute(operation: Value, name: str) -> Value:
    found = operation.get(name, UNDEFINED)
    if found is UNDEFINED:
        raise _failed(f"missing required attribute '{name}'")
    return found


def _applied(document: Value, operation: Value) -> Value:
    path = _path("json.patch", _attribute(operation, "path"))
    name = _attribute(operation, "op")
    if type(name) is not str:
        raise _failed(f"attribute 'op' must be a string but found: {type_name(name)}")
    if name == "add":
        return _inserted(document, path, _attribute(operation, "value"))
    if name == "remove":
        return _deleted(document, path)
    if name == "replace":
        return _inserted(_deleted(document, path), path, _attribute(operation, "value"))
    if name == "test":
        found, wanted = _found(document, path), _attribute(operation, "value")
        if not equal(found, wanted):
            raise _failed(
                "value from EditTree != patch value.\n\n"
                f"Expected: {rego_text(wanted)}\n\nFound: {rego_text(found)}"
            )
        return document
    if name not in {"move", "copy"}:
        raise _failed(f"unrecognized op: '{name}'")
    source = _path("json.patch", _attribute(operation, "from"))
    moved = _found(document, source)
    if name == "move":
        document = _deleted(document, source)
    return _inserted(document, path, moved)


def _index(items: list[Value], part: Value) -> int:
    if type(part) is str:
        if part == "-":
            return len(items)
        if not _INDEX.match(part):
            raise _failed("invalid string for indexing")
        if part != "0" and part.startswith("0"):
            raise _failed("leading zeros are not allowed in JSON paths")
        position = integer(part)
        if position > _LARGEST:
            raise _failed("invalid string for indexing")
        return position
    index = whole(part) if is_number(part) else None
    if index is None:
        raise _failed(f"invalid {'number ' if is_number(part) else ''}type for indexing")
    return index


def _member(value: Value, part: Value) -> Value:
    if type(value) is list:
        index = _index(value, part)
        found = value[index] if 0 <= index < len(value) else UNDEFINED
    else:
        found = references.get(value, part)
    if found is UNDEFINED:
        if type_name(value) not in {"object", "array", "set"}:
            raise _failed(f"expected composite type for path {rego_text(part)}, {_found_value(value)}")
        raise _failed(f"path {rego_text(part)} does not exist in {type_name(value)} term {rego_text(value)}")
    return found


def _found_value(value: Value) -> str:
    return f"found value: {rego_text(value)} (type: ast.{type_name(value).capitalize()})"


def _found(document: Value, path: Path) -> Value:
    for part in path:
        if document is UNDEFINED:
            raise _failed("nil value encountered where composite value was expected")
        document = _member(document, part)
    return document


def _changed(document: Value, path: Path, change: Callable[[Value, Value], Value]) -> Value:
    """Return the document with what holds the path's last part changed."""
    if document is UNDEFINED:
        raise _failed("nil value encountered where composite value was expected")
    if type(document) in COLLECTIONS:
        # Each level is copied.
        work(len(document))
    if len(path) == 1:
        return change(document, path[0])
    part = path[0]
    inner = _changed(_member(document, part), path[1:], change)
    if type(document) is list:
        copied = list(document)
        copied[_index(document, part)] = inner
        return copied
    if type(document) is Set:
        return Set([*[item for item in document.values() if not equal(item, part)], inner])
    return make_object([*document.items(), (part, inner)])


def _inserted(document: Value, path: Path, value: Value) -> Value:
    return _changed(document, path, lambda holder, part: _insert(holder, part, value)) if path else value


def _insert(holder: Value, part: Value, value: Value) -> Value:
    if is_object(holder):
        return make_object([*holder.items(), (part, value)])
    if type(holder) is Set:
        if not equal(part, value):
            raise _failed(f"set key {rego_text(part)} does not equal value to be inserted {rego_text(value)}")
        return Set([*holder.values(), value])
    if type(holder) is list:
        index = _index(holder, part)
        if not 0 <= index <= len(holder):
            raise _failed("index for array insertion out of bounds")
        return [*holder[:index], value, *holder[index:]]
    raise _failed(f"expected composite type, {_found_value(holder)}")


def _deleted(document: Value, path: Path) -> Value:
    return _changed(document, path, _delete) if path else UNDEFINED


def _delete(holder: Value, part: Value) -> Value:
    if type(holder) is list:
        index = _index(holder, part)
        if not 0 <= index < len(holder):
            raise _failed("index for array delete out of bounds")
        return [*holder[:index], *holder[index + 1 :]]
    if is_object(holder) or type(holder) is Set:
        if references.get(holder, part) is UNDEFINED:
            raise _failed(f"cannot delete child key {rego_text(part)} that does not exist")
        gone = key(part)
        if type(holder) is Set:
            return Set([item for item in holder.values() if key(item) != gone])
        return make_object([pair for pair in holder.items() if key(pair[0]) != gone])
    raise _failed(f"expected composite type, {_found_value(holder)}")
