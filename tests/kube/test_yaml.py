"""YAML as kubectl reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.kube import yaml

SCALARS = Path(__file__).parents[1] / "cases" / "yaml" / "scalars.txt"


def _table() -> list[tuple[str, Any]]:
    rows = []
    for line in SCALARS.read_text().splitlines():
        if line and not line.startswith("#"):
            text, _, value = line.partition(" -> ")
            rows.append((text.strip(), eval(value, {})))  # the table is ours
    return rows


@pytest.mark.parametrize(("text", "value"), _table())
def test_scalars(text: str, value: Any) -> None:
    found = yaml.read_one(f"a: {text}\n")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: .inf", 1, 4, "cannot say"),
        ("a: [", 2, 1, "not YAML"),
        ("a: 1\n\tb: 2", 2, 1, "not YAML"),
        ("&a [*a]", 1, 1, "contains itself"),
        ("a: *b", 1, 4, "undefined alias"),
        ("? [a]\n: b", 1, 3, "a key must be text"),
        ("a: !!binary x", 1, 4, "not Base64"),
        ("a: !!int x", 1, 4, "no int"),
        ("a: 1\nb: \0", 2, 1, "zero byte"),
        ("a: 1\n<<: 2", 2, 5, "takes a mapping"),
    ],
)
def test_errors_have_a_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(yaml.YamlError) as caught:
        yaml.read(text, file="f.yaml")
    place = caught.value.location
    assert (place.file, place.line, place.column) == ("f.yaml", line, column)
    assert message in caught.value.message


@pytest.mark.parametrize("text", ["- " * 5000, "[" * 50_000, "{a: " * 5000, "a:\n- " + "[" * 300])
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(yaml.YamlError, match="nested deeper"):
        yaml.read(text)


def test_aliases_do_not_multiply() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(yaml.YamlError, match="beyond reason"):
        yaml.read("\n".join(levels))


def test_aliases_and_merges_are_built_anew() -> None:
    found = yaml.read_one("a: &a {x: [1]}\nb: *a\nc: {<<: *a, w: 2}\nd: {<<: [{x: 0}, *a], z: 3}\n")
    found["b"]["x"].append(2)
    assert found["a"] == {"x": [1]}
    assert found["c"] == {"x": [1], "w": 2}
    assert found["d"] == {"x": 0, "z": 3}


def test_keys_are_text_and_the_last_of_two_wins() -> None:
    assert yaml.read_one("1: a\nn: b\nx: 1\nx: 2\n") == {"1": "a", "false": "b", "x": 2}
    with pytest.raises(yaml.YamlError, match="this one is null"):
        yaml.read_one("~: c\n")


def test_a_tag_without_a_name_on_a_mapping_means_nothing() -> None:
    assert yaml.read_one("! {a: ! [b]}") == {"a": ["b"]}


def test_json_says_large_characters_in_two_escapes() -> None:
    assert yaml.read_one('---\n{"a": "\\ud83d\\ude00", "b": 1.5}') == {"a": "\U0001f600", "b": 1.5}
    assert yaml.read_one('---\n{"a": "\\\\ud83d\\\\ude00"}') == {"a": "\\ud83d\\ude00"}


def test_several_documents_and_empty_ones() -> None:
    assert yaml.read("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n") == [{"a": 1}, {"b": 2}]
    with pytest.raises(yaml.YamlError, match="2 documents"):
        yaml.read_one("a: 1\n---\nb: 1\n")


TEXT = """\
kind: T
spec:
  targets:
  - target: x
    rego: |
      package a

      violation[x] {
        x
      }
    plain: one two
    quoted: "one two"
    folded: >
      one
      two
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 1, 1),
        (("kind",), 1, 7),
        (("spec", "targets"), 4, 3),
        (("spec", "targets", 0), 4, 5),
        (("spec", "targets", 0, "target"), 4, 13),
        (("spec", "targets", 1), 4, 3),
        (("spec", "missing", "deep"), 3, 3),
    ],
)
def test_every_path_has_a_place(path: tuple[str | int, ...], line: int, column: int) -> None:
    place = yaml.load(TEXT)[0].location(path)
    assert (place.line, place.column) == (line, column)
    assert place.text == TEXT.split("\n")[line - 1]


@pytest.mark.parametrize(
    ("name", "inner", "outer"),
    [
        ("rego", (1, 1), (6, 7)),
        ("rego", (3, 11), (8, 17)),
        ("rego", (4, 3), (9, 9)),
        ("plain", (1, 5), (11, 16)),
        ("quoted", (1, 5), (12, 18)),
        ("folded", (2, 1), (13, 13)),
    ],
)
def test_places_inside_a_text_value(name: str, inner: tuple[int, int], outer: tuple[int, int]) -> None:
    place = yaml.load(TEXT)[0].inside(("spec", "targets", 0, name), *inner)
    assert (place.line, place.column) == outer


def test_places_of_keys_and_later_documents() -> None:
    first, second = yaml.load("a: 1\n---\nb:\n  c: 2\n")
    assert first.index == 0
    assert (second.index, second.line) == (1, 3)
    assert second.key_location(("b", "c")).column == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(JSON)
def test_what_is_written_reads_back_the_same(value: Any) -> None:
    assert yaml.read_one(f"a: 1\nb:\n{_indent(yaml.dump([value]))}")["b"] == [value]


def _indent(text: str) -> str:
    return "".join(f"  {line}\n" if line else "\n" for line in text.split("\n"))


def test_texts_that_look_like_something_else_are_quoted() -> None:
    for text in ("y", "on", "012", "1e3", "null", "~", "", ".inf", "0o7", "1_000", "- x", "a: b", "#c"):
        assert yaml.read_one(yaml.dump({"v": text})) == {"v": text}


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,? \n\t0123<~", max_size=40))
def test_no_text_gives_a_traceback(text: str) -> None:
    try:
        yaml.load(text)
    except yaml.YamlError as error:
        assert error.render()
