"""Rules of `metadata`, for every kind.

Source: `apimachinery/pkg/api/validation/objectmeta.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pratique.devcluster.validation import fields
from pratique.devcluster.validation.fields import Errors, Object
from pratique.kube import names, status

_RBAC = "rbac.authorization.k8s.io"
_ANNOTATIONS_LIMIT = 256 * 1024
_LABEL_NAMES = {("", "Namespace")}
_SERVICE_NAMES = {("", "Service")}
_PATH_NAMES = {(_RBAC, kind) for kind in ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")}
_CRON_JOB_LIMIT = 52


def name_rule(key: tuple[str, str]) -> Callable[[str], list[str]]:
    """Return what an object's name of this group and kind must be."""
    if key in _LABEL_NAMES:
        return names.is_dns1123_label
    if key in _SERVICE_NAMES:
        return names.is_dns1035_label
    if key in _PATH_NAMES:
        return names.is_path_segment
    if key == ("batch", "CronJob"):
        return _cron_job_name
    return names.is_dns1123_subdomain


def _cron_job_name(text: str) -> list[str]:
    # The Job's name is the CronJob's and 11 more characters, and must fit in a label.
    long = [f"must be no more than {_CRON_JOB_LIMIT} characters"] if len(text) > _CRON_JOB_LIMIT else []
    return names.is_dns1123_subdomain(text) + long


def check(obj: Object, *, namespaced: bool, rule: Callable[[str], list[str]]) -> Errors:
    """Check a new object's metadata."""
    metadata = obj.get("metadata") or {}
    name, prefix = metadata.get("name") or "", metadata.get("generateName") or ""
    errors: Errors = []
    if prefix:
        # The end that will be added is a letter: a trailing dash or dot may stand.
        errors += fields.each("metadata.generateName", prefix, lambda text: rule(_as_prefix(text)))
    if not name:
        errors.append(status.required("metadata.name", "name or generateName is required"))
    else:
        errors += fields.each("metadata.name", name, rule)
    namespace = metadata.get("namespace") or ""
    if namespaced and not namespace:
        errors.append(status.required("metadata.namespace"))
    elif namespaced:
        errors += fields.each("metadata.namespace", namespace, names.is_dns1123_label)
    elif namespace:
        errors.append(status.forbidden("metadata.namespace", "not allowed on this type"))
    return errors + _common(metadata)


def _as_prefix(text: str) -> str:
    return f"{text[:-1]}a" if text.endswith("-") else text


def check_update(obj: Object, old: Object) -> Errors:
    """Check the metadata of an object that replaces another."""
    metadata, before = obj.get("metadata") or {}, old.get("metadata") or {}
    errors: Errors = []
    added = set(metadata.get("finalizers") or ()) - set(before.get("finalizers") or ())
    if before.get("deletionTimestamp") and added:
        listed = ", ".join(f'"{name}"' for name in sorted(added))
        errors.append(
            status.forbidden(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}",
            )
        )
    for name in ("name", "namespace", "uid"):
        errors += fields.immutable(f"metadata.{name}", metadata.get(name), before.get(name))
    for name in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if name in metadata and before.get(name) is not None:
            errors += fields.immutable(f"metadata.{name}", metadata.get(name), before.get(name))
    return errors + _common(metadata)


def _common(metadata: Object) -> Errors:
    errors = fields.labels("metadata.labels", metadata.get("labels"))
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        for message in names.is_qualified_name(str(key).lower()):
            errors.append(status.invalid("metadata.annotations", key, message))
    if sum(len(str(k)) + len(str(v)) for k, v in annotations.items()) > _ANNOTATIONS_LIMIT:
        errors.append(status.too_long("metadata.annotations", _ANNOTATIONS_LIMIT))
    errors += _owners(metadata.get("ownerReferences") or [])
    for name in metadata.get("finalizers") or ():
        errors += _finalizer(str(name))
    return errors


def _owners(owners: list[Any]) -> Errors:
    errors: Errors = []
    controllers: list[Object] = []
    for at, owner in fields.dicts(owners):
        path = f"metadata.ownerReferences[{at}]"
        for name, words in (
            ("apiVersion", "version must not be empty"),
            ("kind", "kind must not be empty"),
            ("name", "name must not be empty"),
            ("uid", "uid must not be empty"),
        ):
            if not owner.get(name):
                errors.append(status.invalid(f"{path}.{name}", owner.get(name) or "", words))
        if owner.get("controller"):
            controllers.append(owner)
    if len(controllers) > 1:
        first, second = (f"{owner.get('kind')}/{owner.get('name')}" for owner in controllers[:2])
        errors.append(
            status.invalid(
                "metadata.ownerReferences",
                owners,
                "Only one reference can have Controller set to true. "
                f'Found "true" in references for {first} and {second}',
            )
        )
    return errors


def _finalizer(name: str) -> Errors:
    errors = fields.each("metadata.finalizers", name, names.is_qualified_name)
    if "/" not in name and name not in ("orphan", "foregroundDeletion", "kubernetes"):
        words = "name is neither a standard finalizer name nor is it fully qualified"
        errors.append(status.invalid("metadata.finalizers", name, words))
    return errors
