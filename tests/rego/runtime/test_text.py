from __future__ import annotations

import json
import pickle
from decimal import Decimal
from typing import Any

import pytest

from pratique.rego.runtime.numbers import parse_number
from pratique.rego.runtime.text import Spelled, json_text, plain_text, rego_text, to_json
from pratique.rego.runtime.values import Set, make_object


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (Decimal("1.50"), "1.50"),
        ('a"b\x00\n\t\u2028é', '"a\\"b\\x00\\n\\t\\u2028é"'),
        (["a", 1], '["a", 1]'),
        ({"b": 1, "a": [None]}, '{"a": [null], "b": 1}'),
        (Set(["b", "a"]), '{"a", "b"}'),
        (Set(), "set()"),
        (make_object([([1], "x")]), '{[1]: "x"}'),
    ],
)
def test_values_print_as_in_opa(value: Any, want: str) -> None:
    assert rego_text(value) == want


def test_a_string_on_its_own_has_no_quotes() -> None:
    assert plain_text('say "hi"') == 'say "hi"'


def test_json_has_the_escapes_of_go() -> None:
    assert (
        json_text({"b": "<&>\u2028é", "a": Set([2, 1])}) == '{"a":[1,2],"b":"\\u003c\\u0026\\u003e\\u2028é"}'
    )


def test_plain_json_data_goes_through_any_encoder() -> None:
    value = {"s": Set(["b", "a"]), "n": [Decimal("1.5"), Decimal("2.0")], "o": make_object([(1, True)])}
    assert json.loads(json.dumps(to_json(value))) == {"s": ["a", "b"], "n": [1.5, 2], "o": {"1": True}}


@pytest.mark.parametrize("text", ["1.0", "1e20", "-0", "0.33333333333333333334", "1E3"])
def test_a_spelled_number_keeps_its_text_and_is_a_float_to_encoders(text: str) -> None:
    found = to_json(parse_number(text), spelled=True)
    assert (type(found), found.text) == (Spelled, text)
    assert json.loads(json.dumps(found)) == float(text)
    assert pickle.loads(pickle.dumps(found)).text == text


@pytest.mark.parametrize("text", ["1", "1.5", "100000000000000000000000"])
def test_a_number_that_is_spelled_as_its_value_is_nothing_special(text: str) -> None:
    assert type(to_json(parse_number(text), spelled=True)) in (int, float)


def test_texts_in_collections_are_quoted_as_by_themselves() -> None:
    members = ["a", 'say "b"', "é\n", 1, ["x", None]]
    assert rego_text(members) == f"[{', '.join(map(rego_text, members))}]"
