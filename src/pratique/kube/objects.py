"""Small, exact steps over Kubernetes objects as plain dictionaries.

In come objects as they were read from JSON or YAML, out go their parts, or new objects. Nothing here
changes what it was given. Knows nothing of kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]


def copy(value: Any) -> Any:
    """Return a deep copy of a JSON value; several times as fast as the general one."""
    if isinstance(value, dict):
        return {key: copy(item) if isinstance(item, dict | list) else item for key, item in value.items()}
    if isinstance(value, list):
        return [copy(item) if isinstance(item, dict | list) else item for item in value]
    return value


def split_api_version(api_version: str) -> tuple[str, str]:
    """Return group and version of `apps/v1`; the core group is empty."""
    group, _, version = api_version.rpartition("/")
    return group, version


def gvk(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return an object's group, version and kind."""
    group, version = split_api_version(str(obj.get("apiVersion", "")))
    return group, version, str(obj.get("kind", ""))


def metadata(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's metadata, empty if it has none."""
    found = obj.get("metadata")
    return found if isinstance(found, dict) else {}


def name(obj: Mapping[str, Any]) -> str:
    """Return an object's name, empty if it has none."""
    return _text(metadata(obj).get("name"))


def namespace(obj: Mapping[str, Any]) -> str:
    """Return an object's namespace, empty if it has none."""
    return _text(metadata(obj).get("namespace"))


def labels(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return an object's labels, empty if it has none."""
    return metadata(obj).get("labels") or {}


def _text(value: Any) -> str:
    """Return a value that should be text; another one counts as missing, as in Kubernetes' own accessors."""
    return value if isinstance(value, str) else ""


def lookup(value: Any, path: str) -> Any:
    """Return what stands at a dotted path such as `spec.nodeName`, or None."""
    for part in path.lstrip(".").split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def with_path(value: Mapping[str, Any], path: str, new: Any) -> dict[str, Any]:
    """Return the object with a value set at a dotted path; only what lies on the path is copied."""
    head, _, rest = path.lstrip(".").partition(".")
    result = dict(value)
    if rest:
        inner = result.get(head)
        result[head] = with_path(inner if isinstance(inner, Mapping) else {}, rest, new)
    else:
        result[head] = new
    return result
