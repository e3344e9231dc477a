"""Parameters: declarations and values."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.policy import parameters
from pratique.policy.errors import ParameterError

DECLARED = parameters.read(
    {
        "effect": {"type": "string", "allowedValues": ["Audit", "Deny"], "defaultValue": "Audit"},
        "labels": {"type": "Array"},
        "levels": {"type": "Array", "allowedValues": ["low", "high"], "defaultValue": []},
        "flag": {"type": "boolean", "defaultValue": False},
        "count": {"type": "integer", "defaultValue": 1},
        "share": {"type": "float", "defaultValue": 0.5},
        "when": {"type": "dateTime", "defaultValue": "2024-01-01T00:00:00.0000000Z"},
        "selector": {
            "type": "object",
            "defaultValue": {},
            "schema": {
                "type": "object",
                "properties": {
                    "matchExpressions": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "properties": {
                                "key": {"type": "string"},
                                "operator": {"type": "string", "enum": ["In", "Exists"]},
                            },
                            "required": ["key", "operator"],
                        },
                    }
                },
                "additionalProperties": False,
            },
        },
    }
)


def test_defaults_fill_in_what_is_not_given() -> None:
    resolved = parameters.resolve(DECLARED, {"labels": ["owner"], "EFFECT": "Deny"})
    assert resolved["effect"] == "Deny"
    assert resolved["labels"] == ["owner"]
    assert resolved["count"] == 1


@pytest.mark.parametrize(
    ("given", "target", "message"),
    [
        ({}, "parameters.labels", "no value for parameter `labels`"),
        ({"labels": "owner"}, "parameters.labels", "must be of type Array, not String"),
        ({"labels": [], "effect": "deny"}, "parameters.effect", "does not allow `deny`"),
        ({"labels": [], "levels": ["low", "mid"]}, "parameters.levels", "does not allow `mid`"),
        ({"labels": [], "flag": 1}, "parameters.flag", "must be of type Boolean, not Integer"),
        ({"labels": [], "count": True}, "parameters.count", "must be of type Integer, not Boolean"),
        ({"labels": [], "count": 1.5}, "parameters.count", "must be of type Integer, not Float"),
        ({"labels": [], "share": "1"}, "parameters.share", "must be of type Float, not String"),
        ({"labels": [], "when": "soon"}, "parameters.when", "must be of type DateTime"),
        ({"labels": [], "selector": {"x": 1}}, "parameters.selector", "`selector.x` is not known"),
        (
            {"labels": [], "selector": {"matchExpressions": [{"key": "a", "operator": "Foo"}]}},
            "parameters.selector",
            "`selector.matchExpressions[0].operator` must be one of In, Exists, not `Foo`",
        ),
        ({"labels": [], "selector": {"matchExpressions": []}}, "parameters.selector", "at least 1 items"),
        ({"labels": [], "other": 1}, "parameters.other", "no parameter `other`"),
    ],
)
def test_values_that_do_not_fit_name_their_parameter(
    given: dict[str, Any], target: str, message: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        parameters.resolve(DECLARED, given)
    assert caught.value.target == target
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "must be an object"),
        ({"a": 1}, "must be an object"),
        ({"a": {"type": "Number"}}, "unknown type `Number`"),
        ({"a": {"type": "String", "defaultValue": 1}}, "default: parameter `a` must be of type String"),
        ({"a": {"type": "String", "allowedValues": "x"}}, "must be an array"),
        ({f"p{number}": {"type": "String"} for number in range(21)}, "21 parameters, the most is 20"),
    ],
)
def test_malformed_declarations_are_refused(document: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parameters.read(document)
    assert message in caught.value.message


def test_values_of_an_assignment_need_their_wrapper() -> None:
    assert parameters.values({"a": {"value": None}}) == {"a": None}
    with pytest.raises(ParameterError, match="has no `value`"):
        parameters.values({"a": 1})
