"""The quick reader gives what libyaml's way gives, or nothing at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.kube import plainyaml, yaml

MANIFEST = """\
# What kubectl prints.
apiVersion: v1
kind: Pod
metadata:
  annotations:
    checksum: 0x1F # a number
    empty:
    note: "a: #b"
    it's: ok
  labels: {}
  name: web-1
spec:
  containers:
  - args:
    - --port=8080
    - -v
    - "{}"
    command: ["sh", -c, 'x']
    env:
    - name: SCRIPT
      value: |
        # not a comment
        if true; then

          echo: "$(A)"
        fi
    image: registry.example:5000/web@sha256:00
  -   name:   'it''s'
      on_: yes
  volumes:
    - emptyDir: {}
      name: data

    - name: ~
"""
VALUE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "annotations": {"checksum": 31, "empty": None, "note": "a: #b", "it's": "ok"},
        "labels": {},
        "name": "web-1",
    },
    "spec": {
        "containers": [
            {
                "args": ["--port=8080", "-v", "{}"],
                "command": ["sh", "-c", "x"],
                "env": [
                    {
                        "name": "SCRIPT",
                        "value": '# not a comment\nif true; then\n\n  echo: "$(A)"\nfi\n',
                    }
                ],
                "image": "registry.example:5000/web@sha256:00",
            },
            {"name": "it's", "on_": True},
        ],
        "volumes": [{"emptyDir": {}, "name": "data"}, {"name": None}],
    },
}


def slowly(text: str) -> Any:
    """Return libyaml's value, or the error."""
    try:
        return [value for value, _ in yaml._read(text, "")]
    except yaml.YamlError as error:
        return error


def agree(text: str) -> bool:
    """Hold the two readers against each other, and tell whether the quick one read the text."""
    found = plainyaml.read(text)
    if found is plainyaml.UNREAD:
        return False
    expected = slowly(text)
    if text.startswith("{") and isinstance(expected, yaml.YamlError):
        # JSON is JSON, also where libyaml does not know it for YAML (surrogates, DEL, long keys).
        expected = [json.loads(text)]
    # repr tells 1 from true and 1.0, and the order of keys, which == does not.
    assert repr([found]) == repr(expected), text
    return True


def test_a_manifest_is_read() -> None:
    text = MANIFEST.replace("    it's: ok\n", "").replace(", -c", ', "-c"')
    expected = json.loads(json.dumps(VALUE))
    del expected["metadata"]["annotations"]["it's"]
    assert plainyaml.read(text) == expected
    assert agree(text)
    # What is not plain is left to libyaml, and comes out all the same.
    assert plainyaml.read(MANIFEST) is plainyaml.UNREAD
    assert yaml.read_one(MANIFEST) == VALUE


READ = [
    "a: b\n",
    "a: b",
    "---\na: b\n",
    "- a\n- b: c\n  d: e\n",
    "  a: 1\n  b:\n  - c\n",
    "a:\n- b\n-  c: d\n   e: f\ng: h\n",
    "a: \nb:   \n",
    "a: # comment\n",
    "a: b#c # comment\n",
    "a: http://x:80/#y\n",
    "a: [ ]\n",
    "a: [1, 0777, yes, a]\n",
    'a: "x" # y\n',
    "a: b\na: c\n",
    "a: |\n  x\n\n   y\n\nb: c\n",
    "a: |-\n  x\n",
    "- |\n x\n- |\n y\n",
    "a:\n  - |\n    x\n",
    "\n\n# c\n\na: b\n\n",
    "a: bé\n",
    "a: b\n# c: |\n  # d\n",
    '{"a": [1, "x", true, null, {}]}',
]
UNREAD = [
    "",
    "a",
    "- - a\n",
    "-\n",
    "é: a\n",
    "&a b: c\n",
    "a: *b\n",
    "a: !!str 1\n",
    "a: {b: c}\n",
    "a: b: c\n",
    "a: b\n  c\n",
    "a: b\n  - c\n",
    "a: b\n - c\n",
    "a: b\n  c: d\n",
    "a:\n  b: c\n d: e\n",
    "a: b\n- c\n",
    "- a\nb: c\n",
    "  a: b\nc: d\n",
    "a: 'b\n  c'\n",
    'a: "\\n"\n',
    "a: >\n  b\n",
    "a: |+\n  b\n\n",
    "a: |2\n   b\n",
    "a: |\n\n  b\n",
    "a: |\n",
    "a: |\nb: c\n",
    "a: |\n  b",
    "a: |\n  b\n c: d\n",
    "a:\tb\n",
    "a: b\r\n",
    "a: .inf\n",
    "yes: b\n",
    "1: b\n",
    "<<: b\n",
    "a: b\n---\nc: d\n",
    "a: b\n...\n",
    "%YAML 1.2\n---\na: b\n",
    "a: [b, [c]]\n",
    "a: [b,]\n",
    "a: [b c]\n",
    "a: \u2028\n",
    "a: \ufeff\n",
    "a: @b\n",
    "a: -\n",
    "a: - b\n",
    '{"a": 1.0}',
    '{"a": 12345678901234567890}',
    '{"a": 1}\n{"b": 1}',
    "{a: b}",
    "[" * 300 + "]" * 300,
    '{"a":' * 300 + "1" + "}" * 300,
    "".join(f"{' ' * depth}a:\n" for depth in range(150)),
]


@pytest.mark.parametrize("text", READ)
def test_what_is_plain(text: str) -> None:
    assert agree(text)


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_left_to_libyaml(text: str) -> None:
    assert not agree(text)


# Scalars at which a reader may stumble, one a line, as a Python literal would hold them.
HARD = (
    r"a|yes|null|~|0777|1.0|1e3|-1|12345678901234567890|.5|0x1f|=|a: b|a #b|a#b|#a|a:|:a|- a|-a|'|\"|a'b|{}|[]|[a]|{"
    r"|>|&a|*a|!a|%a|@a|`a|?|? a|,|a,b|<<|---|...|a\nb|a\n|\n| a|a |\u00e9|\u2028|\x07|\t|a\tb|\U0001f600|a\\b"
    r"|x\n\n y\n|2001-01-01|"
)
words = st.one_of(
    st.sampled_from(["|", *HARD.encode().decode("unicode_escape").split("|")]), st.text(max_size=6)
)
keys = st.one_of(words, st.from_regex(r"[a-z][a-z./-]{0,5}", fullmatch=True))
values = st.recursive(
    st.one_of(
        words, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(values, st.sampled_from([None, "", "'", '"', "|"]), st.integers(2, 5), st.booleans())
def test_what_is_dumped_reads_the_same(value: Any, style: str | None, indent: int, wide: bool) -> None:
    agree(pyyaml.safe_dump(value, default_style=style, indent=indent, width=4096 if wide else 20))
    agree(yaml.dump(value))
    agree(json.dumps(value, indent=indent if wide else None))


lines = st.tuples(
    st.sampled_from(["", "", " ", "  ", "  ", "    ", "---\n", "# c\n", "\n", "  \n", "\t"]),
    st.sampled_from(["", "", "", "- ", "-  ", "-", "- - ", "? "]),
    st.sampled_from(
        ["", "a: ", "a:", "b: ", "b:  ", "c:", '"d": ', "'e': ", "yes: ", "1: ", "a b: ", "&x a: "]
    ),
    st.one_of(
        st.sampled_from(
            ["", "", "x", "1", "x # c", "x #c", "x#c", "# c", " ", '"x"', "'x'", "'x''y'", '"x" # c']
        )
        | st.sampled_from(
            ["[]", "{}", "[a, 'b']", "[a, b", "|", "|-", ">", "|+", "x ", "-1", "- x", "x: y", "*x"]
        ),
        words,
    ),
    st.sampled_from(["\n", "\n", "\n", "\n\n", " \n", "\n  \n", ""]),
).map("".join)


@settings(max_examples=1500, deadline=None)
@given(st.lists(lines, min_size=1, max_size=8).map("".join))
def test_lines_at_random_read_the_same(text: str) -> None:
    agree(text)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(MANIFEST)),
            st.integers(0, 3),
            st.sampled_from(
                ["", "", " ", "  ", "\n", "-", ":", ": ", "#", "'", '"', "|", "a", "\n\n", "[", "{}"]
            ),
        ),
        max_size=3,
    )
)
def test_a_manifest_with_faults_reads_the_same(faults: list[tuple[int, int, str]]) -> None:
    text = MANIFEST.replace("    it's: ok\n", "").replace(", -c", "")
    for at, gone, put in faults:
        text = text[:at] + put + text[at + gone :]
    agree(text)
