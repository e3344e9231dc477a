"""Which namespaces a process of ours leaves alone: `Config.spec.match` and the agent's own.

In: Config objects, a process' name, a namespace. Out: yes or no. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pratique.constraint.match import glob

PROCESSES = ("webhook", "audit", "sync", "mutation-webhook")


class Exclusions:
    """The patterns of each process; replaced as a whole when the Config changes."""

    def __init__(self, own_namespace: str) -> None:
        self._own = own_namespace
        self._patterns: dict[str, tuple[str, ...]] = {}
        self._tests: dict[str, list[Callable[[str], bool]]] = {}

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
        self._tests = {process: [glob(name) for name in names] for process, names in patterns.items()}
        return changed

    def excluded(self, process: str, namespace: str) -> bool:
        """Tell whether `process` leaves `namespace` alone; a cluster's own objects have an empty one."""
        if namespace == self._own and namespace:
            return True
        tests = self._tests.get(process)
        return tests is not None and any(test(namespace) for test in tests)
