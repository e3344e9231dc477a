from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pratique.rego.runtime.numbers import without
from pratique.rego.runtime.values import (
    UNDEFINED,
    Object,
    Set,
    compare,
    equal,
    gathered,
    key,
    make_object,
    ordered,
)

EQUAL = [
    (1, 1.0),
    (1, Decimal("1.0")),
    (0.1, Decimal("0.1")),
    ({"a": [1, 2.0]}, {"a": [1.0, 2]}),
    (Set([1, 2, 1]), Set([2.0, 1])),
    (make_object([(1, "a")]), make_object([(1.0, "a")])),
]
DIFFERENT = [
    (1, True),
    (0, False),
    (None, False),
    ("1", 1),
    ([1], [True]),
    ({"a": 1}, {"a": True}),
    ([], {}),
    ({}, Set()),
    (Set([1]), [1]),
    (make_object([(1, "a")]), {"1": "a"}),
    (UNDEFINED, None),
]
IN_ORDER = [
    None,
    False,
    True,
    -1,
    0.5,
    1,
    Decimal("1.5"),
    2,
    "",
    "B",
    "a",
    "é",
    [],
    [0, 9],
    [1],
    {},
    {"a": 1},
    {"b": 0},
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=3)
    | st.floats(allow_nan=False, allow_infinity=False)
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
)
values = st.recursive(
    json_values, lambda inner: st.lists(inner, max_size=3).map(Set) | st.lists(inner, max_size=2)
)


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_equal_values_have_one_key(left: Any, right: Any) -> None:
    assert equal(left, right)
    assert key(left) == key(right)
    assert compare(left, right) == 0


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_different_values_are_told_apart(left: Any, right: Any) -> None:
    assert not equal(left, right)
    assert not equal(right, left)


def test_the_total_order_is_that_of_opa() -> None:
    for left, right in pairwise(IN_ORDER):
        assert compare(left, right) == -1
        assert compare(right, left) == 1
    assert [repr(value) for value in ordered(reversed(IN_ORDER))] == [repr(value) for value in IN_ORDER]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(values, values)
def test_equality_order_and_keys_agree(left: Any, right: Any) -> None:
    assert equal(left, right) == (compare(left, right) == 0) == (key(left) == key(right))
    assert compare(left, right) == -compare(right, left)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(values, values, values)
def test_the_order_is_transitive(one: Any, two: Any, three: Any) -> None:
    low, middle, high = ordered([one, two, three])
    assert compare(low, middle) <= 0
    assert compare(middle, high) <= 0
    assert compare(low, high) <= 0


def test_a_set_keeps_what_python_would_merge() -> None:
    members = Set([1, True, 1.0, "1", None, [1], {"a": 1}, {"a": True}, [1]])
    assert len(members) == 7
    assert True in members
    assert False not in members
    assert {"a": 1} in members


def test_an_object_with_a_key_that_is_no_string() -> None:
    found = make_object([(1, "a"), ("1", "b"), ([1], "c")])
    assert type(found) is Object
    assert (found.get(1.0), found.get("1"), found.get([1]), found.get(2)) == ("a", "b", "c", UNDEFINED)


SHARED: dict[str, Any] = {}
texts = st.text("abé\U0001f600", max_size=2)
records = st.one_of(
    st.fixed_dictionaries({"msg": texts}),
    st.fixed_dictionaries({"msg": texts, "details": st.just(SHARED)}),
    st.fixed_dictionaries({"msg": texts, "field": texts}),
    st.fixed_dictionaries({"msg": texts | st.integers(0, 1), "details": st.just(SHARED) | st.just({})}),
)


@given(
    st.lists(records, max_size=5) | st.lists(st.fixed_dictionaries({"msg": texts, "a": texts}), max_size=5)
)
def test_what_policies_answer_comes_once_and_in_order(rows: list[dict[str, Any]]) -> None:
    wanted = ordered({key(row): row for row in reversed(rows)}.values())
    for made in (Set(rows), gathered(list(rows))):
        assert list(made) == wanted
        assert len(made) == len(wanted) == len(made.values())
        assert made == Set(wanted)
        assert all(row in made for row in rows)


@given(st.lists(texts | scalars, max_size=4), st.lists(texts | json_values, max_size=20))
def test_texts_are_taken_out_of_a_set_as_by_its_keys(left: list[Any], right: list[Any]) -> None:
    known = {key(value) for value in right}
    wanted = ordered({key(value): value for value in reversed(left) if key(value) not in known}.values())
    for made in (without(gathered(left.copy()), gathered(right.copy())), without(Set(left), Set(right))):
        assert list(map(repr, made)) == list(map(repr, wanted))
