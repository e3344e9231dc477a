"""Modules of both versions: what is read, and that whole corpora are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique import rego
from pratique.rego.nodes import Call, Comprehension, Not, Object, Scalar, SetOf, Unify, Var
from pratique.rego.parse import parse_module, parse_query, parse_term

CONFORMANCE = Path(__file__).parents[3] / "shared" / "conformance"
needs_corpus = pytest.mark.skipif(not CONFORMANCE.is_dir(), reason="no conformance data beside the checkout")


def rules(text: str, version: Any = "v1") -> list[Any]:
    return list(parse_module(rego.Source("p.rego", f"package a\n\n{text}\n", version)).rules)


# --- heads -------------------------------------------------------------------------------------------------

HEADS = [
    ("v0", "p { true }", ("p",), 0, "value", None),
    ("v0", "p[x] { x = 1 }", ("p",), 0, "set", None),
    ("v0", "p[x] = y { x = 1; y = 2 }", ("p",), 1, "value", None),
    ("v0", 'p["a"] = 1', ("p", "a"), 0, "value", None),
    ("v0", "p.a.b[x] { x = 1 }", ("p", "a", "b"), 1, "value", None),
    ("v0", "f(x, y) = z { z = x }", ("f",), 0, "value", 2),
    ("v0", "import future.keywords\np[x] if { x = 1 }", ("p",), 1, "value", None),
    ("v1", "p contains x if { x := 1 }", ("p",), 0, "set", None),
    ("v1", "p contains 1", ("p",), 0, "set", None),
    ("v1", "p[x] if { x := 1 }", ("p",), 1, "value", None),
    ("v1", "p[x].q[y] := 1 if { x := 1; y := 2 }", ("p",), 3, "value", None),
    ("v1", "p[x].q contains y if { x := 1; y := 2 }", ("p",), 2, "set", None),
    ("v1", 'p.q["r s"] := 1', ("p", "q", "r s"), 0, "value", None),
    ("v1", "a.b.f(x) := x", ("a", "b", "f"), 0, "value", 1),
    ("v1", "default f(_, x) := 1", ("f",), 0, "value", 2),
    ("v1", "if.x := 1", ("if", "x"), 0, "value", None),
]


@pytest.mark.parametrize(
    ("version", "text", "path", "keys", "kind", "args"), HEADS, ids=[h[1] for h in HEADS]
)
def test_heads(
    version: str, text: str, path: tuple[str, ...], keys: int, kind: str, args: int | None
) -> None:
    (rule,) = rules(text, version)
    assert rule.path == path
    assert len(rule.keys) == keys
    assert rule.kind == kind
    assert (None if rule.args is None else len(rule.args)) == args


def test_else_links_and_chained_bodies() -> None:
    (rule,) = rules("p := 1 if { x } else := 2 if { y } else := 3")
    assert rule.otherwise is not None
    assert rule.otherwise.otherwise is not None
    assert rule.otherwise.otherwise.value.value == 3
    assert len(rules("p { x } { y } { z }", "v0")) == 3


# --- terms -------------------------------------------------------------------------------------------------


def test_what_braces_are() -> None:
    def read(text: str) -> Any:
        return parse_term(rego.Source("t", text))

    assert isinstance(read("{}"), Object)
    assert isinstance(read("{1, 2,}"), SetOf)
    assert isinstance(read("set()"), SetOf)
    assert isinstance(read("{a | b}"), Comprehension)
    assert isinstance(read("{a | b, c}"), SetOf)
    assert isinstance(read("{a + b: c | d}"), Comprehension)
    assert isinstance(read('{"a": 1, "b": 2,}'), Object)
    assert isinstance(read("({a} | {b})"), Call)
    assert isinstance(read("{1 | true}"), Comprehension)


def test_numbers_keep_their_text() -> None:
    from_text = [parse_term(rego.Source("t", text)) for text in ("1", "1.50", "-2", "1e3", ".5")]
    values = [term.value for term in from_text if isinstance(term, Scalar)]
    assert [str(value) for value in values] == ["1", "1.50", "-2", "1E+3", "0.5"]


def test_strings() -> None:
    def read(text: str) -> Any:
        term = parse_term(rego.Source("t", text))
        assert isinstance(term, Scalar)
        return term.value

    assert read(r'"a\n\"\u00e9\ud83d\ude00"') == 'a\n"é😀'
    assert read(r'"\ud800"') == "�"
    assert read("`a\\n\nb`") == "a\\n\nb"


def test_queries() -> None:
    body = parse_query(rego.Source("q", "x := 1; not y\nz = data.a[_]"))
    assert [type(literal) for literal in body] == [Unify, Not, Unify]
    (only,) = parse_query(rego.Source("q", "x"))
    assert type(only).__name__ == "Test"  # imported, pytest would collect it
    assert isinstance(only.term, Var)


def test_comments_and_metadata_are_kept() -> None:
    text = (
        "# METADATA\n# title: A\npackage a\n\n# plain\n\n# METADATA\n# title: P\n"
        "# authors:\n# - Jane Doe <jane@example.com>\n# scope: document\np := 1 # behind\n"
    )
    module = parse_module(rego.Source("p.rego", text))
    assert [note.scope for note in module.annotations] == ["package", "document"]
    assert module.rules[0].annotations[0].value["authors"] == [
        {"name": "Jane Doe", "email": "jane@example.com"}
    ]
    assert [comment.text for comment in module.comments][-1] == " behind"


# --- corpora -----------------------------------------------------------------------------------------------


def language_cases() -> Iterator[rego.Source]:
    for version in ("v0", "v1"):
        for path in sorted((CONFORMANCE / f"rego-{version}").glob("*.json")):
            for case in json.loads(path.read_text())["cases"]:
                for text in case.get("modules") or []:
                    yield rego.Source(f"{path.stem}/{case['note']}", text, version)  # type: ignore[arg-type]


def templates() -> Iterator[rego.Source]:
    for path in sorted(
        [
            *CONFORMANCE.glob("gatekeeper-library/*/*/template.yaml"),
            *CONFORMANCE.glob("azure-policy/samples/*/template.yaml"),
        ]
    ):
        for document in yaml.safe_load_all(path.read_text()):
            if not isinstance(document, dict) or document.get("kind") != "ConstraintTemplate":
                continue
            for target in document["spec"]["targets"]:
                found = [(text, "v0") for text in [target.get("rego"), *(target.get("libs") or [])] if text]
                for code in target.get("code") or []:
                    if code["engine"] == "Rego":
                        source = code["source"]
                        version = source.get("version", "v0")
                        found += [(text, version) for text in [source["rego"], *(source.get("libs") or [])]]
                for text, version in found:
                    yield rego.Source(str(path), text, version)


@needs_corpus
@pytest.mark.parametrize("corpus", [language_cases, templates])
def test_whole_corpora_are_read(corpus: Any) -> None:
    count = 0
    refused = []
    for source in corpus():
        count += 1
        try:
            parse_module(source)
        except rego.CompileError as error:
            refused.append(error.render())
    assert count > 100
    assert not refused
