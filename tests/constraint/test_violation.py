"""The violation contract, the offending field, and the decision."""

from __future__ import annotations

from typing import Any

import pytest

from pratique import rego
from pratique.constraint import Violation, decide
from pratique.constraint.fields import field_of
from pratique.constraint.violation import Finding, findings

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "hostNetwork": True,
        "containers": [
            {"name": "web", "image": "nginx:1", "securityContext": {"privileged": True}},
            {"name": "web-sidecar", "image": "registry.example/proxy", "imagePullPolicy": "Always"},
        ],
        "initContainers": [{"name": "prepare", "image": "busybox"}],
        "volumes": [{"name": "host", "hostPath": {"path": "/etc/shadow"}}],
    },
}


@pytest.mark.parametrize(
    ("message", "details", "field"),
    [
        ("anything", {"field": "spec.x"}, "spec.x"),
        ("anything", {"path": "$.spec.y"}, "spec.y"),
        ('you must provide labels: {"owner"}', {"missing_labels": ["owner"]}, "metadata.labels.owner"),
        ('you must provide labels: {"owner"}', {}, "metadata.labels.owner"),
        ("all must carry label <example.com/team>", {}, "metadata.labels['example.com/team']"),
        ("needs the annotation `a8r.io/owner`", {}, "metadata.annotations['a8r.io/owner']"),
        ("Container image nginx:1 for container web has not been allowed.", {}, "spec.containers[0].image"),
        ("container web-sidecar must not do this", {}, "spec.containers[1]"),
        (
            "Privileged container is not allowed: web, privileged",
            {},
            "spec.containers[0].securityContext.privileged",
        ),
        ("container prepare runs busybox", {}, "spec.initContainers[0].image"),
        ("HostPath volume /etc/shadow is not allowed", {}, "spec.volumes[0].hostPath.path"),
        ("hostNetwork is not allowed", {}, "spec.hostNetwork"),
        ("no", {}, ""),
        ("", None, ""),
    ],
)
def test_the_offending_field(message: str, details: Any, field: str) -> None:
    assert field_of(message, details, POD) == field


def test_the_field_of_a_workload_is_in_its_template() -> None:
    deployment = {"kind": "Deployment", "spec": {"template": {"spec": POD["spec"]}}}
    found = field_of("image nginx:1 is not allowed", {}, deployment)
    assert found == "spec.template.spec.containers[0].image"


@pytest.mark.parametrize(
    "subject", [{}, {"spec": None}, {"spec": {"containers": [1, None]}}, {"metadata": []}]
)
def test_malformed_objects_have_no_field(subject: Any) -> None:
    assert field_of('you must provide labels: {"owner"} for web', {}, subject) in (
        "",
        "metadata.labels.owner",
    )


@pytest.mark.parametrize(
    ("element", "message", "error"),
    [
        ({"msg": "m"}, "m", False),
        ({"msg": "m", "details": {"a": 1}}, "m", False),
        ({"details": 1}, 'violation without `msg`: {"details": 1}', True),
        ("text", 'violation without `msg`: "text"', True),
        ({"msg": 1}, "violation whose `msg` is no text: 1", True),
        ({"msg": None}, "violation whose `msg` is no text: null", True),
    ],
)
def test_no_finding_is_lost(element: Any, message: str, error: bool) -> None:
    (finding,) = findings([element])
    assert (finding.message, finding.error) == (message, error)


def test_findings_of_a_set_are_those_of_its_list() -> None:
    elements = [{"msg": "b", "details": {"x": rego.Set([2, 1])}}, {"msg": "a"}, "text", {"msg": 1}]
    assert sorted(findings(rego.Set(elements))) == sorted(findings(elements))
    assert Finding("b", {"x": [1, 2]}) in findings(rego.Set(elements))


def test_a_violation_of_an_object_with_a_key_that_is_no_text() -> None:
    ((key, pair),) = {"msg": ("msg", "m")}.items()
    assert findings(rego.Set([rego.Object({key: pair, 1: (1, 2)})])) == [Finding("m", {})]


def test_equal_findings_are_one() -> None:
    same = [{"msg": "m", "details": {"a": 1}}, {"msg": "m", "details": {"a": 1}}, {"msg": "m"}]
    assert len(findings(same)) == 2


@pytest.mark.parametrize(
    ("elements", "count"),
    [
        ([{"msg": "m"}, {"msg": "m"}], 1),
        ([{"msg": "m", "details": {}}, {"msg": "m"}, {"msg": "m", "extra": 1}], 1),
        ([{"msg": "m", "details": {"a": 1}}, {"msg": "m", "details": {"a": True}}], 2),
        ([{"msg": "m", "details": {"a": 1}}, {"msg": "m", "details": {"a": 1}}], 1),
        ([{"msg": "m", "details": {"a": 1}}, {"msg": "m"}, {"msg": "n"}, {"msg": "n"}], 3),
        ([{"msg": "m", "details": 0}, {"msg": "m", "details": False}, {"msg": "m"}], 3),
    ],
)
def test_equal_findings_of_a_set_are_one(elements: list[Any], count: int) -> None:
    assert len(findings(rego.Set(elements))) == len(findings(elements)) == count


def made(name: str, message: str, *actions: str) -> Violation:
    return Violation("K", name, message, actions[0], actions=actions)


def test_a_denial() -> None:
    decision = decide([made("b", "second", "deny"), made("a", "first", "deny"), made("c", "careful", "warn")])
    assert not decision.allowed
    assert (decision.code, decision.reason) == (403, "Forbidden")
    assert decision.message == "[a] first\n[b] second"
    assert decision.warnings == ("[c] careful",)


def test_lines_are_sorted_by_message_and_not_by_constraint() -> None:
    decision = decide([made("a", "z", "deny"), made("b", "y", "deny")])
    assert decision.message == "[b] y\n[a] z"


def test_a_warning_a_silence_and_nothing() -> None:
    warned = decide([made("a", "m", "warn")])
    assert (warned.allowed, warned.code, warned.warnings, warned.message) == (True, 299, ("[a] m",), "")
    silent = decide([made("a", "m", "dryrun"), made("a", "m", "unknown")])
    assert (silent.allowed, silent.code, silent.warnings) == (True, 200, ())
    assert decide([]).code == 200


def test_two_actions_deny_and_warn() -> None:
    decision = decide([made("a", "m", "deny", "warn")])
    assert not decision.allowed
    assert decision.message == "[a] m"
    assert decision.warnings == ("[a] m",)
