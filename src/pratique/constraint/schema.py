"""The CustomResourceDefinition that a template generates for its constraints.

In: a `Template`. Out: the CRD as a plain dict, with the names, versions, printer columns and schema of
gatekeeper.md 1.2, and the schema by which the library itself checks constraints. It knows nothing of Rego.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

GROUP: Final = "constraints.gatekeeper.sh"
OWNER_VERSION: Final = "templates.gatekeeper.sh/v1beta1"
VERSIONS: Final = (("v1beta1", True), ("v1alpha1", False))
PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"

_WILDCARD: Final = r"^\*?[-:a-z0-9]*\*?$"
_TEXTS: Final[dict[str, Any]] = {"type": "array", "items": {"type": "string"}}
_ATOMIC_LIST: Final = {"x-kubernetes-list-type": "atomic"}
_PATTERNS: Final[dict[str, Any]] = {"type": "array", "items": {"type": "string", "pattern": _WILDCARD}}
_SELECTOR: Final[dict[str, Any]] = {
    "type": "object",
    "x-kubernetes-map-type": "atomic",
    "properties": {
        "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}},
        "matchExpressions": {
            "type": "array",
            **_ATOMIC_LIST,
            "items": {
                "type": "object",
                "required": ["key", "operator"],
                "properties": {
                    "key": {"type": "string"},
                    "operator": {"type": "string"},
                    "values": {**_TEXTS, **_ATOMIC_LIST},
                },
            },
        },
    },
}
MATCH: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Which objects the constraint applies to; everything given must match.",
    "properties": {
        "kinds": {
            "type": "array",
            "description": "API groups and kinds, `*` for any; one entry must match.",
            "items": {"type": "object", "properties": {"apiGroups": _TEXTS, "kinds": _TEXTS}},
        },
        "scope": {
            "type": "string",
            "description": "Whether objects in namespaces (`Namespaced`), outside (`Cluster`) or both (`*`).",
        },
        "namespaces": {**_PATTERNS, "description": "Only these namespaces; `*` at either end is a wildcard."},
        "excludedNamespaces": {**_PATTERNS, "description": "Not these namespaces."},
        "labelSelector": {**_SELECTOR, "description": "By the object's labels."},
        "namespaceSelector": {**_SELECTOR, "description": "By the labels of the object's namespace."},
        "name": {"type": "string", "pattern": _WILDCARD, "description": "By the object's name."},
        "source": {
            "type": "string",
            "enum": ["All", "Generated", "Original"],
            "description": "Whether objects as they were sent, as expansion generates them, or both.",
        },
    },
}
_SCOPED: Final[dict[str, Any]] = {
    "type": "array",
    "description": "With enforcementAction `scoped`: which action at which enforcement points.",
    "items": {
        "type": "object",
        "properties": {
            "action": {"type": "string"},
            "enforcementPoints": {
                "type": "array",
                "items": {"type": "object", "properties": {"name": {"type": "string"}}},
            },
        },
    },
}
_COLUMNS: Final = (
    {
        "name": "enforcement-action",
        "type": "string",
        "description": "Type of enforcement action",
        "jsonPath": ".spec.enforcementAction",
    },
    {
        "name": "total-violations",
        "type": "integer",
        "description": "Total number of violations",
        "jsonPath": ".status.totalViolations",
    },
)


# The fields of apiextensions' JSONSchemaProps; Gatekeeper reads a template's schema into it, and so loses all others.
# fmt: off
_KNOWN: Final = frozenset({
    "id", "$schema", "$ref", "description", "type", "format", "title", "default", "maximum",
    "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems",
    "minItems", "uniqueItems", "multipleOf", "enum", "maxProperties", "minProperties", "required", "items",
    "allOf", "oneOf", "anyOf", "not", "properties", "additionalProperties", "patternProperties",
    "dependencies", "additionalItems", "definitions", "externalDocs", "example", "nullable",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type",
    "x-kubernetes-validations",
})
# fmt: on
_MAPS: Final = ("properties", "patternProperties", "definitions")
_LISTS: Final = ("allOf", "anyOf", "oneOf")


def constraint_schema(parameters: Mapping[str, Any] | None, *, legacy: bool) -> dict[str, Any]:
    """Return the schema of a template's constraints, around the schema of their parameters.

    Raises ValueError, in Gatekeeper's words, when an old schema cannot be made a legal one.
    """
    own = _read(parameters) if parameters is not None else None
    if legacy:
        own = preserve_unknown(own if own is not None else {})
    spec: dict[str, Any] = {
        "match": copy.deepcopy(MATCH),
        "enforcementAction": {"type": "string", "default": "deny"},
        "scopedEnforcementActions": copy.deepcopy(_SCOPED),
    }
    if own is not None:
        spec["parameters"] = own
    return {
        "type": "object",
        "properties": {
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 63}},
            },
            "spec": {"type": "object", "properties": spec},
            "status": {PRESERVE: True},
        },
    }


def _read(schema: Any) -> dict[str, Any]:
    """Return a copy of a schema with the fields that JSONSchemaProps has."""
    found: dict[str, Any] = {}
    for name, value in schema.items() if isinstance(schema, Mapping) else ():
        if name not in _KNOWN or value is None:
            continue
        if name in _MAPS and isinstance(value, Mapping):
            found[name] = {key: _read(part) for key, part in value.items()}
        elif name in _LISTS and isinstance(value, list):
            found[name] = [_read(part) for part in value]
        elif name in ("items", "additionalProperties", "not") and isinstance(value, Mapping):
            found[name] = _read(value)
        else:
            found[name] = copy.deepcopy(value)
    return found


def preserve_unknown(schema: dict[str, Any]) -> dict[str, Any]:
    """Make an old, non-structural schema legal: keep unknown fields wherever a type is open.

    Source: frameworks, `pkg/schema/transform.go`; only what it walks through is walked through. Raises ValueError.
    """
    kind = schema.get("type")
    if kind in (None, "", "object"):
        schema[PRESERVE] = True
    elif kind == "array" and schema.get("items") is None:
        schema["items"] = {}
    properties = schema.get("properties")
    parts = [*(properties.values() if isinstance(properties, dict) else ())]
    if isinstance(schema.get("items"), list):
        raise ValueError("non-nil JSONSchemas encountered, multiple schemas are not supported")
    for part in (*parts, schema.get("items"), schema.get("additionalProperties")):
        if isinstance(part, dict):
            preserve_unknown(part)
    return schema


def names(kind: str, short_names: tuple[str, ...]) -> dict[str, Any]:
    """Return the names of a constraint kind."""
    singular = kind.lower()
    found: dict[str, Any] = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": singular,
        "singular": singular,
        "categories": ["constraint", "constraints"],
    }
    return found | ({"shortNames": list(short_names)} if short_names else {})


def definition(
    kind: str,
    schema: dict[str, Any],
    *,
    template: Mapping[str, Any],
    short_names: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the CRD of a constraint kind, owned by the template's object where that has a UID."""
    singular = kind.lower()
    metadata = template.get("metadata") or {}
    crd: dict[str, Any] = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{singular}.{GROUP}",
            "labels": {**(metadata.get("labels") or {}), "gatekeeper.sh/constraint": "yes"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Cluster",
            "names": names(kind, short_names),
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": storage,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [dict(column) for column in _COLUMNS],
                    "schema": {"openAPIV3Schema": copy.deepcopy(schema)},
                }
                for version, storage in VERSIONS
            ],
        },
    }
    if metadata.get("uid"):
        crd["metadata"]["ownerReferences"] = [
            {
                # The version that Gatekeeper writes, whichever the template was read in.
                "apiVersion": OWNER_VERSION,
                "kind": "ConstraintTemplate",
                "name": metadata.get("name"),
                "uid": metadata["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    return crd
