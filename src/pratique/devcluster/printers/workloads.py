"""Cells of Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob and what they leave behind."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pratique.devcluster.printers.columns import Object, printer
from pratique.devcluster.printers.texts import (
    age,
    condition,
    containers,
    get,
    human_duration,
    label_selector,
    labels,
    name_and_age,
    parse_time,
)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _deployment(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        name,
        f"{_number(status.get('readyReplicas'))}/{_number(spec.get('replicas'))}",
        _number(status.get("updatedReplicas")),
        _number(status.get("availableReplicas")),
        since,
        *containers(spec.get("template")),
        label_selector(spec.get("selector")),
    ]


def _replica_set(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    selector = spec.get("selector")
    grouped = obj.get("apiVersion") != "v1"  # a ReplicationController's selector is a plain map
    return [
        name,
        _number(spec.get("replicas")),
        _number(status.get("replicas")),
        _number(status.get("readyReplicas")),
        since,
        *containers(spec.get("template")),
        label_selector(selector) if grouped else labels(selector),
    ]


def _stateful_set(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    ready = f"{_number(get(obj, 'status', 'readyReplicas'))}/{_number(get(obj, 'spec', 'replicas'))}"
    return [name, ready, since, *containers(get(obj, "spec", "template"))]


def _daemon_set(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    status = obj.get("status") or {}
    fields = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return [
        name,
        *(_number(status.get(field)) for field in fields),
        labels(get(obj, "spec", "template", "spec", "nodeSelector")),
        since,
        *containers(get(obj, "spec", "template")),
        label_selector(get(obj, "spec", "selector")),
    ]


def _job_status(obj: Object) -> str:
    conditions = get(obj, "status", "conditions")
    for kind in ("Complete", "Failed"):
        if condition(conditions, kind) == "True":
            return kind
    if get(obj, "metadata", "deletionTimestamp"):
        return "Terminating"
    for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if condition(conditions, kind) == "True":
            return kind
    return "Running"


def _job(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    succeeded = _number(status.get("succeeded"))
    if spec.get("completions") is not None:
        completions = f"{succeeded}/{spec['completions']}"
    elif _number(spec.get("parallelism")) > 1:
        completions = f"{succeeded}/1 of {spec['parallelism']}"
    else:
        completions = f"{succeeded}/1"
    start = parse_time(status.get("startTime"))
    end = parse_time(status.get("completionTime")) or now
    duration = "" if start is None else human_duration((end - start).total_seconds())
    images = containers(spec.get("template"))
    return [
        name,
        _job_status(obj),
        completions,
        duration,
        since,
        *images,
        label_selector(spec.get("selector")),
    ]


def _cron_job(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    last = status.get("lastScheduleTime")
    return [
        name,
        spec.get("schedule", ""),
        spec.get("timeZone") or "<none>",
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        age(last, now) if last else "<none>",
        since,
        *containers(get(spec, "jobTemplate", "spec", "template")),
        label_selector(get(spec, "jobTemplate", "spec", "selector")),
    ]


def _controller_revision(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    controller = "<none>"
    for owner in get(obj, "metadata", "ownerReferences") or ():
        if owner.get("controller"):
            group = owner.get("apiVersion", "").rpartition("/")[0]
            kind = owner.get("kind", "") + (f".{group}" if group else "")
            controller = f"{kind.lower()}/{owner.get('name', '')}"
    return [name, controller, _number(obj.get("revision")), since]


def _pod_template(obj: Object, now: datetime) -> list[Any]:
    name, _ = name_and_age(obj, now)
    return [name, *containers(obj.get("template")), labels(get(obj, "template", "metadata", "labels"))]


def _disruption_budget(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec = obj.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    return [
        name,
        "N/A" if least is None else str(least),
        "N/A" if most is None else str(most),
        _number(get(obj, "status", "disruptionsAllowed")),
        since,
    ]


def _autoscaler(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    least = spec.get("minReplicas")
    return [
        name,
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(_specs(spec), status.get("currentMetrics") or []),
        "<unset>" if least is None else str(least),
        _number(spec.get("maxReplicas")),
        _number(status.get("currentReplicas")),
        since,
    ]


def _specs(spec: Object) -> list[Object]:
    percentage = spec.get("targetCPUUtilizationPercentage")  # autoscaling/v1
    if percentage is None:
        return spec.get("metrics") or []
    target = {"type": "Utilization", "averageUtilization": percentage}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _metrics(specs: list[Object], statuses: list[Object]) -> str:
    if not specs:
        return "<none>"
    shown = [_metric(spec, statuses[at] if at < len(statuses) else {}) for at, spec in enumerate(specs[:2])]
    text = ", ".join(shown)
    return f"{text} + {len(specs) - 2} more..." if len(specs) > 2 else text


def _metric(spec: Object, status: Object) -> str:
    kind = spec.get("type", "")
    field = kind[:1].lower() + kind[1:]
    source = spec.get(field) or {}
    target, current = source.get("target") or {}, get(status, field, "current") or {}
    if kind in ("Resource", "ContainerResource"):
        prefix = f"{source.get('name', '')}: "
        if target.get("averageValue") is not None:
            return f"{prefix}{current.get('averageValue', '<unknown>')}/{target['averageValue']}"
        used, wanted = current.get("averageUtilization"), target.get("averageUtilization")
        shown = "<unknown>" if used is None else f"{used}%"
        return f"{prefix}{shown}/{'<auto>' if wanted is None else f'{wanted}%'}"
    if kind == "Pods":
        return f"{current.get('averageValue', '<unknown>')}/{target.get('averageValue', '')}"
    if kind in ("Object", "External"):
        if target.get("averageValue") is not None:
            return f"{current.get('averageValue', '<unknown>')}/{target['averageValue']} (avg)"
        return f"{current.get('value', '<unknown>')}/{target.get('value', '')}"
    return "<unknown type>"


def _scale(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    return [name, _number(get(obj, "spec", "replicas")), _number(get(obj, "status", "replicas")), since]


_REPLICAS = "Name, Desired:integer, Current:integer, Ready:integer, Age, Containers*, Images*, Selector*"

PRINTERS = {
    ("apps", "Deployment"): printer(
        "Name, Ready, Up-to-date, Available, Age, Containers*, Images*, Selector*", _deployment
    ),
    ("apps", "ReplicaSet"): printer(_REPLICAS, _replica_set),
    ("", "ReplicationController"): printer(_REPLICAS, _replica_set),
    ("apps", "StatefulSet"): printer("Name, Ready, Age, Containers*, Images*", _stateful_set),
    ("apps", "DaemonSet"): printer(
        "Name, Desired:integer, Current:integer, Ready:integer, Up-to-date:integer, Available:integer, "
        "Node Selector, Age, Containers*, Images*, Selector*",
        _daemon_set,
    ),
    ("batch", "Job"): printer(
        "Name, Status, Completions, Duration, Age, Containers*, Images*, Selector*", _job
    ),
    ("batch", "CronJob"): printer(
        "Name, Schedule, Timezone, Suspend:boolean, Active:integer, Last Schedule, Age, "
        "Containers*, Images*, Selector*",
        _cron_job,
    ),
    ("apps", "ControllerRevision"): printer("Name, Controller, Revision:integer, Age", _controller_revision),
    ("", "PodTemplate"): printer("Name, Containers, Images, Pod Labels", _pod_template),
    ("policy", "PodDisruptionBudget"): printer(
        "Name, Min Available, Max Unavailable, Allowed Disruptions:integer, Age", _disruption_budget
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): printer(
        "Name, Reference, Targets, MinPods, MaxPods, Replicas:integer, Age", _autoscaler
    ),
    ("autoscaling", "Scale"): printer("Name, Desired:integer, Available:integer, Age", _scale),
}
