"""ResourceQuotas: what a namespace uses, and whether one more object still fits.

Sources: `pkg/quota/v1` of Kubernetes, `admission/plugin/resourcequota` of k8s.io/apiserver.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from pratique.devcluster.admission.attributes import Attributes, Cluster, Object
from pratique.kube import quantity

_COUNTED = {
    *("configmaps", "secrets", "services", "persistentvolumeclaims", "resourcequotas"),
    *("replicationcontrollers", "pods"),
}
_COMPUTE = ("cpu", "memory", "ephemeral-storage")


def used(hard: Object, namespace: str, cluster: Cluster, spec: Object) -> dict[str, str]:
    """Return what a namespace uses of each resource that a quota limits."""
    amounts = {name: Fraction(0) for name in hard}
    styles: dict[str, str] = {}
    for resource in {_resource_of(name) for name in hard} - {""}:
        for obj in cluster.list(resource, namespace):
            for name, value in usage(resource, obj, hard, spec).items():
                amounts[name] += value.value
                styles[name] = value.style
    return {
        name: str(quantity.Quantity(amount, styles.get(name, _style(hard[name]))))
        for name, amount in sorted(amounts.items())
    }


def _style(text: Any) -> str:
    return quantity.parse(str(text)).style


def _resource_of(name: str) -> str:
    """Return the resource whose objects use an entry of a quota."""
    if name.startswith("count/"):
        return name.removeprefix("count/")
    if name in _COUNTED:
        return name
    if name.startswith("services."):
        return "services"
    if name == "requests.storage" or name.endswith(".storage"):
        return "persistentvolumeclaims"
    base = name.removeprefix("requests.").removeprefix("limits.")
    return "pods" if base in _COMPUTE or name.startswith(("requests.", "limits.")) else ""


def usage(resource: str, obj: Object, hard: Iterable[str], spec: Object) -> dict[str, quantity.Quantity]:
    """Return what one object uses of the entries of a quota."""
    if resource == "pods" and ((obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")):
        return {name: quantity.parse("1") for name in hard if name == "count/pods"}
    if not _in_scope(resource, obj, spec):
        return {}
    found = {}
    for name in hard:
        if _resource_of(name) == resource:
            value = _amount(name, obj)
            if value is not None:
                found[name] = value
    return found


def _in_scope(resource: str, obj: Object, spec: Object) -> bool:
    scopes = spec.get("scopes") or ()
    if resource != "pods" or not scopes:
        return True
    status = obj.get("status") or {}
    best_effort = status.get("qosClass") == "BestEffort"
    terminating = (obj.get("spec") or {}).get("activeDeadlineSeconds") is not None
    answers = {
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
        "Terminating": terminating,
        "NotTerminating": not terminating,
    }
    return all(answers.get(scope, True) for scope in scopes)


def _amount(name: str, obj: Object) -> quantity.Quantity | None:
    spec = obj.get("spec") or {}
    if name.startswith("count/") or name in _COUNTED:
        return quantity.parse("1")
    if name == "services.nodeports":
        count = sum(bool(port.get("nodePort")) for port in spec.get("ports") or ())
        return quantity.parse(str(count))
    if name == "services.loadbalancers":
        return quantity.parse("1" if spec.get("type") == "LoadBalancer" else "0")
    if name.endswith("storage") and "ephemeral" not in name:
        asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "0")
        return quantity.parse(str(asked))
    part, _, resource = name.rpartition(".")
    return pod_amount(obj, part or "requests", resource)


def pod_amount(pod: Object, part: str, resource: str) -> quantity.Quantity | None:
    """Return what a pod requests or is limited to: its containers together, or its greediest init container."""
    spec = pod.get("spec") or {}
    total, style, seen = Fraction(0), "decimal", False
    for container in spec.get("containers") or ():
        value = ((container.get("resources") or {}).get(part) or {}).get(resource)
        if value is not None:
            parsed = quantity.parse(str(value))
            total, style, seen = total + parsed.value, parsed.style, True
    for container in spec.get("initContainers") or ():
        value = ((container.get("resources") or {}).get(part) or {}).get(resource)
        if value is not None:
            parsed = quantity.parse(str(value))
            total, style, seen = max(total, parsed.value), parsed.style, True
    return quantity.Quantity(total, style) if seen else None


def refusal(attributes: Attributes, cluster: Cluster) -> str | None:
    """Return why a new object does not fit in its namespace's quotas, or None when it does."""
    if attributes.operation != "CREATE" or attributes.subresource or attributes.object is None:
        return None
    resource = attributes.group_resource
    for quota in cluster.list("resourcequotas", attributes.namespace):
        status = quota.get("status") or {}
        hard = status.get("hard") or {}
        said = _over(quota["metadata"]["name"], hard, resource, attributes, cluster, quota["spec"])
        if said is not None:
            return said
    return None


def _over(
    name: str, hard: Object, resource: str, attributes: Attributes, cluster: Cluster, spec: Object
) -> str | None:
    obj = attributes.object
    assert obj is not None
    if resource == "pods":
        missing = _missing(hard, obj)
        if missing:
            return f"failed quota: {name}: must specify {missing}"
    asked = usage(resource, obj, hard, spec)
    if not asked:
        return None
    present = used(hard, attributes.namespace, cluster, spec)
    over = sorted(
        entry
        for entry, value in asked.items()
        if value.value > 0
        and quantity.parse(present[entry]).value + value.value > quantity.parse(str(hard[entry])).value
    )
    if not over:
        return None
    lists = (
        ",".join(f"{entry}={asked[entry]}" for entry in over),
        ",".join(f"{entry}={present[entry]}" for entry in over),
        ",".join(f"{entry}={hard[entry]}" for entry in over),
    )
    return "exceeded quota: {}, requested: {}, used: {}, limited: {}".format(name, *lists)


def _missing(hard: Object, pod: Object) -> str:
    """Return which containers do not say what a quota counts: `limits.memory for: a,b; ...`."""
    parts = []
    for entry in sorted(hard):
        part, _, resource = entry.rpartition(".")
        if resource not in _COMPUTE or part not in ("", "requests", "limits"):
            continue
        names = [
            c.get("name", "")
            for c in (pod.get("spec") or {}).get("containers") or ()
            if resource not in ((c.get("resources") or {}).get(part or "requests") or {})
        ]
        if names:
            parts.append(f"{entry} for: {','.join(sorted(names))}")
    return "; ".join(parts)
