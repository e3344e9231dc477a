"""Binding: what a definition and an assignment become for one cluster."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pratique.errors import NotFoundError
from pratique.policy import Assignment, Cluster, Definition, Manifests, bind, constraint_name

SHARED = Path(__file__).parents[3] / "shared" / "conformance" / "azure-policy"
GROUP = "/subscriptions/s/resourceGroups/g"
CLUSTER = Cluster(f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/one", location="eastus")
URL = "https://store.example/kubernetes/owner/v1/template.yaml"
TEMPLATE = """
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata:
  name: k8sazurev1podenforcelabelsofowners
spec:
  crd:
    spec:
      names:
        kind: K8sAzureV1PodEnforceLabelsOfOwners
      validation:
        openAPIV3Schema:
          type: object
          properties:
            labels:
              type: array
              items:
                type: string
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package a
      violation[{"msg": "x"}] { true }
"""
PARAMETERS = {
    "effect": {"type": "String", "allowedValues": ["Audit", "Deny", "Disabled"], "defaultValue": "Deny"},
    "warn": {"type": "Boolean", "defaultValue": False},
    "source": {"type": "String", "defaultValue": "Original"},
    "labels": {"type": "Array", "defaultValue": ["owner"]},
    "namespaces": {"type": "Array", "defaultValue": []},
    "excludedNamespaces": {"type": "Array", "defaultValue": ["kube-system", "lab"]},
    "labelSelector": {"type": "Object", "defaultValue": {}},
}


def definition(**details: Any) -> Definition:
    found = {
        "source": "[parameters('source')]",
        "warn": "[parameters('warn')]",
        "templateInfo": {"sourceType": "PublicURL", "url": URL},
        "apiGroups": [""],
        "kinds": ["Pod"],
        "namespaces": "[parameters('namespaces')]",
        "excludedNamespaces": "[parameters('excludedNamespaces')]",
        "labelSelector": "[parameters('labelSelector')]",
        "values": {"labels": "[parameters('labels')]"},
        **details,
    }
    return Definition.from_arm(
        {
            "id": "/providers/Microsoft.Authorization/policyDefinitions/owner",
            "properties": {
                "mode": "Microsoft.Kubernetes.Data",
                "parameters": PARAMETERS,
                "policyRule": {
                    "if": {"field": "type", "in": ["Microsoft.ContainerService/managedClusters"]},
                    "then": {
                        "effect": "[parameters('effect')]",
                        "details": {name: value for name, value in found.items() if value is not None},
                    },
                },
            },
        }
    )


def assignment(scope: str = GROUP, **properties: Any) -> Assignment:
    values = {name: {"value": value} for name, value in properties.pop("values", {}).items()}
    return Assignment.from_arm(
        {"properties": {"policyDefinitionId": "x", "parameters": values, **properties}},
        identifier=f"{scope}/providers/Microsoft.Authorization/policyAssignments/owners",
    )


def fetch(url: str) -> str:
    if url != URL:
        raise NotFoundError(f"nothing at `{url}`")
    return TEMPLATE


def bound(assigned: Assignment | None = None, **details: Any) -> Manifests:
    return bind(assigned or assignment(), definition(**details), CLUSTER, fetch)


def test_the_manifests_are_those_of_the_add_on() -> None:
    manifests = bound()
    assert manifests.bound
    assert manifests.constraint == {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": "K8sAzureV1PodEnforceLabelsOfOwners",
        "metadata": {
            "name": constraint_name("k8sazurev1podenforcelabelsofowners", assignment().id),
            "labels": {"managed-by": "azure-policy-addon"},
            "annotations": {
                "azure-policy-assignment-id": assignment().id,
                "azure-policy-definition-id": "/providers/Microsoft.Authorization/policyDefinitions/owner",
                "azure-policy-definition-reference-id": "",
                "azure-policy-setdefinition-id": "",
                "constraint-installed-by": "azure-policy-addon",
                "constraint-url": "",
            },
        },
        "spec": {
            "enforcementAction": "deny",
            "match": {
                "kinds": [{"apiGroups": [""], "kinds": ["Pod"]}],
                "excludedNamespaces": ["kube-system", "lab", "gatekeeper-system", "pratique-system"],
                "source": "Original",
            },
            "parameters": {"labels": ["owner"]},
        },
    }
    assert manifests.template is not None
    assert manifests.template["metadata"]["annotations"] == {
        "azure-policy-definition-id": "/providers/Microsoft.Authorization/policyDefinitions/owner",
        "constraint-template-installed-by": "azure-policy-addon",
        "constraint-template": URL,
    }
    assert manifests.template["spec"]["targets"][0]["rego"].startswith("package a\n")


def test_names_fit_a_label_and_differ_by_assignment_and_member() -> None:
    name = constraint_name("k8sazurev1podenforcelabelsofowners", assignment().id)
    assert re.fullmatch(r"azurepolicy-k8sazurev1podenforcelabelsofow-[0-9a-f]{20}", name)
    assert len(name) == 63
    assert name == constraint_name("k8sazurev1podenforcelabelsofowners", assignment().id.upper())
    others = {
        constraint_name("k8sazurev1podenforcelabelsofowners", assignment().id, "member"),
        constraint_name("k8sazurev1podenforcelabelsofowners", assignment("/subscriptions/s").id),
    }
    assert len(others | {name}) == 3


@pytest.mark.parametrize(
    ("effect", "mode", "warn", "action"),
    [
        ("Deny", "Default", False, "deny"),
        ("Deny", "Default", True, "deny"),
        ("Audit", "Default", False, "dryrun"),
        ("Audit", "Default", True, "warn"),
        ("Deny", "DoNotEnforce", False, "dryrun"),
        ("Deny", "DoNotEnforce", True, "dryrun"),
        ("Audit", "donotenforce", True, "dryrun"),
        ("Deny", "Enroll", False, "dryrun"),
    ],
)
def test_effect_and_mode_give_the_action(effect: str, mode: str, warn: bool, action: str) -> None:
    manifests = bound(assignment(values={"effect": effect, "warn": warn}, enforcementMode=mode))
    assert manifests.constraint is not None
    assert manifests.constraint["spec"]["enforcementAction"] == action
    assert manifests.effect == effect


def test_an_enrolled_cluster_is_enforced() -> None:
    manifests = bind(assignment(enforcementMode="Enroll"), definition(), CLUSTER, fetch, enrolled=True)
    assert manifests.constraint is not None
    assert manifests.constraint["spec"]["enforcementAction"] == "deny"


def test_match_takes_what_the_assignment_says() -> None:
    manifests = bound(
        assignment(
            values={
                "namespaces": ["shop*"],
                "excludedNamespaces": [],
                "labelSelector": {"matchLabels": {"app": "web"}},
                "source": "All",
            }
        ),
        scope="Namespaced",
    )
    assert manifests.constraint is not None
    assert manifests.constraint["spec"]["match"] == {
        "kinds": [{"apiGroups": [""], "kinds": ["Pod"]}],
        "scope": "Namespaced",
        "namespaces": ["shop*"],
        "excludedNamespaces": ["kube-system", "gatekeeper-system", "pratique-system"],
        "labelSelector": {"matchLabels": {"app": "web"}},
        "source": "All",
    }


def test_a_template_in_base64_needs_no_fetch() -> None:
    content = base64.b64encode(TEMPLATE.encode()).decode()
    info = {"sourceType": "Base64Encoded", "content": content}

    def refuse(url: str) -> str:
        raise AssertionError(url)

    manifests = bind(assignment(), definition(templateInfo=info), CLUSTER, refuse)
    assert manifests.bound
    assert manifests.template is not None
    assert manifests.template["metadata"]["annotations"]["constraint-template"] == ""


def test_an_initiative_names_its_member() -> None:
    manifests = bind(
        assignment(), definition(), CLUSTER, fetch, reference_id="labels", set_definition_id="/set"
    )
    assert manifests.constraint is not None
    annotations = manifests.constraint["metadata"]["annotations"]
    assert annotations["azure-policy-definition-reference-id"] == "labels"
    assert annotations["azure-policy-setdefinition-id"] == "/set"


def test_a_value_that_the_template_does_not_declare_is_warned_about() -> None:
    manifests = bound(values={"labels": ["a"], "other": 1})
    assert manifests.constraint is not None
    assert manifests.constraint["spec"]["parameters"] == {"labels": ["a"]}
    assert manifests.warnings == ("the template declares no parameter `other`",)


@pytest.mark.parametrize(
    ("assigned", "details", "code", "reason", "failed"),
    [
        (assignment("/subscriptions/other"), {}, "OutOfScope", "is not under", False),
        (assignment(notScopes=[CLUSTER.id.upper()]), {}, "OutOfScope", "notScopes", False),
        (assignment(values={"effect": "Disabled"}), {}, "Disabled", "Disabled", False),
        (assignment(values={"effect": "Block"}), {}, "InvalidConstraint", "does not allow `Block`", True),
        (assignment(values={"namespaces": [1]}), {}, "InvalidConstraint", "`details.namespaces`", True),
        (
            assignment(),
            {"templateInfo": {"sourceType": "PublicURL", "url": "https://elsewhere/x"}},
            "TemplateInstallFailed",
            "https://elsewhere/x",
            True,
        ),
        (
            assignment(),
            {"templateInfo": {"sourceType": "Base64Encoded", "content": base64.b64encode(b"a: [").decode()}},
            "InvalidTemplate",
            "not YAML",
            True,
        ),
        (
            assignment(),
            {
                "templateInfo": {
                    "sourceType": "Base64Encoded",
                    "content": base64.b64encode(b"kind: Pod").decode(),
                }
            },
            "InvalidTemplate",
            "no ConstraintTemplate",
            True,
        ),
        (
            assignment(),
            {"templateInfo": None, "constraintTemplate": URL, "constraint": "https://x"},
            "ConstraintInstallFailed",
            "its own constraint",
            True,
        ),
    ],
)
def test_nothing_is_bound_for_a_reason(
    assigned: Assignment, details: dict[str, Any], code: str, reason: str, failed: bool
) -> None:
    manifests = bind(assigned, definition(**details), CLUSTER, fetch)
    assert not manifests.bound
    assert manifests.objects() == []
    assert (manifests.code, manifests.failed) == (code, failed)
    assert reason in manifests.reason


def test_a_cluster_of_another_type_is_not_concerned() -> None:
    arc = Cluster(f"{GROUP}/providers/Microsoft.Kubernetes/connectedClusters/two")
    manifests = bind(assignment(), definition(), arc, fetch)
    assert (manifests.code, manifests.failed) == ("NotApplicable", False)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/conformance/azure-policy")
@pytest.mark.parametrize("name", ["PodEnforceLabels", "ContainerAllowedImages", "HostNetworkPorts"])
def test_shipped_definitions_bind_unchanged(name: str) -> None:
    shipped = Definition.from_arm(json.loads((SHARED / "definitions" / f"{name}.json").read_text()))
    given = {"labelsList": ["owner"], "allowedContainerImagesRegex": "^x/"}
    values = {key: value for key, value in given.items() if key in shipped.parameters}
    manifests = bind(assignment(values=values), shipped, CLUSTER, lambda url: TEMPLATE)
    assert manifests.bound, manifests.reason
