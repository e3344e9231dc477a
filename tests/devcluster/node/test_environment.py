import base64

import pytest

from pratique.devcluster.node import environment

POD = {
    "metadata": {"name": "p", "namespace": "n", "labels": {"app": "web"}, "annotations": {"a.b/c": "x"}},
    "spec": {"nodeName": "node-0", "serviceAccountName": "robot"},
    "status": {"podIP": "127.1.1.2", "hostIP": "127.0.0.1"},
}


class Cluster:
    def get(self, resource, name, namespace=""):
        known = {
            ("configmaps", "c"): {"data": {"k": "v", "other": "w"}},
            ("secrets", "s"): {"data": {"k": base64.b64encode(b"hidden").decode()}},
        }
        return known.get((resource, name)) if namespace == "n" else None


def declared(*env, **more):
    return environment.variables({"env": list(env), **more}, POD, Cluster())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(
            ("metadata.name", "p"),
            ("metadata.namespace", "n"),
            ("spec.nodeName", "node-0"),
            ("status.podIP", "127.1.1.2"),
        ),
        *(
            ("spec.serviceAccountName", "robot"),
            ("status.hostIP", "127.0.0.1"),
            ("metadata.labels['app']", "web"),
        ),
        *(("metadata.annotations['a.b/c']", "x"), ("metadata.labels['none']", ""), ("metadata.uid", "")),
    ],
)
def test_fields_of_the_pod(path, value):
    assert declared({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}) == {"A": value}


def test_keys_of_config_maps_and_secrets():
    found = declared(
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k", "optional": True}}},
        envFrom=[{"prefix": "P_", "configMapRef": {"name": "c"}}],
    )
    assert found == {"P_k": "v", "P_other": "w", "A": "v", "B": "hidden"}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"secretKeyRef": {"name": "none", "key": "k"}}, 'secret "none" not found'),
        ({"configMapKeyRef": {"name": "c", "key": "x"}}, "couldn't find key x in ConfigMap n/c"),
    ],
)
def test_what_is_missing_is_named(reference, message):
    with pytest.raises(environment.MissingError, match=message):
        declared({"name": "A", "valueFrom": reference})


@pytest.mark.parametrize(
    ("text", "expanded"),
    [("$(A)-$(B)", "1-$(B)"), ("$$(A)", "$(A)"), ("$A $", "$A $"), ("$(A)$(A)", "11")],
)
def test_references(text, expanded):
    assert environment.expand(text, {"A": "1"}) == expanded


def test_a_variable_sees_those_before_it():
    assert (
        declared(
            {"name": "A", "value": "1"}, {"name": "B", "value": "$(A)$(C)"}, {"name": "C", "value": "3"}
        )["B"]
        == "1$(C)"
    )
