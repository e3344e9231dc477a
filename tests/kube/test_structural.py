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


def test_nulls_say_nothing() -> None:
    written = {
        "type": "object",
        "enum": None,
        "properties": {"a": None, "b": {"default": None, "items": {"type": None}, "allOf": [None]}},
        "additionalProperties": True,
    }
    assert structural.without_nulls(written) == {
        "type": "object",
        "properties": {"a": {}, "b": {"items": {}, "allOf": [{}]}},
        "additionalProperties": True,
    }
