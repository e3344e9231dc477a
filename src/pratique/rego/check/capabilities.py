"""What a policy may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Gatekeeper's documented default: a policy does not dial out.
DENIED: Final = frozenset({"http.send"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which builtins are refused; `strict` adds OPA's strict checks (unused names, v1's demands)."""

    denied: frozenset[str] = DENIED
    strict: bool = False
