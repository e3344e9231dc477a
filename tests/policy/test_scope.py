"""Scopes and ids."""

from __future__ import annotations

import pytest

from pratique.policy import Scope, ScopeError, ids

CLUSTER = "/subscriptions/S/resourceGroups/G/providers/Microsoft.ContainerService/managedClusters/c"


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("/providers/Microsoft.Management/managementGroups/root", "managementGroup", "root"),
        ("/subscriptions/S", "subscription", "S"),
        ("/subscriptions/S/", "subscription", "S"),
        ("/subscriptions/S/resourcegroups/G", "resourceGroup", "G"),
        (CLUSTER, "resource", "c"),
    ],
)
def test_scopes_are_read(text: str, kind: str, name: str) -> None:
    scope = Scope.parse(text)
    assert (scope.kind, scope.name) == (kind, name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "S",
        "/subscriptions",
        "/subscriptions/",
        "/resourceGroups/G",
        "/subscriptions/S/x/y",
        CLUSTER + "/extra",
    ],
)
def test_what_is_no_scope_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ScopeError) as caught:
        Scope.parse(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("outer", "inner", "contained"),
    [
        ("/subscriptions/S", CLUSTER, True),
        ("/SUBSCRIPTIONS/s", CLUSTER, True),
        ("/subscriptions/S/resourceGroups/g", CLUSTER, True),
        ("/subscriptions/S/resourceGroups/G2", CLUSTER, False),
        ("/subscriptions/S2", CLUSTER, False),
        ("/subscriptions/S/resourceGroups/G", "/subscriptions/S/resourceGroups/GG", False),
        (CLUSTER, CLUSTER.upper(), True),
        (CLUSTER, "/subscriptions/S", False),
        ("/providers/Microsoft.Management/managementGroups/Root", CLUSTER, True),
        ("/providers/Microsoft.Management/managementGroups/other", CLUSTER, False),
    ],
)
def test_containment(outer: str, inner: str, contained: bool) -> None:
    groups = ("team", "/providers/Microsoft.Management/managementGroups/root")
    assert Scope.parse(outer).contains(Scope.parse(inner), management_groups=groups) is contained


def test_ancestors_come_nearest_first() -> None:
    assert [scope.kind for scope in Scope.parse(CLUSTER).ancestors()] == ["resourceGroup", "subscription"]


def test_ids_are_taken_apart_at_the_last_provider() -> None:
    parsed = ids.parse(f"{CLUSTER}/providers/Microsoft.Authorization/policyAssignments/a b")
    assert parsed == ids.ResourceId(CLUSTER, ids.ASSIGNMENTS, "a b")
    assert ids.parse("/subscriptions/S") is None
    assert ids.parse("/providers/Microsoft.Authorization/policyAssignments") is None


@pytest.mark.parametrize(
    ("name", "valid"), [("a", True), ("", False), ("a/b", False), ("a ", False), ("a b", True)]
)
def test_names(name: str, valid: bool) -> None:
    assert ids.valid_name(name) is valid
