"""Steps over objects."""

from __future__ import annotations

from typing import Any

from pratique.kube import objects

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "n", "labels": {"a": "b"}},
    "spec": {"nodeName": "node-0"},
}


def test_parts() -> None:
    assert objects.gvk(POD) == ("", "v1", "Pod")
    assert objects.gvk({"apiVersion": "apps/v1", "kind": "Deployment"}) == ("apps", "v1", "Deployment")
    assert (objects.name(POD), objects.namespace(POD), objects.labels(POD)) == ("p", "n", {"a": "b"})
    assert objects.lookup(POD, "spec.nodeName") == "node-0"
    assert objects.lookup(POD, "spec.nodeName.deeper") is None


def test_with_path_changes_a_copy() -> None:
    changed = objects.with_path(POD, ".spec.other.deep", 1)
    assert changed["spec"] == {"nodeName": "node-0", "other": {"deep": 1}}
    assert "other" not in POD["spec"]
    assert changed["metadata"] is POD["metadata"]


def test_copies_are_deep() -> None:
    made = objects.copy(POD)
    made["metadata"]["labels"]["a"] = "z"
    assert POD["metadata"]["labels"]["a"] == "b"
