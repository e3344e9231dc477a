"""What the API server decides about a built-in object when it is created or replaced.

In come the object (and the stored one), which is changed in place: `status` belongs to controllers, some
fields belong to the server. `metadata.uid` must be set before `prepare_create`. Kinds that are not built in
stay as they are. Generation, resource versions and names are the caller's.

Sources: `pkg/registry/*/*/strategy.go` of Kubernetes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"

_GROUPS = {
    *(
        "",
        "apps",
        "batch",
        "autoscaling",
        "policy",
        "networking.k8s.io",
        "storage.k8s.io",
        "discovery.k8s.io",
    ),
    *("certificates.k8s.io", "scheduling.k8s.io", "coordination.k8s.io", "rbac.authorization.k8s.io"),
    *("admissionregistration.k8s.io", "events.k8s.io", "flowcontrol.apiserver.k8s.io", "node.k8s.io"),
}
_STATUS_KEEPS_LABELS = {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"}


def prepare_create(obj: Object) -> None:
    """Set what the server decides about a new object."""
    if not _built_in(obj):
        return
    kind = obj.get("kind")
    if kind not in ("Node", "ComponentStatus"):  # a kubelet registers its Node with its status
        obj.pop("status", None)
    match kind:
        case "Pod":
            obj["status"] = _pod_status(obj)
        case "Namespace":
            obj["status"] = {"phase": "Active"}
            finalizers = obj.setdefault("spec", {}).get("finalizers") or []
            obj["spec"]["finalizers"] = sorted({*finalizers, "kubernetes"})
        case "PersistentVolumeClaim" | "PersistentVolume":
            obj["status"] = {"phase": "Pending"}
        case "Job":
            _job_selector(obj)
        case "DaemonSet":
            _annotate(obj, TEMPLATE_GENERATION, "1")


def prepare_update(obj: Object, old: Object, subresource: str = "") -> None:
    """Keep what this kind of update may not change."""
    if not _built_in(obj):
        return
    if subresource == "status":
        _only_status(obj, old)
        return
    if subresource == "binding":
        _bind(obj, old)
        return
    if subresource == "finalize":
        obj["status"] = old.get("status") or {}
        return
    if "status" in old:
        obj["status"] = copy.deepcopy(old["status"])
    else:
        obj.pop("status", None)
    if obj.get("kind") == "Namespace":
        obj["spec"] = copy.deepcopy(old.get("spec") or {})
    elif obj.get("kind") == "DaemonSet":
        _bump_template(obj, old)


def qos_class(spec: Object) -> str:
    """Return a pod's quality of service: Guaranteed, Burstable or BestEffort."""
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    resources = [container.get("resources") or {} for container in containers]
    asked = [
        {k: v for k, v in (r.get("requests") or {}).items() if k in ("cpu", "memory")} for r in resources
    ]
    limits = [{k: v for k, v in (r.get("limits") or {}).items() if k in ("cpu", "memory")} for r in resources]
    if not any(asked) and not any(limits):
        return "BestEffort"
    full = all(limit.keys() == {"cpu", "memory"} for limit in limits)
    same = all((request or limit) == limit for request, limit in zip(asked, limits, strict=True))
    return "Guaranteed" if full and same else "Burstable"


def _built_in(obj: Object) -> bool:
    return str(obj.get("apiVersion", "")).rpartition("/")[0] in _GROUPS


def _pod_status(pod: Object) -> Object:
    status: Object = {"phase": "Pending", "qosClass": qos_class(pod.get("spec") or {})}
    if (pod.get("spec") or {}).get("schedulingGates"):
        status["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": (pod.get("metadata") or {}).get("creationTimestamp"),
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
            }
        ]
    return status


def _job_selector(job: Object) -> None:
    """Give a Job the labels and the selector by which it knows its pods, unless it brings its own."""
    spec = job.setdefault("spec", {})
    if spec.get("manualSelector"):
        return
    metadata = job["metadata"]
    uid, name = metadata.get("uid", ""), metadata.get("name", "")
    labels = {
        "controller-uid": uid,
        "batch.kubernetes.io/controller-uid": uid,
        "job-name": name,
        "batch.kubernetes.io/job-name": name,
    }
    template = spec.setdefault("template", {}).setdefault("metadata", {})
    own = dict(template.get("labels") or {})
    template["labels"] = {**own, **labels}
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    selector = spec.get("selector") or {}
    matches = {**(selector.get("matchLabels") or {}), "batch.kubernetes.io/controller-uid": uid}
    spec["selector"] = {**selector, "matchLabels": matches}


def _only_status(obj: Object, old: Object) -> None:
    """Keep everything but `status` and the metadata that a status update may carry."""
    status, metadata = obj.get("status"), dict(obj.get("metadata") or {})
    before = old.get("metadata") or {}
    kept: Iterable[str] = ("ownerReferences", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers")
    if obj.get("kind") in _STATUS_KEEPS_LABELS:
        kept = (*kept, "labels")
    for name in kept:
        if name in before:
            metadata[name] = before[name]
        else:
            metadata.pop(name, None)
    obj.clear()
    obj.update(
        copy.deepcopy({name: value for name, value in old.items() if name not in ("status", "metadata")})
    )
    obj["metadata"] = metadata
    if status is not None:
        obj["status"] = status


def _bind(obj: Object, old: Object) -> None:
    """Take over nothing but the node that the pod goes to."""
    node = (obj.get("spec") or {}).get("nodeName")
    obj.clear()
    obj.update(copy.deepcopy(old))
    obj["spec"]["nodeName"] = node
    status = obj.setdefault("status", {})
    kept = [c for c in status.get("conditions") or () if c.get("type") != "PodScheduled"]
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": _now(),
    }
    status["conditions"] = [*kept, scheduled]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _bump_template(obj: Object, old: Object) -> None:
    count = int(((old.get("metadata") or {}).get("annotations") or {}).get(TEMPLATE_GENERATION, "1"))
    new_template, old_template = ((o.get("spec") or {}).get("template") for o in (obj, old))
    _annotate(obj, TEMPLATE_GENERATION, str(count + (new_template != old_template)))


def _annotate(obj: Object, name: str, value: str) -> None:
    metadata = obj.setdefault("metadata", {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), name: value}
