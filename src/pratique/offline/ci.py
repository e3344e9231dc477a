"""Findings in the formats that CI systems read: SARIF, JUnit, GitHub annotations, GitLab code quality, TAP.

In: findings. Out: text. Every finding stands at the line of its field; a policy is one rule, named by its kind.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from pratique.offline.check import Finding

_SARIF_LEVEL: Final = {"deny": "error", "warn": "warning"}
_GITHUB_LEVEL: Final = {"deny": "error", "warn": "warning"}
_GITLAB_SEVERITY: Final = {"deny": "major", "warn": "minor"}
# What a workflow command takes for its own syntax (GitHub, "workflow commands").
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def fingerprint(finding: Finding) -> str:
    """Return what identifies a finding while lines move: its constraint, object, field and message."""
    found, violation = finding.object, finding.violation
    metadata = found.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    parts = [
        violation.constraint_kind,
        violation.constraint_name,
        found.get("apiVersion"),
        found.get("kind"),
        metadata.get("namespace"),
        metadata.get("name"),
        violation.field,
        violation.message,
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def sarif(findings: Sequence[Finding]) -> str:
    """Return SARIF 2.1.0."""
    rules = sorted({finding.violation.constraint_kind for finding in findings})
    run = {
        "tool": {"driver": {"name": "pratique", "rules": [{"id": rule, "name": rule} for rule in rules]}},
        "results": [_sarif_result(finding, rules) for finding in findings],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return _json({"$schema": schema, "version": "2.1.0", "runs": [run]})


def _sarif_result(finding: Finding, rules: list[str]) -> dict[str, Any]:
    violation, place = finding.violation, finding.location()
    region = {"startLine": place.line, "startColumn": place.column}
    location = {"artifactLocation": {"uri": place.file}, "region": region}
    return {
        "ruleId": violation.constraint_kind,
        "ruleIndex": rules.index(violation.constraint_kind),
        "level": _SARIF_LEVEL.get(violation.action, "note"),
        "message": {"text": violation.message},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"pratique/v1": fingerprint(finding)},
    }


def junit(findings: Sequence[Finding]) -> str:
    """Return JUnit XML: a test case a finding, failed where it denies and skipped where it only tells."""
    failures = sum(finding.denies for finding in findings)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name="pratique" tests="{len(findings)}" failures="{failures}" '
        f'skipped="{len(findings) - failures}">',
    ]
    for finding in findings:
        violation, place = finding.violation, finding.location()
        text = _xml(violation.message)
        name = quoteattr(_xml(f"{violation.constraint_name}: {subject(finding)}"))
        kind = quoteattr(violation.constraint_kind)
        lines.append(
            f'<testcase classname={kind} name={name} file={quoteattr(place.file)} line="{place.line}">'
        )
        tag = "failure" if finding.denies else "skipped"
        lines.append(f"<{tag} message={quoteattr(text)}>{escape(f'{place}: {text}')}</{tag}></testcase>")
    return "\n".join([*lines, "</testsuite>"]) + "\n"


def _xml(text: str) -> str:
    """Return a text without the characters that XML 1.0 cannot hold."""
    return "".join(char if char in "\t\n\r" or char >= " " else "\ufffd" for char in text)


def github(findings: Sequence[Finding]) -> str:
    """Return GitHub's workflow commands, one line a finding."""
    lines = []
    for finding in findings:
        violation, place = finding.violation, finding.location()
        level = _GITHUB_LEVEL.get(violation.action, "notice")
        at = f"file={place.file.translate(_PROPERTY)},line={place.line},col={place.column}"
        title = violation.constraint_name.translate(_PROPERTY)
        lines.append(f"::{level} {at},title={title}::{violation.message.translate(_DATA)}\n")
    return "".join(lines)


def gitlab(findings: Sequence[Finding]) -> str:
    """Return GitLab's code quality report."""
    return _json([_gitlab_issue(finding) for finding in findings])


def _gitlab_issue(finding: Finding) -> dict[str, Any]:
    violation, place = finding.violation, finding.location()
    return {
        "description": violation.message,
        "check_name": violation.constraint_kind,
        "fingerprint": fingerprint(finding),
        "severity": _GITLAB_SEVERITY.get(violation.action, "info"),
        "location": {"path": place.file, "lines": {"begin": place.line}},
    }


def tap(findings: Sequence[Finding]) -> str:
    """Return TAP version 13: what only warns is not ok, and is marked as to do."""
    lines = ["TAP version 13", f"1..{len(findings)}"]
    for number, finding in enumerate(findings, 1):
        violation = finding.violation
        text = f"{violation.constraint_name}: {subject(finding)}: {violation.message}"
        todo = "" if finding.denies else f" # TODO {violation.action}"
        lines.append(f"not ok {number} - {' '.join(text.split()).replace('#', chr(92) + '#')}{todo}")
        lines.append(f"# {finding.location()}")
    return "\n".join(lines) + "\n"


def subject(finding: Finding) -> str:
    """Return the name of the object that a finding is about: `Kind namespace/name`."""
    metadata = finding.object.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    namespace = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{finding.object['kind']} {namespace}{metadata.get('name') or ''}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
