"""Schemas that may, or may not, stand in a CustomResourceDefinition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.kube import structural

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/kube/structural.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["schema"])[:60])
def test_complaints(case: dict[str, Any]) -> None:
    assert structural.check_structural(case["schema"], "") == case["says"]
