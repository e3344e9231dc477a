"""Conditions of policy rules, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pratique.kube import yaml
from pratique.policy import rule
from pratique.policy.errors import DefinitionError, ExpressionError

CASES = Path(__file__).parents[1] / "cases" / "policy" / "conditions.yaml"
CLUSTER = {
    "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/embedded",
    "name": "embedded",
    "type": "Microsoft.ContainerService/managedClusters",
    "location": "eastus2",
    "tags": {"env": "prod"},
    "sku": {"name": "Base"},
    "properties": {
        "enableRBAC": True,
        "networkProfile": {"networkPlugin": "kubenet"},
        "agentPoolProfiles": [{"osType": "Linux", "mode": "System"}, {"osType": "Windows", "mode": "User"}],
    },
}


@pytest.mark.parametrize("case", yaml.read_one(CASES.read_text()), ids=lambda case: str(case["if"]))
def test_condition(case: dict[str, Any]) -> None:
    subject = rule.Subject(resource=CLUSTER, parameters={"limit": 5})
    rule.check(case["if"], target="if")
    if "error" in case:
        with pytest.raises(ExpressionError) as caught:
            rule.evaluate(case["if"], subject)
        assert case["error"] in caught.value.message
    else:
        assert rule.evaluate(case["if"], subject) is case["holds"]


@pytest.mark.parametrize(
    ("condition", "target", "message"),
    [
        ([], "if", "must be an object"),
        ({}, "if", "needs `field`, `value` or `count`"),
        ({"field": "type"}, "if", "needs one operator"),
        ({"field": "type", "equal": "x"}, "if", "`equal` is not an operator"),
        ({"field": "type", "equals": "x", "like": "y"}, "if", "needs one operator"),
        ({"allOf": {}}, "if.allOf", "must be an array"),
        ({"allOf": [], "field": "x"}, "if", "stands alone"),
        ({"anyOf": [{"field": "type", "equals": 1}, {"not": 1}]}, "if.anyOf[1].not", "must be an object"),
    ],
)
def test_malformed_conditions_are_refused_with_their_place(condition: Any, target: str, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        rule.check(condition, target="if")
    assert caught.value.target == target
    assert message in caught.value.message
    assert caught.value.code == "InvalidPolicyRule"


def test_conditions_are_bounded() -> None:
    with pytest.raises(DefinitionError, match="more than 4096"):
        rule.check({"anyOf": [{"field": "type", "equals": "x"}] * 5000}, target="if")
