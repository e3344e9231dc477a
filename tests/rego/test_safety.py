"""Nothing that an author writes reaches generated source, and an evaluation stays within its limits."""

from __future__ import annotations

import ast
import json

import pytest

from pratique import rego

HOSTILE = [
    '"); import os #',
    "'''",
    '"""',
    "\\",
    "\n",
    "\u2028",
    "{x}",
    "__import__('os')",
    "__class__",
    "%s",
    "\x00",
    "é",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_travels_in_the_table_of_constants(text: str) -> None:
    quoted = json.dumps(text)
    module = f"""package hostile[{quoted}]

import rego.v1

answer[{quoted}] := value if {{
	value := {{{quoted}: [x | x := {quoted}; input[{quoted}] == {quoted}]}}
	not input.{"zz"} == {quoted}
	sprintf(concat("", ["%v", ""]), [{quoted}]) == {quoted}
}}
"""
    policy = rego.compile([rego.Source(f"file {text}.rego", module, "v1")])
    found = rego.to_json(
        rego.query([rego.Source("a.rego", module, "v1")], "x = data.hostile", input={text: text})
    )
    assert found == [{"x": {text: {"answer": {text: {text: [text]}}}}}]
    for node in ast.walk(ast.parse(policy.emitted.source)):
        assert not isinstance(node, ast.Import | ast.ImportFrom)
        if isinstance(node, ast.JoinedStr):
            assert all(isinstance(part, ast.FormattedValue) for part in node.values)
        if isinstance(node, ast.Constant):
            assert node.value in (True, False, None, 0), node.value
        if isinstance(node, ast.Name):
            assert node.id.isascii()
            assert "__" not in node.id


def test_names_of_the_author_do_not_appear() -> None:
    module = "package dunder_package\n\nimport rego.v1\n\n__import__ := exec if exec := input.__globals__\n"
    policy = rego.compile([rego.Source("a.rego", module, "v1")])
    for name in ("__import__", "exec", "__globals__", "dunder_package"):
        assert name not in policy.emitted.source
    assert policy.evaluate("data.dunder_package.__import__", {"__globals__": 5}) == 5


def test_generated_code_has_no_builtins_of_python() -> None:
    policy = rego.compile([rego.Source("a.rego", "package a\n\np := 1\n", "v1")])
    assert policy._namespace["__builtins__"] == {}


RUNAWAY = """package t

import rego.v1

p := count([1 | some a in input; some b in input; some c in input; some d in input; a + b + c + d < 0])
"""


def test_a_runaway_evaluation_ends_at_its_steps() -> None:
    policy = rego.compile([rego.Source("a.rego", RUNAWAY, "v1")], limits=rego.Limits(steps=100_000))
    with pytest.raises(rego.LimitError) as caught:
        policy.evaluate("data.t.p", list(range(300)))
    assert caught.value.code == "eval_cancel_error"
    assert caught.value.location.line == 5
    assert policy.evaluate("data.t.p", [1]) == 0


def test_a_runaway_evaluation_ends_at_its_time() -> None:
    policy = rego.compile([rego.Source("a.rego", RUNAWAY, "v1")], limits=rego.Limits(steps=0, seconds=0.05))
    with pytest.raises(rego.LimitError, match="seconds"):
        policy.evaluate("data.t.p", list(range(1000)))


def test_an_answer_that_is_too_large_is_refused() -> None:
    text = "package t\n\nimport rego.v1\n\np contains [a, b] if { some a in input; some b in input }\n"
    policy = rego.compile([rego.Source("a.rego", text, "v1")], limits=rego.Limits(output=10_000))
    with pytest.raises(rego.LimitError, match="more than 10000 values"):
        policy.evaluate("data.t.p", list(range(200)))


def test_input_that_is_too_deep_is_an_error_of_the_evaluation() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    policy = rego.compile([rego.Source("a.rego", "package t\n\np := {input} == {input.x, input}\n", "v1")])
    with pytest.raises(rego.LimitError, match="too deep"):
        rego.compile(
            [rego.Source("a.rego", "package t\n\np if {input[0], 1} == {[input], 1}\n", "v1")]
        ).evaluate("data.t.p", deep)
    assert policy.evaluate("data.t.p", deep) is rego.UNDEFINED


def test_too_many_nested_loops_are_refused_with_their_line() -> None:
    loops = "\n".join(f"\tx{n} := input[_]" for n in range(30))
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([rego.Source("a.rego", f"package t\n\nimport rego.v1\n\np if {{\n{loops}\n}}\n", "v1")])
    problem = caught.value.problems[0]
    assert (problem.code, problem.message) == ("rego_compile_error", "this nests too many loops")
    assert problem.location.line > 20
