"""Values against structural schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.kube import schema

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/kube/schemas.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["value"])[:40])
def test_complaints(case: dict[str, Any]) -> None:
    assert schema.validate(case["value"], case["schema"]) == case["says"]


TREE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "default": {},
            "properties": {
                "size": {"type": "integer", "default": 7},
                "items": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"on": {"type": "boolean", "default": True}}},
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        }
    },
}


def test_defaults_reach_everything() -> None:
    value: dict[str, Any] = {}
    schema.set_defaults(value, TREE)
    assert value == {"spec": {"size": 7}}
    value = {"spec": {"size": None, "items": [{}, {"on": False}]}}
    schema.set_defaults(value, TREE)
    assert value == {"spec": {"size": 7, "items": [{"on": True}, {"on": False}]}}


def test_pruning_names_what_it_drops() -> None:
    value = {"kind": "X", "spec": {"colour": 1, "items": [{"on": True, "off": 1}], "free": {"any": {}}}}
    assert schema.unknown_fields(value, TREE) == ["kind", "spec.colour", "spec.items[0].off"]
    assert schema.prune(value, TREE, root=True) == ["spec.colour", "spec.items[0].off"]
    assert value == {"kind": "X", "spec": {"items": [{"on": True}], "free": {"any": {}}}}


def test_nulls_of_fields_that_may_not_be_null_are_dropped() -> None:
    value = {"spec": {"size": None, "free": {"kept": None}}}
    schema.drop_nulls(value, TREE)
    assert value == {"spec": {"free": {"kept": None}}}


def test_patterns_are_linear() -> None:
    nested = {"type": "string", "pattern": "^(a+)+$"}
    assert schema.validate("a" * 5000 + "b", nested, "s")[0].endswith("should match '^(a+)+$'")
