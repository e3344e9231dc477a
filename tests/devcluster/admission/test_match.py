import pytest

from pratique.devcluster.admission import Attributes, match
from pratique.devcluster.users import UserInfo


class Cluster:
    def __init__(self, **namespaces):
        self.namespaces = namespaces

    def get(self, resource, name, namespace=""):
        labels = self.namespaces.get(name)
        return None if labels is None else {"metadata": {"name": name, "labels": labels}}

    def list(self, resource, namespace=""):
        return []


def ask(**changes):
    fields = {
        "operation": "CREATE",
        "group": "",
        "version": "v1",
        "resource": "pods",
        "subresource": "",
        "kind": ("", "v1", "Pod"),
        "namespace": "shop",
        "name": "p",
        "object": {"metadata": {"labels": {"a": "new"}}},
        "old_object": None,
        "options": {},
        "user": UserInfo("jane"),
    }
    return Attributes(**{**fields, **changes})


def hook(**rule):
    basis = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    return {"rules": [{**basis, **rule}]}


@pytest.mark.parametrize(
    ("resources", "asked", "matches"),
    [
        (["pods"], ("pods", ""), True),
        (["pods"], ("pods", "status"), False),
        (["pods/status"], ("pods", "status"), True),
        (["pods/*"], ("pods", "status"), True),
        (["pods/*"], ("pods", ""), True),
        (["*"], ("secrets", ""), True),
        (["*"], ("secrets", "x"), False),
        (["*/*"], ("secrets", "x"), True),
        (["*/scale"], ("deployments", "scale"), True),
        (["*/scale"], ("deployments", ""), False),
    ],
)
def test_resources(resources, asked, matches):
    request = ask(resource=asked[0], subresource=asked[1])
    assert (match.matching_version(hook(resources=resources), request, []) is not None) is matches


@pytest.mark.parametrize(
    ("rule", "request_fields", "matches"),
    [
        ({"operations": ["*"]}, {"operation": "DELETE"}, True),
        ({"operations": ["UPDATE"]}, {}, False),
        ({"apiGroups": ["*"]}, {"group": "apps"}, True),
        ({"apiGroups": ["batch"]}, {}, False),
        ({"scope": "Namespaced"}, {}, True),
        ({"scope": "Cluster"}, {}, False),
        ({"scope": "Cluster"}, {"namespace": ""}, True),
        ({"scope": "Cluster", "resources": ["namespaces"]}, {"resource": "namespaces"}, True),
    ],
)
def test_rules(rule, request_fields, matches):
    assert (match.matching_version(hook(**rule), ask(**request_fields), []) is not None) is matches


def test_an_equivalent_version_is_asked_for_unless_the_match_is_exact():
    request = ask(version="v1beta1")
    assert match.matching_version(hook(), request, ["v1beta1", "v1"]) == "v1"
    assert match.matching_version({**hook(), "matchPolicy": "Exact"}, request, ["v1beta1", "v1"]) is None


@pytest.mark.parametrize(
    ("selector", "request_fields", "selected"),
    [
        ({}, {}, True),
        ({"matchLabels": {"team": "x"}}, {}, True),
        ({"matchLabels": {"team": "y"}}, {}, False),
        (
            {"matchLabels": {"team": "y"}},
            {"namespace": ""},
            True,
        ),  # cluster-scoped things are always selected
        ({"matchLabels": {"team": "y"}}, {"namespace": "gone"}, None),
        ({"matchLabels": {"a": "new"}}, {"resource": "namespaces", "name": "shop"}, True),
        (
            {"matchLabels": {"team": "x"}},
            {"resource": "namespaces", "name": "shop", "operation": "DELETE", "object": None},
            True,
        ),
    ],
)
def test_namespace_selectors(selector, request_fields, selected):
    found = match.namespace_selected(
        {"namespaceSelector": selector}, ask(**request_fields), Cluster(shop={"team": "x"})
    )
    assert found is selected


def test_an_object_selector_looks_at_the_old_object_too():
    chosen = {"objectSelector": {"matchLabels": {"a": "old"}}}
    assert not match.object_selected(chosen, ask())
    assert match.object_selected(chosen, ask(old_object={"metadata": {"labels": {"a": "old"}}}))
