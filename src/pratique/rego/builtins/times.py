"""time.*: nanoseconds since 1970, calendars and zones."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pratique.rego.builtins.layouts import (
    CONSTANTS,
    DAYS,
    SECOND,
    LayoutError,
    Moment,
    days_in,
    days_since_1970,
    formatted,
    parsed,
)
from pratique.rego.builtins.registry import builtin, failure, machine_int, operand_error
from pratique.rego.runtime.numbers import whole as integer
from pratique.rego.runtime.state import State
from pratique.rego.runtime.values import Value, is_number, type_name

_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@builtin("time.now_ns", "-> number", needs_state=True, nondeterministic=True)
def now_ns(state: State) -> Value:
    """Return the time, the same all through one evaluation."""
    return state.memo.setdefault("time.now_ns", time.time_ns())


def _within(name: str, nanoseconds: int) -> int:
    if not _LEAST <= nanoseconds <= _MOST:
        raise failure(name, "time outside of valid range")
    return nanoseconds


@builtin("time.parse_ns", "string, string -> number", cost=0)
def parse_ns(layout: Value, text: Value) -> Value:
    """Return the time that a text in one of Go's layouts stands for."""
    return _parsed("time.parse_ns", layout, text)


@builtin("time.parse_rfc3339_ns", "string -> number", cost=0)
def parse_rfc3339_ns(text: Value) -> Value:
    """Return the time that an RFC 3339 text stands for."""
    return _parsed("time.parse_rfc3339_ns", CONSTANTS["RFC3339"], text)


def _parsed(name: str, layout: str, text: str) -> int:
    try:
        return _within(name, parsed(layout, text))
    except LayoutError as error:
        raise failure(name, str(error)) from None


# --- moments -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo | None:
    if name in {"", "UTC"}:
        return UTC
    if name == "Local":
        return datetime.now().astimezone().tzinfo
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _texts(name: str, position: int, values: list[Value]) -> None:
    for each in values:
        if type(each) is not str:
            raise operand_error(name, position, "string", type_name(each))


def _moment(name: str, value: Value, position: int = 1) -> tuple[int, tzinfo, str]:
    """Return nanoseconds, zone and layout of `ns`, `[ns, zone]` or `[ns, zone, layout]`."""
    given = value if type(value) is list else [value]
    if not given or (type(value) is not list and not is_number(value)):
        wanted = "either number (ns) or [number (ns), string (tz)]"
        raise operand_error(name, position, wanted, type_name(value))
    if not is_number(given[0]):
        raise operand_error(name, position, "number", type_name(given[0]))
    _texts(name, position, given[1:2])
    zone_name = given[1] if len(given) > 1 else ""
    if ".." in zone_name or zone_name.startswith(("/", "\\")):
        raise failure(name, "time: invalid location name")
    zone = _zone(zone_name)
    if zone is None:
        raise failure(name, f"unknown time zone {zone_name}")
    _texts(name, position, given[2:3])
    number = integer(given[0])
    if number is None or not _LEAST <= number <= _MOST:
        raise failure(name, "timestamp too big")
    return number, zone, given[2] if len(given) > 2 else ""


def _local(nanoseconds: int, zone: tzinfo) -> Moment:
    seconds, rest = divmod(nanoseconds, SECOND)
    return Moment((_EPOCH + timedelta(seconds=seconds)).astimezone(zone), rest)


@builtin("time.format", "number|array -> string", cost=0, unchecked=True)
def time_format(value: Value) -> Value:
    """Return a time as text: RFC 3339, or the layout that is given."""
    number, zone, layout = _moment("time.format", value)
    return formatted(_local(number, zone), layout or "RFC3339Nano")


@builtin("time.date", "number|array -> array", unchecked=True)
def date(value: Value) -> Value:
    """Return year, month and day."""
    number, zone, _ = _moment("time.date", value)
    local = _local(number, zone).local
    return [local.year, local.month, local.day]


@builtin("time.clock", "number|array -> array", unchecked=True)
def clock(value: Value) -> Value:
    """Return hour, minute and second."""
    number, zone, _ = _moment("time.clock", value)
    local = _local(number, zone).local
    return [local.hour, local.minute, local.second]


@builtin("time.weekday", "number|array -> string", unchecked=True)
def weekday(value: Value) -> Value:
    """Return the name of the day."""
    number, zone, _ = _moment("time.weekday", value)
    return DAYS[_local(number, zone).local.weekday()]


@builtin("time.add_date", "number, number, number, number -> number", unchecked=True)
def add_date(value: Value, years: Value, months: Value, days: Value) -> Value:
    """Return the time so many years, months and days later; the 31st of a short month runs over."""
    name = "time.add_date"
    number, zone, _ = _moment(name, value)
    added = []
    for position, each in enumerate((years, months, days), 2):
        if not is_number(each):
            raise operand_error(name, position, "number", type_name(each))
        added.append(machine_int(name, position, each))
    moment = _local(number, zone)
    local = moment.local
    if any(abs(each) > 10**9 for each in added):
        raise failure(name, "time outside of valid range")
    day = days_since_1970(local.year + added[0], local.month + added[1], local.day + added[2])
    seconds = day * 86400 + local.hour * 3600 + local.minute * 60 + local.second
    _within(name, seconds * SECOND)
    # As Go does: what the zone says at that clock time, looked up twice.
    seconds -= _offset(seconds - _offset(seconds, zone), zone)
    return _within(name, seconds * SECOND + moment.nanoseconds)


def _offset(seconds: int, zone: tzinfo) -> int:
    delta = (_EPOCH + timedelta(seconds=seconds)).astimezone(zone).utcoffset()
    return 0 if delta is None else int(delta.total_seconds())


@builtin("time.diff", "number|array, number|array -> array", unchecked=True)
def diff(left: Value, right: Value) -> Value:
    """Return years, months, days, hours, minutes and seconds between two times, in the first one's zone."""
    first, zone, _ = _moment("time.diff", left)
    second, _, _ = _moment("time.diff", right)
    early, late = (_local(each, zone).local for each in sorted((first, second)))
    fields = [
        getattr(late, unit) - getattr(early, unit)
        for unit in ("year", "month", "day", "hour", "minute", "second")
    ]
    # What is below zero borrows from its left neighbour, from the second on to the month.
    sizes = (0, 12, days_in(early.year, early.month), 24, 60, 60)
    for index in range(5, 0, -1):
        if fields[index] < 0:
            fields[index] += sizes[index]
            fields[index - 1] -= 1
    return fields
