"""docs/reference/policy.md names every function and operator that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from pratique.policy import functions, rule

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "policy.md").read_text()
LAZY = {"if", "and", "or", "coalesce"}


def test_every_function_is_on_the_page() -> None:
    table = PAGE.split("| family | functions |")[1].split("\n\n")[0]
    named = {name.casefold() for name in re.findall(r"`(\w+)`", table)}
    assert named == set(functions.FUNCTIONS) | LAZY


def test_every_operator_is_on_the_page() -> None:
    section = PAGE.split("## Conditions")[1].split("##")[0]
    assert set(rule.NAMES) <= set(re.findall(r"`(\w+)`", section))
