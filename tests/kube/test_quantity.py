"""Quantities: reading and canonical text."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pratique.kube import quantity

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases/kube/quantities.yaml").read_text())


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_canonical(text: str, expected: str) -> None:
    try:
        assert quantity.canonical(text) == expected
    except quantity.QuantityError as error:
        assert error.message.startswith(expected)


def test_equal_amounts_compare_equal() -> None:
    assert quantity.parse("1Gi").value == quantity.parse("1024Mi").value
    assert quantity.parse("1500m").value == quantity.parse("1.5").value


@given(st.integers(-(10**12), 10**12), st.sampled_from(["", "m", "k", "Ki", "Gi", "M", "e2"]))
def test_canonical_text_keeps_the_amount(number: int, suffix: str) -> None:
    read = quantity.parse(f"{number}{suffix}")
    assert quantity.parse(str(read)).value == read.value
    assert quantity.canonical(str(read)) == str(read)
