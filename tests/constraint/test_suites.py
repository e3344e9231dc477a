"""Every suite of the policy library, of gator's own fixtures, and of the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.constraint import suites

from pratique.constraint import Programs

SHARED = Path(__file__).parents[3] / "shared" / "conformance"
CATALOGUE = Path(__file__).parents[2] / "src" / "pratique" / "catalog" / "definitions"
PROGRAMS = Programs()


def _suites(folder: Path) -> list[Path]:
    return sorted(folder.rglob("suite.yaml"))


@pytest.mark.parametrize("suite", _suites(CATALOGUE), ids=lambda path: path.parent.name)
def test_catalogue(suite: Path) -> None:
    results = list(suites.run(suite, PROGRAMS))
    assert results
    assert [result for result in results if result.failure] == []


def test_every_policy_of_the_catalogue_has_a_suite() -> None:
    assert {path.parent for path in _suites(CATALOGUE)} == {
        path.parent for path in CATALOGUE.glob("*/definition.json")
    }


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/conformance")
@pytest.mark.parametrize(
    "suite",
    _suites(SHARED / "gatekeeper-library"),
    ids=lambda path: f"{path.parents[1].name}/{path.parent.name}",
)
def test_gatekeeper_library(suite: Path) -> None:
    results = list(suites.run(suite, PROGRAMS))
    assert results
    assert [result for result in results if result.failure] == []
