"""What is said about the commonest mistakes, and that nothing else than that can come out of a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique import rego
from pratique.rego.errors import MOST
from pratique.rego.parse import parse_module

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases" / "rego" / "problems.yaml").read_text())

WORDS = [
    *(
        "package",
        "import",
        "as",
        "default",
        "else",
        "not",
        "some",
        "with",
        "null",
        "true",
        "false",
        "in",
        "every",
    ),
    *(
        "contains",
        "if",
        "set",
        "data",
        "input",
        "p",
        "x",
        "f",
        "_",
        "0",
        "1.5",
        "-1",
        '"s"',
        "`r`",
        '$"t{x}"',
    ),
    *(":=", "=", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "&", "|", ".", ",", ":", ";"),
    *("[", "]", "{", "}", "(", ")", "#", "\n", "\\"),
]


def said(problem: rego.Problem) -> str:
    where = f"{problem.location.line}:{problem.location.column}"
    text = "\n".join([f"{where} {problem.code}: {problem.message}", *problem.details])
    return f"{text}\nhint: {problem.hint}" if problem.hint else text


@pytest.mark.parametrize("case", CASES, ids=[f"{number}" for number in range(len(CASES))])
def test_mistakes_are_told_with_their_place(case: dict[str, Any]) -> None:
    source = rego.Source("p.rego", case["text"], case.get("version", "v1"))
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([source], capabilities=rego.Capabilities(strict=case.get("strict", False)))
    assert [said(problem) for problem in caught.value.problems] == case["problems"]


def test_a_problem_shows_its_line_and_a_caret() -> None:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("p.rego", "package a\n\np if {\n\tinptu.x\n}\n")])
    assert caught.value.render() == (
        "p.rego:4:2: rego_unsafe_var_error: var inptu is unsafe\n\t\tinptu.x\n\t\t^^^^^\nhint: did you mean `input`?"
    )


def test_at_most_ten_problems_are_told_at_once() -> None:
    text = "package a\n" + "".join(f"p{number} if x{number}\n" for number in range(30))
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("p.rego", text)])
    assert len(caught.value.problems) == MOST
    assert caught.value.render().endswith("and 20 more; the first 10 are shown")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.sampled_from(["v0", "v1"]))
def test_the_parser_raises_nothing_but_its_own_error(text: str, version: Any) -> None:
    parses_or_refuses(f"package a\n{text}", version)
    parses_or_refuses(text, version)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=30), st.sampled_from(["v0", "v1"]), st.sampled_from(["", " "])
)
def test_words_of_rego_in_any_order_are_read_or_refused(words: list[str], version: Any, between: str) -> None:
    parses_or_refuses("package a\n" + between.join(words), version)


@pytest.mark.parametrize("sign", ["[", "{", "(", "{a|", "[a|", "-", "x[", "f(", 'p := $"{', "not {"])
def test_deep_nesting_is_refused_not_a_crash(sign: str) -> None:
    parses_or_refuses(f"package a\np if {{\n{sign * 5000}", "v1")


def parses_or_refuses(text: str, version: Any) -> None:
    try:
        module = parse_module(rego.Source("p.rego", text, version))
    except rego.CompileError as error:
        for problem in error.problems:
            assert problem.code == "rego_parse_error"
            assert problem.message
            assert problem.location.line >= 1
    else:
        assert module.package[0] == "data"
