"""A benchmark's result as gator shows it: a table for people, JSON, YAML; and the table of a comparison.

In: `Result`, `Comparison`. Out: text, of gator's layout and names.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from pratique.offline import gator, goyaml
from pratique.offline.bench.compare import Comparison, Metric
from pratique.offline.bench.durations import duration_text, short
from pratique.offline.bench.measure import Result

Rows = list[list[str]]

_SIZES: Final = (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10))
_GAP: Final = 2


def render(result: Result, form: str) -> str:
    """Return a result in a format of `FORMATS`."""
    return FORMATS[form](result)


def _json(result: Result) -> str:
    return gator.escape_json(json.dumps([as_data(result)], indent=2, ensure_ascii=False))


def _yaml(result: Result) -> str:
    return goyaml.dump([as_data(result)])


def as_data(result: Result) -> dict[str, Any]:
    """Return a result as the data that JSON and YAML show."""
    setup, latencies = result.setup, result.latencies
    data: dict[str, Any] = {
        "engine": result.engine,
        "templateCount": result.templates,
        "constraintCount": result.constraints,
        "objectCount": result.objects,
        "iterations": result.iterations,
        "concurrency": result.concurrency,
        "totalReviews": result.iterations * result.objects,
        "setupDuration": duration_text(setup.total),
        "setupBreakdown": {
            "clientCreation": duration_text(setup.client),
            "templateCompilation": duration_text(setup.templates),
            "constraintLoading": duration_text(setup.constraints),
            "dataLoading": duration_text(setup.data),
        },
        "totalDuration": duration_text(result.total),
        "latencies": {
            name: duration_text(getattr(latencies, name))
            for name in ("min", "max", "mean", "p50", "p95", "p99")
        },
        "violationCount": result.violations,
        "reviewsPerSecond": result.reviews_per_second,
    }
    if memory := result.memory:
        data["memoryStats"] = {
            "allocsPerReview": memory.allocs,
            "bytesPerReview": size(memory.bytes),
            "totalAllocs": memory.total_allocs,
            "totalBytes": size(memory.total_bytes),
        }
    if result.stats:
        data["statsEntries"] = [gator.stats_entry(one, source="engine/Rego") for one in result.stats]
    if result.skipped_templates:
        data["skippedTemplates"] = list(result.skipped_templates)
    if result.skipped_constraints:
        data["skippedConstraints"] = list(result.skipped_constraints)
    return data | {"referentialDataSupported": True}


def _table(result: Result) -> str:
    rows = [*_configuration(result), *_timing(result), [], ["Results:"]]
    rows.append(["  Violations Found:", str(result.violations)])
    if memory := result.memory:
        rows += [
            [],
            ["Memory:"],
            ["  Allocs/Review:", str(memory.allocs)],
            ["  Bytes/Review:", size(memory.bytes)],
            ["  Total Allocs:", str(memory.total_allocs)],
            ["  Total Bytes:", size(memory.total_bytes)],
        ]
    if result.stats:
        rows += [[], ["Per-Constraint Statistics (from first iteration):"]]
        for one in result.stats:
            rows += [
                [f"  Constraint: {one.kind} (Scope: template)"],
                ["    templateRunTimeNS:", f"{one.nanoseconds} engine"],
                ["    constraintCount:", f"{one.constraints} engine"],
            ]
    return f"=== Benchmark Results: {result.engine.upper()} Engine ===\n\n{aligned(rows)}"


def _configuration(result: Result) -> Rows:
    rows = [
        ["Configuration:"],
        ["  Templates:", str(result.templates)],
        ["  Constraints:", str(result.constraints)],
        ["  Objects:", str(result.objects)],
        ["  Iterations:", str(result.iterations)],
    ]
    if result.concurrency > 1:
        rows.append(["  Concurrency:", str(result.concurrency)])
    rows += [["  Total Reviews:", str(result.iterations * result.objects)], []]
    skipped = (("Templates", result.skipped_templates), ("Constraints", result.skipped_constraints))
    if any(names for _, names in skipped):
        rows += [["Warnings:"]]
        rows += [
            [f"  Skipped {what}:", f"{len(names)} ({', '.join(names)})"] for what, names in skipped if names
        ]
        rows += [[]]
    return rows


def _timing(result: Result) -> Rows:
    setup, latencies = result.setup, result.latencies
    return [
        ["Timing:"],
        ["  Setup Duration:", short(setup.total)],
        ["    └─ Client Creation:", short(setup.client)],
        ["    └─ Template Compilation:", short(setup.templates)],
        ["    └─ Constraint Loading:", short(setup.constraints)],
        ["    └─ Data Loading:", short(setup.data)],
        ["  Total Duration:", short(result.total)],
        ["  Throughput:", f"{result.reviews_per_second:.2f} reviews/sec"],
        [],
        ["Latency (per review):"],
        ["  Min:", short(latencies.min)],
        ["  Max:", short(latencies.max)],
        ["  Mean:", short(latencies.mean)],
        ["  P50:", short(latencies.p50)],
        ["  P95:", short(latencies.p95)],
        ["  P99:", short(latencies.p99)],
    ]


def comparison(found: Comparison, threshold: float) -> str:
    """Return the table of a comparison with an earlier result."""
    rows = [["Metric", "Baseline", "Current", "Delta", "Status"]]
    rows += [["-" * len(title) for title in rows[0]]]
    rows += [_metric(metric) for metric in found.metrics]
    worse = [metric.name for metric in found.metrics if not metric.passed]
    verdict = f"✗ Regressions detected in: {', '.join(worse)}" if worse else "✓ No significant regressions"
    return (
        f"=== Baseline Comparison: {found.engine.upper()} Engine ===\n\n"
        f"{aligned(rows)}\n{verdict} (threshold: {threshold:.1f}%)\n"
    )


def _metric(metric: Metric) -> list[str]:
    if "Latency" in metric.name:
        values = [short(int(value)) for value in (metric.baseline, metric.current)]
    elif "Bytes" in metric.name:
        values = [size(int(value)) for value in (metric.baseline, metric.current)]
    elif "Throughput" in metric.name:
        values = [f"{value:.2f}/sec" for value in (metric.baseline, metric.current)]
    else:
        values = [f"{value:.0f}" for value in (metric.baseline, metric.current)]
    status = "✓" if metric.passed else "✗ REGRESSION"
    return [metric.name, *values, f"{metric.delta:+.1f}%", status]


def size(count: int) -> str:
    """Return a number of bytes with its unit."""
    for unit, each in _SIZES:
        if count >= each:
            return f"{count / each:.2f} {unit}"
    return f"{count} B"


def aligned(rows: Rows) -> str:
    """Return rows with their cells in columns; a row of another number of cells begins a new table."""
    lines: list[str] = []
    for count, group in itertools.groupby(rows, key=len):
        table = list(group)
        widths = [max(len(row[column]) for row in table) + _GAP for column in range(max(0, count - 1))]
        lines += [_line(row, widths) for row in table]
    return "".join(f"{line}\n" for line in lines)


def _line(row: list[str], widths: Iterable[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "".join([*cells, *row[-1:]])


FORMATS: Final[dict[str, Callable[[Result], str]]] = {"table": _table, "json": _json, "yaml": _yaml}
