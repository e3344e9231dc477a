"""Times as text in Go's layouts: `2006-01-02T15:04:05Z07:00` and the like.

A layout is cut into elements once; `formatted` writes a `Moment`, `parsed` reads one as nanoseconds since 1970.
What an element takes and gives is Go's `time` (https://pkg.go.dev/time#Layout).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

CONSTANTS: Final = {
    "ANSIC": "Mon Jan _2 15:04:05 2006",
    "UnixDate": "Mon Jan _2 15:04:05 MST 2006",
    "RubyDate": "Mon Jan 02 15:04:05 -0700 2006",
    "RFC822": "02 Jan 06 15:04 MST",
    "RFC822Z": "02 Jan 06 15:04 -0700",
    "RFC850": "Monday, 02-Jan-06 15:04:05 MST",
    "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST",
    "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700",
    "RFC3339": "2006-01-02T15:04:05Z07:00",
    "RFC3339Nano": "2006-01-02T15:04:05.999999999Z07:00",
}
MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
DAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905
SECOND: Final = 10**9

# The longest element first where one is the beginning of another; a name is none when a small letter follows.
_ELEMENT: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|__2|_2(?!006)|2|3|4|5|PM|pm"
    r"|[-Z]07(?:0000|:00:00|00|:00|)|[.,]0+(?![0-9])|[.,]9+(?![0-9])"
)
_ZONE: Final = re.compile(
    r"ChST|MeST|GMT(?:[+-][0-9]{1,2})?|[+-][0-9]{2}(?![0-9])|[A-Z]{4}T|[A-Z]{3}T|WITA|[A-Z]{3}"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in a zone: date and clock there, and the nanoseconds of its second."""

    local: datetime
    nanoseconds: int


class LayoutError(ValueError):
    """The text does not fit the layout."""


@lru_cache(maxsize=256)
def elements(layout: str) -> tuple[tuple[str, str], ...]:
    """Return pairs of plain text and the element that follows it; the last element is empty."""
    found = []
    at = 0
    for match in _ELEMENT.finditer(layout):
        found.append((layout[at : match.start()], match.group()))
        at = match.end()
    found.append((layout[at:], ""))
    return tuple(found)


# --- writing -----------------------------------------------------------------------------------------------


def formatted(moment: Moment, layout: str) -> str:
    """Return the moment in a layout, or in one of Go's constants by its name."""
    return "".join(
        [f"{text}{_written(moment, each)}" for text, each in elements(CONSTANTS.get(layout, layout))]
    )


def _written(moment: Moment, element: str) -> str:
    local = moment.local
    if element[:1] in ("-", "Z") and element[1:3] == "07":
        return _offset(local, element)
    if element[:1] in (".", ","):
        digits = f"{moment.nanoseconds:09}"[: len(element) - 1].ljust(len(element) - 1, "0")
        if element[1] == "9":
            digits = digits.rstrip("0")
            return f"{element[0]}{digits}" if digits else ""
        return f"{element[0]}{digits}"
    hour = local.hour % 12 or 12
    return {
        "": "",
        "2006": f"{local.year:04}",
        "06": f"{local.year % 100:02}",
        "January": MONTHS[local.month - 1],
        "Jan": MONTHS[local.month - 1][:3],
        "01": f"{local.month:02}",
        "1": f"{local.month}",
        "Monday": DAYS[local.weekday()],
        "Mon": DAYS[local.weekday()][:3],
        "02": f"{local.day:02}",
        "_2": f"{local.day:2}",
        "2": f"{local.day}",
        "002": f"{local.timetuple().tm_yday:03}",
        "__2": f"{local.timetuple().tm_yday:3}",
        "15": f"{local.hour:02}",
        "03": f"{hour:02}",
        "3": f"{hour}",
        "04": f"{local.minute:02}",
        "4": f"{local.minute}",
        "05": f"{local.second:02}",
        "5": f"{local.second}",
        "PM": "PM" if local.hour >= 12 else "AM",
        "pm": "pm" if local.hour >= 12 else "am",
        "MST": local.tzname() or "",
    }[element]


def _offset(local: datetime, element: str) -> str:
    delta = local.utcoffset()
    seconds = int(delta.total_seconds()) if delta is not None else 0
    if element[0] == "Z" and not seconds:
        return "Z"
    sign = "-" if seconds < 0 else "+"
    minutes, second = divmod(abs(seconds), 60)
    hour, minute = divmod(minutes, 60)
    rest = element[3:]
    colon = ":" if rest.startswith(":") else ""
    text = f"{sign}{hour:02}"
    if rest:
        text += f"{colon}{minute:02}"
    if len(rest) >= 4:
        text += f"{colon}{second:02}"
    return text


# --- reading -----------------------------------------------------------------------------------------------


def parsed(layout: str, text: str) -> int:
    """Return the nanoseconds since 1970 that a text in a layout stands for; raises `LayoutError`."""
    layout = CONSTANTS.get(layout, layout)
    reader = _Reader(layout, text)
    found = elements(layout)
    for number, (plain, element) in enumerate(found):
        reader.plain(plain)
        if element:
            following = found[number + 1] if number + 1 < len(found) else ("", "")
            reader.element(element, fraction_next=not following[0] and following[1][:1] in (".", ","))
    if reader.rest:
        raise LayoutError(f"parsing time {quoted(text)}: extra text: {quoted(reader.rest)}")
    return reader.nanoseconds()


def quoted(text: str) -> str:
    """Return a text as errors of Go's package `time` quote it: bytes that are no printable ASCII as `\\x`."""
    return f'"{"".join(map(_quoted, text))}"'


def _quoted(char: str) -> str:
    if char in {'"', "\\"}:
        return f"\\{char}"
    if " " <= char <= "\x7f":
        return char
    return "".join([f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass")])


class _Reader:
    def __init__(self, layout: str, text: str) -> None:
        self.layout = layout
        self.text = text
        self.rest = text
        self.year = 0
        self.month = self.day = self.day_of_year = -1
        self.hour = self.minute = self.second = self.fraction = self.offset = 0
        self.afternoon: bool | None = None

    def misfit(self, what: str) -> LayoutError:
        return LayoutError(
            f"parsing time {quoted(self.text)} as {quoted(self.layout)}: "
            f"cannot parse {quoted(self.rest)} as {quoted(what)}"
        )

    def outside(self, what: str) -> LayoutError:
        return LayoutError(f"parsing time {quoted(self.text)}: {what} out of range")

    def plain(self, plain: str) -> None:
        """Step over the text between elements; any run of spaces fits any other."""
        while plain:
            if plain[0] == " ":
                if self.rest and self.rest[0] != " ":
                    raise self.misfit(plain)
                plain, self.rest = plain.lstrip(" "), self.rest.lstrip(" ")
            elif not self.rest.startswith(plain[0]):
                raise self.misfit(plain)
            else:
                plain, self.rest = plain[1:], self.rest[1:]

    def digits(self, element: str, least: int, most: int) -> int:
        """Read a number of so many digits."""
        found = re.match(rf"[0-9]{{{least},{most}}}", self.rest)
        if found is None:
            raise self.misfit(element)
        self.rest = self.rest[found.end() :]
        return int(found.group())

    def name(self, element: str, names: list[str], length: int | None) -> int:
        lowered = self.rest.lower()
        for number, name in enumerate(names):
            short = name[:length]
            if lowered.startswith(short.lower()):
                self.rest = self.rest[len(short) :]
                return number
        raise self.misfit(element)

    def element(self, element: str, *, fraction_next: bool) -> None:
        """Read one element."""
        if element in {"January", "Jan"}:
            self.month = self.name(element, MONTHS, 3 if element == "Jan" else None) + 1
        elif element in {"Monday", "Mon"}:
            self.name(element, DAYS, 3 if element == "Mon" else None)
        elif element[:1] in (".", ","):
            self.read_fraction(element)
        elif element == "MST":
            self.zone()
        elif element[1:3] == "07":
            self.read_offset(element)
        elif element in {"PM", "pm"}:
            halves = {"AM": False, "PM": True} if element == "PM" else {"am": False, "pm": True}
            if self.rest[:2] not in halves:
                raise self.misfit(element)
            self.afternoon = halves[self.rest[:2]]
            self.rest = self.rest[2:]
        else:
            self.number(element, fraction_next=fraction_next)

    def number(self, element: str, *, fraction_next: bool) -> None:
        if element == "2006":
            self.year = self.digits(element, 4, 4)
        elif element == "06":
            year = self.digits(element, 2, 2)
            self.year = year + (1900 if year >= 69 else 2000)
        elif element in {"01", "1"}:
            self.month = self.ranged("month", element, 1, 12, padded=element == "01")
        elif element in {"02", "_2", "2"}:
            if element == "_2" and self.rest.startswith(" "):
                self.rest = self.rest[1:]
            self.day = self.digits(element, 2 if element == "02" else 1, 2)
        elif element in {"002", "__2"}:
            self.rest = self.rest.lstrip(" ") if element == "__2" else self.rest
            self.day_of_year = self.digits(element, 3 if element == "002" else 1, 3)
        elif element == "15":
            self.hour = self.ranged("hour", element, 0, 23, padded=False)
        elif element in {"03", "3"}:
            self.hour = self.ranged("hour", element, 0, 12, padded=element == "03")
        elif element in {"04", "4"}:
            self.minute = self.ranged("minute", element, 0, 59, padded=element == "04")
        else:
            self.second = self.ranged("second", element, 0, 59, padded=element == "05")
            # A fraction may follow the seconds where the layout has none.
            if not fraction_next and re.match(r"[.,][0-9]", self.rest):
                self.read_fraction(".9")

    def ranged(self, what: str, element: str, least: int, most: int, *, padded: bool) -> int:
        value = self.digits(element, 2 if padded else 1, 2)
        if not least <= value <= most:
            raise self.outside(what)
        return value

    def read_fraction(self, element: str) -> None:
        if element[1] == "9":
            found = re.match(r"[.,]([0-9]+)", self.rest)
            if found is None:
                return
        else:
            found = re.match(rf"[.,]([0-9]{{{len(element) - 1}}})", self.rest)
            if found is None:
                raise self.misfit(element)
        self.fraction = int(found[1][:9].ljust(9, "0"))
        self.rest = self.rest[found.end() :]

    def read_offset(self, element: str) -> None:
        if element[0] == "Z" and self.rest.startswith("Z"):
            self.rest = self.rest[1:]
            return
        pattern = {
            "": r"([+-])([0-9]{2})",
            "00": r"([+-])([0-9]{2})([0-9]{2})",
            ":00": r"([+-])([0-9]{2}):([0-9]{2})",
            "0000": r"([+-])([0-9]{2})([0-9]{2})([0-9]{2})",
            ":00:00": r"([+-])([0-9]{2}):([0-9]{2}):([0-9]{2})",
        }[element[3:]]
        found = re.match(pattern, self.rest)
        if found is None:
            raise self.misfit(element)
        sign, *parts = found.groups()
        hour, minute, second = [*map(int, parts), 0, 0][:3]
        if hour > 24 or minute > 60 or second > 60:
            raise self.outside("time zone offset")
        self.offset = (hour * 3600 + minute * 60 + second) * (-1 if sign == "-" else 1)
        self.rest = self.rest[found.end() :]

    def zone(self) -> None:
        if self.rest.startswith("UTC"):
            self.rest = self.rest[3:]
            return
        found = _ZONE.match(self.rest)
        if found is None:
            raise self.misfit("MST")
        # Go gives the zone its name, and counts none of them, not even GMT+3.
        self.rest = self.rest[found.end() :]

    def nanoseconds(self) -> int:
        """Return what was read, as nanoseconds since 1970."""
        hour = self.hour
        if self.afternoon is True and hour < 12:
            hour += 12
        elif self.afternoon is False and hour == 12:
            hour = 0
        month = max(1, self.month)
        day = 1 if self.day < 0 else self.day
        if self.day_of_year >= 0:
            if not 1 <= self.day_of_year <= 365 + is_leap(self.year):
                raise self.outside("day-of-year")
            days = days_since_1970(self.year, 1, 1) + self.day_of_year - 1
        else:
            if not 1 <= day <= days_in(self.year, month):
                raise self.outside("day")
            days = days_since_1970(self.year, month, day)
        seconds = days * 86400 + hour * 3600 + self.minute * 60 + self.second - self.offset
        return seconds * SECOND + self.fraction


# --- the calendar, for any year ----------------------------------------------------------------------------


def is_leap(year: int) -> bool:
    """Tell whether a year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in(year: int, month: int) -> int:
    """Return the number of days of a month."""
    return 29 if month == 2 and is_leap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def days_since_1970(year: int, month: int, day: int) -> int:
    """Return the number of days from 1970-01-01 to a date; the month may be any number, the day too."""
    year += (month - 1) // 12
    month = (month - 1) % 12
    before = year - 1
    leaps = before // 4 - before // 100 + before // 400
    days = sum(days_in(year, number) for number in range(1, month + 1))
    return before * 365 + leaps + days + day - 719163
