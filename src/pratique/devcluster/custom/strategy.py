"""What the API server decides about custom objects and about their definitions when they are written.

In come the object (changed in place) and the stored one. Nothing here validates or stores.

Sources: `apiextensions-apiserver/pkg/registry`, `pkg/apis/apiextensions/v1/defaults.go`.
"""

from __future__ import annotations

from typing import Any

from pratique.devcluster.registry import Resource

Object = dict[str, Any]


def prepare_create(resource: Resource, obj: Object) -> None:
    """Drop the status of a new object if its status is a resource of its own."""
    if "status" in resource.subresources:
        obj.pop("status", None)


def prepare_update(resource: Resource, new: Object, old: Object, subresource: str) -> None:
    """Keep what this kind of update may not change."""
    if "status" not in resource.subresources:
        return
    if subresource == "status":
        kept = {key: value for key, value in old.items() if key not in ("status", "metadata")}
        state = new.get("status")
        metadata = {**old["metadata"], "managedFields": new["metadata"].get("managedFields")}
        new.clear()
        new.update(kept, metadata=metadata)
        if state is not None:
            new["status"] = state
    elif "status" in old:
        new["status"] = old["status"]
    else:
        new.pop("status", None)


def prepare_definition(obj: Object, old: Object | None) -> None:
    """Complete a definition: names, conversion, and the versions in which objects are stored."""
    spec = obj.get("spec") or {}
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    if kind:
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})
    obj["spec"] = spec
    if old is not None:
        return
    storage = [version.get("name", "") for version in spec.get("versions") or [] if version.get("storage")]
    obj["status"] = {
        "acceptedNames": {"kind": "", "plural": ""},
        "conditions": [],
        "storedVersions": storage[:1],
    }
