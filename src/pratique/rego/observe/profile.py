"""Where an evaluation spends its time: by line of the policy, as `opa eval --profile` counts it.

Comes in: events. Goes out: for each line, nanoseconds from an expression's event to the next one's, how often it was
evaluated and gone back over, and how many expressions the line was compiled to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.rego.runtime.tracing import Event, Site

SORTS: Final = ("total_time_ns", "num_eval", "num_redo", "num_gen_expr", "file", "line")
_DEFAULT: Final = ("total_time_ns", "num_eval", "num_redo", "file", "line")


@dataclass(slots=True)
class Line:
    """One line's figures; place and text are those of the expression that was met first."""

    file: str
    row: int
    col: int
    text: str
    nanoseconds: int = 0
    evals: int = 0
    redos: int = 0
    indexes: set[int] = field(default_factory=set)

    def data(self) -> dict[str, Any]:
        """Return the line as OPA's JSON has it."""
        return {
            "total_time_ns": self.nanoseconds,
            "num_eval": self.evals,
            "num_redo": self.redos,
            "num_gen_expr": len(self.indexes),
            "location": {"file": self.file, "row": self.row, "col": self.col},
        }


_KEYS: Final[dict[str, Callable[[Line], Any]]] = {
    "total_time_ns": lambda line: line.nanoseconds,
    "num_eval": lambda line: line.evals,
    "num_redo": lambda line: line.redos,
    "num_gen_expr": lambda line: len(line.indexes),
    "file": lambda line: line.file,
    "line": lambda line: line.row,
}


class Profile:
    """Takes events as they happen."""

    def __init__(self, *, query: str) -> None:
        self._query = query
        self._lines: dict[tuple[str, int], Line] = {}
        self._last: Line | None = None
        self._since = 0

    def record(self, event: Event) -> None:
        """Count an event, and give the time since the one before to that one's line."""
        if event.op not in ("Eval", "Redo") or event.site.kind != "expression":
            return
        now = time.perf_counter_ns()
        if self._last is not None:
            self._last.nanoseconds += now - self._since
        line = self._line(event.site)
        if event.op == "Eval":
            line.evals += 1
        else:
            line.redos += 1
        line.indexes.add(event.site.index)
        self._last = line
        self._since = time.perf_counter_ns()

    def finish(self) -> None:
        """Give the time that is left to the last line."""
        if self._last is not None:
            self._last.nanoseconds += time.perf_counter_ns() - self._since
            self._last = None

    def _line(self, site: Site) -> Line:
        place = site.span.location()
        file = "" if place.file == self._query else place.file
        found = self._lines.get((file, place.line))
        if found is None:
            found = self._lines[(file, place.line)] = Line(file, place.line, place.column, site.span.text)
        return found

    def report(self, *, limit: int = 10, sort: Sequence[str] = ()) -> list[Line]:
        """Return the lines, the greatest first by these criteria, then by time and counts; no limit when it is 0."""
        criteria = [_KEYS[each] for each in dict.fromkeys((*sort, *_DEFAULT))]
        found = sorted(self._lines.values(), key=lambda line: [key(line) for key in criteria], reverse=True)
        return found[:limit] if limit > 0 else found
