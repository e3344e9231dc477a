"""LimitRanges: defaults for containers, and bounds for containers, pods and claims.

Source: `plugin/pkg/admission/limitranger/admission.go` of Kubernetes.
"""

from __future__ import annotations

from typing import Any

from pratique.devcluster.admission import quotas
from pratique.devcluster.admission.attributes import Attributes, Cluster, Object
from pratique.kube import quantity

_NOTE = "kubernetes.io/limit-ranger"


def _items(attributes: Attributes, cluster: Cluster) -> list[Object]:
    if attributes.operation != "CREATE" or attributes.subresource or not attributes.namespace:
        return []
    ranges = cluster.list("limitranges", attributes.namespace)
    return [item for found in ranges for item in (found.get("spec") or {}).get("limits") or ()]


def apply_defaults(attributes: Attributes, cluster: Cluster) -> None:
    """Give a pod's containers the namespace's default requests and limits."""
    pod = attributes.object
    if attributes.group_resource != "pods" or pod is None:
        return
    notes: list[str] = []
    for item in _items(attributes, cluster):
        if item.get("type") != "Container":
            continue
        spec = pod.get("spec") or {}
        for kind, word in (("containers", "container"), ("initContainers", "init container")):
            for container in spec.get(kind) or ():
                notes += _complete(container, item, word)
    if notes:
        metadata = pod.setdefault("metadata", {})
        said = f"LimitRanger plugin set: {'; '.join(notes)}"
        metadata["annotations"] = {**(metadata.get("annotations") or {}), _NOTE: said}


def _complete(container: Object, item: Object, word: str) -> list[str]:
    notes = []
    resources = container.setdefault("resources", {})
    for part, default in (("requests", "defaultRequest"), ("limits", "default")):
        present = resources.get(part) or {}
        added = {k: v for k, v in (item.get(default) or {}).items() if k not in present}
        if added:
            resources[part] = {**present, **added}
            listed = ", ".join(sorted(added))
            notes.append(f"{listed} {part.removesuffix('s')} for {word} {container.get('name', '')}")
    return notes


def refusal(attributes: Attributes, cluster: Cluster) -> str | None:
    """Return why an object breaks the namespace's bounds, or None when it keeps them."""
    obj = attributes.object
    if obj is None:
        return None
    errors: list[str] = []
    for item in _items(attributes, cluster):
        kind = str(item.get("type", ""))
        if kind == "Container" and attributes.group_resource == "pods":
            spec = obj.get("spec") or {}
            for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
                resources = container.get("resources") or {}
                errors += _check(item, kind, resources.get("requests") or {}, resources.get("limits") or {})
        elif kind == "Pod" and attributes.group_resource == "pods":
            errors += _check(item, kind, *(_pod_totals(obj, part) for part in ("requests", "limits")))
        elif kind == "PersistentVolumeClaim" and attributes.group_resource == "persistentvolumeclaims":
            requests = ((obj.get("spec") or {}).get("resources") or {}).get("requests") or {}
            errors += _check(item, kind, requests, {}, claim=True)
    if not errors:
        return None
    return errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"


def _pod_totals(pod: Object, part: str) -> Object:
    containers = (pod.get("spec") or {}).get("containers") or ()
    names = {name for c in containers for name in ((c.get("resources") or {}).get(part) or {})}
    return {name: str(quotas.pod_amount(pod, part, name)) for name in sorted(names)}


def _check(item: Object, kind: str, requests: Object, limits: Object, *, claim: bool = False) -> list[str]:
    errors = []
    for name, least in sorted((item.get("min") or {}).items()):
        errors += _minimum(kind, name, str(least), requests.get(name), limits.get(name))
    for name, most in sorted((item.get("max") or {}).items()):
        errors += _maximum(kind, name, str(most), requests.get(name), limits.get(name), claim=claim)
    for name, ratio in sorted((item.get("maxLimitRequestRatio") or {}).items()):
        errors += _ratio(kind, name, str(ratio), requests.get(name), limits.get(name))
    return errors


def _value(text: Any) -> Any:
    return quantity.parse(str(text)).value


def _minimum(kind: str, name: str, least: str, request: Any, limit: Any) -> list[str]:
    said = f"minimum {name} usage per {kind} is {least}"
    if request is None:
        return [f"{said}.  No request is specified"]
    if _value(request) < _value(least):
        return [f"{said}, but request is {request}"]
    if limit is not None and _value(limit) < _value(least):
        return [f"{said}, but limit is {limit}"]
    return []


def _maximum(kind: str, name: str, most: str, request: Any, limit: Any, *, claim: bool) -> list[str]:
    said = f"maximum {name} usage per {kind} is {most}"
    if claim:
        return [f"{said}, but request is {request}"] if request and _value(request) > _value(most) else []
    if limit is None:
        return [f"{said}.  No limit is specified"]
    if _value(limit) > _value(most):
        return [f"{said}, but limit is {limit}"]
    if request is not None and _value(request) > _value(most):
        return [f"{said}, but request is {request}"]
    return []


def _ratio(kind: str, name: str, ratio: str, request: Any, limit: Any) -> list[str]:
    said = f"{name} max limit to request ratio per {kind} is {ratio}"
    if not request or not _value(request):
        return [f"{said}, but no request is specified or request is 0"]
    if not limit or not _value(limit):
        return [f"{said}, but no limit is specified or limit is 0"]
    actual = _value(limit) / _value(request)
    return [f"{said}, but provided ratio is {float(actual):f}"] if actual > _value(ratio) else []
