"""Label and field selectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.kube import selectors

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/kube/selectors.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"] or "empty")
def test_label_selectors(case: dict[str, Any]) -> None:
    if "says" in case:
        with pytest.raises(selectors.SelectorError) as caught:
            selectors.match_labels(case["text"])
        assert case["says"] in caught.value.message
        return
    matches = selectors.match_labels(case["text"])
    assert all(matches(labels) for labels in case["matches"])
    assert not any(matches(labels) for labels in case["misses"])


def test_selector_objects() -> None:
    wanted = {
        "matchLabels": {"app": "a"},
        "matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["dev"]}],
    }
    matches = selectors.compile_selector(wanted)
    assert matches({"app": "a"}) and not matches({"app": "a", "env": "dev"})
    assert selectors.compile_selector({})({"x": "y"})
    assert not selectors.compile_selector(None)({})


def test_selector_objects_are_checked() -> None:
    broken = {"matchExpressions": [{"key": "a b", "operator": "In"}, {"key": "x", "operator": "Near"}]}
    complaints = selectors.check_selector(broken, "spec.selector")
    assert complaints[0].startswith("spec.selector.matchExpressions[0].values: Required value: must be spec")
    assert any("matchExpressions[0].key: Invalid value" in text for text in complaints)
    assert any('[1].operator: Invalid value: "Near": not a valid selector operator' in t for t in complaints)


def test_field_selectors() -> None:
    found = selectors.parse_fields(r"metadata.name=a,spec.x!=b\,c,status.phase==Running")
    assert [(item.path, item.equal, item.value) for item in found] == [
        ("metadata.name", True, "a"),
        ("spec.x", False, "b,c"),
        ("status.phase", True, "Running"),
    ]
    with pytest.raises(selectors.SelectorError, match="can't understand"):
        selectors.parse_fields("nonsense")


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": ["a"]},
        {"matchExpressions": True},
        {"matchExpressions": [None]},
        {"matchExpressions": [{"key": "a", "operator": ["In"]}]},
        {"matchExpressions": [{"key": 1, "operator": "Exists"}]},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": "b"}]},
    ],
)
def test_what_is_no_selector_is_refused(selector: Any) -> None:
    with pytest.raises(selectors.SelectorError):
        selectors.compile_selector(selector)


@pytest.mark.parametrize("expression", [None, {}, {"key": None, "operator": None, "values": None}])
def test_an_expression_that_says_nothing_is_no_operator(expression: Any) -> None:
    complaints = selectors.check_selector({"matchExpressions": [expression]})
    assert complaints[0] == 'matchExpressions[0].operator: Invalid value: "": not a valid selector operator'
