"""Where each assignment stands in each cluster: the join of bindings, totals, open records and failures.

In: the tables. Out: one `Cell` for each (cluster, assignment member) that applies. Everything that shows
compliance is counted from these cells, so no two pages can disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from pratique.compliance.state import COMPLIANT, ERROR, NON_COMPLIANT, NOT_STARTED
from pratique.policy.bind import EFFECT_DISABLED, NOT_APPLICABLE, OUT_OF_SCOPE
from pratique.service.db import clusters, records

Document = dict[str, Any]

# Nothing to judge there, so no row (azure-policy.md 1.7, 4.4).
SILENT = frozenset({EFFECT_DISABLED, NOT_APPLICABLE, OUT_OF_SCOPE})


@dataclass(frozen=True, slots=True)
class Cell:
    """One assignment member in one cluster."""

    cluster: Document
    binding: Document
    state: str
    code: str
    reason: str
    evaluated: int
    violating: int
    timestamp: str


def cells(connection: Connection) -> list[Cell]:
    """Return every cell, by cluster and then by assignment."""
    bindings = clusters.list_bindings(connection)
    totals = records.list_totals(connection)
    opened = records.count_open(connection)
    reported = records.list_sessions(connection)
    found = []
    for row in clusters.list_all(connection):
        problems = {(problem["kind"], problem["name"]): problem for problem in row["problems"]}
        for binding in bindings.get(row["name"], ()):
            if binding["code"] in SILENT:
                continue
            key = (row["name"], binding["constraintKind"], binding["constraintName"])
            found.append(
                _cell(
                    row,
                    binding,
                    total=totals.get(key),
                    open_count=opened.get(key, {}).get("count", 0),
                    problem=_problem(problems, binding),
                    timestamp=reported.get(row["name"]) or row["created_at"],
                )
            )
    return found


def _problem(problems: dict[tuple[str, str], Document], binding: Document) -> Document | None:
    if not binding["constraintName"]:
        return None
    return problems.get((binding["constraintKind"], binding["constraintName"])) or problems.get(
        ("ConstraintTemplate", binding["templateName"])
    )


def _cell(
    row: Document,
    binding: Document,
    *,
    total: Document | None,
    open_count: int,
    problem: Document | None,
    timestamp: str,
) -> Cell:
    code, reason = "", ""
    if binding["failed"]:
        state, code, reason = ERROR, binding["code"], binding["reason"]
    elif problem is not None:
        state, code, reason = ERROR, problem["code"], problem["message"]
    elif open_count:
        state = NON_COMPLIANT
    elif total is not None:
        state = COMPLIANT
    else:
        state, reason = NOT_STARTED, "the cluster has not reported on this assignment yet"
    return Cell(
        cluster=row,
        binding=binding,
        state=state,
        code=code,
        reason=reason,
        # A total may trail the records that it counts; what is shown must at least hold them.
        evaluated=max(total["evaluated"] if total else 0, open_count),
        violating=open_count,
        timestamp=timestamp,
    )
