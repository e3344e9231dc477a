"""Legacy `not`: what is inside a negated call is worked out outside the negation."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pratique import rego

TABLE = yaml.safe_load((Path(__file__).parents[1] / "cases" / "rego" / "negation.yaml").read_text())


@pytest.mark.parametrize("case", TABLE["cases"], ids=[case["body"] for case in TABLE["cases"]])
def test_negation_holds_where_it_does_in_opa(case: dict[str, object]) -> None:
    text = f"{TABLE['module']}\nanswer {{ {case['body']} }}\n"
    policy = rego.compile([rego.Source("case.rego", text, "v0")])
    found = policy.evaluate("data.test.answer", {"xs": [1, 2]})
    assert found is (True if case["holds"] else rego.UNDEFINED)


@pytest.mark.parametrize(
    "body", ['not startswith(input.x, "a")', "not input.x > 5", "not count(input.x) == 0"]
)
def test_the_modern_negation_takes_all_of_it_inside(body: str) -> None:
    text = f"package test\nimport rego.v1\nimport future.keywords.not\nanswer if {body}\n"
    policy = rego.compile([rego.Source("case.rego", text, "v1")])
    assert policy.evaluate("data.test.answer", {}) is True
