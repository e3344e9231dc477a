"""Compare what a step printed with what it should have printed, by the README's rules of matching."""

from __future__ import annotations

import difflib
import functools
import re

PLACEHOLDERS = {
    "age": r"(<unknown>|<invalid>|(\d+[smhdy]){1,2}( \(x\d+ over (\d+[smhdy]){1,2}\))?)",
    "time": r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|"
    r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4})",
    "uid": r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}",
    "rv": r"\d+",
    "hash5": r"[bcdfghjklmnpqrstvwxz2456789]{5}",
    "hash10": r"[bcdfghjklmnpqrstvwxz2456789]{6,10}",
    "hex16": r"[0-9a-f]{14,16}",
    "ip": r"\d{1,3}(\.\d{1,3}){3}",
    "port": r"\d{1,5}",
    "token": r"[\w-]+\.[\w-]+\.[\w-]+",
    "ca": r"[A-Za-z0-9+/=]+",
    "server": r"https?://[\w.:-]+",
    "webhook": r"https?://[\w.:-]+",
    "any": r".*",
}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LOG = re.compile(r"^[IWE]\d{4} \d\d:\d\d:\d\d")
_PLACEHOLDER = re.compile("<(" + "|".join(PLACEHOLDERS) + ")>")
_BLANKS = re.compile(r"[ \t]+")


def clean(text: str, *, errors: bool = False) -> list[str]:
    """Return a text's lines without colours, blanks at line ends and newlines at the end."""
    lines = [line.rstrip() for line in _COLOUR.sub("", text).split("\n")]
    if errors:
        lines = [line for line in lines if not _LOG.match(line)]
    while lines and not lines[-1]:
        lines.pop()
    return [_squeeze(line) for line in lines]


def _squeeze(line: str) -> str:
    body = line.lstrip(" \t")
    return line[: len(line) - len(body)] + _BLANKS.sub(" ", body)


@functools.cache
def _pattern(line: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(line)
    text = "".join(PLACEHOLDERS[part] if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return re.compile(text)


def same_line(expected: str, actual: str) -> bool:
    return expected == actual or _pattern(expected).fullmatch(actual) is not None


def difference(expected: str, actual: str, *, errors: bool = False, bag: bool = False) -> list[str]:
    """Return no lines when the texts match, else a diff whose matching lines look alike."""
    want, have = clean(expected, errors=errors), clean(actual, errors=errors)
    if bag:
        return _bag_difference(want, have)
    if len(want) == len(have) and all(map(same_line, want, have)):
        return []
    # Lines that match a pattern are shown as they were printed, so that only real differences stand out.
    shown = [next((line for line in have if same_line(pattern, line)), pattern) for pattern in want]
    if shown == have:
        return ["(the lines are right, their order is not)", *want]
    return list(difflib.unified_diff(shown, have, "expected", "actual", lineterm="", n=2))


def _bag_difference(want: list[str], have: list[str]) -> list[str]:
    left = list(have)
    missing = []
    for pattern in sorted(want, key=lambda line: "<" in line):
        found = next((line for line in left if same_line(pattern, line)), None)
        if found is None:
            missing.append(pattern)
        else:
            left.remove(found)
    return [f"-{line}" for line in missing] + [f"+{line}" for line in left]
