"""Watched policies: the same answers, and OPA's events in OPA's order (opa 1.22.2, `eval --explain full`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.conformance import rego as runner

from pratique import rego
from pratique.rego import engine
from pratique.rego.plan.scope import Watching

POLICY = """package a

allow if {
	some c in input.cs
	startswith(c.image, "ok/")
	not bad(c)
}

bad(c) if c.name == "x"

big contains x if {
	some x in input.xs
	x > 1
}
"""


def told(entrypoint: str, value: Any) -> list[str]:
    policy = rego.compile([rego.Source("a.rego", POLICY)], watched=Watching())
    events: list[Any] = []
    policy.evaluate(entrypoint, value, watch=events.append)
    return [f"{event.op} {event.site.text}" for event in events]


def test_an_early_answer_is_gone_back_over_with_its_caller() -> None:
    assert told("data.a.allow", {"cs": [{"name": "a", "image": "ok/a"}]}) == [
        "Enter data.a.allow",
        "Eval c = input.cs[_]",
        "Eval __local1__ = c.image",
        'Eval startswith(__local1__, "ok/")',
        "Eval not data.a.bad(c)",
        "Enter data.a.bad(c)",
        "Eval data.a.bad(c)",
        "Enter data.a.bad",
        'Eval c.name = "x"',
        'Fail c.name = "x"',
        "Fail data.a.bad(c)",
        "Exit data.a.allow",
    ]


def test_every_answer_is_gone_back_over_before_the_next() -> None:
    assert told("data.a.big", {"xs": [1, 2]}) == [
        "Enter data.a.big",
        "Eval x = input.xs[_]",
        "Eval gt(x, 1)",
        "Fail gt(x, 1)",
        "Redo x = input.xs[_]",
        "Eval gt(x, 1)",
        "Exit data.a.big",
        "Redo data.a.big",
        "Redo gt(x, 1)",
        "Redo x = input.xs[_]",
    ]


def test_values_are_those_that_an_expression_shows() -> None:
    policy = rego.compile([rego.Source("a.rego", POLICY)], watched=Watching())
    seen = []
    policy.evaluate("data.a.big", {"xs": [1, 2]}, watch=seen.append)
    (failed,) = [event for event in seen if event.op == "Fail"]
    assert {name: failed.values[name] for name in failed.site.shown} == {"x": 1}


def test_an_unwatched_policy_holds_nothing_of_it() -> None:
    policy = rego.compile([rego.Source("a.rego", POLICY)])
    assert "enter(" not in policy.emitted.source
    assert ".eval(" not in policy.emitted.source


def test_watching_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Path(__file__).parents[4] / "shared" / "conformance" / "rego-v1"
    if not shared.is_dir():
        pytest.skip(f"{shared} is not there")
    plain = engine.plan
    monkeypatch.setattr(
        engine, "plan", lambda *given, **options: plain(*given, **options | {"watched": Watching()})
    )
    named = set(runner.TODO.read_text().splitlines())
    failed = [
        f"{name}: {reason}"
        for name, topic, version, case in runner.cases(shared)
        if name not in named and (reason := runner.run(case, topic, version))
    ]
    assert not failed, "\n".join(failed)


def test_a_package_is_asked_in_the_order_of_its_names_and_each_rule_for_one_answer() -> None:
    policy = rego.compile([rego.Source("a.rego", "package a\nz := 1\nb := 2\n")], watched=Watching())
    events: list[Any] = []
    policy.evaluate("data.a", watch=events.append)
    assert [event.site.text for event in events if event.op == "Enter"] == ["data.a.b", "data.a.z"]


def test_cases_of_a_test_are_told_before_what_can_fail_in_them() -> None:
    text = 'package a\ntest_x[tc.note] if {\n\tsome tc in [{"note": "n", "v": 1}]\n\ty := tc.v + 1\n\ty == 3\n}\n'
    policy = rego.compile([rego.Source("a.rego", text)], watched=Watching())
    events: list[Any] = []
    policy.evaluate("data.a.test_x", watch=events.append)
    told = [(event.op, event.site.text) for event in events if event.op in ("Case", "Fail")]
    assert told == [("Case", ""), ("Fail", "y = 3")]
    assert [event.values for event in events if event.op == "Case"] == [{"0": "n"}]
