"""A JSON schema as a type: what a policy may take for granted about a document (OPA compile.go, schemaParser).

Comes in: a schema as plain data. Goes out: a type, or `SchemaError`. Read are `type`, `properties`, `items`, `anyOf`,
`allOf` and `$ref` within the schema; what refers to itself, or to elsewhere, may be anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pratique.rego.types.algebra import union
from pratique.rego.types.kinds import (
    ANY,
    BOOLEAN,
    NUMBER,
    STRING,
    Array,
    Key,
    MaybeType,
    Object,
    Type,
)

_SIMPLE: Final[tuple[tuple[str, Type], ...]] = (
    ("boolean", BOOLEAN),
    ("string", STRING),
    ("integer", NUMBER),
    ("number", NUMBER),
)
_OPEN: Final = Object((), (ANY, ANY))


class SchemaError(ValueError):
    """A schema that no type can be made of; the text says why."""


class Schema:
    """What is read of one schema; `types` grows where the rest implies one."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        kind = raw.get("type", [])
        self.types: list[str] = [kind] if isinstance(kind, str) else [str(each) for each in kind]
        self.ref = raw.get("$ref")
        self.any_of: list[Any] | None = raw.get("anyOf")
        self.all_of: list[Any] | None = raw.get("allOf")
        self.properties: dict[str, Any] = dict(raw.get("properties") or {})
        items = raw.get("items")
        self.single = isinstance(items, Mapping)
        self.items: list[Any] = [items] if self.single else list(items or [])

    def said(self) -> str:
        """Return the types as Go's library writes them."""
        if not self.types:
            return "undefined"
        return self.types[0] if len(self.types) == 1 else f"[{','.join(self.types)}]"

    def imply(self) -> None:
        """Add the type that properties or items imply."""
        if self.properties and "object" not in self.types:
            self.types.append("object")
        elif not self.properties and self.items and "array" not in self.types:
            self.types.append("array")


def type_of_schema(root: Any) -> Type:
    """Return the type of the documents that a schema describes. Raises SchemaError."""
    if not isinstance(root, Mapping):
        raise SchemaError("unable to compile the schema: it is no object")
    return _Reader(root).type(root) or ANY


class _Reader:
    """Reads one schema, and what it refers to in itself."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.reading: set[str] = set()

    def type(self, raw: Any) -> MaybeType:
        """Return the type of a part of the schema."""
        if not isinstance(raw, Mapping):
            return ANY
        return self._type(Schema(raw))

    def _type(self, schema: Schema) -> MaybeType:
        if schema.ref is not None:
            return self._referred(str(schema.ref))
        if schema.any_of is not None:
            return self._any_of(schema)
        if schema.all_of is not None:
            return self._all_of(schema)
        for name, kind in _SIMPLE:
            if name in schema.types:
                return kind
        if "object" in schema.types or (not schema.types and schema.properties):
            if not schema.properties:
                return _OPEN
            return Object([(Key(name), self.type(each)) for name, each in schema.properties.items()])
        if "array" in schema.types or (not schema.types and schema.items):
            if not schema.items:
                return Array((), ANY)
            if schema.single:
                return Array((), self.type(schema.items[0]))
            return Array(tuple([self.type(each) for each in schema.items]))
        return ANY

    def _referred(self, ref: str) -> MaybeType:
        found = self._at(ref)
        if found is None or ref in self.reading:
            return ANY
        self.reading.add(ref)
        kind = self.type(found)
        self.reading.discard(ref)
        return kind

    def _at(self, ref: str) -> Any:
        """Return what a reference within the schema names, None if that is elsewhere or nowhere."""
        if not ref.startswith("#"):
            return None
        found: Any = self.root
        for part in ref[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping):
                found = found.get(name)
            elif isinstance(found, Sequence) and not isinstance(found, str) and name.isdecimal():
                found = found[int(name)] if int(name) < len(found) else None
            else:
                return None
        return found

    def _any_of(self, schema: Schema) -> MaybeType:
        found: MaybeType = None
        alternatives, schema.any_of = schema.any_of or [], None
        if schema.types:
            core = self._type(schema)
            if isinstance(core, Object) and core.dynamic is None:
                found = core
        for each in alternatives:
            found = union(self.type(each), found)
        return found

    def _all_of(self, schema: Schema) -> MaybeType:
        parts: list[Schema] = []
        for raw in schema.all_of or []:
            part = Schema(raw) if isinstance(raw, Mapping) else Schema({})
            for _ in range(len(str(self.root))):
                if part.ref is None:
                    break
                found = self._at(str(part.ref))
                part = Schema(found) if isinstance(found, Mapping) else Schema({})
            if part.types or part.any_of is None or part.properties or part.items:
                parts.append(part)
        if not parts:
            return ANY
        merged = _merged(parts)
        if schema.types:
            if any(name in schema.types and name in merged.types for name in ("object", "array")):
                schema.all_of = None
                return self._type(_merged([merged, schema]))
            if schema.said() != merged.said():
                raise SchemaError("type checking: unable to merge these schemas")
        return self._type(merged)


def _merged(parts: list[Schema]) -> Schema:
    for part in parts:
        part.imply()
    found = parts[0]
    for part in parts[1:]:
        if found.said() != part.said():
            raise SchemaError(
                "type checking: unable to merge these schemas: "
                f"type mismatch: {found.said()} and {part.said()}"
            )
        if found.properties and part.properties:
            found.properties = {**part.properties, **found.properties}
        elif found.items and part.items:
            found.items += part.items[len(found.items) :]
            for one, two in zip(found.items, part.items, strict=False):
                if Schema(one).said() != Schema(two).said():
                    raise SchemaError("type checking: unable to merge these schemas")
    return found


def replaced(kind: MaybeType, path: Sequence[Key], by: Type) -> Type:
    """Return a type in which what stands at a path has another type (OPA check.go, override)."""
    if not path:
        return by
    if not isinstance(kind, Object):
        return _nested(path, by, (ANY, ANY))
    found = [
        (key, replaced(each, path[1:], by) if key.order == path[0].order else each)
        for key, each in kind.static
    ]
    if all(key.order != path[0].order for key, _ in kind.static):
        found += _nested(path, by, kind.dynamic).static
    return Object(found, kind.dynamic)


def _nested(path: Sequence[Key], by: Type, others: tuple[MaybeType, MaybeType] | None) -> Object:
    inner = by if len(path) == 1 else _nested(path[1:], by, others)
    return Object([(path[0], inner)], others)
