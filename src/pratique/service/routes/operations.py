"""The whole table of operations, and which paths are the service's own even when nothing answers there."""

from __future__ import annotations

from pratique.service.routes import identity, insights, own, policy, resources, system
from pratique.service.routes.metrics import Metrics
from pratique.service.routes.table import Operation, Table

PREFIXES = ("/api/", "/subscriptions", "/providers/", "/tenants", "/metadata/", "/adfs/")


def everything(metrics: Metrics) -> list[Operation]:
    """Return every operation. More specific paths come before those that `{scope}` would swallow."""
    return [
        *system.operations(metrics, lambda: everything(metrics)),
        *own.OPERATIONS,
        *identity.OPERATIONS,
        *insights.OPERATIONS,
        *policy.OPERATIONS,
        *resources.OPERATIONS,
    ]


def table(metrics: Metrics) -> Table:
    """Return the table that requests are looked up in."""
    return Table(everything(metrics))


def ours(path: str) -> bool:
    """Tell whether a path belongs to the service, whatever is beside it."""
    return path.casefold().startswith(PREFIXES)
