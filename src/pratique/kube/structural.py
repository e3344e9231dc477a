"""May this schema stand in a CustomResourceDefinition: structural, complete, with defaults that fit it.

In comes an OpenAPI v3 schema as it was written, out go complaints in kube-apiserver's words and order. What
a good schema says about values is `schema`'s business. Rules in CEL are not looked at here.

Sources: `apiextensions-apiserver/pkg/apiserver/schema/{validation,complete}.go`, `.../defaulting`,
`.../pkg/apis/apiextensions/validation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import re2

from pratique.kube import names, regexps, status
from pratique.kube import schema as values
from pratique.kube.objects import copy
from pratique.kube.schema import EMBEDDED, INT_OR_STRING, PRESERVE
from pratique.kube.status import FieldError

Schema = Mapping[str, Any]
TYPES = ("array", "boolean", "integer", "number", "object", "string")
ROOT = "spec.validation.openAPIV3Schema"
_ROOT_FIELDS = ("metadata", "kind", "apiVersion")
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_EMPTY: Schema = {}
_TYPE_MISSING = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
# What the parts of allOf, anyOf, oneOf and not may not say: they restrict, they do not describe.
_NESTED_FORBIDDEN = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (PRESERVE, "must be false to be structural"),
    (EMBEDDED, "must be false to be structural"),
    (INT_OR_STRING, "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)
# Where schemas stand inside schemas.
_MAPS = frozenset(("properties", "patternProperties", "definitions"))
_LISTS = frozenset(("allOf", "anyOf", "oneOf"))
_SCHEMAS = frozenset(("items", "additionalProperties", "additionalItems", "not"))
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")


def check_structural(schema: Schema, path: str = ROOT) -> list[str]:
    """Return why a schema may not be used, one `field: complaint` each."""
    return [str(error) for error in errors(schema, path)]


def errors(schema: Schema, path: str = ROOT) -> list[FieldError]:
    """Return why a schema may not be used."""
    form = [*_form(schema, path, root=True, meta=False)]
    if _is_no_structure(schema):
        # What cannot be read as a structure is complained about for its form alone.
        return form
    found = [*_invariants(schema, "root", path), *_completeness(schema, schema, path, path)]
    found.sort(key=str)
    if not found:
        found += _defaults(schema, path)
    return [*found, *form]


def _is_no_structure(schema: Schema) -> bool:
    """Tell whether apiextensions' `NewStructural` gives up on a schema."""
    if any(schema.get(name) for name in (*_UNSUPPORTED, "$schema")) or isinstance(schema.get("items"), list):
        return True
    if schema.get(PRESERVE) is False:
        return True
    parts = [
        *_properties(schema).values(),
        *(_single(schema, name) for name in ("items", "additionalProperties", "not")),
    ]
    parts += [node for word in ("allOf", "anyOf", "oneOf") for node in schema.get(word) or ()]
    return any(isinstance(part, Mapping) and _is_no_structure(part) for part in parts)


def name_errors(wanted: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield what is wrong with the `spec.names` of a definition."""
    for name in ("plural", "singular"):
        yield from label_errors(f"spec.names.{name}", wanted.get(name) or "")
    lead = "may have mixed case, but should otherwise match: "
    for name in ("kind", "listKind"):
        value = wanted.get(name) or ""
        yield from label_errors(f"spec.names.{name}", value.lower(), lead=lead, shown=value)
    for index, value in enumerate(wanted.get("shortNames") or []):
        yield from label_errors(f"spec.names.shortNames[{index}]", value)
    if wanted.get("kind") and wanted["kind"] == wanted.get("listKind"):
        text = "kind and listKind may not be the same"
        yield status.invalid("spec.names.listKind", wanted["listKind"], text)
    for index, value in enumerate(wanted.get("categories") or []):
        yield from label_errors(f"spec.names.categories[{index}]", value)


def label_errors(field: str, value: str, *, lead: str = "", shown: str = "") -> Iterator[FieldError]:
    """Yield why a text is no DNS-1035 label; an empty one is somebody else's matter."""
    if value and (problems := names.is_dns1035_label(value)):
        yield status.invalid(field, shown or value, lead + ",".join(problems))


def without_nulls(schema: Schema) -> dict[str, Any]:
    """Return a schema as Go reads it, to which null says what nothing says: `{a: null}` as properties is `{a: {}}`."""
    found: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _MAPS and isinstance(value, Mapping):
            found[name] = {key: _node(node) for key, node in value.items()}
        elif name in _LISTS and isinstance(value, list):
            found[name] = [_node(node) for node in value]
        elif value is not None:
            found[name] = _node(value) if name in _SCHEMAS else value
    return found


def _node(value: Any) -> Any:
    return without_nulls(value) if isinstance(value, Mapping) else {} if value is None else value


def _single(schema: Schema, name: str) -> Schema | None:
    node = schema.get(name)
    return node if isinstance(node, Mapping) else None


def _properties(schema: Schema) -> Schema:
    return _single(schema, "properties") or _EMPTY


def _invariants(schema: Schema, level: str, path: str) -> Iterator[FieldError]:
    kind, items, additional = (
        schema.get("type") or "",
        _single(schema, "items"),
        schema.get("additionalProperties"),
    )
    if kind == "array" and items is None:
        yield status.required(f"{path}.items", "must be specified")
    if items is not None:
        yield from _invariants(items, "item", f"{path}.items")
    for name, node in _properties(schema).items():
        yield from _invariants(node, "field", f"{path}.properties[{name}]")
    if additional is not None and level == "root":
        yield status.forbidden(f"{path}.additionalProperties", "must not be used at the root")
    if isinstance(additional, Mapping):
        yield from _invariants(additional, "field", f"{path}.additionalProperties")
    if schema.get(INT_OR_STRING):
        for name in (PRESERVE, EMBEDDED):
            if schema.get(name):
                text = f"must be false if {INT_OR_STRING} is true"
                yield status.invalid(f"{path}.{name}", True, text)
    yield from _junctors(schema, path)
    yield from _type_rules(schema, kind, level, path)
    yield from _meta_rules(schema, level, path)


def _type_rules(schema: Schema, kind: str, level: str, path: str) -> Iterator[FieldError]:
    if schema.get(EMBEDDED) and kind != "object":
        text = f"must be object if {EMBEDDED} is true"
        yield status.invalid(f"{path}.type", kind, text) if kind else status.required(f"{path}.type", text)
    elif not kind and not schema.get(INT_OR_STRING) and not schema.get(PRESERVE):
        yield status.required(f"{path}.type", _TYPE_MISSING[level])
    if schema.get(EMBEDDED) and schema.get("additionalProperties") is not None:
        yield status.forbidden(f"{path}.additionalProperties", f"must not be used if {EMBEDDED} is set")
    if level == "root" and kind and kind != "object":
        yield status.invalid(f"{path}.type", kind, "must be object at the root")
    if schema.get(EMBEDDED) and not schema.get(PRESERVE) and not schema.get("properties"):
        text = f"must not be empty if {EMBEDDED} is true without {PRESERVE}"
        yield status.required(f"{path}.properties", text)


def _meta_rules(schema: Schema, level: str, path: str) -> Iterator[FieldError]:
    if level != "root" and not schema.get(EMBEDDED):
        return
    for name, wanted in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        node = _properties(schema).get(name)
        if node is not None and (node.get("type") or "") != wanted:
            spot = f"{path}.properties[{name}].type"
            yield status.invalid(spot, node.get("type") or "", f"must be {wanted}")
    node = _properties(schema).get("metadata")
    if node is None or level != "root":
        return
    others = {key for key, value in node.items() if value and key not in ("type", "default", "properties")}
    if others or not set(_properties(node)) <= {"name", "generateName"}:
        text = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        yield status.forbidden(f"{path}.properties[metadata]", text)


def _junctors(schema: Schema, path: str) -> Iterator[FieldError]:
    """Check allOf, anyOf, oneOf, not; the two ways to write int-or-string are exempt."""
    if schema.get("anyOf") != _INT_OR_STRING:
        yield from _nested_list(schema, "anyOf", path)
    for index, node in enumerate(schema.get("allOf") or []):
        exempt = index == 0 and node.get("anyOf") == _INT_OR_STRING
        plain = {key: value for key, value in node.items() if key != "anyOf"} if exempt else node
        yield from _nested(plain, f"{path}.allOf[{index}]")
    yield from _nested_list(schema, "oneOf", path)
    if (node := _single(schema, "not")) is not None:
        yield from _nested(node, f"{path}.not")
    pattern = schema.get("pattern")
    if pattern and (problem := _pattern_problem(pattern)):
        text = f"must be a valid regular expression, but isn't: {problem}"
        yield status.invalid(f"{path}.pattern", pattern, text)


def _pattern_problem(pattern: str) -> str:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options=options)
    except re2.error as error:
        return f"error parsing regexp: {regexps.go_message(error, pattern)}"
    return ""


def _nested_list(schema: Schema, word: str, path: str) -> Iterator[FieldError]:
    for index, node in enumerate(schema.get(word) or []):
        yield from _nested(node, f"{path}.{word}[{index}]")


def _nested(node: Schema, path: str) -> Iterator[FieldError]:
    yield from _junctors(node, path)
    if (items := _single(node, "items")) is not None:
        yield from _nested(items, f"{path}.items")
    for name, inner in _properties(node).items():
        yield from _nested(inner, f"{path}.properties[{name}]")
    for name, text in _NESTED_FORBIDDEN:
        if node.get(name) not in (None, "", False, [], {}) or (name in ("default",) and name in node):
            yield status.forbidden(f"{path}.{name}", text)
    if "metadata" in _properties(node):
        yield status.forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _completeness(part: Schema, whole: Schema | None, path: str, part_path: str) -> Iterator[FieldError]:
    """Check that what allOf, anyOf, oneOf and not speak of is described outside of them."""
    branches = [
        (f"{part_path}.{word}[{index}]", node)
        for word in ("allOf", "anyOf", "oneOf")
        for index, node in enumerate(part.get(word) or [])
    ]
    if (node := _single(part, "not")) is not None:
        branches.append((f"{part_path}.not", node))
    for where, node in branches:
        yield from _complete(node, whole, path, where)


def _complete(part: Schema, whole: Schema | None, path: str, part_path: str) -> Iterator[FieldError]:
    if whole is None:
        yield status.required(path, f"because it is defined in {part_path}")
        return
    yield from _completeness(part, whole, path, part_path)
    if (items := _single(part, "items")) is not None:
        yield from _complete(items, _single(whole, "items"), f"{path}.items", f"{part_path}.items")
    known = _properties(whole)
    for name, inner in _properties(part).items():
        spot = f".properties[{name}]"
        yield from _complete(inner, known.get(name), path + spot, part_path + spot)


def _defaults(schema: Schema, path: str) -> Iterator[FieldError]:
    if "default" in schema:
        default, plain = schema["default"], {key: value for key, value in schema.items() if key != "default"}
        pruned = copy(default)
        values.prune(pruned, plain)
        if pruned != default:
            yield status.invalid(f"{path}.default", default, "must not have unknown fields")
        for error in values.errors(default, plain, ""):
            field = f"{path}.default{'.' if error.field not in ('', '<nil>') else ''}"
            yield FieldError(error.reason, field + error.field.replace("<nil>", ""), error.text)
    if (items := _single(schema, "items")) is not None:
        yield from _defaults(items, f"{path}.items")
    for name, node in _properties(schema).items():
        yield from _defaults(node, f"{path}.properties[{name}]")
    if (additional := _single(schema, "additionalProperties")) is not None:
        yield from _defaults(additional, f"{path}.additionalProperties")


def _form(schema: Schema, path: str, *, root: bool, meta: bool) -> Iterator[FieldError]:
    """Check what makes a schema an acceptable one, structure apart."""
    yield from _standard(schema, path, meta=meta)
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield status.forbidden(f"{path}.uniqueItems", text)
    additional = schema.get("additionalProperties")
    if schema.get("properties") and (additional is False or isinstance(additional, Mapping)):
        text = "additionalProperties and properties are mutual exclusive"
        yield status.forbidden(f"{path}.additionalProperties", text)
    if isinstance(additional, Mapping):
        yield from _form(additional, f"{path}.additionalProperties", root=False, meta=meta)
    for name, node in _properties(schema).items():
        inside = meta or ((root or bool(schema.get(EMBEDDED))) and name in _ROOT_FIELDS)
        if root and inside and "default" in node:
            spot = f"{path}.properties[{name}].default"
            yield status.forbidden(spot, f"must not be set in top-level {name}")
        yield from _form(node, f"{path}.properties[{name}]", root=False, meta=inside)
    if (node := _single(schema, "not")) is not None:
        yield from _form(node, f"{path}.not", root=False, meta=meta)
    for word in ("allOf", "oneOf", "anyOf"):
        for index, node in enumerate(schema.get(word) or []):
            yield from _form(node, f"{path}.{word}[{index}]", root=False, meta=meta)
    if (items := _single(schema, "items")) is not None:
        yield from _form(items, f"{path}.items", root=False, meta=meta)
    if schema.get(PRESERVE) is False:
        yield status.invalid(f"{path}.{PRESERVE}", False, "must be true or undefined")
    yield from _map_type(schema, path)
    yield from _list_type(schema, path)


def _standard(schema: Schema, path: str, *, meta: bool) -> Iterator[FieldError]:
    kind = schema.get("type")
    if kind and kind not in TYPES:
        yield status.unsupported(f"{path}.type", kind, TYPES)
    for name in _UNSUPPORTED:
        if schema.get(name):
            yield status.forbidden(f"{path}.{name}", f"{name} is not supported")
    if kind == "null":
        text = "type cannot be set to null, use nullable as an alternative"
        yield status.forbidden(f"{path}.type", text)
    if isinstance(schema.get("items"), list):
        yield status.forbidden(f"{path}.items", "items must be a schema object and not an array")
    if meta and schema.get(EMBEDDED):
        yield status.forbidden(f"{path}.{EMBEDDED}", "must not be used inside of resource meta")


def _map_type(schema: Schema, path: str) -> Iterator[FieldError]:
    wanted, kind = schema.get("x-kubernetes-map-type"), schema.get("type")
    if wanted is None:
        return
    if kind != "object":
        text = "must be object if x-kubernetes-map-type is specified"
        yield status.invalid(f"{path}.type", kind, text) if kind else status.required(f"{path}.type", text)
    if wanted not in ("atomic", "granular"):
        yield status.unsupported(f"{path}.x-kubernetes-map-type", wanted, ["atomic", "granular"])


def _list_type(schema: Schema, path: str) -> Iterator[FieldError]:
    wanted, kind = schema.get("x-kubernetes-list-type"), schema.get("type")
    keys, items = schema.get("x-kubernetes-list-map-keys") or [], _single(schema, "items")
    if wanted is not None and kind != "array":
        text = "must be array if x-kubernetes-list-type is specified"
        yield status.invalid(f"{path}.type", kind, text) if kind else status.required(f"{path}.type", text)
    elif wanted == "set" and items is not None:
        yield from _set_items(items, f"{path}.items")
    if wanted not in (None, "atomic", "set", "map"):
        yield status.unsupported(f"{path}.x-kubernetes-list-type", wanted, ["atomic", "set", "map"])
    if keys and wanted != "map":
        spot, text = (
            f"{path}.x-kubernetes-list-type",
            "must be map if x-kubernetes-list-map-keys is non-empty",
        )
        yield status.required(spot, text) if wanted is None else status.invalid(spot, wanted, text)
    if wanted == "map":
        yield from _map_list(keys, items, path)
    if wanted in ("map", "set") and items is not None and items.get("nullable"):
        text = f"cannot be nullable when x-kubernetes-list-type is {wanted}"
        yield status.forbidden(f"{path}.items.nullable", text)


def _set_items(items: Schema, path: str) -> Iterator[FieldError]:
    text = "must be atomic as item of a list with x-kubernetes-list-type=set"
    inner = items.get("x-kubernetes-list-type")
    if items.get("type") == "array" and inner not in (None, "atomic"):
        yield status.invalid(f"{path}.x-kubernetes-list-type", inner, text)
    if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
        yield status.invalid(f"{path}.x-kubernetes-map-type", inner, text)


def _map_list(keys: list[str], items: Schema | None, path: str) -> Iterator[FieldError]:
    if not keys:
        text = "must not be empty if x-kubernetes-list-type is map"
        yield status.required(f"{path}.x-kubernetes-list-map-keys", text)
    if items is None:
        yield status.required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map")
        return
    if items.get("type") != "object":
        text = "must be object if parent array's x-kubernetes-list-type is map"
        yield status.invalid(f"{path}.items.type", items.get("type") or "", text)
        return
    for index, key in enumerate(keys):
        node = _properties(items).get(key)
        spot = f"{path}.x-kubernetes-list-map-keys"
        if node is None:
            yield status.invalid(spot, keys, "entries must all be names of item properties")
        elif node.get("type") in ("array", "object"):
            text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield status.invalid(f"{path}.items.properties[{key}].type", items.get("type"), text)
        if key in keys[:index]:
            yield status.invalid(spot, keys, "must not contain duplicate entries")
    lead = "this property is in x-kubernetes-list-map-keys, so it"
    for key in keys:
        node = _properties(items).get(key)
        if node is None:
            continue
        if key not in (items.get("required") or []) and "default" not in node:
            text = f"{lead} must have a default or be a required property"
            yield status.required(f"{path}.items.properties[{key}].default", text)
        if node.get("nullable"):
            yield status.forbidden(f"{path}.items.properties[{key}].nullable", f"{lead} cannot be nullable")
