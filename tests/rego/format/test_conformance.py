"""The layout of every shared module is OPA's, means the same, and is final."""

from __future__ import annotations

import pytest
from tests.conformance import formats

from pratique import rego
from pratique.rego.format import format_module
from pratique.rego.format.meaning import same
from pratique.rego.format.upgrade import upgraded
from pratique.rego.parse import parse_module

pytestmark = pytest.mark.skipif(not formats.SHARED.is_dir(), reason="no ../shared/conformance")


def test_layouts_are_those_of_opa() -> None:
    assert formats.compared() == formats.recorded()


def test_layouts_mean_the_same_and_are_final() -> None:
    for item in formats.items():
        text = item.ours()
        if not text:
            continue
        version: rego.Version = "v1" if item.target == "v1" else "v0"
        again = format_module(rego.Source(item.name, text, version), target=item.target)
        assert again == text, item.name
        if item.version == version:
            before = parse_module(rego.Source(item.name, item.text, item.version))
            before = before if item.target == item.version else upgraded(before)
            assert same(parse_module(rego.Source(item.name, text, version)), before), item.name
