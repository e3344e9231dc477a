"""Texts in order, in memory or beyond it: always what sorting them all at once gives."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.errors import UnavailableError
from pratique.offline import ordering
from pratique.offline.ordering import Ordered, key, pack

PARTS = st.text(st.sampled_from("\0\1\2ab"), max_size=3)


def told(batches: list[list[tuple[str, str]]], limit: int) -> list[str]:
    ordered = Ordered(limit)
    for batch in batches:
        ordered.add(pack([name for name, _ in batch], [text for _, text in batch]))
    return [text for block in ordered.blocks() for text in block]


@given(st.lists(st.tuples(PARTS, PARTS, PARTS), max_size=8))
def test_a_key_is_ordered_as_its_parts_are(parts: list[tuple[str, str, str]]) -> None:
    assert sorted(parts, key=lambda each: key(*each)) == sorted(parts)


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=9), max_size=9), st.sampled_from([0, 60, 1 << 20]))
def test_all_come_in_order_and_equal_ones_as_they_came(names: list[list[str]], limit: int) -> None:
    batches = [
        [(name, f"{name} {one} {two}") for two, name in enumerate(batch)] for one, batch in enumerate(names)
    ]
    wanted = [
        text for _, text in sorted((pair for batch in batches for pair in batch), key=lambda pair: pair[0])
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "_BLOCK", 60)
        assert told(batches, limit) == wanted


def test_memory_holds_no_more_than_the_limit() -> None:
    ordered = Ordered(10_000)
    most = 0
    for number in range(200):
        ordered.add(pack([f"{number:05}"], ["x" * 500]))
        most = max(most, sum(map(len, ordered._held)))
    assert most <= 10_000
    assert len([text for block in ordered.blocks() for text in block]) == 200


def test_no_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(UnavailableError, match="temporary file: No space left on device"):
        told([[("a", "x")]], 0)
