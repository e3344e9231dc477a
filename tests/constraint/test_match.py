"""`spec.match`, as tables: one YAML file a matcher, one line a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pratique.constraint.match import Candidate, MatchError, applies, compile_match
from pratique.kube import yaml

CASES = Path(__file__).parents[1] / "cases" / "constraint" / "match"

OBJECTS: dict[str, dict[str, Any]] = {
    "Pod": {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web-1",
            "namespace": "shop",
            "labels": {"app": "web", "env": "prod", "flag": ""},
        },
    },
    "Deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
    },
    "ClusterRole": {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "reader"},
    },
    "Namespace": {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"team": "web"}},
    },
}
NAMESPACES = {"shop": OBJECTS["Namespace"]}


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['name']}")
        for path in sorted(CASES.glob("*.yaml"))
        for case in yaml.read_one(path.read_text(), file=path.name)
    ]


def _object(value: Any) -> dict[str, Any]:
    return OBJECTS[value] if isinstance(value, str) else value


@pytest.mark.parametrize("case", _cases())
def test_match(case: dict[str, Any]) -> None:
    namespace = NAMESPACES[case["namespace"]] if "namespace" in case else None
    candidates = [
        Candidate(_object(case[name]), namespace, case.get("source", "Original"))
        for name in ("object", "oldObject")
        if name in case
    ]
    matcher = compile_match(case["match"])
    if "error" in case:
        with pytest.raises(MatchError) as caught:
            applies(matcher, candidates)
        assert case["error"] in caught.value.message
    else:
        assert applies(matcher, candidates) is case["matches"]


def test_there_are_enough_cases() -> None:
    assert len(_cases()) >= 150
