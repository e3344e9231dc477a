"""Built-in objects as Kubernetes' Go types read and write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.devcluster import typed

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/devcluster/typed.yaml").read_text())


def _gvk(kind: str) -> tuple[str, str, str]:
    name, _, api_version = kind.partition(".")
    group, _, version = api_version.rpartition("/")
    return group, version, name


def _holds(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and _holds(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(_holds, whole, part))
    return bool(whole == part)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}-{case['object']}"[:70])
def test_round_trip(case: dict[str, Any]) -> None:
    types = typed.load()
    if "says" in case:
        with pytest.raises(typed.DecodeError) as caught:
            types.round_trip(case["object"], _gvk(case["kind"]))
        assert caught.value.message == case["says"]
        return
    made, unknown = types.round_trip(case["object"], _gvk(case["kind"]))
    assert unknown == case.get("unknown", [])
    assert _holds(made, case.get("becomes", {}))
    assert types.round_trip(made, _gvk(case["kind"])) == (made, [])


def test_fields_come_in_the_order_of_the_types() -> None:
    mixed = {
        "spec": {"replicas": 1},
        "metadata": {"uid": "u", "name": "n"},
        "apiVersion": "apps/v1",
        "kind": "X",
    }
    made, _ = typed.load().round_trip(mixed, ("apps", "v1", "Deployment"))
    assert list(made) == ["kind", "apiVersion", "metadata", "spec", "status"]
    assert list(made["metadata"]) == ["name", "uid"]


def test_every_served_kind_has_a_type() -> None:
    from pratique.devcluster.registry import Registry

    types = typed.load()
    lacking = [
        resource.kind
        for resource in Registry().served()
        if types.name_of(resource.group, resource.version, resource.kind) is None
    ]
    assert lacking == []
