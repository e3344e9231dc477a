"""Rules of pods and of pod templates.

Source: `ValidatePodSpec`, `ValidatePodUpdate` in `pkg/apis/core/validation/validation.go` of Kubernetes.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from pratique.devcluster.validation import containers, fields
from pratique.devcluster.validation.fields import Errors, Object
from pratique.kube import names, status

_CHANGEABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _pod(obj: Object) -> Errors:
    return spec_errors("spec", obj.get("spec") or {})


def template(path: str, value: Object) -> Errors:
    """Check a pod template."""
    metadata = value.get("metadata") or {}
    errors = fields.labels(f"{path}.metadata.labels", metadata.get("labels"))
    for key in metadata.get("annotations") or {}:
        for message in names.is_qualified_name(str(key).lower()):
            errors.append(status.invalid(f"{path}.metadata.annotations", key, message))
    return errors + spec_errors(f"{path}.spec", value.get("spec") or {})


def spec_errors(path: str, spec: Object) -> Errors:
    """Check a pod's spec."""
    errors, volumes = _volumes(f"{path}.volumes", spec.get("volumes"))
    errors += _containers(f"{path}.containers", spec.get("containers"), volumes)
    errors += _init_containers(f"{path}.initContainers", spec, volumes)
    errors += _host_network(path, spec)
    policies = ["Always", "OnFailure", "Never"]
    errors += fields.one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), policies)
    dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]
    errors += fields.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), dns)
    errors += fields.labels(f"{path}.nodeSelector", spec.get("nodeSelector"))
    errors += _security(f"{path}.securityContext", spec.get("securityContext") or {})
    for name in ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"):
        if spec.get(name):
            errors += fields.each(f"{path}.{name}", spec[name], names.is_dns1123_subdomain)
    deadline = spec.get("activeDeadlineSeconds")
    if isinstance(deadline, int) and deadline < 1:
        words = fields.between(1, 2147483647)
        errors.append(status.invalid(f"{path}.activeDeadlineSeconds", deadline, words))
    for name in ("hostname", "subdomain"):
        if spec.get(name):
            errors += fields.each(f"{path}.{name}", spec[name], names.is_dns1123_label)
    errors += _tolerations(f"{path}.tolerations", spec.get("tolerations"))
    if spec.get("preemptionPolicy") is not None:
        allowed = ["PreemptLowerPriority", "Never"]
        errors += fields.one_of(f"{path}.preemptionPolicy", spec["preemptionPolicy"], allowed)
    return errors


def _volumes(path: str, volumes: Any) -> tuple[Errors, set[str]]:
    errors: Errors = []
    seen: set[str] = set()
    for at, volume in fields.dicts(volumes):
        where, name = f"{path}[{at}]", volume.get("name") or ""
        sources = [key for key in volume if key != "name"]
        problems: Errors = []
        for extra in sources[1:]:
            problems.append(status.forbidden(f"{where}.{extra}", "may not specify more than 1 volume type"))
        if not sources:
            problems.append(status.required(where, "must specify a volume type"))
        else:
            problems += _volume_source(f"{where}.{sources[0]}", sources[0], volume[sources[0]] or {})
        if not name:
            problems.append(status.required(f"{where}.name"))
        else:
            problems += fields.each(f"{where}.name", name, names.is_dns1123_label)
        if name in seen:
            problems.append(status.duplicate(f"{where}.name", name))
        if not problems:
            seen.add(name)
        errors += problems
    return errors, seen


def _volume_source(path: str, kind: str, source: Object) -> Errors:
    needed = {
        "secret": "secretName",
        "configMap": "name",
        "hostPath": "path",
        "persistentVolumeClaim": "claimName",
    }
    if kind in needed and not source.get(needed[kind]):
        return [status.required(f"{path}.{needed[kind]}")]
    if kind == "hostPath" and ".." in str(source.get("path")).split("/"):
        return [status.invalid(f"{path}.path", source["path"], "must not contain '..'")]
    if kind == "csi" and not source.get("driver"):
        return [status.required(f"{path}.driver")]
    if kind == "nfs":
        return [status.required(f"{path}.{name}") for name in ("server", "path") if not source.get(name)]
    return []


def _containers(path: str, items: Any, volumes: set[str]) -> Errors:
    if not items:
        return [status.required(path)]
    errors: Errors = []
    seen: set[str] = set()
    for at, container in fields.dicts(items):
        where, name = f"{path}[{at}]", container.get("name") or ""
        errors += containers.common(where, container, volumes)
        if name in seen:
            errors.append(status.duplicate(f"{where}.name", name))
        seen.add(name)
        errors += containers.probes(where, container)
    return errors


def _init_containers(path: str, spec: Object, volumes: set[str]) -> Errors:
    errors: Errors = []
    seen = {c.get("name") for _, c in fields.dicts(spec.get("containers"))}
    for at, container in fields.dicts(spec.get("initContainers")):
        where = f"{path}[{at}]"
        errors += containers.common(where, container, volumes)
        if container.get("name") and container["name"] in seen:
            errors.append(status.duplicate(f"{where}.name", container["name"]))
        seen.add(container.get("name"))
        if container.get("restartPolicy") == "Always":
            errors += containers.probes(where, container)
            continue
        for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if container.get(name) is not None:
                words = "may not be set for init containers without restartPolicy=Always"
                errors.append(status.forbidden(f"{where}.{name}", words))
    return errors


def _host_network(path: str, spec: Object) -> Errors:
    if spec.get("hostNetwork") is not True:
        return []
    errors: Errors = []
    for at, container in fields.dicts(spec.get("containers")):
        for index, port in fields.dicts(container.get("ports")):
            if port.get("hostPort") != port.get("containerPort"):
                where = f"{path}.containers[{at}].ports[{index}].hostPort"
                words = "must match `containerPort` when `hostNetwork` is true"
                errors.append(status.invalid(where, port.get("hostPort") or 0, words))
    return errors


def _security(path: str, context: Object) -> Errors:
    errors: Errors = []
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        value = context.get(name)
        if isinstance(value, int) and not 0 <= value <= 2147483647:
            errors.append(status.invalid(f"{path}.{name}", value, fields.between(0, 2147483647)))
    return errors + containers.seccomp(f"{path}.seccompProfile", context.get("seccompProfile"))


def _tolerations(path: str, tolerations: Any) -> Errors:
    errors: Errors = []
    for at, entry in fields.dicts(tolerations):
        where, key = f"{path}[{at}]", entry.get("key") or ""
        operator, effect = entry.get("operator") or "Equal", entry.get("effect") or ""
        if key:
            errors += fields.each(f"{where}.key", key, names.is_qualified_name)
        elif operator != "Exists":
            words = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(status.invalid(f"{where}.operator", operator, words))
        if entry.get("tolerationSeconds") is not None and effect != "NoExecute":
            words = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(status.invalid(f"{where}.effect", effect, words))
        if operator == "Exists" and entry.get("value"):
            words = "value must be empty when `operator` is 'Exists'"
            errors.append(status.invalid(f"{where}.operator", entry, words))
        elif operator not in ("Exists", "Equal"):
            errors.append(status.unsupported(f"{where}.operator", operator, ["Equal", "Exists"]))
        if effect:
            errors += fields.one_of(
                f"{where}.effect", effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"]
            )
    return errors


def _pod_update(obj: Object, old: Object) -> Errors:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    for name in ("containers", "initContainers"):
        new, was = spec.get(name) or [], before.get(name) or []
        if len(new) != len(was):
            return [status.forbidden(f"spec.{name}", "pod updates may not add or remove containers")]
    munged = copy.deepcopy(spec)
    for name in ("containers", "initContainers"):
        for container, was in zip(munged.get(name) or (), before.get(name) or (), strict=True):
            container["image"] = was.get("image")
    for name in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        munged.pop(name, None)
    kept = {
        k: v
        for k, v in before.items()
        if k not in ("activeDeadlineSeconds", "tolerations", "schedulingGates")
    }
    errors: Errors = []
    if before.get("schedulingGates"):
        selector, was = munged.pop("nodeSelector", None) or {}, kept.pop("nodeSelector", None) or {}
        if not was.items() <= selector.items():
            words = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            errors.append(status.invalid("spec.nodeSelector", selector, words))
    errors += _only_added(spec.get("tolerations") or [], before.get("tolerations") or [])
    gates = [gate.get("name") for gate in before.get("schedulingGates") or ()]
    for gate in spec.get("schedulingGates") or ():
        if gate.get("name") not in gates:
            words = "only deletion is allowed, but found new scheduling gate '" + str(gate.get("name")) + "'"
            errors.append(status.forbidden("spec.schedulingGates", words))
    if munged != kept:
        errors.append(status.forbidden("spec", f"{_CHANGEABLE}\n{_difference(kept, munged)}"))
    return errors


def _only_added(new: list[Any], old: list[Any]) -> Errors:
    if all(entry in new for entry in old):
        return []
    words = "existing toleration can not be modified except its tolerationSeconds"
    return [status.forbidden("spec.tolerations", words)]


def _difference(old: Object, new: Object) -> str:
    """Return the changed fields, one a line, old and new."""
    names_changed = sorted(n for n in old.keys() | new.keys() if old.get(n) != new.get(n))
    lines = []
    for name in names_changed:
        lines.append(f"-   {name}: {json.dumps(old.get(name), sort_keys=True)}")
        lines.append(f"+   {name}: {json.dumps(new.get(name), sort_keys=True)}")
    return "\n".join(lines)


RULES = {("", "Pod"): _pod}
UPDATES = {("", "Pod"): _pod_update}
