"""Cells counted for a page's row: by cluster, by component, with what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pratique import compliance
from pratique.compliance import state
from pratique.service.actions.states import Cell


def group(cells: Iterable[Cell], key: str) -> dict[str, list[Cell]]:
    """Return the cells by `cluster` (its name) or by `assignment` (its id)."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        name = cell.cluster["name"] if key == "cluster" else cell.binding["assignmentId"]
        found.setdefault(name, []).append(cell)
    return found


def by_cluster(cells: Iterable[Cell]) -> compliance.Summary:
    """Return the summary over clusters, each in the state of its worst assignment."""
    return compliance.summarize(
        compliance.Result(cell.cluster["name"], cell.binding["assignmentId"], cell.state) for cell in cells
    )


def by_assignment(cells: Iterable[Cell]) -> compliance.Summary:
    """Return the summary over assignments, each in the state of its worst cluster."""
    return compliance.summarize(
        compliance.Result(cell.binding["assignmentId"], cell.cluster["name"], cell.state) for cell in cells
    )


def counted(summary: compliance.Summary) -> dict[str, int]:
    """Return a summary's counts under the API's names."""
    return {
        "compliant": summary.counts.get(state.COMPLIANT, 0),
        "nonCompliant": summary.counts.get(state.NON_COMPLIANT, 0),
        "exempt": summary.counts.get(state.EXEMPT, 0),
        "unknown": summary.counts.get(state.UNKNOWN, 0),
        "error": summary.counts.get(state.ERROR, 0),
        "notStarted": summary.counts.get(state.NOT_STARTED, 0),
    }


def components(cells: Iterable[Cell]) -> dict[str, Any]:
    """Return how many components were judged and how many violate."""
    evaluated = violating = 0
    for cell in cells:
        evaluated += cell.evaluated
        violating += cell.violating
    share = compliance.component_percentage(evaluated, violating)
    return {"nonCompliant": violating, "evaluated": evaluated, "percentage": round(share, 1)}


def row(cells: list[Cell], summary: compliance.Summary) -> dict[str, Any]:
    """Return what a row of a compliance table says about these cells."""
    return {
        "state": summary.state,
        "percentage": round(summary.percentage, 1),
        "components": components(cells),
        "problems": [
            {"cluster": cell.cluster["document"]["name"], "code": cell.code, "message": cell.reason}
            for cell in cells
            if cell.state == state.ERROR
        ],
    }
