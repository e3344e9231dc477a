"""`and`, `or` and `import rego.v2`: OPA's answers, refusals, layouts and syntax trees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique import rego
from pratique.rego.asking import ask
from pratique.rego.format import format_module
from pratique.rego.observe import explain
from pratique.rego.observe.coverage import Coverage
from pratique.rego.plan.scope import Watching
from pratique.rego.runtime.text import to_json
from pratique.rego.runtime.tracing import Event

TABLE = yaml.safe_load((Path(__file__).parents[1] / "cases" / "rego" / "logical.yaml").read_text())

CHAIN = """package test

import rego.v2

r if {
	input.b or input.a and
		input.n == 3
}
"""


def source(case: dict[str, Any]) -> rego.Source:
    return rego.Source("case.rego", case["text"], case.get("version", "v1"))


@pytest.mark.parametrize("case", TABLE["answers"], ids=lambda case: case["text"])
def test_answers_are_those_of_opa(case: dict[str, Any]) -> None:
    found = rego.compile([source(case)]).evaluate("data.test.r", TABLE["input"])
    assert found is not rego.UNDEFINED or "answer" not in case
    if found is not rego.UNDEFINED:
        assert to_json(found) == case["answer"]


@pytest.mark.parametrize("case", TABLE["answers"], ids=lambda case: case["text"])
def test_watching_changes_no_answer(case: dict[str, Any]) -> None:
    plain = rego.query([source(case)], "x = data.test.r", input=TABLE["input"])
    events: list[Event] = []
    watched = ask([source(case)], "x = data.test.r", watched=Watching())
    assert [dict(each.bindings) for each in watched.answers(TABLE["input"], watch=events.append)] == plain
    assert events


@pytest.mark.parametrize("case", TABLE["refusals"], ids=lambda case: case["text"])
def test_refusals_are_those_of_opa(case: dict[str, Any]) -> None:
    with pytest.raises(rego.CompileError) as caught:
        rego.compile([source(case)])
    said = [
        f"{each.location.line}:{each.location.column} {each.code}: {each.message}"
        for each in caught.value.problems
        if each.location is not None
    ]
    assert said == case["problems"]


@pytest.mark.parametrize("case", TABLE["layouts"], ids=lambda case: case["from"])
def test_layouts_are_those_of_opa_and_final(case: dict[str, Any]) -> None:
    laid_out = format_module(rego.Source("case.rego", case["from"]))
    assert laid_out == case["to"]
    assert format_module(rego.Source("case.rego", laid_out)) == laid_out


def test_the_syntax_tree_has_both_sides() -> None:
    text = "package a\nimport rego.v2\nr if { {x := 1; x} or input.b and input.c }\n"
    tree = rego.module_data(rego.parse_module(rego.Source("a.rego", text)))
    terms = tree["rules"][0]["body"][0]["terms"]
    assert (terms["type"], terms["explicit_lhs"], len(terms["lhs"])) == ("or", True, 2)
    assert terms["rhs"][0]["terms"]["type"] == "and"
    assert "explicit_rhs" not in terms


def test_traces_and_coverage_enter_each_side() -> None:
    module = rego.Source("a.rego", CHAIN)
    found: list[Event] = []
    question = ask([module], "data.test.r", watched=Watching())
    question.answers({"b": False, "a": True, "n": 4}, watch=found.append)
    assert explain.pretty(explain.select(found, "full"), query="query") == (
        "query:1      Enter data.test.r = _\n"
        "query:1      | Eval data.test.r = _\n"
        "a.rego:5     | Enter data.test.r\n"
        "a.rego:6     | | Eval input.b or input.a and input.n = 3\n"
        "a.rego:6     | | Enter input.b\n"
        "a.rego:6     | | | Eval input.b\n"
        "a.rego:6     | | | Fail input.b\n"
        "a.rego:6     | | Enter input.a and input.n = 3\n"
        "a.rego:6     | | | Eval input.a and input.n = 3\n"
        "a.rego:6     | | | Enter input.a\n"
        "a.rego:6     | | | | Eval input.a\n"
        "a.rego:6     | | | | Exit input.a early\n"
        "a.rego:6     | | | Redo input.a\n"
        "a.rego:6     | | | | Redo input.a\n"
        "a.rego:7     | | | Enter input.n = 3\n"
        "a.rego:7     | | | | Eval input.n = 3\n"
        "a.rego:7     | | | | Fail input.n = 3\n"
        "a.rego:6     | | | Fail input.a and input.n = 3\n"
        "a.rego:6     | | Fail input.b or input.a and input.n = 3\n"
        "query:1      | Fail data.test.r = _\n"
    )
    coverage = Coverage([rego.parse_module(module)])
    for event in found:
        coverage.record(event)
    covered = coverage.report().data()["files"]["a.rego"]["covered"]
    assert {"start": {"row": 7, "col": 3}, "end": {"row": 7, "col": 15}} in covered
