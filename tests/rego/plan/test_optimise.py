"""Reduced plans answer as the plans that they come from, whatever is known of the input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique import rego
from pratique.rego.plan.text import render

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "rego" / "reduced.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["note"] for case in CASES])
def test_plan_is_reduced(case: dict[str, Any]) -> None:
    constants = {"input.parameters": case["parameters"]} if "parameters" in case else None
    policy = rego.compile([rego.Source("case.rego", case["module"], "v1")], constants=constants)
    assert render(policy.plan) == case["plan"]


# Shapes that templates use, so that what is reduced meets every kind of parameter and of review.
TEMPLATE = """package t

import rego.v1

violation contains {"msg": msg} if {
	some name in input.parameters.labels
	not input.review.labels[name]
	msg := sprintf("%v: %v", [name, input.parameters.hint])
}

violation contains {"msg": msg, "field": field} if {
	some field in ["containers", "initContainers"]
	some container in input.review[field]
	not exempt(container)
	missing := required - {name | some name in container}
	count(missing) > 0
	msg := message(field, missing)
}

violation contains {"msg": msg} if {
	some label in input.parameters.labels
	some key, value in input.review.labels
	key == label
	not matches(value)
	msg := concat("=", [key, label])
}

required := {lower(name) | some name in input.parameters.labels}

exempt(container) if container in object.get(input, ["parameters", "exempt"], [])

exempt(container) if {
	some each in object.get(input.parameters, "exempt", [])
	endswith(each, "*")
	startswith(container, trim_suffix(each, "*"))
}

matches(value) if value == input.parameters.hint

matches(value) if regex.match(object.get(input.parameters, "hint", "^a"), value)

message(field, missing) := sprintf("%v lacks %v", [field, missing]) if not input.parameters.hint

message(field, _) := sprintf("%s: %v", [field, input.parameters.hint]) if input.parameters.hint

kinds[kind] := number if {
	some number, kind in input.parameters.labels
}

every_label if {
	every label in input.parameters.labels {
		input.review.labels[label]
	}
}

chosen := "all" if {
	"all" in input.parameters.labels
} else := label if {
	some label in input.parameters.labels
	input.review.labels[label]
} else := "none"

listed := [[name, value] |
	some name in input.parameters.labels
	value := input.review.labels[name]
]

pair := {"a": [x, 1]} if [x, 1] = [input.parameters.hint, input.review.number]

lacking := {name | some name in input.parameters.labels} - {key | input.review.labels[key]}

plain := required - {key | input.review.labels[key] == input.review.number; key != "all"}

all_lacking if {
	present := {key | some key, value in input.review.labels; not value == false}
	count(required - present) == count(required)
}

unknown contains name if {
	given := {each | some each in input.review.containers}
	others := given - {each | some each in input.parameters.labels}
	count(others) > 0
	some name in others
}

reduced contains name if {
	given := {lower(each) | some each in input.review.containers}
	left := {lower(each) | some each in input.parameters.labels} - given
	count(left) != 1
	some name in left
	not name in given
}

sized contains "above true" if {
	given := {each | some each in input.review.containers}
	count(given) >= true
}

sized contains "below false" if {
	given := {each | some each in input.review.containers}
	count(given) < false
}

sized contains "one" if {
	given := {each | some each in input.review.containers}
	count(given) < 2
	count(given) >= 1
}

taken := object.get(input.review, "containers", set()) - {lower(each) | some each in input.review.labels}

begins if strings.any_prefix_match(input.review.number, input.parameters.labels)

counted := [count(given - required) | given := {each | some each in input.review.containers}]

loose contains [key, value] if {
	some key, value in input.review.labels
	odd(value)
	value != 2
}

odd(value) if value == input.parameters.hint

odd(value) if value == 1

odd(value) if not value

doubtful if {
	unsure(input.review.number)
	input.review
}

undoubted if not unsure(input.review.number)

unsure(value) if value > 0

unsure(value) := false if value == input.parameters.hint
"""
RULES = ["violation", "required", "kinds", "every_label", "chosen", "listed", "pair", "lacking", "plain"]
RULES += [
    "reduced",
    "sized",
    "taken",
    "begins",
    "all_lacking",
    "unknown",
    "counted",
    "loose",
    "doubtful",
    "undoubted",
]

texts = st.sampled_from(["a", "b", "all", "a*", "ab", "^a", "", "("])
scalars = st.one_of(texts, st.integers(0, 2), st.booleans(), st.none(), st.just(1.0))
values = st.recursive(
    scalars, lambda each: st.lists(each, max_size=3) | st.dictionaries(texts, each, max_size=3)
)
lists = st.lists(texts, max_size=4)
parameters = st.fixed_dictionaries(
    {}, optional={"labels": lists | values, "hint": scalars | values, "exempt": lists | values}
)
reviews = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(texts, scalars, max_size=3) | values,
        "containers": st.lists(values, max_size=3) | values,
        "initContainers": values,
        "number": scalars,
    },
)

PLAIN = rego.compile([rego.Source("t.rego", TEMPLATE, "v1")], optimised=False)
REDUCED = rego.compile([rego.Source("t.rego", TEMPLATE, "v1")])


def answer(policy: rego.Policy, rule: str, value: Any) -> str:
    try:
        return rego.rego_text(policy.evaluate(f"data.t.{rule}", value))
    except rego.EvaluationError as error:
        return f"{error.code}: {error.message}"


@settings(max_examples=150, deadline=None)
@given(parameters=parameters, review=reviews)
def test_reduced_and_specialised_policies_answer_as_plain_ones(
    parameters: dict[str, Any], review: dict[str, Any]
) -> None:
    value = {"review": review, "parameters": parameters}
    special = rego.compile(
        [rego.Source("t.rego", TEMPLATE, "v1")], constants={"input.parameters": parameters}
    )
    for rule in RULES:
        wanted = answer(PLAIN, rule, value)
        assert answer(REDUCED, rule, value) == wanted, rule
        assert answer(special, rule, value) == wanted, rule


KNOWN = """package t

import rego.v1

found contains [each.size, text] if {
	some each in input.parameters.kinds
	each.of.kind == input.kind
	text := sprintf("%v", [each.size])
}

listed := [each.size | some each in input.parameters.kinds; lower(input.kind) == each.of.kind]

some_kind if {
	some each in input.parameters.kinds
	each.of.kind == input.kind
	each.size > 3
}
"""


@pytest.mark.parametrize(
    "odd", [{}, {"of": "a"}, {"of": {"kind": None}}, {"of": {"kind": 1}}, {"of": {"kind": ["a"]}}, 1]
)
def test_many_known_objects_are_found_as_few_are(odd: Any) -> None:
    kinds = [{"of": {"kind": text}, "size": size} for size, text in enumerate("abcdefghab")]
    known = {"kinds": [*kinds[:3], odd, *kinds[3:]]}
    source = rego.Source("t.rego", KNOWN, "v1")
    special = rego.compile([source], constants={"input.parameters": known})
    for kind in ("a", "b", "z", "A", 1, None, ["a"], rego.UNDEFINED):
        value = {"parameters": known} | ({} if kind is rego.UNDEFINED else {"kind": kind})
        for rule in ("found", "listed", "some_kind"):
            wanted = rego.compile([source], optimised=False).evaluate(f"data.t.{rule}", value)
            assert rego.rego_text(special.evaluate(f"data.t.{rule}", value)) == rego.rego_text(wanted)
