"""Results of Rego tests as `opa test` prints them, and as JUnit.

Comes in: results one after the other, so that a person sees each as it comes. Goes out: text for standard output.
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import click

from pratique.cli.rego.presentation import duration
from pratique.rego.observe import explain
from pratique.rego.observe.failure import Failure, failure
from pratique.rego.runtime.tracing import Event
from pratique.rego.testing import Case, Result

QUERY = "query"
Explain = Callable[[list[Event]], list[Event]]
_COLOURS = {"PASS": "green", "FAIL": "red", "ERROR": "red", "SKIPPED": "yellow"}


def coloured(word: str) -> str:
    """Return an outcome in its colour, on a terminal that wants colours."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return word
    return click.style(word, fg=_COLOURS[word])


def first_line(result: Result, *, plain: bool = False) -> str:
    """Return `package.name: OUTCOME (duration)`."""
    outcome = result.outcome if plain else coloured(result.outcome)
    text = f"{result.package}.{result.name}: {outcome}"
    return text if result.skipped else f"{text} ({duration(result.nanoseconds)})"


@dataclass(slots=True)
class Pretty:
    """Prints each result as it comes, then details of failures and a summary."""

    verbose: bool
    values: bool
    explained: Explain
    why: Callable[[Result], Failure | None]
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("PASS", "FAIL", "SKIPPED", "ERROR"), 0)
    )
    failures: list[Result] = field(default_factory=list)
    _file: str = ""
    _dirty: bool = False

    def take(self, result: Result) -> None:
        """Count a result, and print it unless it passed and nobody asked."""
        if result.failed:
            self.failures.append(result)
        if result.cases:
            for _, case in result.leaves():
                if not case.cases:
                    self.counts["FAIL" if case.failed else "PASS"] += 1
        else:
            self.counts[result.outcome] += 1
        if self.verbose or not result.passed:
            self._print(result)

    def _print(self, result: Result) -> None:
        if self._file and self._file != result.place.file:
            click.echo()
        self._file = result.place.file
        self._dirty = True
        click.echo(f"{result.place.file}:{result.place.line}:")
        click.echo(first_line(result))
        for names, case in result.leaves():
            if case.failed or self.verbose:
                click.echo(f"  {'  ' * (len(names) - 1)}{case.name}: {_word(case)}")
        if result.output:
            click.echo(f"\n{indented(result.output.strip(), 2)}\n\n", nl=False)
        if result.error is not None:
            click.echo(f"  {error_text(result)}")
        elif result.failed and not self.values:
            self._explain(result)

    def _explain(self, result: Result) -> None:
        # Not in opa's output without --var-values: where it failed, and with which values.
        found = self.why(result)
        if found is not None:
            click.echo(f"\n  {found.place.file}:{found.place.line}:")
            click.echo(indented("\n".join(found.lines), 4) + "\n")
        for refusal in result.refusals:
            click.echo(f"  {refusal}")

    def finish(self) -> None:
        """Print details of failures where they were asked for, and the summary."""
        if self.counts["FAIL"] and (self.verbose or self.values):
            click.echo(f"{_RULE}\nFAILURES\n{_RULE}")
            for result in self.failures:
                self._details(result)
        if self._dirty:
            click.echo(_RULE)
        total = sum(self.counts.values())
        for word, count in self.counts.items():
            if count:
                click.echo(f"{word}: {count}/{total}")

    def _details(self, result: Result) -> None:
        click.echo(first_line(result))
        if not result.cases:
            self._trace(result.events)
            if self.values:
                self._where(result.events, 0)
            click.echo()
            return
        self._trace(result.events)
        click.echo()
        for names, case in result.leaves():
            if case.failed and not case.cases:
                for depth, name in enumerate(names):
                    click.echo(f"{'  ' * (depth + 1)}{name}: FAIL")
                if self.values:
                    self._where(case.events, 2 * (len(names) + 1))
        click.echo()

    def _trace(self, events: list[Event]) -> None:
        if self.verbose:
            click.echo()
            text = explain.pretty(self.explained(events), query=QUERY, values=self.values, indent="  ")
            click.echo(text, nl=False)

    def _where(self, events: list[Event], indent: int) -> None:
        pad = " " * indent
        click.echo(pad)
        found = failure(events, query=QUERY)
        if found is not None:
            click.echo(f"{pad}  {found.place.file}:{found.place.line}:")
            text = indented("\n".join(found.lines), indent + 4)
            click.echo(f"{text}{pad}" if indent else text)


_RULE = "-" * 80


def _word(case: Case) -> str:
    return coloured("FAIL" if case.failed else "PASS")


def indented(text: str, width: int) -> str:
    """Return the text with every line that far to the right."""
    return "\n".join([" " * width + line for line in text.split("\n")])


def error_text(result: Result) -> str:
    """Return what went wrong, as one line."""
    error = result.error
    if error is None:
        return ""
    where = f"{error.location.file}:{error.location.line}: " if error.location.line else ""
    return f"{where}{error.code}: {error.message}"


def as_data(result: Result, explained: Explain) -> dict[str, Any]:
    """Return a result as OPA's JSON has it."""
    place = result.place
    found: dict[str, Any] = {
        "location": {"file": place.file, "row": place.line, "col": place.column},
        "package": result.package,
        "name": result.name,
    }
    if result.failed:
        found["fail"] = True
    if result.error is not None:
        where = result.error.location
        found["error"] = {
            "code": result.error.code,
            "message": result.error.message,
            "location": {"file": where.file, "row": where.line, "col": where.column},
        }
    if result.skipped:
        found["skip"] = True
    found["duration"] = result.nanoseconds
    if result.events:
        found["trace"] = explain.as_data(explained(result.events), query=QUERY)
    if result.output:
        found["output"] = base64.b64encode(result.output.encode()).decode()
    if result.cases:
        found["sub_results"] = _cases(result.cases)
    return found


def _cases(cases: dict[str, Case]) -> dict[str, Any]:
    found = {}
    for name in sorted(cases):
        case = cases[name]
        found[name] = {
            "name": name,
            **({"fail": True} if case.failed else {}),
            **({"sub_results": _cases(case.cases)} if case.cases else {}),
        }
    return found


def junit(results: Iterable[Result], why: Callable[[Result], Failure | None]) -> str:
    """Return results as JUnit XML: a suite a package, a case a test or a test's case."""
    root = ElementTree.Element("testsuites")
    suites: dict[str, ElementTree.Element] = {}
    for result in results:
        suite = suites.get(result.package)
        if suite is None:
            suite = suites[result.package] = ElementTree.SubElement(root, "testsuite", name=result.package)
        for name, failed in _junit_cases(result):
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=result.package,
                name=name,
                file=result.place.file,
                line=str(result.place.line),
                time=f"{result.nanoseconds / 1e9:.6f}",
            )
            _junit_outcome(case, result, why, failed=failed)
    for suite in suites.values():
        cases = suite.findall("testcase")
        suite.set("tests", str(len(cases)))
        for kind, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            suite.set(plural, str(sum(case.find(kind) is not None for case in cases)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _junit_cases(result: Result) -> list[tuple[str, bool]]:
    leaves = [(names, case) for names, case in result.leaves() if not case.cases]
    if not leaves:
        return [(result.name, result.failed)]
    return [(f"{result.name}/{'/'.join(names)}", case.failed) for names, case in leaves]


def _junit_outcome(
    case: ElementTree.Element, result: Result, why: Callable[[Result], Failure | None], *, failed: bool
) -> None:
    if result.skipped:
        ElementTree.SubElement(case, "skipped")
    elif result.error is not None:
        ElementTree.SubElement(case, "error", message=error_text(result))
    elif failed:
        found = why(result)
        message = f"failed at {found.place.file}:{found.place.line}" if found else "the test is not true"
        node = ElementTree.SubElement(case, "failure", message=message)
        node.text = "\n".join(found.lines) if found else ""
    if result.output:
        ElementTree.SubElement(case, "system-out").text = result.output
