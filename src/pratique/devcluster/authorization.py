"""What an identity may do: role-based access control over the roles and bindings in the store.

In come a user and what is asked, out goes a decision with its reason in kube-apiserver's words. Members of
`system:masters` may do everything. Reads the store, changes nothing.

Source: `plugin/pkg/auth/authorizer/rbac` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pratique.devcluster.users import UserInfo
from pratique.kube import status

Object = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
MASTERS = "system:masters"


@dataclass(frozen=True, slots=True)
class Attributes:
    """One request, as authorization sees it."""

    user: UserInfo
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it may be, and why."""

    allowed: bool
    reason: str = ""


class Roles(Protocol):
    """Where roles and bindings are read."""

    def get(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return an object, or None."""

    def list(self, resource: str, namespace: str = "") -> list[Object]:
        """Return the objects of all namespaces, or of one."""


class Authorizer:
    """Decides by the roles in the store."""

    def __init__(self, store: Roles) -> None:
        self._store = store

    def decide(self, wanted: Attributes) -> Decision:
        """Decide one request."""
        if MASTERS in wanted.user.groups:
            return Decision(True)
        for rule, reason in self._granted(wanted.user, wanted.namespace):
            if covers(rule, wanted):
                return Decision(True, reason)
        return Decision(False)

    def check(self, wanted: Attributes) -> None:
        """Refuse a request that is not allowed."""
        if not self.decide(wanted).allowed:
            raise refusal(wanted)

    def rules(self, user: UserInfo, namespace: str) -> Object:
        """Return the status of a SelfSubjectRulesReview."""
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        granted = self.rules_of(user, namespace)
        if MASTERS in user.groups:
            granted = [everything, {"verbs": ["*"], "nonResourceURLs": ["*"]}, *granted]
        return {
            "resourceRules": [rule for rule in granted if rule.get("resources")],
            "nonResourceRules": [rule for rule in granted if rule.get("nonResourceURLs")],
            "incomplete": False,
        }

    def rules_of(self, user: UserInfo, namespace: str) -> list[Object]:
        """Return every rule that is bound to a user, cluster-wide or in a namespace."""
        return [rule for rule, _ in self._granted(user, namespace)]

    def _granted(self, user: UserInfo, namespace: str) -> Iterator[tuple[Object, str]]:
        """Yield every rule that is bound to a user, cluster-wide or in a namespace, and by what."""
        for binding in self._store.list(f"clusterrolebindings.{RBAC}"):
            subject = _subject(binding, user)
            if subject is not None:
                yield from self._rules_of(binding, "", f'ClusterRoleBinding "{_name(binding)}"', subject)
        if namespace:
            for binding in self._store.list(f"rolebindings.{RBAC}", namespace):
                subject = _subject(binding, user)
                if subject is not None:
                    shown = f'RoleBinding "{_name(binding)}/{namespace}"'
                    yield from self._rules_of(binding, namespace, shown, subject)

    def _rules_of(
        self, binding: Object, namespace: str, shown: str, subject: str
    ) -> Iterator[tuple[Object, str]]:
        reference = binding.get("roleRef") or {}
        kind, name = reference.get("kind", ""), reference.get("name", "")
        role = role_of(self._store, reference, namespace)
        reason = f'RBAC: allowed by {shown} of {kind} "{name}" to {subject}'
        for rule in (role or {}).get("rules") or []:
            yield rule, reason


def role_of(roles: Roles, reference: Object, namespace: str) -> Object | None:
    """Return the role that a binding's `roleRef` names, as seen from the binding's namespace."""
    if reference.get("kind") == "Role":
        return roles.get(f"roles.{RBAC}", reference.get("name", ""), namespace)
    return roles.get(f"clusterroles.{RBAC}", reference.get("name", ""))


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _subject(binding: Object, user: UserInfo) -> str | None:
    for subject in binding.get("subjects") or []:
        kind, name = subject.get("kind"), subject.get("name", "")
        if kind == "User" and name == user.username:
            return f'User "{name}"'
        if kind == "Group" and name in user.groups:
            return f'Group "{name}"'
        if kind == "ServiceAccount":
            namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
            if user.username == f"system:serviceaccount:{namespace}:{name}":
                return f'ServiceAccount "{name}/{namespace}"'
    return None


def covers(rule: Object, wanted: Attributes) -> bool:
    """Tell whether a role's rule allows what is asked."""
    verbs = rule.get("verbs") or []
    if wanted.verb not in verbs and "*" not in verbs:
        return False
    if wanted.path:
        return any(_path_fits(pattern, wanted.path) for pattern in rule.get("nonResourceURLs") or [])
    groups = rule.get("apiGroups") or []
    if wanted.group not in groups and "*" not in groups:
        return False
    resources = rule.get("resources") or []
    full = f"{wanted.resource}/{wanted.subresource}" if wanted.subresource else wanted.resource
    options = {"*", full}
    if wanted.subresource:
        options.add(f"*/{wanted.subresource}")
    if not options.intersection(resources):
        return False
    names = rule.get("resourceNames") or []
    return not names or wanted.name in names


def _path_fits(pattern: str, path: str) -> bool:
    if pattern == "*" or pattern == path:
        return True
    return pattern.endswith("*") and path.startswith(pattern[:-1])


def refusal(wanted: Attributes) -> status.StatusError:
    """Say that a user may not do this, as kube-apiserver does."""
    user = f'User "{wanted.user.username}"'
    if wanted.path:
        text = f'forbidden: {user} cannot {wanted.verb} path "{wanted.path}"'
        return status.make(403, "Forbidden", text, details={})
    full = f"{wanted.resource}/{wanted.subresource}" if wanted.subresource else wanted.resource
    detail = f'{user} cannot {wanted.verb} resource "{full}" in API group "{wanted.group}"'
    if wanted.namespace:
        detail += f' in the namespace "{wanted.namespace}"'
    else:
        detail += " at the cluster scope"
    return status.denied(wanted.resource, wanted.group, wanted.name, detail=detail)
