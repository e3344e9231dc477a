"""Go's durations: read, written in full, written short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.errors import InputError
from pratique.offline.bench.durations import duration_text, parse_duration, short


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("1ms", 1_000_000),
        ("1.5s", 1_500_000_000),
        (".5us", 500),
        ("2µs", 2_000),
        ("2μs", 2_000),
        ("1h2m3s", 3_723_000_000_000),
        ("-3ns", -3),
        ("1.s", 1_000_000_000),
    ],
)
def test_reading(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "ms", "1 ms", "1ms2", "1d", "-", ".s", "1e3s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InputError, match="is no duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("nanoseconds", "full", "table"),
    [
        (0, "0s", "0ns"),
        (999, "999ns", "999ns"),
        (1_000, "1µs", "1.00µs"),
        (25_949, "25.949µs", "25.95µs"),
        (146_150_001, "146.150001ms", "146.15ms"),
        (3_887_000_000, "3.887s", "3.887s"),
        (60_000_000_000, "1m0s", "60.000s"),
        (3_723_000_000_001, "1h2m3.000000001s", "3723.000s"),
    ],
)
def test_writing(nanoseconds: int, full: str, table: str) -> None:
    assert duration_text(nanoseconds) == full
    assert short(nanoseconds) == table


@given(st.integers(-(1 << 62), 1 << 62))
def test_what_is_written_is_read(nanoseconds: int) -> None:
    assert parse_duration(duration_text(nanoseconds)) == nanoseconds
