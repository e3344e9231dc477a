"""Field rules of objects, in kube-apiserver's words.

In comes an object after defaulting (and the stored one, when it is replaced), out goes a list of
`kube.status.FieldError` in the order in which the API server finds them, empty when all is well. Metadata
is checked for every kind, custom resources included; `spec` for built-in kinds. Pure: what depends on other
objects is admission's.

Sources: `pkg/apis/*/validation` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pratique.devcluster.validation import (
    access,
    admission,
    core,
    metadata,
    network,
    pods,
    policy,
    workloads,
)
from pratique.kube.status import FieldError

__all__ = ["FieldError", "validate"]

Object = dict[str, Any]
Errors = list[FieldError]

_RULES: dict[tuple[str, str], Callable[[Object], Errors]] = {
    **access.RULES,
    **admission.RULES,
    **core.RULES,
    **network.RULES,
    **policy.RULES,
    **pods.RULES,
    **workloads.RULES,
}
_UPDATES: dict[tuple[str, str], Callable[[Object, Object], Errors]] = {
    **access.UPDATES,
    **core.UPDATES,
    **network.UPDATES,
    **pods.UPDATES,
    **workloads.UPDATES,
}


def validate(
    obj: Object, *, old: Object | None = None, namespaced: bool = True, subresource: str = ""
) -> Errors:
    """Return what is wrong with an object; with `old`, also what may not be changed."""
    key = (str(obj.get("apiVersion", "")).rpartition("/")[0], str(obj.get("kind", "")))
    if old is not None:
        errors = metadata.check_update(obj, old)
    else:
        errors = metadata.check(obj, namespaced=namespaced, rule=metadata.name_rule(key))
    if subresource:
        return errors
    if key in _RULES:
        errors += _RULES[key](obj)
    if old is not None and key in _UPDATES:
        errors += _UPDATES[key](obj, old)
    return errors
