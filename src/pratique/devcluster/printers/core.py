"""Cells of Pod, Node, Namespace, ConfigMap, Secret, Event and the small kinds of the core group."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pratique.devcluster.printers.columns import Object, printer
from pratique.devcluster.printers.texts import age, condition, get, name_and_age, parse_time


def _pod(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    ready, total, reason, restarts = _pod_state(obj, now)
    addresses = status.get("podIPs") or [{}]
    return [
        name,
        f"{ready}/{total}",
        reason,
        restarts,
        since,
        addresses[0].get("ip") or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        _readiness_gates(spec, status),
    ]


def _readiness_gates(spec: Object, status: Object) -> str:
    gates = [gate.get("conditionType", "") for gate in spec.get("readinessGates") or ()]
    if not gates:
        return "<none>"
    return f"{sum(condition(status.get('conditions'), gate) == 'True' for gate in gates)}/{len(gates)}"


def _restartable(container: Object) -> bool:
    return container.get("restartPolicy") == "Always"


def _ended(state: Object, prefix: str = "") -> str:
    """Return the word for a container that has terminated."""
    if state.get("reason"):
        return f"{prefix}{state['reason']}"
    return (
        f"{prefix}Signal:{state['signal']}"
        if state.get("signal")
        else f"{prefix}ExitCode:{state.get('exitCode', 0)}"
    )


def _pod_state(obj: Object, now: datetime) -> tuple[int, int, str, str]:
    """Return ready containers, all containers, the STATUS column and the RESTARTS column."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    phase = status.get("phase", "")
    reason = status.get("reason") or phase
    for item in status.get("conditions") or ():
        if item.get("type") == "PodScheduled" and item.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    sidecars = {c.get("name") for c in spec.get("initContainers") or () if _restartable(c)}
    total = len(spec.get("containers") or ()) + len(sidecars)
    ready, starting, restarted = _init_state(obj, sidecars)
    counted = restarted
    if starting is None or condition(status.get("conditions"), "Initialized") == "True":
        counted = [c for c in restarted if c.get("name") in sidecars]
        running = False
        for container in reversed(status.get("containerStatuses") or ()):
            counted.append(container)
            state = container.get("state") or {}
            if get(state, "waiting", "reason"):
                reason = state["waiting"]["reason"]
            elif state.get("terminated") is not None:
                reason = _ended(state["terminated"])
            elif container.get("ready") and state.get("running") is not None:
                running = True
                ready += 1
        if reason == "Completed" and running:
            reason = "Running" if condition(status.get("conditions"), "Ready") == "True" else "NotReady"
    else:
        reason = starting
    if get(obj, "metadata", "deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            reason = "Unknown"
        elif phase not in ("Succeeded", "Failed"):
            reason = "Terminating"
    return ready, total, reason, _restarts(counted, now)


def _init_state(obj: Object, sidecars: set[str | None]) -> tuple[int, str | None, list[Object]]:
    """Return ready sidecars, the word while init containers still run, and the statuses looked at."""
    ready, seen = 0, []
    containers = get(obj, "spec", "initContainers") or ()
    for at, container in enumerate(get(obj, "status", "initContainerStatuses") or ()):
        seen.append(container)
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), get(state, "waiting", "reason")
        if ended is not None and ended.get("exitCode", 0) == 0:
            continue
        if container.get("name") in sidecars and container.get("started"):
            ready += bool(container.get("ready"))
            continue
        if ended is not None:
            return ready, _ended(ended, "Init:"), seen
        if waiting and waiting != "PodInitializing":
            return ready, f"Init:{waiting}", seen
        return ready, f"Init:{at}/{len(containers)}", seen
    return ready, None, seen


def _restarts(statuses: list[Object], now: datetime) -> str:
    count = sum(c.get("restartCount", 0) for c in statuses)
    ends = [get(c, "lastState", "terminated", "finishedAt") for c in statuses]
    moments = [moment for moment in map(parse_time, ends) if moment is not None]
    return f"{count} ({age(max(moments).isoformat(), now)} ago)" if count and moments else str(count)


def _node(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    status = obj.get("status") or {}
    ready = condition(status.get("conditions"), "Ready")
    words = ["Unknown" if not ready else "Ready" if ready == "True" else "NotReady"]
    if get(obj, "spec", "unschedulable"):
        words.append("SchedulingDisabled")
    info = status.get("nodeInfo") or {}
    return [
        name,
        ",".join(words),
        _roles(get(obj, "metadata", "labels") or {}),
        since,
        info.get("kubeletVersion", ""),
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _roles(labels: dict[str, str]) -> str:
    prefix = "node-role.kubernetes.io/"
    roles = {key.removeprefix(prefix) for key in labels if key.startswith(prefix)}
    roles |= {value for key, value in labels.items() if key == "kubernetes.io/role"}
    return ",".join(sorted(role for role in roles if role)) or "<none>"


def _address(status: Object, kind: str) -> str:
    found = (a.get("address", "") for a in status.get("addresses") or () if a.get("type") == kind)
    return next(found, "<none>")


def _event(obj: Object, now: datetime) -> list[Any]:
    first = age(obj.get("firstTimestamp") or obj.get("eventTime"), now)
    last = age(obj["lastTimestamp"], now) if obj.get("lastTimestamp") else first
    count = obj.get("count") or 1
    if obj.get("series"):
        last = age(obj["series"].get("lastObservedTime"), now)
        count = obj["series"].get("count", 0)
    involved = obj.get("involvedObject") or {}
    kind, name = involved.get("kind", "").lower(), involved.get("name")
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent") or ""
    host = source.get("host") or obj.get("reportingInstance") or ""
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{kind}/{name}" if name else kind,
        involved.get("fieldPath", ""),
        ", ".join(part for part in (component, host) if part),
        obj.get("message", "").strip(),
        first,
        count,
        get(obj, "metadata", "name") or "",
    ]


def _namespace(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    return [name, get(obj, "status", "phase") or "", since]


def _config_map(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    return [name, len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), since]


def _secret(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    return [name, obj.get("type", ""), len(obj.get("data") or ()), since]


def _service_account(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    return [name, len(obj.get("secrets") or ()), since]


def _resource_quota(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    status = obj.get("status") or {}
    used = status.get("used") or {}
    requests: list[str] = []
    limits: list[str] = []
    for resource, hard in sorted((status.get("hard") or {}).items()):
        part = limits if resource.startswith("limits.") else requests
        part.append(f"{resource}: {used.get(resource, '0')}/{hard}")
    return [name, ", ".join(requests), ", ".join(limits), since]


def _created_at(obj: Object, _now: datetime) -> list[Any]:
    metadata = obj.get("metadata") or {}
    return [metadata.get("name", ""), metadata.get("creationTimestamp", "")]


def _component_status(obj: Object, _now: datetime) -> list[Any]:
    first = (obj.get("conditions") or [{}])[0]
    word = {"True": "Healthy", "False": "Unhealthy"}.get(first.get("status", ""), "Unknown")
    return [get(obj, "metadata", "name") or "", word, first.get("message", ""), first.get("error", "")]


PRINTERS = {
    ("", "Pod"): printer(
        "Name, Ready, Status, Restarts, Age, IP*, Node*, Nominated Node*, Readiness Gates*", _pod
    ),
    ("", "Node"): printer(
        "Name, Status, Roles, Age, Version, Internal-IP*, External-IP*, OS-Image*, Kernel-Version*, "
        "Container-Runtime*",
        _node,
    ),
    ("", "Event"): printer(
        "Last Seen, Type, Reason, Object, Subobject*, Source*, Message, First Seen*, Count:integer*, Name*",
        _event,
    ),
    ("", "Namespace"): printer("Name, Status, Age", _namespace),
    ("", "ConfigMap"): printer("Name, Data:integer, Age", _config_map),
    ("", "Secret"): printer("Name, Type, Data:integer, Age", _secret),
    ("", "ServiceAccount"): printer("Name, Secrets:integer, Age", _service_account),
    ("", "ResourceQuota"): printer("Name, Request, Limit, Age", _resource_quota),
    ("", "LimitRange"): printer("Name, Created At", _created_at),
    ("", "ComponentStatus"): printer("Name, Status, Message, Error", _component_status),
    ("rbac.authorization.k8s.io", "Role"): printer("Name, Created At", _created_at),
    ("rbac.authorization.k8s.io", "ClusterRole"): printer("Name, Created At", _created_at),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): printer("Name, Created At", _created_at),
}
