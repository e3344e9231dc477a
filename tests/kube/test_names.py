"""Names, and what the API server says about bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.kube import names

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/kube/names.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['check']}-{case['text']}"[:60])
def test_names(case: dict[str, Any]) -> None:
    complaints = getattr(names, case["check"])(case["text"])
    if case["says"]:
        assert case["says"] in "; ".join(complaints)
    else:
        assert complaints == []


def test_generated_names_fit_and_differ() -> None:
    made = {names.generate("a" * 80) for _ in range(50)}
    assert len(made) > 45
    assert all(names.is_dns1123_label(name) == [] for name in made)
