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
from xml.sax.saxutils import escape, quoteattr

from pratique.errors import Location
from pratique.offline.baseline import fingerprint, subject
from pratique.offline.entries import STDIN
from pratique.offline.finding import Finding

_GITHUB_LEVEL: Final = {"deny": "error", "warn": "warning"}
_GITLAB_SEVERITY: Final = {"deny": "major", "warn": "minor"}
# What a workflow command takes for its own syntax (GitHub, "workflow commands").
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


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
    failures = sum(finding.denies for finding in findings)
    counts = f'tests="{len(findings)}" failures="{failures}" skipped="{len(findings) - failures}" errors="0"'
    text = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="pratique" {counts}>',
        f'<testsuite name="pratique" {counts}>',
    ]
    for finding in findings:
        violation, at = finding.violation, place(finding)
        name = quoteattr(_xml(f"{violation.constraint_name}: {subject(finding)}"))
        kind, file = quoteattr(_xml(violation.constraint_kind)), quoteattr(_xml(at.file))
        text.append(f'<testcase classname={kind} name={name} file={file} line="{at.line}">')
        if finding.denies:
            message = _xml(violation.message)
            text.append(
                f"<failure message={quoteattr(message)}>{escape(f'{at}: {message}')}</failure></testcase>"
            )
        else:
            text.append(f"<skipped message={quoteattr(_xml(_why(finding)))}/></testcase>")
    return "\n".join([*text, "</testsuite>", "</testsuites>"]) + "\n"


def _why(finding: Finding) -> str:
    """Return why a finding fails nothing."""
    message = finding.violation.message
    if finding.allowed:
        return f"allowed ({finding.allowed}): {message}"
    return f"{'known' if finding.known else finding.violation.action}: {message}"


def _xml(text: str) -> str:
    """Return a text without the characters that XML 1.0 cannot hold."""
    return "".join(char if _fits_xml(ord(char)) else "\ufffd" for char in text)


def _fits_xml(code: int) -> bool:
    return code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def github(findings: Sequence[Finding]) -> str:
    """Return GitHub's workflow commands, one line a finding."""
    text = []
    for finding in _open(findings):
        violation, found = finding.violation, place(finding)
        level = _GITHUB_LEVEL.get(violation.action, "notice")
        at = f"file={found.file.translate(_PROPERTY)},line={found.line},col={found.column}"
        title = violation.constraint_name.translate(_PROPERTY)
        text.append(f"::{level} {at},title={title}::{violation.message.translate(_DATA)}\n")
    return "".join(text)


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
    text = ["TAP version 13", f"1..{len(findings)}"]
    for number, finding in enumerate(findings, 1):
        violation = finding.violation
        said = " ".join(f"{violation.constraint_name}: {subject(finding)}: {violation.message}".split())
        said = said.replace("\\", "\\\\").replace("#", "\\#")
        if finding.accepted:
            why = finding.allowed or "known"
            text.append(f"ok {number} - {said} # SKIP {why.replace('#', '')}")
        else:
            todo = "" if finding.denies else f" # TODO {violation.action}"
            text.append(f"not ok {number} - {said}{todo}")
        text.append(f"# {place(finding)}")
    return "\n".join(text) + "\n"


def _open(findings: Sequence[Finding]) -> Iterator[Finding]:
    return (finding for finding in findings if not finding.accepted)
