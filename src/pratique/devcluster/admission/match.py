"""Which requests a webhook's rules and selectors are about. Pure.

Sources: `admission/plugin/webhook/{rules,predicates}` of k8s.io/apiserver.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pratique.devcluster.admission.attributes import Attributes, Cluster, Object
from pratique.kube import selectors

# Requests for these never reach webhooks or policies: a bad one could not be taken away again.
EXEMPT = frozenset(
    f"{name}.admissionregistration.k8s.io"
    for name in (
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    )
)


def matching_version(hook: Object, attributes: Attributes, versions: Iterable[str]) -> str | None:
    """Return the version in which the webhook wants the request, or None if no rule is about it."""
    rules = hook.get("rules") or ()
    if any(_rule(rule, attributes, attributes.version) for rule in rules):
        return attributes.version
    if hook.get("matchPolicy", "Equivalent") != "Equivalent":
        return None
    others = [version for version in versions if version != attributes.version]
    return next((v for rule in rules for v in others if _rule(rule, attributes, v)), None)


def _rule(rule: Object, attributes: Attributes, version: str) -> bool:
    return (
        _has(rule.get("operations"), attributes.operation)
        and _has(rule.get("apiGroups"), attributes.group)
        and _has(rule.get("apiVersions"), version)
        and _scope(rule.get("scope", "*"), attributes)
        and any(_resource(pattern, attributes) for pattern in rule.get("resources") or ())
    )


def _has(values: Any, wanted: str) -> bool:
    return "*" in (values or ()) or wanted in (values or ())


def _scope(scope: str, attributes: Attributes) -> bool:
    # A Namespace is cluster-scoped although requests for it carry its name as the namespace.
    namespaced = bool(attributes.namespace) and not _is_namespace(attributes)
    return scope == "*" or scope == ("Namespaced" if namespaced else "Cluster")


def _is_namespace(attributes: Attributes) -> bool:
    return attributes.group_resource == "namespaces"


def _resource(pattern: str, attributes: Attributes) -> bool:
    resource, _, subresource = pattern.partition("/")
    return resource in ("*", attributes.resource) and subresource in ("*", attributes.subresource)


def namespace_selected(hook: Object, attributes: Attributes, cluster: Cluster) -> bool | None:
    """Tell whether the request's namespace is selected; None if that namespace does not exist."""
    selector = hook.get("namespaceSelector")
    if not selector:
        return True
    if _is_namespace(attributes) and attributes.object is not None and attributes.operation != "DELETE":
        return _selects(selector, attributes.object)
    name = attributes.name if _is_namespace(attributes) else attributes.namespace
    if not name:
        return True
    namespace = cluster.get("namespaces", name)
    return None if namespace is None else _selects(selector, namespace)


def object_selected(hook: Object, attributes: Attributes) -> bool:
    """Tell whether the new or the old object is selected."""
    selector = hook.get("objectSelector")
    if not selector:
        return True
    return any(
        _selects(selector, obj) for obj in (attributes.object, attributes.old_object) if obj is not None
    )


def _selects(selector: Object, obj: Object) -> bool:
    labels = (obj.get("metadata") or {}).get("labels") or {}
    return bool(selectors.compile_selector(selector)(labels))
