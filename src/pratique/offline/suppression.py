"""Findings that an object's own annotation allows for a time, with a reason.

In: findings and today's date. Out: the findings, those that are allowed marked so, and what is wrong with annotations.
An object says `allow.pratique.dev/CONSTRAINT: "until 2027-01-31: the reason"`. It has no effect in a cluster, where
the webhook decides: it is a note for reviews, next to the line that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Final

from pratique.errors import SourceError
from pratique.offline.finding import PREFIX, Finding

_VALUE = re.compile(r"\s*until\s+(\d{4}-\d{2}-\d{2})\s*:(.*)", re.DOTALL)
_HINT: Final = 'write `"until YYYY-MM-DD: the reason"`'


def apply(findings: Iterable[Finding], today: date) -> tuple[list[Finding], list[SourceError]]:
    """Mark the findings that are allowed; one whose annotation is over or not understood stays as it is.

    Each annotation that does not hold is told of once, with its place.
    """
    kept: list[Finding] = []
    problems: dict[tuple[int, str], SourceError] = {}
    for finding in findings:
        key = f"{PREFIX}{finding.violation.constraint_name}"
        text = finding.document.notes.get(key)
        if text is None:
            kept.append(finding)
            continue
        reason, problem = _read(text, today)
        if problem:
            place = finding.document.entry().locate(f"metadata.annotations['{key}']")
            hint = (
                _HINT
                if not problem.startswith("expired")
                else "mend the object, or allow it anew with a reason"
            )
            problems.setdefault(
                (id(finding.document), key),
                SourceError(f"`{key}` allows nothing: it {problem}", place, hint=hint),
            )
        kept.append(replace(finding, allowed=reason))
    return kept, list(problems.values())


def _read(text: object, today: date) -> tuple[str, str]:
    """Return an annotation's reason, or what is wrong with it."""
    found = _VALUE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return "", "does not say until when and why"
    try:
        until = date.fromisoformat(found[1])
    except ValueError:
        return "", f"names a day that does not exist, {found[1]}"
    reason = " ".join(found[2].split())
    if not reason:
        return "", "gives no reason"
    return (reason, "") if today <= until else ("", f"expired on {until}")
