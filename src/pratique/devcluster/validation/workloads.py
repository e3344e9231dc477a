"""Rules of Deployment, ReplicaSet, StatefulSet, DaemonSet, Job and CronJob.

Sources: `pkg/apis/{apps,batch}/validation/validation.go` of Kubernetes.
"""

from __future__ import annotations

import zoneinfo
from typing import Any

from pratique.devcluster.validation import fields, pods, schedules
from pratique.devcluster.validation.fields import Errors, Object
from pratique.kube import status

_MISMATCH = "`selector` does not match template `labels`"
_STATEFUL_FIXED = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_STATEFUL_CHANGEABLE = (
    *("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "minReadySeconds"),
    "persistentVolumeClaimRetentionPolicy",
)


def _selector(spec: Object, kind: str) -> Errors:
    selector = spec.get("selector")
    if selector is None:
        return [status.required("spec.selector")]
    errors = fields.label_selector("spec.selector", selector)
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.append(status.invalid("spec.selector", selector, f"empty selector is invalid for {kind}"))
    return errors


def _template(spec: Object, *, kind: str) -> Errors:
    template = spec.get("template") or {}
    selector = spec.get("selector")
    labels = fields.get(template, "metadata", "labels")
    errors: Errors = []
    if selector and not fields.matches(selector, labels):
        errors.append(status.invalid("spec.template.metadata.labels", labels, _MISMATCH))
    errors += pods.template("spec.template", template)
    policy = fields.get(template, "spec", "restartPolicy")
    if policy != "Always":
        errors.append(status.unsupported("spec.template.spec.restartPolicy", policy, ["Always"]))
    if fields.get(template, "spec", "activeDeadlineSeconds") is not None:
        words = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(status.forbidden("spec.template.spec.activeDeadlineSeconds", words))
    return errors


def _counts(spec: Object, *names: str) -> Errors:
    return [error for name in names for error in fields.nonnegative(f"spec.{name}", spec.get(name))]


def _deployment(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors = _counts(spec, "replicas") + _selector(spec, "deployment") + _template(spec, kind="ReplicaSet")
    errors += _strategy(spec.get("strategy") or {})
    errors += _counts(spec, "minReadySeconds", "revisionHistoryLimit")
    deadline = spec.get("progressDeadlineSeconds")
    if isinstance(deadline, int):
        errors += fields.nonnegative("spec.progressDeadlineSeconds", deadline)
        if deadline <= int(spec.get("minReadySeconds") or 0):
            words = "must be greater than minReadySeconds"
            errors.append(status.invalid("spec.progressDeadlineSeconds", deadline, words))
    return errors


def _strategy(strategy: Object) -> Errors:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    path = "spec.strategy"
    if kind == "Recreate":
        if rolling is None:
            return []
        words = "may not be specified when strategy `type` is 'Recreate'"
        return [status.forbidden(f"{path}.rollingUpdate", words)]
    if kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": rolling}
        return [status.unsupported(path, shown, ["Recreate", "RollingUpdate"])]
    rolling = rolling or {}
    errors: Errors = []
    for name in ("maxUnavailable", "maxSurge"):
        errors += fields.int_or_percent(f"{path}.rollingUpdate.{name}", rolling.get(name))
    if all(_zero(rolling.get(name)) for name in ("maxUnavailable", "maxSurge")):
        words = "may not be 0 when `maxSurge` is 0"
        where = f"{path}.rollingUpdate.maxUnavailable"
        errors.append(status.invalid(where, rolling.get("maxUnavailable"), words))
    return errors + fields.at_most_all(f"{path}.rollingUpdate.maxUnavailable", rolling.get("maxUnavailable"))


def _zero(value: Any) -> bool:
    return value in (0, "0%", "0")


def _replica_set(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors = _counts(spec, "replicas", "minReadySeconds")
    return errors + _selector(spec, "deployment") + _template(spec, kind="ReplicaSet")


def _stateful_set(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors: Errors = []
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        words = "must be 'OrderedReady' or 'Parallel'"
        errors.append(status.invalid("spec.podManagementPolicy", policy, words))
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") not in ("RollingUpdate", "OnDelete"):
        words = "must be 'RollingUpdate' or 'OnDelete'"
        errors.append(status.invalid("spec.updateStrategy", strategy, words))
    errors += _counts(spec, "replicas", "minReadySeconds")
    errors += _selector(spec, "statefulset")
    claims = [
        {"name": fields.get(c, "metadata", "name")} for _, c in fields.dicts(spec.get("volumeClaimTemplates"))
    ]
    return errors + _template(_with_claims(spec, claims), kind="StatefulSet")


def _with_claims(spec: Object, claims: list[Object]) -> Object:
    """Return the spec with a volume for each claim template: its containers may mount them."""
    if not claims:
        return spec
    template = spec.get("template") or {}
    inner = template.get("spec") or {}
    own = [
        v for _, v in fields.dicts(inner.get("volumes")) if v.get("name") not in [c["name"] for c in claims]
    ]
    made = [{**c, "persistentVolumeClaim": {"claimName": c["name"]}} for c in claims]
    return {**spec, "template": {**template, "spec": {**inner, "volumes": [*made, *own]}}}


def _stateful_set_update(obj: Object, old: Object) -> Errors:
    spec, before = (
        {k: v for k, v in (o.get("spec") or {}).items() if k not in _STATEFUL_CHANGEABLE} for o in (obj, old)
    )
    return [] if spec == before else [status.forbidden("spec", _STATEFUL_FIXED)]


def _daemon_set(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors = _selector(spec, "daemonset") + _template(spec, kind="DaemonSet")
    return errors + _counts(spec, "minReadySeconds", "revisionHistoryLimit")


def _selector_update(obj: Object, old: Object) -> Errors:
    return fields.immutable(
        "spec.selector", fields.get(obj, "spec", "selector"), fields.get(old, "spec", "selector")
    )


def _job(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors = job_spec("spec", spec)
    if spec.get("selector") is None:
        return [*errors, status.required("spec.selector")]
    labels = fields.get(spec, "template", "metadata", "labels")
    if not fields.matches(spec["selector"], labels):
        errors.append(status.invalid("spec.template.metadata.labels", labels, _MISMATCH))
    return errors


def job_spec(path: str, spec: Object) -> Errors:
    """Check a Job's spec, in a Job or in a CronJob."""
    counts = (
        *("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"),
        "backoffLimitPerIndex",
    )
    errors = [error for name in counts for error in fields.nonnegative(f"{path}.{name}", spec.get(name))]
    mode = spec.get("completionMode", "NonIndexed")
    errors += fields.one_of(f"{path}.completionMode", mode, ["NonIndexed", "Indexed"])
    if mode == "Indexed" and spec.get("completions") is None:
        errors.append(status.required(f"{path}.completions", "when completion mode is Indexed"))
    errors += pods.template(f"{path}.template", spec.get("template") or {})
    where, policy = (
        f"{path}.template.spec.restartPolicy",
        fields.get(spec, "template", "spec", "restartPolicy"),
    )
    if policy in ("Always", "", None):
        errors.append(status.required(where, 'valid values: "OnFailure", "Never"'))
    else:
        errors += fields.one_of(where, policy, ["OnFailure", "Never"])
    return errors


def _job_update(obj: Object, old: Object) -> Errors:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    errors = fields.immutable("spec.completions", spec.get("completions"), before.get("completions"))
    for name in ("selector", "template", "completionMode"):
        errors += fields.immutable(f"spec.{name}", spec.get(name), before.get(name))
    return errors


def _cron_job(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    schedule = spec.get("schedule") or ""
    errors: Errors = []
    if not schedule:
        errors.append(status.required("spec.schedule"))
    else:
        problem = schedules.problem(schedule)
        if problem:
            errors.append(status.invalid("spec.schedule", schedule, problem))
        if "TZ" in schedule:
            words = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            errors.append(status.invalid("spec.schedule", schedule, words))
    errors += _counts(spec, "startingDeadlineSeconds") + _time_zone(spec.get("timeZone"))
    policies = ["Allow", "Forbid", "Replace"]
    errors += fields.one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), policies)
    errors += job_spec("spec.jobTemplate.spec", fields.get(spec, "jobTemplate", "spec") or {})
    return errors + _counts(spec, "successfulJobsHistoryLimit", "failedJobsHistoryLimit")


def _time_zone(name: Any) -> Errors:
    if name is None:
        return []
    if not name:
        return [status.invalid("spec.timeZone", name, "timeZone must be nil or non-empty string")]
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return [status.invalid("spec.timeZone", name, f"unknown time zone {name}")]
    return []


RULES = {
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("batch", "CronJob"): _cron_job,
}
UPDATES = {
    ("apps", "Deployment"): _selector_update,
    ("apps", "ReplicaSet"): _selector_update,
    ("apps", "DaemonSet"): _selector_update,
    ("apps", "StatefulSet"): _stateful_set_update,
    ("batch", "Job"): _job_update,
}
