"""Rules of roles and role bindings.

Source: `pkg/apis/rbac/validation/validation.go` of Kubernetes.
"""

from __future__ import annotations

from pratique.devcluster.validation import fields
from pratique.devcluster.validation.fields import Errors, Object
from pratique.kube import names, status

_GROUP = "rbac.authorization.k8s.io"


def _role(obj: Object) -> Errors:
    namespaced = obj.get("kind") == "Role"
    errors: Errors = []
    for at, rule in fields.dicts(obj.get("rules")):
        errors += _rule(f"rules[{at}]", rule, namespaced=namespaced)
    aggregation = obj.get("aggregationRule")
    if isinstance(aggregation, dict):
        path = "aggregationRule.clusterRoleSelectors"
        chosen = aggregation.get("clusterRoleSelectors") or []
        if not chosen:
            words = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            errors.append(status.required(path, words))
        for at, selector in fields.dicts(chosen):
            errors += fields.label_selector(f"{path}[{at}]", selector)
    return errors


def _rule(path: str, rule: Object, *, namespaced: bool) -> Errors:
    errors: Errors = []
    if not rule.get("verbs"):
        errors.append(status.required(f"{path}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        where = f"{path}.nonResourceURLs"
        if namespaced:
            words = "namespaced rules cannot apply to non-resource URLs"
            errors.append(status.invalid(where, urls, words))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            words = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(status.invalid(where, urls, words))
        return errors
    if not rule.get("apiGroups"):
        errors.append(
            status.required(f"{path}.apiGroups", "resource rules must supply at least one api group")
        )
    if not rule.get("resources"):
        errors.append(
            status.required(f"{path}.resources", "resource rules must supply at least one resource")
        )
    return errors


def _binding(obj: Object) -> Errors:
    namespaced = obj.get("kind") == "RoleBinding"
    role = obj.get("roleRef") or {}
    errors: Errors = fields.one_of("roleRef.apiGroup", role.get("apiGroup", ""), [_GROUP])
    kinds = ["Role", "ClusterRole"] if namespaced else ["ClusterRole"]
    errors += fields.one_of("roleRef.kind", role.get("kind", ""), kinds)
    if not role.get("name"):
        errors.append(status.required("roleRef.name"))
    else:
        errors += fields.each("roleRef.name", role["name"], names.is_path_segment)
    for at, subject in fields.dicts(obj.get("subjects")):
        errors += _subject(f"subjects[{at}]", subject, namespaced=namespaced)
    return errors


def _subject(path: str, subject: Object, *, namespaced: bool) -> Errors:
    errors: Errors = []
    name, group = subject.get("name") or "", subject.get("apiGroup") or ""
    if not name:
        errors.append(status.required(f"{path}.name"))
    kind = subject.get("kind", "")
    if kind == "ServiceAccount":
        if name:
            errors += fields.each(f"{path}.name", name, names.is_dns1123_subdomain)
        if group:
            errors.append(status.unsupported(f"{path}.apiGroup", group, [""]))
        if not namespaced and not subject.get("namespace"):
            errors.append(status.required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        errors += fields.one_of(f"{path}.apiGroup", group, [_GROUP])
    else:
        errors.append(status.unsupported(f"{path}.kind", kind, ["ServiceAccount", "User", "Group"]))
    return errors


def _binding_update(obj: Object, old: Object) -> Errors:
    role, before = obj.get("roleRef") or {}, old.get("roleRef") or {}
    if role == before:
        return []
    shown = {name: role.get(name[0].lower() + name[1:], "") for name in ("Kind", "Name")}
    shown = {"APIGroup": role.get("apiGroup", ""), **shown}
    return [status.invalid("roleRef", shown, "cannot change roleRef")]


RULES = {
    (_GROUP, "Role"): _role,
    (_GROUP, "ClusterRole"): _role,
    (_GROUP, "RoleBinding"): _binding,
    (_GROUP, "ClusterRoleBinding"): _binding,
}
UPDATES = {
    (_GROUP, "RoleBinding"): _binding_update,
    (_GROUP, "ClusterRoleBinding"): _binding_update,
}
