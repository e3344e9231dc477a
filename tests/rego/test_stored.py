"""A policy that was kept as bytes answers, fails and points at its lines as it did before."""

from __future__ import annotations

import marshal

import pytest

from pratique import rego
from pratique.rego.plan.scope import Watching

TEXT = """package t

import rego.v1

violation contains {"msg": msg} if {
	some name, value in input.labels
	not regex.match("^[a-z]+$", value)
	name in ["owner", "team"]
	msg := sprintf("%v=%d is not %v", [name, value, {1.5, [2], "x"}])
}

odd := {{"a"}: 1, [1]: 0.1, "b": {"c": null}}

ratio := input.a / input.b

external := own(input.a)

pair := [x, y] if [x, y] = input.pair
"""
OWN = {"own": rego.Builtin("own", ("any",), "any", lambda value: ["own", value], nondeterministic=True)}


def policy() -> rego.Policy:
    return rego.compile([rego.Source("a.rego", TEXT, "v1")], builtins=OWN)


@pytest.mark.parametrize("rule", ["violation", "odd", "ratio", "external", "pair"])
def test_a_restored_policy_answers_as_before(rule: str) -> None:
    before = policy()
    after = rego.restore(before.dump(), builtins=OWN)
    value = {"labels": {"owner": "X", "a": "Y", "team": "b"}, "a": 3, "b": 2, "pair": [1, {"z": 2}]}
    for given in (value, {}, rego.UNDEFINED):
        found = after.evaluate(f"data.t.{rule}", given)
        assert rego.rego_text(found) == rego.rego_text(before.evaluate(f"data.t.{rule}", given))


def test_a_restored_policy_points_at_its_lines() -> None:
    after = rego.restore(policy().dump(), builtins=OWN)
    errors: list[rego.EvaluationError] = []
    assert after.evaluate("data.t.ratio", {"a": 1, "b": 0}, errors=errors) is rego.UNDEFINED
    assert str(errors[0]) == "a.rego:14:18: eval_builtin_error: div: divide by zero"
    assert "ratio := input.a / input.b" in errors[0].render()


def test_bytes_are_the_same_for_the_same_policy() -> None:
    assert policy().dump() == policy().dump()


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="other builtins"):
        rego.restore(policy().dump())
    for data in (b"", b"nonsense", marshal.dumps((1, 2)), policy().dump()[:-40]):
        with pytest.raises(ValueError):  # each has words of its own
            rego.restore(data, builtins=OWN)


def test_a_watched_policy_is_not_stored() -> None:
    watched = rego.compile([rego.Source("a.rego", "package a\n\np := 1\n", "v1")], watched=Watching())
    with pytest.raises(ValueError, match="watched"):
        watched.dump()
