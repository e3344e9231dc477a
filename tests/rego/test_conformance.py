"""OPA's own language cases: none fails that `tests/conformance/todo.txt` does not name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.conformance import rego as runner

from pratique import rego
from pratique.rego import engine
from pratique.rego.plan import ir
from pratique.rego.plan.optimise import optimise

SHARED = Path(__file__).parents[3] / "shared" / "conformance"


@pytest.mark.parametrize("folder", ["rego-v0", "rego-v1"])
def test_cases_pass_or_are_named(folder: str) -> None:
    if not (SHARED / folder).is_dir():
        pytest.skip(f"{SHARED / folder} is not there")
    named = {line for line in runner.TODO.read_text().splitlines() if line and not line.startswith("#")}
    failed = []
    for name, topic, version, case in runner.cases(SHARED / folder):
        if name not in named and (reason := runner.run(case, topic, version)):
            failed.append(f"{name}: {reason}")
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("folder", ["rego-v0", "rego-v1"])
@pytest.mark.parametrize("how", ["as it stands", "with the input known"])
def test_cases_answer_the_same(folder: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (SHARED / folder).is_dir():
        pytest.skip(f"{SHARED / folder} is not there")
    asked: dict[str, Any] = {}

    def optimised(plan: ir.Plan, builtins: Mapping[str, rego.Builtin], *_: Any, strict: bool) -> ir.Plan:
        if how == "as it stands":
            return plan
        known: dict[tuple[str, ...], Any] = {}
        if not plan.input_replaced:
            known = {(name,): value for name, value in asked.items()}
        return optimise(plan, builtins, known, strict=strict)

    chosen = [each for each in runner.cases(SHARED / folder) if how == "as it stands" or _named(each[3])]
    wanted = [runner.run(case, topic, version) for _, topic, version, case in chosen]
    monkeypatch.setattr(engine, "optimise", optimised)
    differ = []
    for (name, topic, version, case), before in zip(chosen, wanted, strict=True):
        asked = _named(case)
        if (after := runner.run(case, topic, version)) != before:
            differ.append(f"{name}: {after}, optimised: {before or 'passes'}")
    assert not differ, "\n".join(differ)


def _named(case: dict[str, Any]) -> dict[str, Any]:
    found = case.get("input")
    return found if isinstance(found, dict) else {}
