"""Suite files: what is read, as which type, and what of a wrong one is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pratique.errors import PratiqueError
from pratique.offline import suitefile

HEAD = "kind: Suite\napiVersion: test.gatekeeper.sh/v1alpha1\n"


def read(folder: Path, text: str) -> Any:
    path = folder / "s.yaml"
    path.write_text(text)
    return suitefile.read(str(path))


def checked(folder: Path, text: str) -> Any:
    (folder / "s.yaml").write_text(HEAD + text)
    return suitefile.checked(*suitefile.read_placed(str(folder / "s.yaml")))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("True", True),
        ("~", None),
        ("5", 5),
        ("0o17", 15),
        ("1.0", 1),
        ("1.5", 1.5),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("!!bool true", True),
        ("!own 5", "5"),
        ("2020-01-02", "2020-01-02T00:00:00Z"),
        ("2020-01-02T03:04:05+01:30", "2020-01-02T03:04:05+01:30"),
        ("2020-99-02", "2020-99-02"),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
    ],
)
def test_scalars_are_those_of_yaml_v3(tmp_path: Path, text: str, value: Any) -> None:
    assert read(tmp_path, f"a: {text}\n") == {"a": value}


def test_a_version_of_yaml_may_be_named(tmp_path: Path) -> None:
    assert read(tmp_path, "%YAML 1.2\n---\na: 1\n") == {"a": 1}


def test_anchors_and_merges(tmp_path: Path) -> None:
    found = read(tmp_path, "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}]}\nd: *a\n")
    assert found["b"] == {"x": 1, "y": 3}
    assert found["c"] == {"x": 1, "y": 2, "z": 4}
    assert found["d"] == found["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "s.yaml:2:1: `a` stands here twice"),
        ("a: {1: b}\n", "s.yaml:1:5: a key must be text"),
        ("a: {[b]: c}\n", "s.yaml:1:5: a key must be text"),
        ("a: .nan\n", "s.yaml:1:4: `.nan` is a number that JSON cannot say"),
        ("a: &a [*a]\n", "s.yaml:1:4: an anchor contains itself"),
        ("<<: 5\n", "s.yaml:1:5: `<<` takes a mapping"),
        ("- a\n", "s.yaml:1:1: a mapping is wanted here"),
        ("''\n", "s.yaml:1:1: a mapping is wanted here"),
        ("a: *b\n", "s.yaml:1:4: not YAML: found undefined alias"),
        ("a: [\n", "not YAML"),
        ("a: \x01\n", "s.yaml: not YAML"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PratiqueError) as caught:
        read(tmp_path, text)
    assert message in caught.value.render()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tests: ''\n", 's.yaml:3:8: `tests` must be a list, not ""'),
        (
            "tests:\n- {name: a, skip: 'true'}\n",
            's.yaml:4:19: `tests[0].skip` must be true or false, not "true"',
        ),
        ("tests:\n- {name: 5}\n", "s.yaml:4:10: `tests[0].name` must be text, not 5"),
        ("tests: [{cases: [~]}]\n", "s.yaml:3:18: `tests[0].cases[0]` must be an object, not null"),
        (
            "tests: [{cases: [{assertions: [{violations: 1.5}]}]}]\n",
            "`tests[0].cases[0].assertions[0].violations` must be yes, no or a whole number, not 1.5",
        ),
        ("tests: [{mutators: a}]\n", "`tests[0].mutators` must be a list"),
        ("labels: [a]\n", "`labels` must be an object, not a list"),
    ],
)
def test_a_wrong_type_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PratiqueError) as caught:
        checked(tmp_path, text)
    assert message in caught.value.render()


def test_aliases_do_not_multiply_without_end(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{index}: &a{index} [{', '.join([f'*a{index - 1}'] * 10)}]" for index in range(1, 12)]
    with pytest.raises(PratiqueError, match="beyond reason"):
        read(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000])
def test_what_is_nested_too_deeply_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PratiqueError):
        read(tmp_path, text)


def test_fields_are_found_whatever_their_case_and_nulls_are_nothing(tmp_path: Path) -> None:
    found = checked(tmp_path, "Tests: [{NAME: a, Cases: ~, other: 1}]\nskip: ~\n")
    assert found == {"tests": [{"name": "a"}]}


def test_values_of_objects_are_read_as_kubernetes_reads_them(tmp_path: Path) -> None:
    values = "assertions: [{value: {a: yes, b: 2020-01-02}}, {value: ~}], externalData: {p: {k: on}}"
    found = checked(tmp_path, f"tests: [{{cases: [{{{values}}}]}}]\n")
    (case,) = found["tests"][0]["cases"]
    assert case["assertions"] == [{"value": {"a": True, "b": "2020-01-02"}}, {"value": None}]
    assert case["externalData"] == {"p": {"k": True}}
