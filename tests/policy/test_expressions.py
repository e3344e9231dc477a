"""Azure's expression language, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pratique.kube import yaml
from pratique.policy import expressions
from pratique.policy.errors import ExpressionError

CASES = Path(__file__).parents[1] / "cases" / "policy" / "expressions.yaml"
CONTEXT = expressions.Context(parameters={"effect": "Deny", "ranges": {"ranges": [{"min": 1, "max": 2}]}})


@pytest.mark.parametrize("case", yaml.read_one(CASES.read_text()), ids=lambda case: str(case["text"]))
def test_expression(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(ExpressionError) as caught:
            expressions.resolve(case["text"], CONTEXT)
        assert case["error"] in caught.value.message
    else:
        assert expressions.resolve(case["text"], CONTEXT) == case["value"]


def test_expressions_are_found_inside_documents() -> None:
    document = {"kinds": ["[parameters('effect')]", "Pod"], "deep": {"n": 1, "text": "[[x]"}}
    assert expressions.resolve(document, CONTEXT) == {
        "kinds": ["Deny", "Pod"],
        "deep": {"n": 1, "text": "[x]"},
    }


def test_nesting_is_bounded() -> None:
    with pytest.raises(ExpressionError, match="nests deeper"):
        expressions.parse("[" + "not(" * 100 + "true()" + ")" * 100 + "]")


def test_length_is_bounded() -> None:
    with pytest.raises(ExpressionError, match="characters"):
        expressions.parse("['" + "a" * 90_000 + "']")
