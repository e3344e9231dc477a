"""A baseline: the findings that are known, so that only new ones fail a test.

In: findings, and a file that was written from earlier ones. Out: the findings, known ones marked so, and those of the
file that are gone. A finding is known again by its fingerprint (constraint, object, field and message, no line), as
often as the file has it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pratique.errors import InputError
from pratique.offline.entries import read_text
from pratique.offline.finding import Finding

VERSION: Final = 1


def fingerprint(finding: Finding) -> str:
    """Return what identifies a finding while lines move: its constraint, object, field and message."""
    violation = finding.violation
    parts = [violation.constraint_kind, violation.constraint_name, *finding.subject, finding.field]
    return hashlib.sha256(json.dumps([*parts, violation.message]).encode()).hexdigest()


def subject(finding: Finding) -> str:
    """Return the name of the object that a finding is about: `Kind namespace/name`."""
    _, kind, namespace, name = finding.subject
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def write(path: str, findings: Sequence[Finding]) -> None:
    """Write a baseline; raises `InputError`."""
    found = {
        "version": VERSION,
        "findings": sorted(
            map(_as_data, findings), key=lambda one: (*list(one.values())[1:], one["fingerprint"])
        ),
    }
    try:
        Path(path).write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"`{path}` cannot be written: {error.strerror}") from None


def _as_data(finding: Finding) -> dict[str, str]:
    violation = finding.violation
    return {
        "fingerprint": fingerprint(finding),
        "constraint": f"{violation.constraint_kind}/{violation.constraint_name}",
        "object": subject(finding),
        "message": violation.message,
    }


def read(path: str) -> list[dict[str, Any]]:
    """Read a baseline's findings; raises `InputError`."""
    if not Path(path).exists():
        raise InputError(f"there is no baseline `{path}`", hint=f"write one: `--write-baseline {path}`")
    try:
        found = json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(
            f"`{path}` is no baseline: {error}", hint="write one with `--write-baseline`"
        ) from None
    listed = found.get("findings") if isinstance(found, dict) else None
    if not isinstance(listed, list) or found.get("version") != VERSION:
        raise InputError(
            f"`{path}` is no baseline of version {VERSION}", hint="write one with `--write-baseline`"
        )
    if not all(isinstance(one, dict) and isinstance(one.get("fingerprint"), str) for one in listed):
        raise InputError(f"`{path}` has a finding without a fingerprint", hint="write it anew")
    return listed


def apply(findings: Iterable[Finding], known: list[dict[str, Any]]) -> tuple[list[Finding], list[str]]:
    """Mark the findings that are known, and return what the baseline has that is gone, a text each."""
    left = Counter(one["fingerprint"] for one in known)
    marked = []
    for finding in findings:
        mark = fingerprint(finding)
        if left[mark] > 0:
            left[mark] -= 1
            finding = replace(finding, known=True)
        marked.append(finding)
    gone = []
    for one in known:
        if left[one["fingerprint"]] > 0:
            left[one["fingerprint"]] -= 1
            gone.append(f"{one.get('constraint', '')}: {one.get('object', '')}: {one.get('message', '')}")
    return marked, gone
