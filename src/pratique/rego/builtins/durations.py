"""time.parse_duration_ns: Go's durations (`1h30m`), and OPA's days, weeks and years."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from pratique.rego.builtins.layouts import quoted
from pratique.rego.builtins.registry import RefusalError, builtin
from pratique.rego.runtime.numbers import integer
from pratique.rego.runtime.values import Value

_MOST: Final = 2**63
_HOUR: Final = 3600 * 1_000_000_000
_UNITS: Final = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,  # U+00B5
    "μs": 1000,  # U+03BC
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": _HOUR,
}
_HOURS: Final = {"d": 24, "w": 7 * 24, "y": 365 * 24}
_SEGMENT: Final = re.compile(r"([0-9]*)(\.[0-9]*)?([^0-9.]*)")
_EXTENDED: Final = re.compile(r"([-+]?)((?:[0-9.]+(?:ms|us|µs|ns|[a-z]))+)\Z")
_EXTENDED_SEGMENT: Final = re.compile(r"([0-9.]+)(ms|us|µs|ns|[a-z])")


@builtin("time.parse_duration_ns", "string -> number", cost=0)
def parse_duration_ns(text: Value) -> Value:
    """Return the nanoseconds that a duration like `1h30m` or `2d` stands for."""
    return _parsed(_in_hours(text) if any(unit in text for unit in _HOURS) else text, text)


def _in_hours(text: str) -> str:
    """Return the duration with days, weeks and years as hours, by way of 64-bit floats as OPA does."""
    found = _EXTENDED.match(text)
    if not found:
        raise _invalid(text)
    parts = [found[1]]
    for digits, unit in _EXTENDED_SEGMENT.findall(found[2]):
        if unit not in _HOURS:
            parts.append(digits + unit)
            continue
        try:
            hours = float(digits) * _HOURS[unit]
        except ValueError:
            raise _invalid(text) from None
        parts.append(f"{Fraction(repr(hours)).numerator}h" if hours.is_integer() else f"{hours!r}h")
    return "".join(parts)


def _invalid(text: str, why: str = "invalid duration") -> RefusalError:
    return RefusalError(f"time: {why} {quoted(text)}")


def _parsed(text: str, shown: str) -> int:
    sign, rest = (text[:1], text[1:]) if text[:1] in ("-", "+") else ("", text)
    if rest == "0":
        return 0
    if not rest:
        raise _invalid(shown)
    total = at = 0
    while at < len(rest):
        found = _SEGMENT.match(rest, at)
        assert found is not None  # the pattern matches nothing at all
        before, after, unit = found[1], (found[2] or "")[1:], found[3]
        if not before and not after:
            raise _invalid(shown)
        if not unit:
            raise _invalid(shown, "missing unit in duration")
        if unit not in _UNITS:
            raise _invalid(shown, f"unknown unit {quoted(unit)} in duration")
        size = _UNITS[unit]
        # Go reads as much of a fraction as 63 bits hold.
        after = after[:19] if integer(after[:19] or "0") <= _MOST else after[:18]
        total += integer(before or "0") * size + (
            int(integer(after) * (size / 10 ** len(after))) if after else 0
        )
        if total > _MOST:
            raise _invalid(shown)
        at = found.end()
    if total == _MOST and sign != "-":
        raise _invalid(shown)
    return -total if sign == "-" else total
