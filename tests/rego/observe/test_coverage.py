"""Coverage: the ranges that `opa eval --coverage` gives (1.22.2) for a policy with one of everything."""

from __future__ import annotations

from typing import Any

from pratique import rego
from pratique.rego.observe.coverage import Coverage
from pratique.rego.plan.scope import Watching

POLICY = """package c

import data.lib

default allow := false

p := 1

q := input.x

r contains "a"

s[x] := y if {
	some x, y in input.m
	not y == 2
	every z in [1,2] {
		z > 0
	}
}

f(x) := x + 1

f2(x) if {
	x == 1
} else := 3 if {
	x == 2
} else := [i |
	some i in [1, 2]
	i > 1
] if {
	true
}

t if {
	some k
	input.m[k] == 1
	not not_there
	w := {v: 1 | v := input.m[_]}
	count(w) > 0
	print("x")
	z = f2(3)
}

u = sprintf("%v %v", [
	input.x,
	f(input.y),
])

not_there if false
"""
INPUT = {"x": 1, "m": {"a": 1, "b": 2}, "y": 3}
COVERED = [
    (5, 1, 5, 8),
    (5, 9, 5, 23),
    (7, 1, 7, 7),
    (7, 6, 7, 7),
    (9, 1, 9, 13),
    (9, 6, 9, 13),
    (11, 1, 11, 2),
    (11, 1, 11, 15),
    (13, 1, 13, 10),
    (14, 2, 14, 22),
    (15, 2, 15, 12),
    (16, 2, 18, 3),
    (16, 13, 16, 18),
    (17, 3, 17, 8),
    (21, 1, 21, 14),
    (21, 9, 21, 14),
    (27, 3, 30, 2),
    (27, 11, 30, 2),
    (28, 2, 28, 18),
    (28, 12, 28, 18),
    (29, 2, 29, 7),
    (34, 1, 34, 2),
    (36, 2, 36, 17),
    (37, 2, 37, 15),
    (38, 2, 38, 31),
    (38, 15, 38, 30),
    (39, 2, 39, 10),
    (39, 2, 39, 14),
    (40, 2, 40, 12),
    (40, 8, 40, 11),
    (41, 2, 41, 11),
    (41, 6, 41, 11),
    (44, 1, 47, 3),
    (44, 5, 47, 3),
    (45, 2, 45, 9),
    (46, 2, 46, 12),
    (46, 4, 46, 11),
    (49, 14, 49, 19),
]
MISSED = [
    (23, 1, 23, 6),
    (24, 2, 24, 8),
    (25, 3, 25, 12),
    (26, 2, 26, 8),
    (31, 2, 31, 6),
    (49, 1, 49, 10),
]


def covered(watching: Watching) -> Coverage:
    source = rego.Source("c.rego", POLICY)
    policy = rego.compile([source], watched=watching, printing=True)
    found = Coverage([rego.parse_module(source)])
    policy.evaluate("data.c", INPUT, watch=found.record)
    return found


def ranges(listed: list[dict[str, Any]]) -> list[tuple[int, int, int, int]]:
    return [(*each["start"].values(), *each["end"].values()) for each in listed]


def test_ranges_are_those_of_opa() -> None:
    found = covered(Watching()).report().data()["files"]["c.rego"]
    assert ranges(found["covered"]) == COVERED
    assert ranges(found["not_covered"]) == MISSED


def test_percentages_count_rows() -> None:
    found = covered(Watching()).report()
    data = found.data()
    assert data["covered_lines"] == len({row for each in COVERED for row in range(each[0], each[2] + 1)})
    assert data["not_covered_lines"] == len({row for each in MISSED for row in range(each[0], each[2] + 1)})
    assert data["coverage"] == found.percentage
    assert found.missed() == ["c.rego:23-26", "c.rego:31", "c.rego:49"]


def test_what_the_index_left_out_is_marked() -> None:
    other = covered(Watching(indexing=False))
    report = covered(Watching()).report({"index_excluded": other}).data()
    marked = [each["start"]["row"] for each in report["files"]["c.rego"]["not_covered"] if "kinds" in each]
    assert marked == [24, 26]
