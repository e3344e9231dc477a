"""Our cases of mutators, and some random ones, give what the real gator gives."""

from __future__ import annotations

import pytest
from tests.conformance import expansion, mutation
from tests.conformance.gator import peer

needs_gator = pytest.mark.skipif(
    peer() is None, reason="gator is neither on PATH nor built; cure: scripts/peers gator"
)


@needs_gator
def test_cases_are_gators(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutation.main(["--random", "20"]) == 0, capsys.readouterr().out


@needs_gator
def test_what_is_generated_is_gators(capsys: pytest.CaptureFixture[str]) -> None:
    assert expansion.main(["--count", "20"]) == 0, capsys.readouterr().out
