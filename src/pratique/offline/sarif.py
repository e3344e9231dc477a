"""Findings as SARIF 2.1.0, which code scanning reads (OASIS, "Static Analysis Results Interchange Format").

In: findings. Out: text. A policy is one rule; a finding that its object allows is a suppressed result, one that is
known from a baseline an unchanged one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pratique
from pratique.offline.baseline import fingerprint, subject
from pratique.offline.ci import place
from pratique.offline.finding import Finding

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVEL: Final = {"deny": "error", "warn": "warning"}


def sarif(findings: Sequence[Finding]) -> str:
    """Return SARIF."""
    rules = sorted({finding.violation.constraint_kind for finding in findings})
    compared = any(finding.known for finding in findings)
    run = {
        "tool": {
            "driver": {
                "name": "pratique",
                "version": pratique.__version__,
                "rules": [
                    {"id": rule, "name": rule, "shortDescription": {"text": f"The policy {rule}"}}
                    for rule in rules
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, rules, compared=compared) for finding in findings],
    }
    found = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _result(finding: Finding, rules: list[str], *, compared: bool) -> dict[str, Any]:
    violation, at = finding.violation, place(finding)
    region = {"startLine": at.line, "startColumn": at.column}
    if at.text:
        region["snippet"] = {"text": at.text}  # type: ignore[assignment]  # a region holds numbers and a text
    result: dict[str, Any] = {
        "ruleId": violation.constraint_kind,
        "ruleIndex": rules.index(violation.constraint_kind),
        "level": _LEVEL.get(violation.action, "note"),
        "message": {"text": violation.message or violation.constraint_name},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri(at.file)}, "region": region},
                "logicalLocations": [{"fullyQualifiedName": subject(finding), "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"pratique/v1": fingerprint(finding)},
        "properties": {"constraint": violation.constraint_name, "action": violation.action},
    }
    if finding.allowed:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.allowed}]
    if compared:
        result["baselineState"] = "unchanged" if finding.known else "new"
    return result


def uri(file: str) -> str:
    """Return a file as a URI reference: relative to where the command ran, absolute ones with their scheme."""
    return Path(file).as_uri() if file.startswith("/") else quote(file)
