"""Compliance states and their precedence.

In: state names. Out: the one that stands for several (azure-policy.md 5.1). It knows nothing of where
states come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

COMPLIANT: Final = "Compliant"
NON_COMPLIANT: Final = "NonCompliant"
ERROR: Final = "Error"
CONFLICT: Final = "Conflict"
PROTECTED: Final = "Protected"
EXEMPT: Final = "Exempt"
UNKNOWN: Final = "Unknown"
NOT_STARTED: Final = "NotStarted"
NOT_REGISTERED: Final = "NotRegistered"

# The first that occurs stands for all. The last two do not count where anything else is known.
RANK: Final = (
    NON_COMPLIANT,
    COMPLIANT,
    ERROR,
    CONFLICT,
    PROTECTED,
    EXEMPT,
    UNKNOWN,
    NOT_STARTED,
    NOT_REGISTERED,
)
UNCOUNTED: Final = frozenset({NOT_STARTED, NOT_REGISTERED})

_RANKS: Final = {name: place for place, name in enumerate(RANK)}


def worst(states: Iterable[str]) -> str:
    """Return the state that stands for several; with none at all nothing has been evaluated yet."""
    return min(states, key=lambda name: _RANKS.get(name, len(RANK)), default=NOT_STARTED)


def named(name: str) -> str:
    """Return a state's proper spelling, or an empty string when it is none."""
    return next((known for known in RANK if known.casefold() == name.casefold()), "")
