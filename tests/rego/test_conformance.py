"""OPA's own language cases: none fails that `tests/conformance/todo.txt` does not name."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance import rego as runner

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
