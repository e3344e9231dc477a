"""Results of suites as `gator verify` prints them, which is as `go test` does.

In: `Suite` results. Out: text, with the tests and cases that pass when it is verbose.
"""

from __future__ import annotations

from collections.abc import Sequence

from pratique.offline.suite import Case, Suite, Test


def text(suite: Suite, *, verbose: bool) -> str:
    """Return a suite's result."""
    lines = [line for test in suite.tests for line in _test(test, verbose=verbose)]
    lines.append(f"{'FAIL' if suite.failed else 'ok'}\t{suite.path}\t{suite.seconds:.3f}s")
    if suite.failure:
        lines += _indented(suite.failure, "  ")
    return "".join(f"{line}\n" for line in lines)


def end(suites: Sequence[Suite]) -> str:
    """Return what stands below the results of all suites."""
    return "FAIL\n\n" if any(suite.failed for suite in suites) else "PASS\n\n"


def _test(test: Test, *, verbose: bool) -> list[str]:
    if test.skipped:
        return [f"=== SKIP  {test.name}"] if verbose else []
    lines = [f"=== RUN   {test.name}"] if verbose else []
    for case in test.cases:
        lines += _case(case, verbose=verbose)
    if test.failed:
        lines.append(f"--- FAIL: {test.name}\t({test.seconds:.3f}s)")
        lines += _indented(test.failure, "  ") if test.failure else []
    elif verbose:
        lines.append(f"--- PASS: {test.name}\t({test.seconds:.3f}s)")
    return lines


def _case(case: Case, *, verbose: bool) -> list[str]:
    if case.skipped:
        return [f"    === SKIP  {case.name}"] if verbose else []
    lines = []
    if verbose:
        lines.append(f"    === RUN   {case.name}")
        if case.printed:
            lines += ["        === PRINT ===", *_indented(case.printed.removesuffix("\n"), "        ")]
    if case.failure:
        lines.append(f"    --- FAIL: {case.name}\t({case.seconds:.3f}s)")
        lines += _indented(case.failure, "        ")
    elif verbose:
        lines.append(f"    --- PASS: {case.name}\t({case.seconds:.3f}s)")
    if case.trace is not None:
        lead = "    --- " if verbose else ""
        lines += _indented(f"TRACE: {case.name}\t{case.trace}", lead)
    return lines


def _indented(text: str, lead: str) -> list[str]:
    return [f"{lead}{line}" for line in text.split("\n")]
