"""Single calls of builtins, as OPA answers them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.rego import calls

from pratique import rego

CASES = list(calls.cases())


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_answers_as_opa_does(case: dict[str, Any]) -> None:
    policy = rego.compile(
        [rego.Source("case.rego", calls.source(case), calls.version(case))], entrypoints=["data.case.answer"]
    )
    errors: list[rego.EvaluationError] = []
    found = policy.evaluate("data.case.answer", errors=errors)
    assert (None if found is rego.UNDEFINED else calls.compact(rego.json_text(found))) == case["want"]
    if "error" in case:
        assert [f"{error.code}: {error.message}" for error in errors[:1]] == [case["error"]]
    if "code" in case:
        assert [error.code for error in errors[:1]] == [case["code"]]


def test_a_hostile_pattern_takes_linear_time() -> None:
    text = 'package case\n\nanswer := regex.match("(a+)+$", input)\n'
    policy = rego.compile([rego.Source("case.rego", text, "v1")], entrypoints=["data.case.answer"])
    assert policy.evaluate("data.case.answer", "a" * 5000 + "b") is False


def test_every_builtin_has_an_example_and_a_sentence() -> None:
    shown = {case["builtin"] for _, case in CASES if "builtin" in case}
    silent = {"internal.print", "internal.test_case"}  # which only the compiler calls
    known = rego.builtins()
    assert {name for name, each in known.items() if not each.refused} - silent == shown
    assert not [name for name, each in known.items() if not each.summary.endswith(".")]
