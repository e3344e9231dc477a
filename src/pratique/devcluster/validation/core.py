"""Rules of ConfigMap, Secret, quotas, limits and claims.

Source: `pkg/apis/core/validation/validation.go` of Kubernetes.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from pratique.devcluster.validation import fields
from pratique.devcluster.validation.fields import Errors, Object
from pratique.kube import names, quantity, status

_SIZE_LIMIT = 1024 * 1024
_STANDARD = {
    *("cpu", "memory", "ephemeral-storage", "storage", "requests.cpu", "requests.memory", "requests.storage"),
    *("requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods"),
    *("resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims"),
    *("configmaps", "services.nodeports", "services.loadbalancers"),
}
_QUOTA_ONLY_STANDARD = _STANDARD - {"storage"}
_STANDARD_SHAPE = "must be a standard resource type or fully qualified"


def _config_map(obj: Object) -> Errors:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    errors: Errors = []
    for part, values in (("data", data), ("binaryData", binary)):
        for key in values:
            errors += fields.each(f"{part}[{key}]", key, names.is_config_key)
            if part == "data" and key in binary:
                words = "duplicate of key present in binaryData"
                errors.append(status.invalid(f"{part}[{key}]", key, words))
    size = sum(len(str(value).encode()) for value in data.values()) + sum(map(_decoded_size, binary.values()))
    return [*errors, status.too_long("", _SIZE_LIMIT)] if size > _SIZE_LIMIT else errors


def _decoded_size(text: Any) -> int:
    return len(str(text)) * 3 // 4


def _immutable_data(obj: Object, old: Object) -> Errors:
    if old.get("immutable") is not True:
        return []
    words = "field is immutable when `immutable` is set"
    changed = [] if obj.get("immutable") is True else [status.forbidden("immutable", words)]
    for part in ("data", "binaryData"):
        if (obj.get(part) or {}) != (old.get(part) or {}):
            changed.append(status.forbidden(part, words))
    return changed


def _secret(obj: Object) -> Errors:
    data = obj.get("data") or {}
    errors: Errors = []
    for key in data:
        errors += fields.each(f"data[{key}]", key, names.is_config_key)
    if sum(map(_decoded_size, data.values())) > _SIZE_LIMIT:
        errors.append(status.too_long("data", _SIZE_LIMIT))
    return errors + _secret_type(obj, data)


def _secret_type(obj: Object, data: Object) -> Errors:
    kind = obj.get("type")
    if kind == "kubernetes.io/service-account-token":
        name = "kubernetes.io/service-account.name"
        if not fields.get(obj, "metadata", "annotations", name):
            return [status.required(f"metadata.annotations[{name}]")]
    wanted = {
        "kubernetes.io/dockercfg": [".dockercfg"],
        "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
        "kubernetes.io/ssh-auth": ["ssh-privatekey"],
        "kubernetes.io/tls": ["tls.crt", "tls.key"],
    }.get(str(kind), [])
    errors = [status.required(f"data[{key}]") for key in wanted if key not in data]
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        errors += [status.required(f"data[{key}]") for key in ("username", "password")]
    for key in wanted:
        if key.startswith(".docker") and key in data and not _is_json(data[key]):
            words = "invalid character in the JSON text"
            errors.append(status.invalid(f"data[{key}]", "<secret contents redacted>", words))
    return errors


def _is_json(text: str) -> bool:
    try:
        json.loads(base64.b64decode(text))
    except (ValueError, binascii.Error):
        return False
    return True


def _secret_update(obj: Object, old: Object) -> Errors:
    return fields.immutable("type", obj.get("type"), old.get("type")) + _immutable_data(obj, old)


def resource_name(path: str, name: str) -> Errors:
    """Check the name of a resource: a standard one, or a qualified one."""
    errors = fields.each(path, name, names.is_qualified_name)
    if not errors and "/" not in name and name not in _STANDARD:
        errors.append(status.invalid(path, name, _STANDARD_SHAPE))
    return errors


def amount(path: str, name: str, value: Any) -> Errors:
    """Check an amount of a resource: not negative, and whole unless it can be divided."""
    parsed = quantity.parse(str(value))
    if parsed.value < 0:
        return [status.invalid(path, str(value), "must be greater than or equal to 0")]
    whole = {"pods", "services", "secrets", "configmaps", "resourcequotas", "persistentvolumeclaims"}
    if name in whole and parsed.value.denominator != 1:
        return [status.invalid(path, str(value), "must be an integer")]
    return []


def _resource_quota(obj: Object) -> Errors:
    errors: Errors = []
    for name, value in (fields.get(obj, "spec", "hard") or {}).items():
        path = f"spec.hard[{name}]"
        errors += resource_name(path, name)
        if "/" not in name and name not in _QUOTA_ONLY_STANDARD:
            errors.append(status.invalid(path, name, "must be a standard resource for quota"))
        errors += amount(path, name, value)
    return errors


def _limit_range(obj: Object) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for at, limit in fields.dicts(fields.get(obj, "spec", "limits")):
        path = f"spec.limits[{at}]"
        kind = str(limit.get("type", ""))
        if kind in seen:
            errors.append(status.duplicate(f"{path}.type", kind))
        seen.add(kind)
        if kind == "Pod":
            for part in ("default", "defaultRequest"):
                if limit.get(part):
                    words = "may not be specified when `type` is 'Pod'"
                    errors.append(status.forbidden(f"{path}.{part}", words))
        for part in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
            for name in limit.get(part) or {}:
                errors += resource_name(f"{path}.{part}[{name}]", name)
        if kind == "PersistentVolumeClaim" and not any(
            "storage" in (limit.get(part) or {}) for part in ("min", "max")
        ):
            words = "either minimum or maximum storage value is required, but neither was provided"
            errors.append(status.required(f"{path}.limits", words))
        resources = {
            name for part in ("max", "min", "default", "defaultRequest") for name in limit.get(part) or {}
        }
        for name in sorted(resources):
            errors += _limits_in_order(path, limit, name)
    return errors


def _limits_in_order(path: str, limit: Object, name: str) -> Errors:
    """Demand min <= default request <= default <= max of one resource."""
    # (the lesser, the greater, the field that is blamed, the value that is shown, the words)
    pairs = (
        ("min", "max", "min", "min", "min value {} is greater than max value {}"),
        (
            "min",
            "defaultRequest",
            "defaultRequest",
            "defaultRequest",
            "min value {} is greater than default request value {}",
        ),
        (
            "defaultRequest",
            "max",
            "defaultRequest",
            "defaultRequest",
            "default request value {} is greater than max value {}",
        ),
        (
            "defaultRequest",
            "default",
            "defaultRequest",
            "defaultRequest",
            "default request value {} is greater than default limit value {}",
        ),
        ("min", "default", "default", "min", "min value {} is greater than default value {}"),
        ("default", "max", "default", "max", "default value {} is greater than max value {}"),
    )
    errors: Errors = []
    for less, more, blamed, shown, words in pairs:
        low, high = fields.get(limit, less, name), fields.get(limit, more, name)
        if low is None or high is None:
            continue
        if quantity.parse(str(low)).value > quantity.parse(str(high)).value:
            value = fields.get(limit, shown, name)
            errors.append(status.invalid(f"{path}.{blamed}[{name}]", value, words.format(low, high)))
    return errors


def _claim(obj: Object) -> Errors:
    spec = obj.get("spec") or {}
    errors: Errors = []
    if not spec.get("accessModes"):
        errors.append(status.required("spec.accessModes", "at least 1 access mode is required"))
    modes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]
    for mode in spec.get("accessModes") or ():
        errors += fields.one_of("spec.accessModes", mode, modes)
    if fields.get(spec, "resources", "requests", "storage") is None:
        errors.append(status.required("spec.resources[storage]"))
    return errors


_POD_SECURITY = "pod-security.kubernetes.io/"


def _namespace(obj: Object) -> Errors:
    errors: Errors = []
    for mode in ("enforce", "audit", "warn"):
        value = fields.get(obj, "metadata", "labels", _POD_SECURITY + mode)
        if value is not None and value not in ("privileged", "baseline", "restricted"):
            words = "must be one of privileged, baseline, restricted"
            errors.append(status.invalid(f"metadata.labels[{_POD_SECURITY}{mode}]", value, words))
    return errors


RULES = {
    ("", "ConfigMap"): _config_map,
    ("", "Secret"): _secret,
    ("", "ResourceQuota"): _resource_quota,
    ("", "LimitRange"): _limit_range,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Namespace"): _namespace,
}
UPDATES = {
    ("", "ConfigMap"): _immutable_data,
    ("", "Secret"): _secret_update,
}
