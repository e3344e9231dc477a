"""Rules of containers: names, images, ports, environment, mounts, resources, probes.

Source: `validateContainerCommon` in `pkg/apis/core/validation/validation.go` of Kubernetes.
"""

from __future__ import annotations

import re
from typing import Any

from pratique.devcluster.validation import core, fields
from pratique.devcluster.validation.fields import Errors, Object
from pratique.devcluster.validation.network import PROTOCOLS
from pratique.kube import names, quantity, status

_USER_MAX = 2147483647
_ENV_FIELDS = (
    *("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName"),
    *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
)
# Fields of a pod that convert between versions, though the environment may not use all of them.
_KNOWN_FIELDS = (
    *_ENV_FIELDS,
    "metadata.annotations",
    "metadata.labels",
    "spec.restartPolicy",
    "spec.schedulerName",
    "status.phase",
    "status.nominatedNodeName",
    "spec.hostNetwork",
)
_RESOURCE_FIELDS = (
    *("limits.cpu", "limits.memory", "limits.ephemeral-storage"),
    *("requests.cpu", "requests.memory", "requests.ephemeral-storage"),
)
_SUBSCRIPT = re.compile(r"(.*)\['(.*)'\]$")
_ENV_NAME = re.compile(r"[!-<>-~ ]+")
_SECURITY_FIELDS = (
    *("capabilities", "privileged", "seLinuxOptions", "windowsOptions", "runAsUser", "runAsGroup"),
    *("runAsNonRoot", "readOnlyRootFilesystem", "allowPrivilegeEscalation", "procMount", "seccompProfile"),
    "appArmorProfile",
)
_GO_NAMES = {"seLinuxOptions": "SELinuxOptions"}


def common(path: str, container: Object, volumes: set[str]) -> Errors:
    """Check what all kinds of containers have."""
    name = container.get("name") or ""
    errors: Errors = fields.each(f"{path}.name", name, names.is_dns1123_label) if name else []
    if not name:
        errors.append(status.required(f"{path}.name"))
    if not container.get("image"):
        errors.append(status.required(f"{path}.image"))
    policies = ["File", "FallbackToLogsOnError"]
    errors += fields.one_of(
        f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), policies
    )
    errors += _ports(f"{path}.ports", container.get("ports"))
    errors += _env(f"{path}.env", container.get("env"))
    errors += _env_from(f"{path}.envFrom", container.get("envFrom"))
    errors += _mounts(f"{path}.volumeMounts", container.get("volumeMounts"), volumes)
    pulls = ["Always", "IfNotPresent", "Never"]
    errors += fields.one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), pulls)
    errors += resources(f"{path}.resources", container.get("resources") or {})
    return errors + security(f"{path}.securityContext", container.get("securityContext"))


def _ports(path: str, ports: Any) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for at, port in fields.dicts(ports):
        where, name = f"{path}[{at}]", port.get("name") or ""
        problems = fields.each(f"{where}.name", name, fields.port_name) if name else []
        if name and not problems and name in seen:
            problems.append(status.duplicate(f"{where}.name", name))
        seen.add(name)
        errors += problems
        if not port.get("containerPort"):
            errors.append(status.required(f"{where}.containerPort"))
        else:
            errors += fields.port(f"{where}.containerPort", port["containerPort"])
        if port.get("hostPort"):
            errors += fields.port(f"{where}.hostPort", port["hostPort"])
        errors += fields.one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS)
    return errors


def _env_name(text: str) -> list[str]:
    if _ENV_NAME.fullmatch(text):
        return []
    words = "a valid environment variable name must consist only of printable ASCII characters other than '='"
    return [words]


def _env(path: str, variables: Any) -> Errors:
    errors: Errors = []
    for at, variable in fields.dicts(variables):
        where = f"{path}[{at}]"
        if not variable.get("name"):
            errors.append(status.required(f"{where}.name"))
        else:
            errors += fields.each(f"{where}.name", variable["name"], _env_name)
        if isinstance(variable.get("valueFrom"), dict):
            errors += _value_from(f"{where}.valueFrom", variable)
    return errors


def _value_from(path: str, variable: Object) -> Errors:
    source = variable["valueFrom"]
    errors: Errors = []
    if "fieldRef" in source:
        errors += _field_ref(f"{path}.fieldRef", source["fieldRef"])
    if "resourceFieldRef" in source:
        errors += _resource_ref(f"{path}.resourceFieldRef", source["resourceFieldRef"])
    for name in ("configMapKeyRef", "secretKeyRef"):
        if name in source:
            errors += _key_ref(f"{path}.{name}", source[name])
    kinds = [
        n
        for n in ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
        if n in source
    ]
    if not kinds:
        words = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        errors.append(status.invalid(path, "", words))
    elif variable.get("value"):
        errors.append(status.invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(kinds) > 1:
        errors.append(status.invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def _field_ref(path: str, reference: Object) -> Errors:
    text = reference.get("fieldPath") or ""
    if not reference.get("apiVersion"):
        return [status.required(f"{path}.apiVersion")]
    if not text:
        return [status.required(f"{path}.fieldPath")]
    subscript = _SUBSCRIPT.match(text)
    if subscript:
        base, key = subscript.groups()
        if base not in ("metadata.annotations", "metadata.labels"):
            words = f"error converting fieldPath: field label does not support subscript: {text}"
            return [status.invalid(f"{path}.fieldPath", text, words)]
        return fields.each(
            path, key.lower() if base.endswith("annotations") else key, names.is_qualified_name
        )
    if text not in _KNOWN_FIELDS:
        words = f"error converting fieldPath: field label not supported: {text}"
        return [status.invalid(f"{path}.fieldPath", text, words)]
    if text not in _ENV_FIELDS:
        return [status.unsupported(f"{path}.fieldPath", text, sorted(_ENV_FIELDS))]
    return []


def _resource_ref(path: str, reference: Object) -> Errors:
    resource = reference.get("resource") or ""
    if not resource:
        return [status.required(f"{path}.resource")]
    if resource not in _RESOURCE_FIELDS and ".hugepages-" not in resource:
        return [status.unsupported(f"{path}.resource", resource, sorted(_RESOURCE_FIELDS))]
    return []


def _key_ref(path: str, reference: Object) -> Errors:
    key = reference.get("key") or ""
    if not key:
        return [status.required(f"{path}.key")]
    return fields.each(f"{path}.key", key, names.is_config_key)


def _env_from(path: str, sources: Any) -> Errors:
    errors: Errors = []
    for at, source in fields.dicts(sources):
        where = f"{path}[{at}]"
        if source.get("prefix"):
            errors += fields.each(f"{where}.prefix", source["prefix"], _env_name)
        kinds = [name for name in ("configMapRef", "secretRef") if name in source]
        if not kinds:
            words = "must specify one of: `configMapRef` or `secretRef`"
            errors.append(status.invalid(where, "", words))
        elif len(kinds) > 1:
            errors.append(status.invalid(where, "", "may not have more than one field specified at a time"))
        errors += [status.required(f"{where}.{k}.name") for k in kinds if not source[k].get("name")]
    return errors


def _mounts(path: str, mounts: Any, volumes: set[str]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for at, mount in fields.dicts(mounts):
        where, name, target = f"{path}[{at}]", mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.append(status.required(f"{where}.name"))
        if name not in volumes:
            errors.append(status.not_found(f"{where}.name", name))
        if not target:
            errors.append(status.required(f"{where}.mountPath"))
        if target in seen:
            errors.append(status.invalid(f"{where}.mountPath", target, "must be unique"))
        seen.add(target)
        inner = mount.get("subPath") or ""
        if inner.startswith("/"):
            errors.append(status.invalid(f"{path}.subPath", inner, "must be a relative path"))
        if ".." in inner.split("/"):
            errors.append(status.invalid(f"{path}.subPath", inner, "must not contain '..'"))
    return errors


def resources(path: str, requirements: Object) -> Errors:
    """Check requests and limits."""
    limits, requests = requirements.get("limits") or {}, requirements.get("requests") or {}
    errors: Errors = []
    for part, amounts in (("limits", limits), ("requests", requests)):
        for name, value in sorted(amounts.items()):
            where = f"{path}.{part}[{name}]"
            errors += _container_resource(where, name) + core.amount(where, name, value)
            if part == "requests":
                errors += _within_limit(path, name, value, limits)
    return errors


def _container_resource(path: str, name: str) -> Errors:
    errors = fields.each(path, name, names.is_qualified_name)
    standard = ("cpu", "memory", "ephemeral-storage")
    if not errors and "/" not in name and name not in standard and not name.startswith("hugepages-"):
        errors.append(status.invalid(path, name, "must be a standard resource type or fully qualified"))
        errors.append(status.invalid(path, name, "must be a standard resource for containers"))
    return errors


def _within_limit(path: str, name: str, value: Any, limits: Object) -> Errors:
    overcommit = "/" not in name and not name.startswith("hugepages-")
    if name not in limits:
        words = "Limit must be set for non overcommitable resources"
        return [] if overcommit else [status.required(f"{path}.limits", words)]
    asked, most = quantity.parse(str(value)).value, quantity.parse(str(limits[name])).value
    if asked != most and not overcommit:
        words = f"must be equal to {name} limit of {limits[name]}"
        return [status.invalid(f"{path}.requests", str(value), words)]
    if asked > most:
        words = f"must be less than or equal to {name} limit of {limits[name]}"
        return [status.invalid(f"{path}.requests", str(value), words)]
    return []


def security(path: str, context: Any) -> Errors:
    """Check a container's securityContext."""
    if not isinstance(context, dict):
        return []
    errors: Errors = []
    for name in ("runAsUser", "runAsGroup"):
        value = context.get(name)
        if isinstance(value, int) and not 0 <= value <= _USER_MAX:
            errors.append(status.invalid(f"{path}.{name}", value, fields.between(0, _USER_MAX)))
    if context.get("procMount") is not None:
        errors += fields.one_of(f"{path}.procMount", context["procMount"], ["Default", "Unmasked"])
    errors += seccomp(f"{path}.seccompProfile", context.get("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        words = "cannot set `allowPrivilegeEscalation` to false and "
        if context.get("privileged") is True:
            errors.append(status.invalid(path, _as_go(context), f"{words}`privileged` to true"))
        if "CAP_SYS_ADMIN" in (fields.get(context, "capabilities", "add") or ()):
            errors.append(status.invalid(path, _as_go(context), f"{words}`capabilities.Add` CAP_SYS_ADMIN"))
    return errors


def _as_go(context: Object) -> Object:
    """Return a securityContext as Go prints the internal struct: all fields, under Go's names."""
    return {_GO_NAMES.get(n, n[0].upper() + n[1:]): context.get(n) for n in _SECURITY_FIELDS}


def seccomp(path: str, profile: Any) -> Errors:
    """Check a seccomp profile."""
    if not isinstance(profile, dict):
        return []
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    if not kind:
        return [status.required(f"{path}.type", "type is required when seccompProfile is set")]
    if kind == "Localhost" and not local:
        return [status.required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")]
    if kind != "Localhost" and local is not None:
        words = "can only be set when seccomp type is Localhost"
        return [status.invalid(f"{path}.localhostProfile", local, words)]
    return fields.one_of(f"{path}.type", kind, ["Localhost", "RuntimeDefault", "Unconfined"])


def probes(path: str, container: Object) -> Errors:
    """Check the three probes and the lifecycle hooks of a container."""
    errors: Errors = []
    lifecycle: Object = container.get("lifecycle") or {}
    for name in ("postStart", "preStop"):
        if isinstance(fields.get(lifecycle, name), dict):
            errors += _handler(f"{path}.lifecycle.{name}", lifecycle[name])
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if not isinstance(probe, dict):
            continue
        where = f"{path}.{name}"
        errors += _handler(where, probe)
        numbers = (
            "initialDelaySeconds",
            "timeoutSeconds",
            "periodSeconds",
            "successThreshold",
            "failureThreshold",
        )
        for number in numbers:
            errors += fields.nonnegative(f"{where}.{number}", probe.get(number))
        if name != "readinessProbe" and probe.get("successThreshold", 1) not in (0, 1):
            errors.append(status.invalid(f"{where}.successThreshold", probe["successThreshold"], "must be 1"))
    return errors


def _handler(path: str, handler: Object) -> Errors:
    kinds = [name for name in ("exec", "httpGet", "tcpSocket", "grpc", "sleep") if name in handler]
    if not kinds:
        return [status.required(path, "must specify a handler type")]
    errors: Errors = []
    first, where = kinds[0], f"{path}.{kinds[0]}"
    action = handler[first] or {}
    if first == "exec" and not action.get("command"):
        errors.append(status.required(f"{where}.command"))
    elif first == "httpGet":
        errors += fields.port_or_name(f"{where}.port", action.get("port"))
        errors += fields.one_of(f"{where}.scheme", action.get("scheme", "HTTP"), ["HTTP", "HTTPS"])
    elif first == "tcpSocket":
        errors += fields.port_or_name(f"{where}.port", action.get("port"))
    elif first == "grpc":
        errors += fields.port(f"{where}.port", action.get("port"))
    for name in kinds[1:]:
        errors.append(status.forbidden(f"{path}.{name}", "may not specify more than 1 handler type"))
    return errors
