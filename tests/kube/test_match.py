"""The shared parts of `spec.match`; its matchers are tables in tests/constraint/test_match.py."""

from __future__ import annotations

import pytest

from pratique.kube.match import compile_match, glob


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "", True),
        ("**", "", True),
        ("a*", "", False),
        ("", "", True),
        ("*a*", "a", True),
        ("a", "ab", False),
    ],
)
def test_wildcards(pattern: str, name: str, fits: bool) -> None:
    assert glob(pattern)(name) is fits


def test_pairs_name_what_could_match() -> None:
    assert compile_match(None).pairs() == {("*", "*")}
    assert compile_match({"kinds": [{"apiGroups": ["apps"]}]}).pairs() == {("apps", "*")}
    both = {"kinds": [{"apiGroups": ["", "apps"], "kinds": ["Pod", "Deployment"]}, {"kinds": ["Job", "*"]}]}
    assert compile_match(both).pairs() == {
        ("", "Pod"),
        ("", "Deployment"),
        ("apps", "Pod"),
        ("apps", "Deployment"),
        ("*", "*"),
    }
