import pytest

from pratique.devcluster.node import scheduler

NODE = {
    "metadata": {"name": "n", "labels": {"disk": "ssd", "cores": "8"}},
    "spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]},
}
OK = [{"key": "k", "operator": "Exists"}]


def affinity(**expression):
    term = {"matchExpressions": [expression]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"tolerations": OK}, None),
        ({}, "node(s) had untolerated taint {k: v}"),
        ({"tolerations": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}, None),
        ({"tolerations": [{"key": "k", "value": "other"}]}, "untolerated"),
        ({"tolerations": [{"operator": "Exists"}]}, None),
        ({"tolerations": OK, "nodeSelector": {"disk": "ssd"}}, None),
        ({"tolerations": OK, "nodeSelector": {"disk": "hdd"}}, "affinity/selector"),
        ({"tolerations": OK, "affinity": affinity(key="disk", operator="In", values=["ssd"])}, None),
        ({"tolerations": OK, "affinity": affinity(key="disk", operator="NotIn", values=["ssd"])}, "affinity"),
        ({"tolerations": OK, "affinity": affinity(key="gpu", operator="DoesNotExist")}, None),
        ({"tolerations": OK, "affinity": affinity(key="cores", operator="Gt", values=["4"])}, None),
        ({"tolerations": OK, "affinity": affinity(key="cores", operator="Lt", values=["4"])}, "affinity"),
    ],
)
def test_whether_the_node_takes_a_pod(spec, problem):
    said = scheduler.refusal({"spec": spec}, NODE)
    assert said is None if problem is None else problem in said


def test_a_cordoned_node_takes_only_who_tolerates_that():
    node = {"metadata": {"name": "n"}, "spec": {"unschedulable": True}}
    assert scheduler.refusal({"spec": {}}, node) == "node(s) were unschedulable"
    tolerated = {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}
    assert scheduler.refusal({"spec": {"tolerations": [tolerated]}}, node) is None
