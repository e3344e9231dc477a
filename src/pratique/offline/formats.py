"""The formats that CI systems read, whatever is reported: JUnit XML, TAP, and GitHub's workflow commands.

In: cases, points and messages as plain values. Out: text. JUnit holds to the schema of Jenkins' xUnit plug-in but for
`file` and `line` of a test case, which GitLab and others read; TAP holds to version 13, and is read as 14 too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from pratique.errors import Location

# What a workflow command takes for its own syntax (GitHub, "workflow commands").
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """One test case: it failed if it has a failure, was left out if `skipped` says why, and passed otherwise."""

    group: str
    name: str
    place: Location
    seconds: float
    failure: str | None = None
    detail: str = ""
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class TapPoint:
    """One line of TAP: whether it is ok, what it is about, its directive, and what a comment says below it."""

    passed: bool
    text: str
    directive: str = ""
    comment: str = ""


def junit_text(suites: Iterable[tuple[str, Sequence[JUnitCase]]]) -> str:
    """Return JUnit XML of suites by name."""
    listed = list(suites)
    every = [case for _, cases in listed for case in cases]
    counts = f'tests="{len(every)}" failures="{_failed(every)}" errors="0" time="{_seconds(every)}"'
    text = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="pratique" {counts}>']
    for name, cases in listed:
        skipped = sum(case.skipped is not None for case in cases)
        text.append(
            f'<testsuite name={_attribute(name)} tests="{len(cases)}" failures="{_failed(cases)}" errors="0" '
            f'skipped="{skipped}" time="{_seconds(cases)}">'
        )
        text += map(_junit_case, cases)
        text.append("</testsuite>")
    return "\n".join([*text, "</testsuites>"]) + "\n"


def _failed(cases: Sequence[JUnitCase]) -> int:
    return sum(case.failure is not None for case in cases)


def _seconds(cases: Sequence[JUnitCase]) -> str:
    return f"{sum(case.seconds for case in cases):.3f}"


def _junit_case(case: JUnitCase) -> str:
    at = case.place
    head = (
        f"<testcase classname={_attribute(case.group)} name={_attribute(case.name)} "
        f'file={_attribute(at.file)} line="{at.line}" time="{case.seconds:.3f}"'
    )
    if case.failure is not None:
        message, detail = _attribute(case.failure), escape(_xml(case.detail or case.failure))
        return f'{head}><failure message={message} type="failure">{detail}</failure></testcase>'
    if case.skipped is not None:
        return f"{head}><skipped message={_attribute(case.skipped)}/></testcase>"
    return f"{head}/>"


def _attribute(text: str) -> str:
    return quoteattr(_xml(text))


def _xml(text: str) -> str:
    """Return a text without the characters that XML 1.0 cannot hold."""
    return "".join(char if _fits_xml(ord(char)) else "\ufffd" for char in text)


def _fits_xml(code: int) -> bool:
    return code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def tap_text(points: Sequence[TapPoint]) -> str:
    """Return TAP: the plan, and a line a point."""
    text = ["TAP version 13", f"1..{len(points)}"]
    for number, point in enumerate(points, 1):
        said = _line(point.text).replace("\\", "\\\\").replace("#", "\\#")
        directive = f" # {_line(point.directive).replace('#', '')}" if point.directive else ""
        text.append(f"{'ok' if point.passed else 'not ok'} {number} - {said}{directive}")
        text += [f"# {line}" for line in point.comment.splitlines()]
    return "\n".join(text) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def annotation(level: str, at: Location, title: str, message: str) -> str:
    """Return one of GitHub's workflow commands: an `error`, a `warning` or a `notice` at a place."""
    where = f"file={at.file.translate(_PROPERTY)},line={at.line},col={at.column}"
    return f"::{level} {where},title={title.translate(_PROPERTY)}::{message.translate(_DATA)}\n"
