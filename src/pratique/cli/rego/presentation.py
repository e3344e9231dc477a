"""The outcome of a query in the formats of `opa eval`.

Comes in: one `Outcome`. Goes out: text for standard output; errors of formats for people are raised by the command.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.cli.rego import gojson
from pratique.cli.rego.tables import boxed
from pratique.rego.observe.profile import Line

FORMATS: Final = ("json", "values", "bindings", "pretty", "raw", "discard")


@dataclass(slots=True)
class Outcome:
    """What a query came to: rows as OPA's JSON has them, and what else was asked for."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, int]] = field(default_factory=list)
    explanation: list[dict[str, Any]] | None = None
    trace: str = ""
    profiles: list[list[Line]] = field(default_factory=list)
    coverage: dict[str, Any] | None = None

    def data(self) -> dict[str, Any]:
        """Return the whole as OPA's JSON has it; what is empty is left out."""
        several = len(self.metrics) > 1 or len(self.profiles) > 1
        found = {
            "errors": self.errors,
            "result": [{name: part for name, part in row.items() if part} for row in self.rows],
            "metrics": {} if several or not self.metrics else self.metrics[0],
            "aggregated_metrics": self._aggregated_metrics() if several else {},
            "explanation": self.explanation,
            "profile": [] if several or not self.profiles else [line.data() for line in self.profiles[0]],
            "aggregated_profile": self._aggregated_profile() if several else [],
            "coverage": self.coverage,
        }
        return {name: value for name, value in found.items() if value}

    def _aggregated_metrics(self) -> dict[str, Any]:
        names = sorted(self.metrics[0]) if self.metrics else []
        return {name: statistics_of([each[name] for each in self.metrics]) for name in names}

    def _aggregated_profile(self) -> list[dict[str, Any]]:
        found = []
        for line, several in self.merged_profile():
            data = line.data()
            del data["total_time_ns"]
            found.append({"total_time_ns_stats": statistics_of(several), **data})
        return found

    def merged_profile(self) -> list[tuple[Line, list[int]]]:
        """Return the first profile's lines, each with its time in every profile."""
        times: dict[tuple[str, int], list[int]] = {}
        for profile in self.profiles:
            for line in profile:
                times.setdefault((line.file, line.row), []).append(line.nanoseconds)
        return [(line, times[line.file, line.row]) for line in (self.profiles[0] if self.profiles else [])]


def statistics_of(numbers: Sequence[int]) -> dict[str, float]:
    """Return what OPA's histograms say of numbers."""
    ordered = sorted(numbers)

    def share(part: float) -> float:
        place = part * (len(ordered) + 1)
        if place < 1:
            return float(ordered[0])
        if place >= len(ordered):
            return float(ordered[-1])
        lower, upper = ordered[int(place) - 1], ordered[int(place)]
        return lower + (place - int(place)) * (upper - lower)

    return {
        "75%": share(0.75),
        "90%": share(0.9),
        "95%": share(0.95),
        "99%": share(0.99),
        "99.9%": share(0.999),
        "99.99%": share(0.9999),
        "count": len(ordered),
        "max": ordered[-1],
        "mean": statistics.fmean(ordered),
        "median": share(0.5),
        "min": ordered[0],
        "stddev": statistics.pstdev(ordered),
    }


def render(outcome: Outcome, form: str, *, limit: int = 0) -> str:
    """Return the text of a format."""
    return _RENDER[form](outcome, limit)


def _json(outcome: Outcome, _: int) -> str:
    return gojson.dumps(outcome.data()) + "\n"


def _discard(outcome: Outcome, _: int) -> str:
    found = outcome.data()
    if "result" in found:
        found["result"] = "discarded"
    # The one format that OPA reads back into a map before it writes it.
    return gojson.dumps(gojson.plain(found)) + "\n"


def _yaml(outcome: Outcome, _: int) -> str:
    import json

    import yaml

    data = json.loads(gojson.dumps(outcome.data()))
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def _values(outcome: Outcome, _: int) -> str:
    return "".join([gojson.dumps(each) + "\n" for each in _rows(outcome)])


def _bindings(outcome: Outcome, _: int) -> str:
    return "".join([gojson.dumps(row["bindings"]) + "\n" for row in outcome.rows])


def _raw(outcome: Outcome, _: int) -> str:
    return "".join(
        [
            " ".join([each if isinstance(each, str) else gojson.dumps(each, indent=0) for each in row]) + "\n"
            for row in _rows(outcome)
        ]
    )


def _rows(outcome: Outcome) -> list[list[Any]]:
    return [[each["value"] for each in row["expressions"]] for row in outcome.rows]


def _pretty(outcome: Outcome, limit: int) -> str:
    parts = [outcome.trace]
    if not outcome.errors:
        parts.append(_result(outcome.rows, limit) if outcome.rows else "undefined\n")
    several = len(outcome.metrics) > 1 or len(outcome.profiles) > 1
    if outcome.metrics and not several:
        rows = [[name, str(value)] for name, value in sorted(outcome.metrics[0].items())]
        parts.append(boxed(rows, ["Metric", "Value"]))
    if outcome.profiles and outcome.profiles[0] and not several:
        rows = [[duration(line.nanoseconds), *_counts(line)] for line in outcome.profiles[0]]
        parts.append(boxed(rows, ["Time", "Num Eval", "Num Redo", "Num Gen Expr", "Location"]))
    if several:
        parts += _aggregated(outcome)
    if outcome.coverage is not None:
        parts.append(boxed([["Overall Coverage", f"{outcome.coverage['coverage']:.2f}"]]))
    return "".join(parts)


_STATISTICS: Final = ("min", "max", "mean", "90%", "99%")


def _aggregated(outcome: Outcome) -> list[str]:
    headings = [each.capitalize() for each in _STATISTICS]
    parts = []
    if outcome.metrics:
        rows = [
            [name, *[gojson.dumps(found[each]) for each in _STATISTICS]]
            for name, found in outcome.data()["aggregated_metrics"].items()
        ]
        parts.append(boxed(rows, ["Metric", *headings]))
    if outcome.profiles and outcome.profiles[0]:
        rows = []
        for line, several in outcome.merged_profile():
            found = statistics_of(several)
            rows.append([*[duration(int(found[each])) for each in _STATISTICS], *_counts(line)])
        parts.append(boxed(rows, [*headings, "Num Eval", "Num Redo", "Num Gen Expr", "Location"]))
    return parts


def _counts(line: Line) -> list[str]:
    place = f"{line.file}:{line.row}" if line.file else line.text
    return [str(line.evals), str(line.redos), str(len(line.indexes)), place]


def _result(rows: list[dict[str, Any]], limit: int) -> str:
    first = rows[0]
    values = [each["value"] for each in first["expressions"]]
    alone = len(rows) == 1 and not first["bindings"]
    if alone and (len(values) == 1 or all(isinstance(each, bool) for each in values)):
        return gojson.dumps(values[0]) + "\n"
    names = sorted(first["bindings"])
    shown = [
        index for index, value in enumerate(values) if not isinstance(value, bool) or not first["bindings"]
    ]
    # A variable sorts behind the expressions, which have no name.
    heading = [*[first["expressions"][index]["text"] for index in shown], *names]
    return boxed(
        [
            [
                *[_cell(row["expressions"][index]["value"], limit) for index in shown],
                *[_cell(row["bindings"][name], limit) for name in names],
            ]
            for row in rows
        ],
        heading,
    )


def _cell(value: Any, limit: int) -> str:
    text = gojson.dumps(value, indent=0)
    raw = text.encode()
    return text if limit <= 0 or len(raw) <= limit else raw[:limit].decode(errors="replace") + "..."


def duration(nanoseconds: int) -> str:
    """Return a length of time as Go writes it: `1.5ms`, `2m3s`."""
    if nanoseconds == 0:
        return "0s"
    for size, unit in ((1, "ns"), (1_000, "µs"), (1_000_000, "ms")):
        if nanoseconds < size * 1000:
            return f"{_decimal(nanoseconds, size)}{unit}"
    size = 1_000_000_000
    minutes, rest = divmod(nanoseconds, 60 * size)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, size)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text


def _decimal(number: int, size: int) -> str:
    whole, rest = divmod(number, size)
    digits = str(rest).zfill(len(str(size)) - 1).rstrip("0") if size > 1 else ""
    return f"{whole}.{digits}" if digits else str(whole)


_RENDER: Final[dict[str, Callable[[Outcome, int], str]]] = {
    "json": _json,
    "yaml": _yaml,
    "discard": _discard,
    "values": _values,
    "bindings": _bindings,
    "raw": _raw,
    "pretty": _pretty,
}


def problem_data(error: Any) -> dict[str, Any]:
    """Return a problem as OPA's JSON has it; a query's own places name no file."""
    place = error.location
    found: dict[str, Any] = {
        "message": error.message,
        "code": error.code,
        "location": {
            "file": "" if place.file == "query" else place.file,
            "row": place.line,
            "col": place.column,
        },
    }
    if error.code == "rego_parse_error":
        found["details"] = {"line": place.text, "idx": place.column - 1}
    elif getattr(error, "data", None) is not None:
        # Errors of evaluation have no details.
        found["details"] = error.data
    return found
