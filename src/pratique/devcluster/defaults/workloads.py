"""Defaults of workloads. Sources: `pkg/apis/{apps,batch}/v1/defaults.go` of Kubernetes."""

from __future__ import annotations

from pratique.devcluster.defaults import claims, fields, pods
from pratique.devcluster.defaults.fields import Object


def _deployment(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    pods.template(spec)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = fields.struct(spec, "strategy")
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = fields.struct(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    fields.struct(obj, "status")


def _replica_set(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    pods.template(spec)
    spec.setdefault("replicas", 1)
    fields.struct(obj, "status").setdefault("replicas", 0)


def _replication_controller(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    labels = fields.get(spec, "template", "metadata", "labels")
    if isinstance(labels, dict) and labels:
        spec.setdefault("selector", dict(labels))
        if not fields.get(obj, "metadata", "labels"):
            fields.struct(obj, "metadata")["labels"] = dict(labels)
    if isinstance(spec.get("template"), dict):
        pods.template(spec)
    spec.setdefault("replicas", 1)
    fields.struct(obj, "status").setdefault("replicas", 0)


def _stateful_set(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    pods.template(spec)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec["podManagementPolicy"] = spec.get("podManagementPolicy") or "OrderedReady"
    strategy = fields.struct(spec, "updateStrategy")
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        fields.struct(strategy, "rollingUpdate").setdefault("partition", 0)
    policy = fields.struct(spec, "persistentVolumeClaimRetentionPolicy")
    for name in ("whenDeleted", "whenScaled"):
        policy[name] = policy.get(name) or "Retain"
    spec.setdefault("serviceName", "")
    for claim in fields.dicts(spec.get("volumeClaimTemplates")):
        claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
        claim.setdefault("metadata", {})
        claims.claim(claim)
    status = fields.struct(obj, "status")
    status.setdefault("availableReplicas", 0)
    status.setdefault("replicas", 0)


def _daemon_set(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    pods.template(spec)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = fields.struct(spec, "updateStrategy")
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = fields.struct(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    status = fields.struct(obj, "status")
    for name in ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"):
        status.setdefault(name, 0)


def _job_spec(spec: Object) -> None:
    pods.template(spec)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    if spec.get("parallelism") is None:
        spec["parallelism"] = 1
    spec["completionMode"] = spec.get("completionMode") or "NonIndexed"
    # With a limit per index the total defaults to "no limit".
    spec.setdefault("backoffLimit", 2147483647 if spec.get("backoffLimitPerIndex") is not None else 6)
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    policy = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    spec["podReplacementPolicy"] = spec.get("podReplacementPolicy") or policy


def _job(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    _job_spec(spec)
    labels = fields.get(spec, "template", "metadata", "labels")
    if isinstance(labels, dict) and labels and not fields.get(obj, "metadata", "labels"):
        fields.struct(obj, "metadata")["labels"] = dict(labels)
    fields.struct(obj, "status")


def _cron_job(obj: Object) -> None:
    spec = fields.struct(obj, "spec")
    spec["concurrencyPolicy"] = spec.get("concurrencyPolicy") or "Allow"
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    spec.setdefault("schedule", "")
    template = fields.struct(spec, "jobTemplate")
    template.setdefault("metadata", {})
    pods.template(fields.struct(template, "spec"))
    fields.struct(obj, "status")


SETTERS = {
    ("", "ReplicationController"): _replication_controller,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("batch", "CronJob"): _cron_job,
}
