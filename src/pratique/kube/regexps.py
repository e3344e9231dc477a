"""What Go's `regexp` says of a pattern that it refuses, from what RE2 says of it.

In: RE2's error. Out: Go's words (`regexp/syntax`), as API servers and OPA print them.
"""

from __future__ import annotations

from typing import Final

_GO_WORDS: Final = (
    ("missing ]", "missing closing ]"),
    ("missing )", "missing closing )"),
    ("no argument for repetition operator", "missing argument to repetition operator"),
    ("bad repetition operator", "invalid nested repetition operator"),
    ("invalid repetition size", "invalid repeat count"),
    ("invalid perl operator", "invalid or unsupported Perl syntax"),
    ("trailing \\", "trailing backslash at end of expression"),
)


def go_message(error: Exception, pattern: str) -> str:
    """Return Go's complaint about a pattern, without `error parsing regexp`."""
    raw = error.args[0] if error.args else str(error)
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    reason, _, what = text.partition(": ")
    for ours, theirs in _GO_WORDS:
        if reason.startswith(ours):
            reason = theirs
            break
    if text.startswith("trailing \\"):
        what = pattern = ""
    return f"{reason}: `{what or pattern}`"
