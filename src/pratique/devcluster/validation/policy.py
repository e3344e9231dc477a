"""Rules of PodDisruptionBudget and HorizontalPodAutoscaler.

Sources: `pkg/apis/{policy,autoscaling}/validation` of Kubernetes.
"""

from __future__ import annotations

from pratique.devcluster.validation import fields
from pratique.devcluster.validation.fields import Errors, Object
from pratique.kube import names, status


def _budget(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    errors: Errors = []
    if least is not None and most is not None:
        shown = {
            "MinAvailable": least,
            "Selector": spec.get("selector"),
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        words = "minAvailable and maxUnavailable cannot be both set"
        errors.append(status.invalid("spec", shown, words))
    for name, value in (("minAvailable", least), ("maxUnavailable", most)):
        errors += fields.int_or_percent(f"spec.{name}", value) + fields.at_most_all(f"spec.{name}", value)
    errors += fields.label_selector("spec.selector", spec.get("selector"))
    if spec.get("unhealthyPodEvictionPolicy") is not None:
        allowed = ["AlwaysAllow", "IfHealthyBudget"]
        errors += fields.one_of(
            "spec.unhealthyPodEvictionPolicy", spec["unhealthyPodEvictionPolicy"], allowed
        )
    return errors


def _autoscaler(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    least, most = spec.get("minReplicas"), int(spec.get("maxReplicas") or 0)
    errors: Errors = []
    if isinstance(least, int) and least < 1:
        errors.append(status.invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        errors.append(status.invalid("spec.maxReplicas", most, "must be greater than 0"))
    if isinstance(least, int) and most < least:
        words = "must be greater than or equal to `minReplicas`"
        errors.append(status.invalid("spec.maxReplicas", most, words))
    target = spec.get("scaleTargetRef") or {}
    for name in ("kind", "name"):
        path = f"spec.scaleTargetRef.{name}"
        if not target.get(name):
            errors.append(status.required(path))
        else:
            errors += fields.each(path, target[name], names.is_path_segment)
    version = target.get("apiVersion") or ""
    # Kinds of the core group that can be scaled need no group.
    if "/" not in version and target.get("kind") not in ("ReplicationController", "", None):
        words = "apiVersion must specify API group"
        errors.append(status.invalid("spec.scaleTargetRef.apiVersion", version, words))
    return errors


RULES = {
    ("policy", "PodDisruptionBudget"): _budget,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
}
