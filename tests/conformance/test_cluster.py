"""What our agent on the embedded cluster makes of policies is what a real Gatekeeper on a real API server made of them.

The recordings are made by `python -m tests.conformance.cluster --record`; that they still are what the real ones do is
tested where those are built.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.bed import Bed, need, opened
from tests.conformance import cluster

SUITES = {suite.name: suite for suite in cluster.suites()}
KNOWN = cluster.known()
SOMETIMES = "(sometimes)"  # in a reason: such a case may agree as well
CASES = [(name, key) for name, suite in SUITES.items() for key in suite.cases]


class Played:
    """A bed, and what was played on it so far."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.seen: dict[str, dict[str, cluster.Object]] = {}

    def suite(self, name: str) -> dict[str, cluster.Object]:
        if name not in self.seen:
            self.seen[name] = SUITES[name].play(self.bed)
        return self.seen[name]


@pytest.fixture(scope="module")
def ours() -> Iterator[Played]:
    with opened(server="embedded", engine="pratique") as bed:
        yield Played(bed)


def recorded(name: str) -> dict[str, cluster.Object]:
    return json.loads(SUITES[name].recorded.read_text())


@pytest.mark.parametrize(("name", "key"), CASES, ids=lambda part: part)
def test_case(ours: Played, name: str, key: str) -> None:
    lines = cluster.differences(recorded(name)[key], ours.suite(name)[key])
    reason = KNOWN.get(f"{name}/{key}")
    if reason:
        assert lines or SOMETIMES in reason, f"it agrees now: take it out of {cluster.TODO.name}"
    else:
        assert not lines, "\n".join(lines)


def test_every_case_is_recorded_and_every_exception_exists() -> None:
    for name, suite in SUITES.items():
        assert set(recorded(name)) == set(suite.cases), "python -m tests.conformance.cluster --record"
    if cluster.SHARED.is_dir():
        assert set(KNOWN) <= {f"{name}/{key}" for name, key in CASES}
    assert all(KNOWN.values())


def test_templates_of_the_library_are_among_the_cases() -> None:
    if not cluster.SHARED.is_dir():
        pytest.skip(f"the templates of Gatekeeper's library are not held to it: no {cluster.SHARED}")
    assert SUITES["library"].cases


@pytest.fixture(scope="module")
def theirs() -> Iterator[Played]:
    need("real", "gatekeeper")
    with opened(server="real", engine="gatekeeper") as bed:
        yield Played(bed)


@pytest.mark.parametrize("name", sorted(SUITES))
def test_the_recordings_are_what_gatekeeper_does(theirs: Played, name: str) -> None:
    known, seen = recorded(name), theirs.suite(name)
    wrong = {key: lines for key in known if (lines := cluster.differences(known[key], seen[key]))}
    assert {
        key: lines for key, lines in wrong.items() if SOMETIMES not in KNOWN.get(f"{name}/{key}", "")
    } == {}
