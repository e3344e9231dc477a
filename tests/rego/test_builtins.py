"""Single calls of builtins, as OPA answers them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pratique import rego

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases" / "rego" / "builtins.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["call"] for case in CASES])
def test_answers_as_opa_does(case: dict[str, str]) -> None:
    source = rego.Source("case.rego", f"package case\n\nanswer := {case['call']}\n", "v1")
    policy = rego.compile([source], entrypoints=["data.case.answer"])
    found = policy.evaluate("data.case.answer")
    assert (None if found is rego.UNDEFINED else rego.json_text(found)) == case["want"]


def test_a_hostile_pattern_takes_linear_time() -> None:
    text = 'package case\n\nanswer := regex.match("(a+)+$", input)\n'
    policy = rego.compile([rego.Source("case.rego", text, "v1")], entrypoints=["data.case.answer"])
    assert policy.evaluate("data.case.answer", "a" * 5000 + "b") is False
