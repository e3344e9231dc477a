"""Words, figures and addresses: what is said is true at its edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pratique.errors import Location, SourceError
from pratique.portal import charts, links, problems, render, words

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
SUB = "/subscriptions/s"
CLUSTER = f"{SUB}/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0%"),
        (100, "100%"),
        (99.97, "99.9%"),
        (0.01, "0.1%"),
        (50.0, "50%"),
        (93.75, "93.8%"),
        (None, "–"),
    ],
)
def test_rounding_never_hides_a_violation(value: float | None, shown: str) -> None:
    assert words.percent(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "just now"),
        (4, "just now"),
        (5, "5 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (90000, "1 d ago"),
    ],
)
def test_ages_are_in_one_unit(seconds: int, shown: str) -> None:
    assert words.ago((NOW - timedelta(seconds=seconds)).isoformat(), now=NOW) == shown


def test_a_time_that_is_none_is_never() -> None:
    assert words.ago("") == words.ago(None) == words.ago("nonsense") == "never"
    assert words.moment("2026-11-24T01:00:00Z") == words.moment("2026-11-24T01:00:00") == NOW


def test_states_have_a_word_an_icon_and_a_colour_however_they_are_written() -> None:
    for name in ("NonCompliant", "noncompliant", "Non-compliant"):
        assert words.state(name) == words.Sign("Non-compliant", "cross", "bad")
    assert words.state(None).word == "Not started"
    assert words.state("Invented").word == "Invented"


def test_scopes_contain_by_segments_without_regard_to_case() -> None:
    assert links.contains(SUB, CLUSTER)
    assert links.contains(SUB.upper(), CLUSTER)
    assert links.contains(CLUSTER, CLUSTER)
    assert not links.contains(f"{SUB}/resourceGroups/g", f"{SUB}/resourceGroups/g2")
    assert links.scopes_of([CLUSTER]) == [SUB, f"{SUB}/resourceGroups/g", CLUSTER]
    assert [links.scope_label(scope)[0] for scope in links.scopes_of([CLUSTER])] == [
        "subscription",
        "resource group",
        "cluster",
    ]
    assert links.scope_of(f"{CLUSTER}/providers/Microsoft.Authorization/policyAssignments/a") == CLUSTER


def test_addresses_are_quoted_and_empty_filters_left_out() -> None:
    assert links.page("/components", "a b/ü?") == "/components/a%20b/%C3%BC%3F"
    assert links.query("/denials", {"search": "a&b", "cluster": "", "after": None}) == "/denials?search=a%26b"


def test_a_ring_adds_up_and_says_its_numbers() -> None:
    chart = charts.donut(
        [charts.Part("Compliant", 3, "good"), charts.Part("Non-compliant", 1, "bad")],
        centre="75%",
        caption="compliant",
        title="Overall",
    )
    assert 'aria-label="Overall: 75%; 3 compliant, 1 non-compliant"' in chart.svg
    assert chart.svg.count('class="arc') == 2
    assert chart.rows == (("Compliant", "3"), ("Non-compliant", "1"))
    assert "nothing evaluated yet" in charts.donut([], centre="–", caption="", title="x").svg


def test_a_trend_steps_and_ends_now() -> None:
    points = [charts.Point(NOW - timedelta(hours=2), 100), charts.Point(NOW - timedelta(hours=1), 50)]
    chart = charts.trend(points, title="Compliance", unit="%", top=100, now=NOW)
    assert 'points="0.0,3.0 300.0,3.0 300.0,60.0 600.0,60.0"' in chart.svg
    assert chart.label == "Compliance: from 100% to 50%"
    assert [row[1] for row in chart.rows] == ["50%", "100%"]
    assert "no data yet" in charts.trend([], title="x", unit="", top=1, now=NOW).label


def test_labels_of_charts_are_escaped() -> None:
    svg = charts.stacked([charts.Part('<b>"', 1, '"><script>')], title="<i>")
    assert "<b>" not in svg
    assert "<script>" not in svg
    assert "<i>" not in svg


def test_prose_shows_code_and_escapes_the_rest() -> None:
    assert render.prose("use `a<b>` & more") == "use <code>a&lt;b&gt;</code> &amp; more"
    assert render.prose("one ` alone") == "one ` alone"


def test_a_problem_has_a_place_a_line_a_caret_and_a_sentence() -> None:
    place = Location("t.yaml", 3, 5, text="\tfoo bar", width=3)
    problem = problems.problem_of(SourceError("t.yaml:3:5: foo is not known", place, hint="write bar"))
    assert problem.place == "t.yaml:3:5"
    assert problem.message == "Foo is not known."
    assert problem.hint == "Write bar."
    source, caret = problem.excerpt.split("\n")
    assert source.endswith("foo bar")
    assert caret.strip() == "^^^"


@pytest.mark.parametrize(
    ("operation", "target", "said"),
    [
        (
            "Microsoft.Authorization/policyAssignments/write",
            "/s/x/policyAssignments/a",
            ("saved the assignment", "a", "/assignments"),
        ),
        ("Microsoft.Authorization/policyDefinitions/delete", "/s/d", ("deleted the definition", "d", "")),
        (
            "Microsoft.ContainerService/managedClusters/addon/enable",
            CLUSTER,
            ("enabled the add-on on", "c", "/clusters"),
        ),
        ("session/start", "admin", ("signed in", "", "")),
        ("new/thing", "x", ("new/thing", "x", "")),
    ],
)
def test_the_log_reads_as_sentences(operation: str, target: str, said: tuple[str, str, str]) -> None:
    assert words.activity(operation, target) == said
