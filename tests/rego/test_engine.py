from __future__ import annotations

from typing import Any

import pytest

from pratique import rego
from pratique.errors import InputError, Location


def compiled(text: str, **options: Any) -> rego.Policy:
    return rego.compile([rego.Source("a.rego", f"package t\n\nimport rego.v1\n\n{text}\n", "v1")], **options)


def test_no_input_is_undefined_and_null_is_a_value() -> None:
    policy = compiled("p := input == null\n\nq := 1 if not input")
    assert policy.evaluate("data.t.p") is rego.UNDEFINED
    assert policy.evaluate("data.t.p", None) is True
    assert policy.evaluate("data.t.q") == 1


def test_a_builtin_that_refuses_is_undefined_and_noted() -> None:
    errors: list[rego.EvaluationError] = []
    policy = compiled("p := 1 / input\n\nq if not p")
    assert policy.evaluate("data.t.q", 0, errors=errors) is True
    assert [str(error) for error in errors] == ["a.rego:5:8: eval_builtin_error: div: divide by zero"]


def test_strict_builtin_errors_end_the_evaluation() -> None:
    policy = compiled("p := 1 / input\n\nq if not p", strict=True)
    with pytest.raises(rego.EvaluationError, match="divide by zero"):
        policy.evaluate("data.t.q", 0)
    assert policy.evaluate("data.t.p", 2) == rego.query([], "x = 0.5")[0]["x"]


def test_one_policy_keeps_nothing_between_evaluations() -> None:
    policy = compiled("p contains x if some x in input")
    assert list(policy.evaluate("data.t.p", [1, 2])) == [1, 2]
    assert list(policy.evaluate("data.t.p", [3])) == [3]


TEMPLATE = """
violation contains {"msg": msg} if {
	some name in input.parameters.labels
	not input.review.labels[name]
	msg := sprintf("%v: %v", [name, input.parameters.hint])
}

whole := input.parameters

f(x) := x.parameters.hint

given := f(input)

missing if input.parameters.nothing
"""


@pytest.mark.parametrize("parameters", [{"labels": ["a", "b"], "hint": 1.5}, {"labels": [], "hint": "x"}, {}])
@pytest.mark.parametrize("rule", ["violation", "whole", "given", "missing"])
def test_specialised_code_answers_as_unspecialised_code_does(parameters: dict[str, Any], rule: str) -> None:
    value = {"review": {"labels": {"a": "1"}}, "parameters": parameters}
    plain = compiled(TEMPLATE).evaluate(f"data.t.{rule}", value)
    special = compiled(TEMPLATE, constants={"input.parameters": parameters}).evaluate(f"data.t.{rule}", value)
    assert rego.rego_text(special) == rego.rego_text(plain)


def test_constants_are_not_folded_where_input_is_replaced() -> None:
    text = (
        "p := input.parameters.a\n\n"
        "q := x if x := p with input as {}\n\n"
        "r := x if x := p with input.parameters.a as 2"
    )
    policy = compiled(text, constants={"input.parameters": {"a": 1}})
    value = {"parameters": {"a": 1}}
    assert policy.evaluate("data.t.p", value) == 1
    assert policy.evaluate("data.t.q", value) is rego.UNDEFINED
    assert policy.evaluate("data.t.r", value) == 2


def test_builtins_of_ones_own() -> None:
    twice = rego.Builtin("acme.twice", ("number",), "number", lambda value: value * 2)
    policy = compiled("p := acme.twice(input)", builtins={"acme.twice": twice})
    assert policy.evaluate("data.t.p", 21) == 42


def test_print_goes_to_the_sink_with_its_place() -> None:
    said: list[tuple[str, str]] = []

    def sink(text: str, place: Location) -> None:
        said.append((text, str(place)))

    policy = compiled('p if {\n\tprint("x is", input.x, input.nothing)\n}', printing=True)
    assert policy.evaluate("data.t.p", {"x": [1, "a"]}, sink=sink) is True
    assert said == [('x is [1, "a"] <undefined>', "a.rego:6:2")]


def test_print_is_nothing_unless_it_is_wanted() -> None:
    assert "print" not in compiled('p if print("x")').emitted.source


def test_other_base_data_is_refused() -> None:
    with pytest.raises(rego.CompileError, match=r"data\.secrets"):
        compiled("p := data.secrets.x", data_roots=("inventory",))
    policy = compiled("p := data.inventory.x", data_roots=("inventory",))
    assert policy.evaluate("data.t.p", data={"inventory": {"x": 1}}) == 1


def test_an_entrypoint_below_data_only() -> None:
    with pytest.raises(InputError, match="no entrypoint"):
        compiled("p := 1").evaluate("t.p")
    assert compiled("p := 1").evaluate("data.t.nothing") is rego.UNDEFINED


def test_all_modules_that_do_not_parse_are_named_at_once() -> None:
    broken = [rego.Source(f"{name}.rego", "package t\n\np :=\n", "v1") for name in ("a", "b")]
    with pytest.raises(rego.CompileError) as caught:
        rego.compile(broken)
    assert {problem.location.file for problem in caught.value.problems} == {"a.rego", "b.rego"}


def test_a_query_answers_every_way_in_which_it_holds() -> None:
    module = rego.Source("a.rego", "package t\n\np contains x if some x in input\n", "v1")
    rows = rego.query([module], "data.t.p[x]; y := x * 2", input=[1, 2])
    assert sorted((row["x"], row["y"]) for row in rows) == [(1, 2), (2, 4)]
    assert rego.query([module], "data.t.p[5]", input=[1, 2]) == []


def test_stages_show_every_pass() -> None:
    stages = compiled("p := input.a").stages()
    assert list(stages) == ["tree", "plan", "python", "constants"]
    assert 'v1 = input["a"]' in stages["plan"]
    assert "def r0(s):" in stages["python"]


def test_stages_are_made_again_and_not_kept() -> None:
    text = "package t\n\np contains x if { some x in input.parameters.xs; x in input.ys }\n"
    known = {"input.parameters": {"xs": ["a", "b"]}}
    policy = rego.compile((rego.Source(name, text) for name in ["t.rego"]), constants=known)
    assert policy.stages() == policy.stages()
    assert policy.stages()["python"] == policy.emitted.source
    assert policy.plan.rules
    assert policy.tree.rules == ()
    assert rego.restore(policy.dump()).plan.rules == ()
