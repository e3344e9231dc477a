"""Results of suites in the formats that CI systems read: JUnit, TAP, GitHub annotations, and JSON.

In: `Suite`s. Out: text. A case is one test of a report; so is what fails or is left out as a whole (a suite that cannot
be read, a test whose policy is refused).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from pratique.errors import Location
from pratique.offline import transcript
from pratique.offline.formats import JUnitCase, TapPoint, annotation, junit_text, tap_text
from pratique.offline.suite import Case, Suite, Test

_UNNAMED: Final = "(without a name)"


class Outcome(NamedTuple):
    """What one test of a report came to; `group` is the suite's test that it belongs to."""

    group: str
    name: str
    failure: str
    skipped: bool
    seconds: float
    place: Location


def outcomes(suite: Suite) -> Iterator[Outcome]:
    """Yield what a suite came to, in the order of its cases."""
    if suite.failure or suite.skipped:
        yield _outcome(suite, suite.path, suite.path, suite)
    for test in suite.tests:
        name = test.name or _UNNAMED
        if test.failure or not test.cases:
            yield _outcome(suite, name, name, test)
        for case in test.cases:
            yield _outcome(suite, name, case.name or _UNNAMED, case)


def _outcome(suite: Suite, group: str, name: str, one: Suite | Test | Case) -> Outcome:
    place = Location(suite.path, one.line, 1)
    return Outcome(group, name, one.failure, one.skipped, one.seconds, place)


def junit(suites: Sequence[Suite]) -> str:
    """Return JUnit XML: a suite a file, a test case a case, whose class is its test."""
    return junit_text((suite.path, [_junit(one) for one in outcomes(suite)]) for suite in suites)


def _junit(one: Outcome) -> JUnitCase:
    return JUnitCase(
        one.group,
        one.name,
        one.place,
        one.seconds,
        failure=one.failure.split("\n")[0] if one.failure else None,
        detail=f"{one.place.file}:{one.place.line}: {one.failure}",
        skipped="it is not wanted" if one.skipped else None,
    )


def tap(suites: Sequence[Suite]) -> str:
    """Return TAP: a point a case; what fails says below why."""
    return tap_text(
        [
            TapPoint(
                not one.failure,
                ": ".join(dict.fromkeys((suite.path, one.group, one.name))),
                "SKIP" if one.skipped else "",
                f"{one.place.file}:{one.place.line}\n{one.failure}" if one.failure else "",
            )
            for suite in suites
            for one in outcomes(suite)
        ]
    )


def github(suites: Sequence[Suite]) -> str:
    """Return GitHub's workflow commands: an error for each failure, where its case begins."""
    return "".join(
        annotation("error", one.place, ": ".join(dict.fromkeys((one.group, one.name))), one.failure)
        for suite in suites
        for one in outcomes(suite)
        if one.failure
    )


def as_json(suites: Sequence[Suite]) -> str:
    """Return `{"suites": [{path, result, failure, seconds, line, tests}]}`; tests have a `name` and `cases`."""
    return json.dumps({"suites": [_suite(suite) for suite in suites]}, indent=2, ensure_ascii=False) + "\n"


def _suite(suite: Suite) -> dict[str, Any]:
    tests = [
        {
            "name": test.name,
            **_said(test),
            "cases": [{"name": case.name, **_said(case)} for case in test.cases],
        }
        for test in suite.tests
    ]
    return {"path": suite.path, **_said(suite), "tests": tests}


def _said(one: Suite | Test | Case) -> dict[str, Any]:
    failed = bool(one.failure) if isinstance(one, Case) else one.failed
    result = "fail" if failed else "skip" if one.skipped else "pass"
    return {"result": result, "failure": one.failure, "seconds": round(one.seconds, 6), "line": one.line}


def human(suites: Sequence[Suite], *, verbose: bool = False) -> str:
    """Return results as `gator verify` prints them."""
    text = "".join(transcript.text(suite, verbose=verbose) for suite in suites)
    return text + transcript.end(suites)


FORMATS: Final[dict[str, Callable[[Sequence[Suite]], str]]] = {
    "human": human,
    "json": as_json,
    "junit": junit,
    "tap": tap,
    "github": github,
}
