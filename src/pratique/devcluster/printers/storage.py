"""Cells of volumes, claims and storage classes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pratique.devcluster.printers.columns import Object, printer
from pratique.devcluster.printers.texts import get, name_and_age

_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def _modes(modes: Any) -> str:
    return ",".join(short for long, short in _MODES.items() if long in (modes or ()))


def _class(obj: Object) -> str:
    old = (get(obj, "metadata", "annotations") or {}).get(_OLD_CLASS)
    return str(old or get(obj, "spec", "storageClassName") or "")


def _phase(obj: Object) -> str:
    deleting = get(obj, "metadata", "deletionTimestamp")
    return "Terminating" if deleting else str(get(obj, "status", "phase") or "")


def _volume(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec = obj.get("spec") or {}
    claim = spec.get("claimRef")
    return [
        name,
        get(spec, "capacity", "storage") or "0",
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _class(obj),
        spec.get("volumeAttributesClassName") or "<unset>",
        get(obj, "status", "reason") or "",
        since,
        spec.get("volumeMode") or "<unset>",
    ]


def _claim(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = spec.get("volumeName") or ""
    return [
        name,
        _phase(obj),
        bound,
        (get(status, "capacity", "storage") or "0") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        _class(obj),
        spec.get("volumeAttributesClassName") or "<unset>",
        since,
        spec.get("volumeMode") or "<unset>",
    ]


def _storage_class(obj: Object, now: datetime) -> list[Any]:
    name, since = name_and_age(obj, now)
    if (get(obj, "metadata", "annotations") or {}).get(_DEFAULT_CLASS) == "true":
        name += " (default)"
    expand = "true" if obj.get("allowVolumeExpansion") else "false"
    policies = (obj.get("reclaimPolicy", ""), obj.get("volumeBindingMode", ""))
    return [name, obj.get("provisioner", ""), *policies, expand, since]


PRINTERS = {
    ("", "PersistentVolume"): printer(
        "Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, VolumeAttributesClass, "
        "Reason, Age, VolumeMode*",
        _volume,
    ),
    ("", "PersistentVolumeClaim"): printer(
        "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode*",
        _claim,
    ),
    ("storage.k8s.io", "StorageClass"): printer(
        "Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age", _storage_class
    ),
}
