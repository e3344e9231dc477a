"""Assignments: read, refused, and written back."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.policy import Assignment, PolicyError, Scope

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Authorization/policyAssignments/owners"


def read(identifier: str = ID, **properties: Any) -> Assignment:
    return Assignment.from_arm(
        {"properties": {"policyDefinitionId": "/d", **properties}}, identifier=identifier
    )


def test_an_assignment_is_read_and_written_back() -> None:
    assigned = read(
        displayName="Owners",
        parameters={"labels": {"value": ["owner"]}},
        notScopes=["/subscriptions/s/resourceGroups/g/providers/a/b/c"],
        enforcementMode="donotenforce",
        nonComplianceMessages=[{"message": "all"}, {"message": "one", "policyDefinitionReferenceId": "m"}],
        metadata={"assignedBy": "dpaulus"},
    )
    assert assigned.name == "owners"
    assert assigned.scope.kind == "resourceGroup"
    assert assigned.parameters == {"labels": ["owner"]}
    assert assigned.messages == {"": "all", "m": "one"}
    written = assigned.to_arm()
    assert written["id"] == ID
    assert written["properties"]["enforcementMode"] == "DoNotEnforce"
    assert written["properties"]["scope"] == assigned.scope.id
    assert Assignment.from_arm(written).to_arm() == written


def test_what_is_covered_is_inside_the_scope_and_outside_every_exclusion() -> None:
    lab = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/lab"
    assigned = read(notScopes=[lab])
    assert assigned.covers(Scope.parse(lab.replace("lab", "shop")))
    assert not assigned.covers(Scope.parse(lab.upper()))
    assert not assigned.covers(Scope.parse("/subscriptions/s"))


@pytest.mark.parametrize(
    ("identifier", "properties", "target"),
    [
        ("/subscriptions/s", {}, "id"),
        ("/x/providers/Microsoft.Authorization/policyAssignments/a", {}, "scope"),
        (f"{ID}%", {}, "name"),
        (ID, {"policyDefinitionId": ""}, "properties.policyDefinitionId"),
        (ID, {"policyDefinitionId": 1}, "properties.policyDefinitionId"),
        (ID, {"enforcementMode": "Sometimes"}, "properties.enforcementMode"),
        (ID, {"notScopes": "x"}, "properties.notScopes"),
        (ID, {"notScopes": ["x"]}, "scope"),
        (ID, {"notScopes": ["/subscriptions/s"] * 401}, "properties.notScopes"),
        (ID, {"parameters": []}, "properties.parameters"),
        (ID, {"parameters": {"a": {}}}, "properties.parameters.a"),
        (ID, {"displayName": "x" * 129}, "properties.displayName"),
        (ID, {"metadata": "x"}, "properties.metadata"),
        (ID, {"nonComplianceMessages": [{}]}, "properties.nonComplianceMessages"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(
    identifier: str, properties: dict[str, Any], target: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        read(identifier, **properties)
    assert caught.value.target == target
