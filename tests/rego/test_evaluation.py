"""Whole evaluations by table, with OPA's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique import rego

FOLDER = Path(__file__).parents[1] / "cases" / "rego"
CASES = [
    pytest.param(case, id=f"{topic}: {case['note']}")
    for topic in ("rules", "patterns", "with", "documents")
    for case in yaml.safe_load((FOLDER / f"{topic}.yaml").read_text())
]


def _sorted(value: Any) -> Any:
    # OPA's sets are arrays here; the order of an answer's members is not part of it.
    if isinstance(value, list):
        return sorted(map(_sorted, value), key=repr)
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return value


@pytest.mark.parametrize("case", CASES)
def test_answers_as_opa_does(case: dict[str, Any]) -> None:
    source = rego.Source("case.rego", case["module"], case.get("version", "v1"))
    entry = case.get("entry", "data.t.p")
    try:
        policy = rego.compile([source], entrypoints=[entry], strict=case.get("strict", False))
        found = policy.evaluate(entry, case.get("input", rego.UNDEFINED), data=case.get("data"))
    except rego.EvaluationError as error:
        assert error.code == case.get("error"), error.render()
        return
    except rego.CompileError as error:
        assert error.problems[0].code == case.get("error"), error.render()
        return
    assert "error" not in case
    if "want" not in case:
        assert found is rego.UNDEFINED
        return
    assert repr(_sorted(rego.to_json(found))) == repr(_sorted(case["want"]))
