"""The plan of a small policy, whole: what binds, what is compared, what is a scan."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pratique import rego
from pratique.rego.plan.text import render

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "rego" / "plans.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["note"] for case in CASES])
def test_plan(case: dict[str, str]) -> None:
    policy = rego.compile([rego.Source("case.rego", case["module"], "v1")], optimised=False)
    assert render(policy.plan) == case["plan"]
