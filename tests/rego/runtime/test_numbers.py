from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.rego.runtime.errors import BuiltinError
from pratique.rego.runtime.numbers import divide, minus, modulo, number_text, parse_number, plus, times

RESULTS = [
    (plus, "0.1", "0.2", "0.3"),
    (plus, "1.0", "0", "1"),
    (plus, "1e30", "1", "1000000000000000000000000000001"),
    (plus, "9223372036854775807", "1", "9223372036854775808"),
    (minus, "0.7", "0.1", "0.59999999999999999997"),
    (times, "1.1", "1.1", "1.21"),
    (times, "100", "1.1", "110"),
    (times, "2.2", "3", "6.6000000000000000003"),
    (divide, "1", "3", "0.33333333333333333334"),
    (divide, "1", "7", "0.14285714285714285714"),
    (divide, "4", "2", "2"),
    (modulo, "-7", "3", "-1"),
    (modulo, "7", "-3", "1"),
    (modulo, "4.0", "3", "1"),
]


@pytest.mark.parametrize(("function", "left", "right", "want"), RESULTS)
def test_results_have_the_text_of_a_64_bit_mantissa(
    function: Callable[[Any, Any], Any], left: str, right: str, want: str
) -> None:
    assert number_text(function(parse_number(left), parse_number(right))) == want


@pytest.mark.parametrize("text", ["1.0", "1.50", "0", "-3", "1e3", "0.1", "123456789012345678901234567890"])
def test_a_literal_keeps_its_text(text: str) -> None:
    assert number_text(parse_number(text)) == text


@given(st.integers(), st.integers())
def test_integers_are_exact(left: int, right: int) -> None:
    assert plus(left, right) == left + right
    assert times(left, right) == left * right


@pytest.mark.parametrize(
    ("function", "left", "right", "message"),
    [
        (divide, 1, 0, "div: divide by zero"),
        (modulo, 1, 0, "rem: modulo by zero"),
        (modulo, 1.5, 2, "rem: modulo on floating-point number"),
        (plus, 1, "a", "plus: operand 2 must be number but got string"),
        (plus, True, 1, "plus: operand 1 must be number but got boolean"),
        (minus, "a", 1, "minus: operand 1 must be one of {number, set} but got string"),
    ],
)
def test_refusals_have_the_words_of_opa(
    function: Callable[[Any, Any], Any], left: Any, right: Any, message: str
) -> None:
    with pytest.raises(BuiltinError, match="^" + message.replace("{", r"\{").replace("}", r"\}") + "$"):
        function(left, right)
