"""Which namespaces a process of ours leaves alone: `Config.spec.match` and the agent's own.

In: Config objects, a process' name, a namespace. Out: yes or no. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

PROCESSES = ("webhook", "audit", "sync", "mutation-webhook")


def wildcard(pattern: str, name: str) -> bool:
    """Match `name` against an exact name, `prefix*`, `*suffix` or `*part*` (gatekeeper.md 1.4)."""
    starts, ends = pattern.startswith("*"), pattern.endswith("*")
    if starts and ends:
        return pattern.strip("*") in name
    if starts:
        return name.endswith(pattern[1:])
    if ends:
        return name.startswith(pattern[:-1])
    return name == pattern


class Exclusions:
    """The patterns of each process; replaced as a whole when the Config changes."""

    def __init__(self, own_namespace: str) -> None:
        self._own = own_namespace
        self._patterns: dict[str, tuple[str, ...]] = {}

    def load(self, config: dict[str, Any] | None) -> bool:
        """Take over a Config (None when it was deleted); tell whether anything changed."""
        patterns: dict[str, tuple[str, ...]] = {}
        for entry in ((config or {}).get("spec") or {}).get("match") or ():
            processes: Iterable[str] = entry.get("processes") or ()
            names = tuple(entry.get("excludedNamespaces") or ())
            for process in PROCESSES:
                if "*" in processes or process in processes:
                    patterns[process] = patterns.get(process, ()) + names
        changed = patterns != self._patterns
        self._patterns = patterns
        return changed

    def excluded(self, process: str, namespace: str) -> bool:
        """Tell whether `process` leaves `namespace` alone; a cluster's own objects have an empty one."""
        if namespace == self._own and namespace:
            return True
        patterns = self._patterns.get(process)
        return patterns is not None and any(wildcard(pattern, namespace) for pattern in patterns)
