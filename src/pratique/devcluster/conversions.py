"""The built-in kinds that are served in more than one form: events and autoscalers.

In comes an object in one version, out goes the same in another. Custom resources are not converted here.

Sources: `pkg/apis/events/v1/conversion.go`, `pkg/apis/autoscaling/v1/conversion.go` of Kubernetes.
"""

from __future__ import annotations

from typing import Any

from pratique.devcluster.registry import Resource

Object = dict[str, Any]
_EVENT_FIELDS = (
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
)


def convert(obj: Object, origin: Resource, target: Resource) -> Object:
    """Return an object of one resource as another one shows it."""
    if origin.plural == "events":
        back = target.group == ""
        names = {new: old for old, new in _EVENT_FIELDS} if back else dict(_EVENT_FIELDS)
        result = {names.get(key, key): value for key, value in obj.items()}
        return {**result, "apiVersion": target.api_version}
    if origin.plural == "horizontalpodautoscalers":
        change = _scaler_to_v1 if target.version == "v1" else _scaler_to_v2
        return {**change(obj), "apiVersion": target.api_version}
    return {**obj, "apiVersion": target.api_version}


def _cpu_utilization(metrics: list[Any]) -> int | None:
    for metric in metrics:
        resource = metric.get("resource") or {}
        if metric.get("type") == "Resource" and resource.get("name") == "cpu":
            value = (resource.get("target") or resource.get("current") or {}).get("averageUtilization")
            return None if value is None else int(value)
    return None


def _scaler_to_v1(obj: Object) -> Object:
    spec = {
        key: value for key, value in (obj.get("spec") or {}).items() if key not in ("metrics", "behavior")
    }
    wanted = _cpu_utilization((obj.get("spec") or {}).get("metrics") or [])
    if wanted is not None:
        spec["targetCPUUtilizationPercentage"] = wanted
    dropped = ("currentMetrics", "conditions")
    state = {key: value for key, value in (obj.get("status") or {}).items() if key not in dropped}
    return {**obj, "spec": spec, "status": {"currentReplicas": 0, "desiredReplicas": 0, **state}}


def _scaler_to_v2(obj: Object) -> Object:
    spec = dict(obj.get("spec") or {})
    wanted = spec.pop("targetCPUUtilizationPercentage", None)
    if wanted is not None:
        target = {"type": "Utilization", "averageUtilization": wanted}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    state = dict(obj.get("status") or {})
    state.pop("currentCPUUtilizationPercentage", None)
    return {**obj, "spec": spec, "status": {"currentMetrics": None, "desiredReplicas": 0, **state}}
