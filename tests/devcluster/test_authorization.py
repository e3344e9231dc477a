"""Role-based access control."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.devcluster.authorization import RBAC, Attributes, Authorizer, refusal
from pratique.devcluster.store import Store
from pratique.devcluster.users import ADMIN, UserInfo, service_account

JANE = UserInfo("jane", ("devs", "system:authenticated"))


def _store(rules: list[dict[str, Any]], subject: dict[str, Any], *, namespace: str = "") -> Store:
    store = Store()
    reference = {"kind": "ClusterRole", "name": "r"}
    store.put(f"clusterroles.{RBAC}", {"metadata": {"name": "r"}, "rules": rules})
    metadata = {"name": "b", "namespace": namespace} if namespace else {"name": "b"}
    kind = "rolebindings" if namespace else "clusterrolebindings"
    store.put(f"{kind}.{RBAC}", {"metadata": metadata, "roleRef": reference, "subjects": [subject]})
    return store


def _may(store: Store, user: UserInfo, verb: str, resource: str, **more: str) -> bool:
    return Authorizer(store).decide(Attributes(user, verb, resource=resource, **more)).allowed


READ_PODS = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]


def test_masters_may_everything_and_strangers_nothing() -> None:
    assert _may(Store(), ADMIN, "delete", "nodes")
    assert not _may(Store(), JANE, "get", "pods")


@pytest.mark.parametrize(
    ("subject", "user"),
    [
        ({"kind": "User", "name": "jane"}, JANE),
        ({"kind": "Group", "name": "devs"}, JANE),
        ({"kind": "ServiceAccount", "name": "sa", "namespace": "n"}, service_account("n", "sa")),
    ],
)
def test_subjects(subject: dict[str, Any], user: UserInfo) -> None:
    store = _store(READ_PODS, subject)
    assert _may(store, user, "list", "pods")
    assert not _may(store, user, "delete", "pods")
    assert not _may(store, user, "list", "pods", group="apps")
    assert not _may(store, UserInfo("other"), "list", "pods")


def test_a_binding_in_a_namespace_holds_there_only() -> None:
    store = _store(READ_PODS, {"kind": "User", "name": "jane"}, namespace="n")
    assert _may(store, JANE, "get", "pods", namespace="n")
    assert not _may(store, JANE, "get", "pods", namespace="m")
    assert not _may(store, JANE, "get", "pods")


def test_subresources_names_and_paths() -> None:
    rules = [
        {"apiGroups": ["apps"], "resources": ["*/scale"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["one"], "verbs": ["get"]},
        {"nonResourceURLs": ["/metrics/*"], "verbs": ["get"]},
    ]
    store = _store(rules, {"kind": "User", "name": "jane"})
    assert _may(store, JANE, "patch", "deployments", group="apps", subresource="scale")
    assert not _may(store, JANE, "patch", "deployments", group="apps")
    assert _may(store, JANE, "get", "configmaps", name="one")
    assert not _may(store, JANE, "get", "configmaps", name="two")
    assert Authorizer(store).decide(Attributes(JANE, "get", path="/metrics/x")).allowed
    assert not Authorizer(store).decide(Attributes(JANE, "get", path="/logs")).allowed


def test_refusals_speak_as_the_api_server() -> None:
    error = refusal(Attributes(JANE, "list", "apps", "deployments", namespace="n"))
    assert error.message == (
        'deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps"'
        ' in the namespace "n"'
    )
