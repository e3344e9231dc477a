"""Policies before a cluster: manifests and suites judged from files, and reports of it for people and for CI.

In: files, folders, globs and standard input. Out: findings that know their file and line, suite results, and
texts in the formats that tools read. It reads files, and dials only for external data and only where that was
asked for (`outside`); the decision is `constraint`'s.
"""

from pratique.offline.check import check
from pratique.offline.entries import Entry
from pratique.offline.finding import Finding
from pratique.offline.sources import Sources

__all__ = ["Entry", "Finding", "Sources", "check"]
