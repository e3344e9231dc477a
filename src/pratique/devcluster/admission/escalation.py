"""Nobody grants what they do not hold: roles and bindings are refused that give more than their author has.

In: a request for a role or a binding, and the cluster's roles. Out: why it is refused, or None. Who may
`escalate` (roles) or `bind` (bindings) is not asked, and members of `system:masters` never.

Source: `pkg/registry/rbac/*/policybased/storage.go` and `pkg/registry/rbac/validation` of Kubernetes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from pratique.devcluster.admission.attributes import Attributes, Cluster
from pratique.devcluster.authorization import MASTERS, RBAC, Authorizer, covers, role_of
from pratique.devcluster.authorization import Attributes as Wanted
from pratique.devcluster.users import UserInfo

Object = dict[str, Any]
_ROLES = (f"roles.{RBAC}", f"clusterroles.{RBAC}")
_BINDINGS = (f"rolebindings.{RBAC}", f"clusterrolebindings.{RBAC}")
_NOBODY = UserInfo("")
_EVERYTHING = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
)


def refusal(attributes: Attributes, cluster: Cluster) -> str | None:
    """Return why a role or binding may not be written, or None."""
    obj, user = attributes.object, attributes.user
    if obj is None or attributes.group_resource not in (*_ROLES, *_BINDINGS) or MASTERS in user.groups:
        return None
    authorizer = Authorizer(cluster)
    if attributes.group_resource in _ROLES:
        resource, verb = attributes.resource, "escalate"
        name = attributes.name
        rules = _EVERYTHING if (obj.get("aggregationRule") or {}) else tuple(obj.get("rules") or ())
    else:
        reference = obj.get("roleRef") or {}
        resource = "roles" if reference.get("kind") == "Role" else "clusterroles"
        verb, name = "bind", str(reference.get("name", ""))
        rules = tuple((role_of(cluster, reference, attributes.namespace) or {}).get("rules") or ())
    wanted = Wanted(user, verb, RBAC, resource, namespace=attributes.namespace, name=name)
    if authorizer.decide(wanted).allowed:
        return None
    held = authorizer.rules_of(user, attributes.namespace)
    missing = list(dict.fromkeys(part for rule in rules for part in _parts(rule) if not _held(part, held)))
    if not missing:
        return None
    groups = " ".join(json.dumps(group) for group in user.groups)
    told = f"user {json.dumps(user.username)} (groups=[{groups}]) is attempting to grant RBAC permissions"
    return "\n".join([f"{told} not currently held:", *sorted(_compact(missing))])


@dataclass(frozen=True, slots=True)
class _Part:
    """One verb on one thing: what a rule allows, taken apart."""

    verb: str
    group: str = ""
    resource: str = ""
    name: str | None = None
    url: str | None = None


def _parts(rule: Object) -> Iterator[_Part]:
    verbs = rule.get("verbs") or []
    names = rule.get("resourceNames") or [None]
    for group, resource, verb, name in product(
        rule.get("apiGroups") or [], rule.get("resources") or [], verbs, names
    ):
        yield _Part(verb, group, resource, name)
    for url, verb in product(rule.get("nonResourceURLs") or [], verbs):
        yield _Part(verb, url=url)


def _held(part: _Part, rules: list[Object]) -> bool:
    resource, _, subresource = part.resource.partition("/")
    wanted = Wanted(
        _NOBODY, part.verb, part.group, resource, subresource, name=part.name or "", path=part.url or ""
    )
    # A rule for single names does not cover a grant of all names.
    return any(covers(rule, wanted) and (part.name or not rule.get("resourceNames")) for rule in rules)


def _compact(parts: list[_Part]) -> Iterator[str]:
    """Yield the text of each thing, with all its verbs."""
    things: dict[_Part, list[str]] = {}
    for part in parts:
        things.setdefault(replace(part, verb=""), []).append(part.verb)
    for thing, verbs in things.items():
        fields: list[tuple[str, list[str]]] = []
        if thing.url is None:
            fields += [("APIGroups", [thing.group]), ("Resources", [thing.resource])]
        if thing.name is not None:
            fields.append(("ResourceNames", [thing.name]))
        if thing.url is not None:
            fields.append(("NonResourceURLs", [thing.url]))
        shown = ", ".join(f"{name}:{_quoted(values)}" for name, values in [*fields, ("Verbs", verbs)])
        yield f"{{{shown}}}"


def _quoted(values: list[str]) -> str:
    return f"[{' '.join(json.dumps(value) for value in values)}]"
