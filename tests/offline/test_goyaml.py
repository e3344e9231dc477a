"""YAML as go-yaml writes it: the order of keys, styles of scalars, numbers, and the flow style behind the first."""

from __future__ import annotations

import pytest

from pratique.offline import goyaml


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (1e6, "1e+06"),
        (123456.0, "123456"),
        (1234567.5, "1.2345675e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-2.5e-9, "-2.5e-09"),
        (-0.0, "-0"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert goyaml.number(value) == text


@pytest.mark.parametrize(
    "keys",
    [
        ["v1.9", "v1.10", "v2", "v02", "v10"],
        ["a-b", "a_b", "a0", "a00", "a9b", "a100", "a101", "a1000", "aB"],
        ["1a", "9", "10", "a"],
    ],
)
def test_keys_stand_in_their_natural_order(keys: list[str]) -> None:
    assert list(goyaml.ordered(dict.fromkeys(sorted(keys)))) == keys


def test_styles() -> None:
    value = {
        "a": "yes",
        "b": "x: y",
        "c": "one\ntwo\n",
        "d": "\ttab",
        "e": "",
        "f": [],
        "g": "1.5",
        "h": "a, b",
    }
    assert goyaml.dump(value) == (
        'a: "yes"\nb: \'x: y\'\nc: |\n    one\n    two\nd: "\\ttab"\ne: ""\nf: []\ng: "1.5"\nh: a, b\n'
    )
    assert goyaml.flow({"a, b": "c: d", "e]": ["f", {"g": "h\ni"}]}) == (
        "{'a, b': 'c: d', 'e]': [f, {g: \"h\\ni\"}]}"
    )


def test_all_results_but_the_first_stand_on_one_line() -> None:
    assert goyaml.dump_results([]) == "[]\n"
    assert goyaml.dump_results([{"a": [1]}, {"a": [1]}]) == "- a:\n    - 1\n- {a: [1]}\n"
