"""The catalogue's policies from definition to decision, with the texts that the story shows."""

from __future__ import annotations

import re
from typing import Any

from pratique import catalog
from pratique.constraint import AUDIT, Library, Review, decide
from pratique.policy import Assignment, Cluster, Definition, bind

CLUSTER = (
    "/subscriptions/s/resourceGroups/pratique/providers/Microsoft.ContainerService/managedClusters/embedded"
)
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "nginx-1", "namespace": "frond-end", "labels": {"app": "nginx"}},
    "spec": {"containers": [{"name": "nginx", "image": "nginx"}]},
}
SHOP = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "frond-end"}}


def enforced(name: str, **values: Any) -> Library:
    definition = Definition.from_arm(catalog.get(name))
    assignment = Assignment.from_arm(
        {
            "properties": {
                "policyDefinitionId": definition.id,
                "parameters": {key: {"value": value} for key, value in values.items()},
            }
        },
        identifier=f"{CLUSTER}/providers/Microsoft.Authorization/policyAssignments/a",
    )
    manifests = bind(assignment, definition, Cluster(CLUSTER), catalog.fetch)
    assert manifests.template is not None, manifests.reason
    assert manifests.constraint is not None
    assert manifests.warnings == ()
    library = Library()
    library.put_template(manifests.template)
    library.put_constraint(manifests.constraint)
    return library


def asked(found: dict[str, Any]) -> Review:
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    request = {"uid": "u", "operation": "CREATE", "kind": kind, "namespace": "frond-end", "object": found}
    return Review.from_admission(request, SHOP)


def test_a_pod_without_the_label_is_denied() -> None:
    library = enforced("pod-enforce-labels", labelsList=["owner"], effect="Deny")
    violations = library.review(asked(POD))
    decision = decide(violations)
    assert not decision.allowed
    assert re.fullmatch(
        r'\[azurepolicy-k8sazurev1podenforcelabels-[0-9a-f]{20}\] you must provide labels: \{"owner"\}',
        decision.message,
    )
    assert violations[0].field == "metadata.labels.owner"
    assert violations[0].annotations["azure-policy-assignment-id"].endswith("/policyAssignments/a")
    labelled = {**POD, "metadata": {**POD["metadata"], "labels": {"owner": "dpaulus"}}}  # type: ignore[dict-item]
    assert library.review(asked(labelled)) == []


def test_an_image_that_is_not_trusted_is_reported_and_let_in() -> None:
    library = enforced(
        "container-allowed-images", allowedContainerImagesRegex=r"^registry\.example/", effect="Audit"
    )
    (violation,) = library.review(Review.from_object(POD, namespace=SHOP), AUDIT)
    assert violation.action == "dryrun"
    assert violation.message == "Container image nginx for container nginx has not been allowed."
    assert violation.field == "spec.containers[0].image"
    assert decide(library.review(asked(POD))).allowed


def test_system_namespaces_are_left_alone() -> None:
    library = enforced("pod-enforce-labels", labelsList=["owner"], excludedNamespaces=[])
    for namespace in ("kube-system", "gatekeeper-system", "pratique-system"):
        found = {**POD, "metadata": {"name": "x", "namespace": namespace}}
        assert library.review(Review.from_object(found), AUDIT) == []
