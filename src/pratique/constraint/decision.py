"""What a webhook answers: violations turned to one decision.

In: the violations of one request. Out: `Decision`, with Gatekeeper's status, texts and order
(gatekeeper.md 3.2): a line `[<constraint name>] <message>` for each denial and each warning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pratique.constraint.violation import Violation

FORBIDDEN: Final = 403
WITH_WARNINGS: Final = 299
OK: Final = 200


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one admission request."""

    allowed: bool
    message: str = ""
    code: int = OK
    reason: str = ""
    warnings: tuple[str, ...] = ()


def decide(violations: Iterable[Violation]) -> Decision:
    """Return what the webhook answers; `dryrun` and unknown actions leave no trace in it."""
    found = sorted(violations, key=lambda violation: violation.order)
    denials = [line(violation) for violation in found if "deny" in _actions(violation)]
    warnings = tuple(line(violation) for violation in found if "warn" in _actions(violation))
    if denials:
        return Decision(False, "\n".join(denials), FORBIDDEN, "Forbidden", warnings)
    return Decision(True, "", WITH_WARNINGS if warnings else OK, "", warnings)


def line(violation: Violation) -> str:
    """Return the line that a person reads."""
    return f"[{violation.constraint_name}] {violation.message}"


def _actions(violation: Violation) -> tuple[str, ...]:
    return violation.actions or (violation.action,)
