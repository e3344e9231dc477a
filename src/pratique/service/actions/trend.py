"""The trend: one point a minute at most, written when something was reported or assigned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from pratique.service.actions import rollup, states
from pratique.service.db import journal

SPAN = timedelta(days=7)


def note(connection: Connection) -> None:
    """Store where everything stands now, in the transaction that changed it."""
    summary = rollup.by_cluster(states.cells(connection))
    minute = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:00Z")
    journal.put_trend(
        connection,
        minute,
        non_compliant=summary.non_compliant,
        percentage=round(summary.percentage, 1),
    )


def points(connection: Connection) -> list[dict[str, Any]]:
    """Return the points of the last seven days, oldest first."""
    since = (datetime.now(UTC) - SPAN).strftime("%Y-%m-%dT%H:%M:00Z")
    return [
        {"time": row["time"], "nonCompliant": row["non_compliant"], "percentage": row["percentage"]}
        for row in journal.list_trend(connection, since)
    ]
