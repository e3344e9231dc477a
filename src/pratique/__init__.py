"""Pratique: open, self-hosted, managed policy for Kubernetes fleets.

The packages below, in the order in which data flows, are described in docs/architecture.md; which of
them may import which is a failing check, `.importlinter`.
"""

__version__ = "0.1.0"
