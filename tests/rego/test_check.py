"""Names, order and conflicts: what a checked policy means."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique import rego
from pratique.rego.check import Capabilities

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases" / "rego" / "names.yaml").read_text())
LIB = "package lib\n\nf(x) := x * 10\n\nx := 9\n"
INPUT = {"n": 42, "xs": [1, 2, 3], "if": {"in": 1}}


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_a_name_means_what_opa_says(case: dict[str, Any]) -> None:
    text = "\n\n".join(["package a", *case.get("imports", []), *case["rules"]]) + "\n"
    policy = rego.compile([rego.Source("a.rego", text), rego.Source("lib.rego", LIB)])
    found = policy.evaluate("data.a.p", INPUT)
    assert (None if found is rego.UNDEFINED else rego.json_text(found)) == case.get("want")


BODIES = [
    ["x = input.xs[i]", "i > 0", "y = x * 2", "y != 6"],
    ["[a, b] = [input.xs[0], input.n]", "[b, c] = [d, a]", "d = x", "c > 0"],
    ["x = ys[_]", "ys = [y | y := input.xs[_]; y > low]", "low = 1", "not x == 3"],
    ["every z in ys { z > 0 }", "ys = [y | some y in input.xs]", "count(ys, n)", "x = n"],
    ["walk(input, [path, x])", 'path == ["n"]'],
    ["x = f(y)", "y = input.xs[_]", "not g(y)"],
    ['{"n": x, "xs": [_, y, _], "if": {"in": z}} = input', "y > z", "x > y"],
]


@pytest.mark.parametrize("body", BODIES, ids=[body[0] for body in BODIES])
def test_the_order_of_a_body_does_not_matter(body: list[str]) -> None:
    answers = set()
    for order in itertools.permutations(body):
        lines = "\n  ".join(order)
        text = f"package a\n\nf(x) := x + 1\n\ng(x) if x == 2\n\np contains x if {{\n  {lines}\n}}\n"
        policy = rego.compile([rego.Source("a.rego", text)])
        answers.add(rego.json_text(policy.evaluate("data.a.p", INPUT)))
    assert len(answers) == 1
    assert answers != {"[]"}


def test_a_denied_builtin_is_unknown() -> None:
    text = "package a\n\np := count([])\n"
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("a.rego", text)], capabilities=Capabilities(denied=frozenset({"count"})))
    assert caught.value.problems[0].message == "undefined function count"
    assert caught.value.problems[0].hint == "`count` is switched off for policies here"


def test_strict_tells_unused_names() -> None:
    text = "package a\n\np if { x := 1 }\n"
    rego.compile([rego.Source("a.rego", text)])
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("a.rego", text)], capabilities=Capabilities(strict=True))
    assert [problem.message for problem in caught.value.problems] == ["assigned var x unused"]


def test_deprecated_builtins_are_refused_in_v1_only() -> None:
    rego.compile([rego.Source("a.rego", "package a\n\np { any([true]) }\n", "v0")])
    with pytest.raises(rego.CompileError):
        rego.compile([rego.Source("a.rego", "package a\n\nimport rego.v1\n\np if { any([true]) }\n", "v0")])


def test_a_package_cannot_stand_where_a_rule_is() -> None:
    sources = [
        rego.Source("a.rego", "package a\n\nb := 1\n"),
        rego.Source("b.rego", "package a.b\n\nc := 1\n"),
    ]
    with pytest.raises(rego.CompileError) as caught:
        rego.compile(sources)
    assert caught.value.problems[0].message == (
        "package data.a.b conflicts with rule data.a.b defined at a.rego:3:1"
    )


@pytest.mark.parametrize(
    "body",
    [
        "print(x); x = input.n",
        "print(input.xs[_])",
        "ys := [1 | print(x)]; x = ys[0]",
        "every y in input.xs { print(y, x); x = y }",
    ],
)
def test_print_speaks_of_what_has_a_value_before_it(body: str) -> None:
    source = rego.Source("a.rego", f"package a\n\np if {{ {body} }}\n")
    with pytest.raises(rego.CompileError, match=r"var [x_] is undeclared"):
        rego.compile([source], printing=True)


def test_print_never_fails() -> None:
    said: list[str] = []
    policy = rego.compile(
        [rego.Source("a.rego", "package a\n\np if { not print(input.n) }\n")], printing=True
    )
    assert policy.evaluate("data.a.p", INPUT, sink=lambda text, _: said.append(text)) is True
    assert said == ["42"]
