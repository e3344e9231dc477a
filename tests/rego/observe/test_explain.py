"""Explanations: OPA's pretty trace (`opa eval --explain`, 1.22.2), but for the numbers of generated names."""

from __future__ import annotations

import pytest

from pratique import rego
from pratique.rego.asking import ask
from pratique.rego.observe import explain
from pratique.rego.observe.profile import Profile
from pratique.rego.plan.scope import Watching
from pratique.rego.runtime.tracing import Event

POLICY = """package a

msgs contains msg if {
	some c in input.cs
	x := count(c.name) + 1
	x > 2
	msg := sprintf("c %v", [c.name])
	trace("hello")
}
"""


@pytest.fixture
def events() -> list[Event]:
    found: list[Event] = []
    question = ask([rego.Source("a.rego", POLICY)], "data.a.msgs", watched=Watching())
    question.answers({"cs": [{"name": "a"}, {"name": "xyz"}]}, watch=found.append)
    return found


def test_notes_come_with_the_bodies_that_led_to_them(events: list[Event]) -> None:
    assert explain.pretty(explain.select(events, "notes"), query="query") == (
        "query:1      Enter data.a.msgs = _\n"
        "a.rego:3     | Enter data.a.msgs\n"
        'a.rego:8     | | Note "hello"\n'
    )


def test_fails_show_values(events: list[Event]) -> None:
    assert explain.pretty(explain.select(events, "fails"), query="query", values=True) == (
        "query:1      Enter data.a.msgs = _     {}\n"
        "a.rego:3     | Enter data.a.msgs       {}\n"
        "a.rego:6     | | Fail gt(x, 2)         {x: 2}\n"
    )


def test_full_goes_forward_and_back(events: list[Event]) -> None:
    lines = explain.pretty(explain.select(events, "full"), query="query").splitlines()
    assert lines[:4] == [
        "query:1      Enter data.a.msgs = _",
        "query:1      | Eval data.a.msgs = _",
        "a.rego:3     | Enter data.a.msgs",
        "a.rego:4     | | Eval c = input.cs[_]",
    ]
    assert lines[-3:] == [
        "query:1      | Exit data.a.msgs = _",
        "query:1      Redo data.a.msgs = _",
        "query:1      | Redo data.a.msgs = _",
    ]


def test_long_values_and_paths_are_cut() -> None:
    assert explain.truncated("x" * 40, 32) == "x" * 29 + "..."
    long = "policies/" + "deep/" * 20
    question = ask(
        [rego.Source(f"{long}a.rego", "package a\np if input.x == 1")],
        "data.a.p",
        watched=Watching(indexing=False),
    )
    found: list[Event] = []
    question.answers({"x": 2}, watch=found.append)
    (line,) = [
        line for line in explain.pretty(found, query="query").splitlines() if "Fail input.x = 1" in line
    ]
    assert line.startswith("policies/...")
    assert line.split(" ")[0].endswith("a.rego:2")


def test_a_profile_counts_by_line(events: list[Event]) -> None:
    profile = Profile(query="query")
    for event in events:
        profile.record(event)
    profile.finish()
    rows = {line.row: line for line in profile.report(limit=0) if line.file}
    assert (rows[5].evals, rows[5].redos, len(rows[5].indexes)) == (8, 8, 4)
    assert (rows[6].evals, rows[6].redos, len(rows[6].indexes)) == (2, 1, 1)
    assert (rows[4].evals, rows[4].redos, len(rows[4].indexes)) == (1, 2, 1)
    assert [line.row for line in profile.report(limit=2, sort=["num_eval"])] == [5, 7]
