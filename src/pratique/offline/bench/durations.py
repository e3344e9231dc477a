"""Durations as Go's `time.Duration` reads and writes them: `1.5ms`, `2m3s`.

In and out: whole nanoseconds.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from pratique.errors import InputError

SECOND: Final = 1_000_000_000
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,  # the Greek letter
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(rf"([-+]?)((?:{_PART.pattern})+)")


def parse_duration(text: str) -> int:
    """Read a duration; raises `InputError`."""
    if text in ("0", "+0", "-0"):
        return 0
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        raise InputError(f"`{text}` is no duration", hint="write a number and its unit, such as `1ms`")
    total = sum(Decimal(number) * _UNITS[unit] for number, unit in _PART.findall(whole[2]))
    return int(-total if whole[1] == "-" else total)


def duration_text(nanoseconds: int) -> str:
    """Return a duration with every digit, as Go prints it."""
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if left < SECOND:
        unit, size = next((unit, size) for unit, size in _SMALL if left >= size or size == 1)
        return f"{sign}{_decimal(left, size)}{unit}" if left else "0s"
    minutes, rest = divmod(left, 60 * SECOND)
    text = f"{_decimal(rest, SECOND)}s"
    if minutes:
        text = f"{minutes % 60}m{text}"
    if minutes >= 60:
        text = f"{minutes // 60}h{text}"
    return sign + text


def short(nanoseconds: int) -> str:
    """Return a duration for a table: two digits behind the point, three for seconds."""
    if nanoseconds < 1_000:
        return f"{nanoseconds}ns"
    if nanoseconds < 1_000_000:
        return f"{nanoseconds / 1_000:.2f}µs"
    if nanoseconds < SECOND:
        return f"{nanoseconds / 1_000_000:.2f}ms"
    return f"{nanoseconds / SECOND:.3f}s"


_SMALL: Final = (("ms", 1_000_000), ("µs", 1_000), ("ns", 1))


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    digits = str(rest).zfill(len(str(size)) - 1).rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)
