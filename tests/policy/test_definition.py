"""Definitions: read, refused, and written back."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pratique.policy import Definition, PolicyError

SHARED = Path(__file__).parents[3] / "shared" / "conformance" / "azure-policy"
TEMPLATE = "apiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\n"


def document(**details: Any) -> dict[str, Any]:
    """Return the smallest definition that the service takes."""
    content = base64.b64encode(TEMPLATE.encode()).decode()
    found = {
        "templateInfo": {"sourceType": "Base64Encoded", "content": content},
        "apiGroups": [""],
        "kinds": ["Pod"],
        **details,
    }
    return {
        "properties": {
            "mode": "Microsoft.Kubernetes.Data",
            "parameters": {
                "effect": {"type": "String", "allowedValues": ["Audit", "Deny"], "defaultValue": "Audit"}
            },
            "policyRule": {
                "if": {"field": "type", "equals": "Microsoft.ContainerService/managedClusters"},
                "then": {
                    "effect": "[parameters('effect')]",
                    "details": {name: value for name, value in found.items() if value is not None},
                },
            },
        }
    }


def test_a_custom_definition_is_read() -> None:
    definition = Definition.from_arm(
        document(), identifier="/subscriptions/s/providers/Microsoft.Authorization/policyDefinitions/mine"
    )
    assert definition.name == "mine"
    assert definition.display_name == "mine"
    assert definition.allowed_effects() == ("Audit", "Deny")
    assert definition.default_effect() == "Audit"
    assert definition.template_text() == TEMPLATE
    assert definition.runs_in_cluster


def test_a_definition_is_written_back_as_it_came() -> None:
    original = document()
    definition = Definition.from_arm(
        original, identifier="/providers/Microsoft.Authorization/policyDefinitions/x"
    )
    written = definition.to_arm()
    assert written["properties"]["policyRule"] == original["properties"]["policyRule"]
    assert written["name"] == "x"
    assert Definition.from_arm(written).to_arm() == written


def _changed(*path: Any, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document())
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


DETAILS = ("properties", "policyRule", "then", "details")


@pytest.mark.parametrize(
    ("found", "target", "message"),
    [
        ({}, "properties", "needs `properties`"),
        (_changed("properties", "mode", value="Kubernetes"), "properties.mode", "not a mode"),
        (_changed("properties", "displayName", value="x" * 129), "properties.displayName", "129 characters"),
        (_changed("properties", "policyRule", value=None), "properties.policyRule", "needs `policyRule`"),
        (_changed("properties", "policyRule", value={"if": {}}), "properties.policyRule", "`if` and `then`"),
        (
            _changed("properties", "policyRule", "then", "effect", value="Forbid"),
            "policyRule.then.effect",
            "not an effect",
        ),
        (
            _changed("properties", "policyRule", "then", "effect", value="[parameters('efect')]"),
            "policyRule.then.effect",
            "no parameter `efect`",
        ),
        (_changed(*DETAILS, "kinds", value=["*"]), "policyRule.then.details.kinds", "does not take `*`"),
        (_changed(*DETAILS, "kinds", value=None), "policyRule.then.details.kinds", "must be an array"),
        (
            _changed(*DETAILS, "namespace", value=[]),
            "policyRule.then.details.namespace",
            "does not take `namespace`",
        ),
        (
            _changed(*DETAILS, "templateInfo", value={}),
            "policyRule.then.details.templateInfo.sourceType",
            "must be",
        ),
        (
            _changed(*DETAILS, "templateInfo", value={"sourceType": "PublicURL", "url": "http://x"}),
            "policyRule.then.details.templateInfo.url",
            "https://",
        ),
        (
            _changed(*DETAILS, "templateInfo", "content", value="%%%"),
            "policyRule.then.details.templateInfo.content",
            "not UTF-8 text in Base64",
        ),
        (document(templateInfo=None), "policyRule.then.details", "needs one of"),
        (document(mutationInfo={}), "policyRule.then.details", "templateInfo and mutationInfo"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(found: dict[str, Any], target: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Definition.from_arm(found)
    assert caught.value.target == target
    assert message in caught.value.message
    assert caught.value.code.startswith("InvalidPolicy")


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/conformance/azure-policy")
def test_every_shipped_definition_is_read() -> None:
    paths = sorted([*SHARED.glob("definitions/*.json"), *SHARED.glob("cluster-checks/*.json")])
    assert len(paths) > 100
    for path in paths:
        shipped = json.loads(path.read_text())
        definition = Definition.from_arm(shipped)
        assert definition.to_arm()["properties"]["policyRule"] == shipped["properties"]["policyRule"], (
            path.name
        )
        assert definition.allowed_effects(), path.name
