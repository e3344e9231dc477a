"""JSON, merge and strategic merge patches."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.kube import patch

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/kube/patches.yaml").read_text())


class Guide:
    """Lists called `items` merge by name, lists called `words` as sets."""

    def child(self, name: str) -> Guide:
        return self

    def merge_key(self, name: str) -> str | None:
        return {"items": "name", "words": ""}.get(name)

    def retains(self, name: str) -> bool:
        return False


def _apply(case: dict[str, Any]) -> Any:
    if case["kind"] == "json":
        return patch.apply_json_patch(case["old"], case["patch"])
    if case["kind"] == "merge":
        return patch.merge(case["old"], case["patch"])
    return patch.strategic(case["old"], case["patch"], Guide())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}-{case['patch']}"[:70])
def test_patches(case: dict[str, Any]) -> None:
    before = copy.deepcopy(case)
    if "says" in case:
        with pytest.raises(patch.PatchError) as caught:
            _apply(case)
        assert case["says"] in caught.value.message
    else:
        assert patch.same(_apply(case), case["new"])
    assert case == before


def test_go_prints_maps_sorted() -> None:
    assert patch.go_map({"b": [1, "x"], "a": {"c": None, "d": True}}) == "map[a:map[c:<nil> d:true] b:[1 x]]"
