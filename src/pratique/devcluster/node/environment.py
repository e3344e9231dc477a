"""The environment and the arguments of a container's process. Pure.

Source: `pkg/kubelet/kubelet_pods.go` and `third_party/forked/golang/expansion` of Kubernetes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Protocol

Object = dict[str, Any]

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]$")
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


class MissingError(Exception):
    """A ConfigMap, a Secret or a key that is needed is not there; the text is the kubelet's."""


class Reader(Protocol):
    """The part of the API that is read."""

    def get(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return a stored object, or None."""


def variables(container: Object, pod: Object, reader: Reader) -> dict[str, str]:
    """Return the variables that a container declares, references resolved."""
    found: dict[str, str] = {}
    namespace = str(pod["metadata"].get("namespace", ""))
    for source in container.get("envFrom") or ():
        found.update(_all_of(source, namespace, reader))
    for entry in container.get("env") or ():
        value = _value(entry, pod, container, reader)
        if value is not None:
            found[entry["name"]] = expand(value, found) if "valueFrom" not in entry else value
    return found


def expand(text: str, known: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by what is known; `$$` is a dollar sign; unknown references stay."""

    def replaced(match: re.Match[str]) -> str:
        name = match.group(1)
        return "$" if name is None else known.get(name, match.group(0))

    return _REFERENCE.sub(replaced, text)


def _value(entry: Object, pod: Object, container: Object, reader: Reader) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return str(entry.get("value") or "")
    namespace = str(pod["metadata"].get("namespace", ""))
    if "fieldRef" in source:
        return field(pod, str(source["fieldRef"].get("fieldPath", "")))
    if "configMapKeyRef" in source:
        return _key(source["configMapKeyRef"], "configmaps", namespace, reader)
    if "secretKeyRef" in source:
        return _key(source["secretKeyRef"], "secrets", namespace, reader)
    if "resourceFieldRef" in source:
        return _resource(container, str(source["resourceFieldRef"].get("resource", "")))
    return None


def field(pod: Object, path: str) -> str:
    """Return what the downward API says at a field path."""
    match = _SUBSCRIPT.match(path)
    if match:
        return str((pod["metadata"].get(match.group(1)) or {}).get(match.group(2), ""))
    if path == "status.podIPs":
        return ",".join(entry["ip"] for entry in (pod.get("status") or {}).get("podIPs") or ())
    if path == "status.hostIP":
        return str((pod.get("status") or {}).get("hostIP", ""))
    value: Any = pod
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def _resource(container: Object, name: str) -> str:
    part, _, resource = name.partition(".")
    return str(((container.get("resources") or {}).get(part) or {}).get(resource, "0"))


def _key(reference: Object, resource: str, namespace: str, reader: Reader) -> str | None:
    name, key = str(reference.get("name", "")), str(reference.get("key", ""))
    optional = bool(reference.get("optional"))
    obj = reader.get(resource, name, namespace)
    singular = resource.removesuffix("s")
    if obj is None:
        if optional:
            return None
        raise MissingError(f'{singular} "{name}" not found')
    values = _texts(obj, resource)
    if key not in values and not optional:
        kind = "ConfigMap" if resource == "configmaps" else "Secret"
        raise MissingError(f"couldn't find key {key} in {kind} {namespace}/{name}")
    return values.get(key)


def _all_of(source: Object, namespace: str, reader: Reader) -> dict[str, str]:
    found: dict[str, str] = {}
    for field_name, resource in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        reference = source.get(field_name)
        if not reference:
            continue
        obj = reader.get(resource, str(reference.get("name", "")), namespace)
        if obj is None and not reference.get("optional"):
            raise MissingError(f'{resource.removesuffix("s")} "{reference.get("name", "")}" not found')
        prefix = str(source.get("prefix") or "")
        found.update({prefix + key: value for key, value in _texts(obj or {}, resource).items()})
    return found


def _texts(obj: Object, resource: str) -> dict[str, str]:
    data = obj.get("data") or {}
    if resource == "configmaps":
        return {key: str(value) for key, value in data.items()}
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
