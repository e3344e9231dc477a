"""States, their precedence, and percentages."""

from __future__ import annotations

import pytest

from pratique.compliance import (
    Result,
    by_member,
    component_percentage,
    percentage,
    summarize,
    worst,
)
from pratique.compliance.state import named


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], "NotStarted"),
        (["Compliant"], "Compliant"),
        (["Compliant", "NonCompliant"], "NonCompliant"),
        (["Error", "Compliant"], "Compliant"),
        (["Error", "Exempt"], "Error"),
        (["Unknown", "Exempt"], "Exempt"),
        (["Protected", "Conflict"], "Conflict"),
        (["NotStarted", "Unknown"], "Unknown"),
        (["NotStarted", "NotRegistered"], "NotStarted"),
    ],
)
def test_precedence(states: list[str], expected: str) -> None:
    assert worst(states) == expected
    assert worst(reversed(states)) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, 100.0),
        ({"NotStarted": 3}, 100.0),
        ({"Compliant": 1, "NonCompliant": 1}, 50.0),
        ({"Compliant": 1, "Exempt": 1, "Unknown": 1, "NonCompliant": 1}, 75.0),
        ({"Compliant": 2, "Conflict": 1, "Error": 1, "Protected": 9}, 50.0),
    ],
)
def test_percentage(counts: dict[str, int], expected: float) -> None:
    assert percentage(counts) == expected


def test_resources_count_once() -> None:
    results = [
        Result("/c/One", "labels", "NonCompliant"),
        Result("/c/one", "images", "Compliant"),
        Result("/c/two", "labels", "Compliant"),
        Result("/c/two", "images", "Compliant"),
        Result("/c/three", "labels", "NotStarted"),
    ]
    summary = summarize(results)
    assert summary.counts == {"NonCompliant": 1, "Compliant": 1, "NotStarted": 1}
    assert (summary.state, summary.percentage, summary.total) == ("NonCompliant", 50.0, 2)
    members = by_member(results)
    assert members["images"].state == "Compliant"
    assert members["labels"].non_compliant == 1


@pytest.mark.parametrize(
    ("evaluated", "violating", "expected"), [(0, 0, 100.0), (10_000, 1, 99.99), (4, 9, 0.0)]
)
def test_component_percentage(evaluated: int, violating: int, expected: float) -> None:
    assert component_percentage(evaluated, violating) == pytest.approx(expected)


def test_state_names_compare_without_case() -> None:
    assert named("noncompliant") == "NonCompliant"
    assert named("wrong") == ""
