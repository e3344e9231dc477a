"""Findings in the formats that CI systems read: JUnit, GitHub annotations, GitLab code quality, TAP, and plain lines.

In: findings. Out: text. Every finding stands at the line of its field; a policy is one rule, named by its kind. What is
accepted (allowed by its object, or known from a baseline) fails nothing: it is left out, or told as skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from pratique.errors import Location
from pratique.offline.baseline import fingerprint, subject
from pratique.offline.entries import STDIN
from pratique.offline.finding import Finding
from pratique.offline.formats import JUnitCase, TapPoint, annotation, junit_text, tap_text

_GITHUB_LEVEL: Final = {"deny": "error", "warn": "warning"}
_GITLAB_SEVERITY: Final = {"deny": "major", "warn": "minor"}


def place(finding: Finding) -> Location:
    """Return where a finding stands; its file is as seen from here, as CI systems match it with a change."""
    found = finding.location()
    if found.file == STDIN:
        return found
    here = os.getcwd() + os.sep
    file = os.path.normpath(found.file)
    return replace(found, file=file.removeprefix(here))


def lines(findings: Sequence[Finding]) -> str:
    """Return `file:line:column: action [constraint] message`, as compilers say it and editors read it."""
    return "".join(
        f"{place(finding)}: {finding.violation.action} [{finding.violation.constraint_name}] "
        f"{' '.join(finding.violation.message.split())}\n"
        for finding in _open(findings)
    )


def junit(findings: Sequence[Finding]) -> str:
    """Return JUnit XML: a test case a finding, failed where it denies and skipped where it only tells."""
    cases = []
    for finding in findings:
        violation, at = finding.violation, place(finding)
        name = f"{violation.constraint_name}: {subject(finding)}"
        case = JUnitCase(violation.constraint_kind, name, at, 0.0)
        if finding.denies:
            case = replace(case, failure=violation.message, detail=f"{at}: {violation.message}")
        else:
            case = replace(case, skipped=_why(finding))
        cases.append(case)
    return junit_text([("pratique", cases)])


def _why(finding: Finding) -> str:
    """Return why a finding fails nothing."""
    message = finding.violation.message
    if finding.allowed:
        return f"allowed ({finding.allowed}): {message}"
    return f"{'known' if finding.known else finding.violation.action}: {message}"


def github(findings: Sequence[Finding]) -> str:
    """Return GitHub's workflow commands, one line a finding."""
    return "".join(
        annotation(
            _GITHUB_LEVEL.get(finding.violation.action, "notice"),
            place(finding),
            finding.violation.constraint_name,
            finding.violation.message or finding.violation.constraint_name,
        )
        for finding in _open(findings)
    )


def gitlab(findings: Sequence[Finding]) -> str:
    """Return GitLab's code quality report; fingerprints differ, as GitLab shows equal ones once."""
    seen: dict[str, int] = {}
    issues = []
    for finding in _open(findings):
        mark = fingerprint(finding)
        count = seen[mark] = seen.get(mark, 0) + 1
        issues.append(_gitlab_issue(finding, mark if count == 1 else f"{mark}-{count}"))
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"


def _gitlab_issue(finding: Finding, mark: str) -> dict[str, Any]:
    violation, at = finding.violation, place(finding)
    return {
        "description": violation.message,
        "check_name": violation.constraint_kind,
        "fingerprint": mark,
        "severity": _GITLAB_SEVERITY.get(violation.action, "info"),
        "location": {"path": at.file, "lines": {"begin": at.line}},
    }


def tap(findings: Sequence[Finding]) -> str:
    """Return TAP version 13: what only warns is not ok, and is marked as to do; what is accepted is skipped."""
    points = []
    for finding in findings:
        violation = finding.violation
        said = f"{violation.constraint_name}: {subject(finding)}: {violation.message}"
        directive = "" if finding.denies else f"TODO {violation.action}"
        if finding.accepted:
            directive = f"SKIP {finding.allowed or 'known'}"
        points.append(TapPoint(finding.accepted, said, directive, str(place(finding))))
    return tap_text(points)


def _open(findings: Sequence[Finding]) -> Iterator[Finding]:
    return (finding for finding in findings if not finding.accepted)
