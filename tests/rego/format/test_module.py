"""Layouts, case by case, and what cannot be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique import rego
from pratique.rego.format import format_module

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "rego" / "format.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_layout(case: dict[str, Any]) -> None:
    version = case.get("version", "v1")
    target = case.get("target", version)
    drop = case.get("drop", False)
    text = format_module(rego.Source("a.rego", case["from"], version), target=target, drop_imports=drop)
    assert text == case["to"]
    written: rego.Version = "v1" if target == "v1" else "v0"
    assert format_module(rego.Source("a.rego", text, written), target=target, drop_imports=drop) == text


def test_what_only_the_author_can_decide_is_refused_all_at_once() -> None:
    text = "package a\nimport data.x.y\nimport data.z.y\nif { any([true]) }\ninput { data := 1 }\n"
    with pytest.raises(rego.CompileError) as caught:
        format_module(rego.Source("a.rego", text, "v0"), target="v1")
    assert [
        f"{each.location.line}:{each.location.column} {each.message}" for each in caught.value.problems
    ] == [
        "3:1 import must not shadow import data.x.y",
        "4:1 if keyword cannot be used for rule name",
        "4:6 deprecated built-in function calls in expression: any",
        "5:1 rules must not shadow input (use a different rule name)",
        "5:9 variables must not shadow data (use a different variable name)",
    ]
    assert all(each.hint for each in caught.value.problems)


def test_a_comment_where_no_layout_keeps_it_leaves_the_rule_as_it_is() -> None:
    kept = "p  if {\n  count([1, 2\n  # why\n  ]) == 1 with count as 2\n} # end\n"
    text = f"package a\n\n{kept}\nq  := 1\n"
    assert format_module(rego.Source("a.rego", text)) == f"package a\n\n{kept}\nq := 1\n"


def test_comments_that_have_no_place_in_v1_stand_above_their_rule() -> None:
    text = "package a\n\np {\n  count([1, 2\n  # why\n  ]) == 1 with count as 2\n} # end\n\nq { true }\n"
    found = format_module(rego.Source("a.rego", text, "v0"), target="v1")
    assert (
        found == "package a\n\n# why\n# end\np if {\n\tcount([1, 2]) == 1 with count as 2\n}\n\nq := true\n"
    )
