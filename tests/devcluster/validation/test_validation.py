import copy
from pathlib import Path

import pytest
import yaml

from pratique.devcluster import defaults, validation

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases/validation/objects.yaml").read_text())
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "n", "uid": "1"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_new_object(case):
    obj = copy.deepcopy(case["object"])
    obj["metadata"].setdefault("namespace", "n")
    defaults.apply(obj)
    cluster_scoped = obj["kind"].endswith("Configuration")
    if cluster_scoped:
        del obj["metadata"]["namespace"]
    assert [str(error) for error in validation.validate(obj, namespaced=not cluster_scoped)] == case["errors"]


def changed(**spec):
    old = copy.deepcopy(POD)
    defaults.apply(old)
    new = copy.deepcopy(old)
    new["spec"].update(spec)
    defaults.apply(new)
    return [str(error) for error in validation.validate(new, old=old)]


def test_a_pod_may_get_another_image_and_more_tolerations():
    assert changed(containers=[{"name": "c", "image": "j", "imagePullPolicy": "Always"}]) == []
    assert changed(tolerations=[{"key": "a", "operator": "Exists"}]) == []


def test_a_pod_may_not_change_otherwise():
    (error,) = changed(restartPolicy="Never")
    assert error.startswith(
        "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    )
    assert '-   restartPolicy: "Always"\n+   restartPolicy: "Never"' in error
    assert changed(containers=[]) == [
        "spec.containers: Required value",
        "spec.containers: Forbidden: pod updates may not add or remove containers",
    ]


def test_status_updates_are_not_judged_by_the_rules_of_spec():
    new = {**copy.deepcopy(POD), "spec": {}}
    assert validation.validate(new, old=POD, subresource="status") == []


def test_the_name_of_an_object_stays():
    new = copy.deepcopy(POD)
    new["metadata"]["name"] = "q"
    defaults.apply(new)
    assert str(validation.validate(new, old=POD)[0]) == (
        'metadata.name: Invalid value: "q": field is immutable'
    )


def test_finalizers_cannot_be_added_to_what_is_being_deleted():
    old = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "deletionTimestamp": "t"}}
    new = {**old, "metadata": {**old["metadata"], "finalizers": ["a.b/c"]}}
    assert [str(error) for error in validation.validate(new, old=old)] == [
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
        'found new finalizers []string{"a.b/c"}'
    ]
