"""Cron schedules: is a text one, and when is it next due. Pure.

Source: the five fields and the descriptors of `github.com/robfig/cron/v3`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: at for at, name in enumerate(_MONTH_NAMES, 1)}
_DAYS = {name: at for at, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_BOUNDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SEARCH_DAYS = 5 * 366


class ScheduleError(Exception):
    """A text is no schedule."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Allowed minutes, hours, days, months and weekdays; or a fixed pause."""

    sets: tuple[frozenset[int], ...] = ()
    any_day: bool = True
    any_weekday: bool = True
    every: float = 0.0

    def next(self, after: datetime) -> datetime | None:
        """Return the first due moment after another, or None within five years."""
        if self.every:
            return after + timedelta(seconds=max(1.0, self.every))
        minutes, hours, _, months, _ = self.sets
        day = (after + timedelta(minutes=1)).replace(second=0, microsecond=0)
        for _ in range(_SEARCH_DAYS):
            if day.month in months and self._on(day):
                for hour in sorted(h for h in hours if h >= day.hour):
                    first = day.minute if hour == day.hour else 0
                    minute = min((m for m in minutes if m >= first), default=None)
                    if minute is not None:
                        return day.replace(hour=hour, minute=minute)
            day = (day + timedelta(days=1)).replace(hour=0, minute=0)
        return None

    def _on(self, day: datetime) -> bool:
        by_date = day.day in self.sets[2]
        by_weekday = (day.weekday() + 1) % 7 in self.sets[4]
        if self.any_day or self.any_weekday:
            return by_date and by_weekday
        return by_date or by_weekday  # both restricted: either will do, as in cron


def problem(text: str) -> str:
    """Return what is wrong with a schedule, an empty text when nothing is."""
    try:
        parse(text)
    except ScheduleError as error:
        return str(error)
    return ""


def parse(text: str) -> Schedule:
    """Read a schedule."""
    if not text:
        raise ScheduleError("empty spec string")
    if text.startswith("@every "):
        return Schedule(every=_duration(text.removeprefix("@every ")))
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise ScheduleError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    parts = text.split()
    if parts and parts[0].startswith(("TZ=", "CRON_TZ=")):
        parts = parts[1:]
    if len(parts) != 5:
        raise ScheduleError(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    sets = tuple(_field(part, *bounds) for part, bounds in zip(parts, _BOUNDS, strict=True))
    return Schedule(sets, parts[2][0] in "*?", parts[4][0] in "*?")


def _field(text: str, low: int, high: int, words: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        found |= _range(part, low, high, words)
    return frozenset(found)


def _range(text: str, low: int, high: int, words: dict[str, int]) -> set[int]:
    base, slash, step_text = text.partition("/")
    first, dash, last = base.partition("-")
    if base in ("*", "?"):
        start, end = low, high
    else:
        start = _number(first, words)
        end = _number(last, words) if dash else high if slash else start
    step = _number(step_text, {}) if slash else 1
    if start < low:
        raise ScheduleError(f"beginning of range ({start}) below minimum ({low}): {text}")
    if end > high:
        raise ScheduleError(f"end of range ({end}) above maximum ({high}): {text}")
    if start > end:
        raise ScheduleError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise ScheduleError(f"step of range should be a positive number: {text}")
    return set(range(start, end + 1, step))


def _number(text: str, words: dict[str, int]) -> int:
    if text.lower() in words:
        return words[text.lower()]
    if not text.isdigit():
        raise ScheduleError(
            f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax'
        )
    return int(text)


def _duration(text: str) -> float:
    seconds, number, rest = 0.0, "", text
    while rest:
        while rest and (rest[0].isdigit() or rest[0] == "."):
            number, rest = number + rest[0], rest[1:]
        unit = next((u for u in sorted(_UNITS, key=len, reverse=True) if rest.startswith(u)), None)
        if not number or unit is None:
            raise ScheduleError(f'failed to parse duration @every {text}: time: invalid duration "{text}"')
        seconds += float(number) * _UNITS[unit]
        number, rest = "", rest.removeprefix(unit)
    return seconds
